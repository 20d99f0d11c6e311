#include "access/acl_wire.h"

#include <string.h>

enum {
    SASL_HANDSHAKE = 17,
    DESCRIBE_ACLS = 29,
    CREATE_ACLS = 30,
    DELETE_ACLS = 31,
    SASL_AUTHENTICATE = 36,
    VERSION = 1, // of all of them
    ANY = 1,     // of every kind in a filter
    ANSWER_MIN = 4,
};

static const char CLIENT_ID[] = "weir-access";

// --- writing -------------------------------------------------------------------------------------
static void put_number(struct buf *out, int64_t value, size_t bytes) {
    for (size_t i = bytes; i-- > 0;) {
        buf_add_char(out, (char)((uint64_t)value >> (8 * i)));
    }
}

// NULL is Kafka's null.
static void put_text(struct buf *out, const char *text) {
    size_t len = text == NULL ? 0 : strlen(text);
    if (len > ACL_WIRE_TEXT_MAX) {
        out->overflow = true;
        return;
    }
    put_number(out, text == NULL ? -1 : (int64_t)len, 2);
    buf_add(out, text, len);
}

// Returns where the message begins; end() writes its length there.
static size_t begin(struct buf *out, int api, int32_t number) {
    size_t at = out->len;
    put_number(out, 0, ACL_WIRE_LENGTH_BYTES);
    put_number(out, api, 2);
    put_number(out, VERSION, 2);
    put_number(out, number, 4);
    put_text(out, CLIENT_ID);
    return at;
}

static void end(struct buf *out, size_t at) {
    if (out->overflow) {
        return;
    }
    size_t len = out->len - at - ACL_WIRE_LENGTH_BYTES;
    for (size_t i = 0; i < ACL_WIRE_LENGTH_BYTES; i++) {
        out->ptr[at + i] = (char)(len >> (8 * (ACL_WIRE_LENGTH_BYTES - 1 - i)));
    }
}

void acl_wire_put_handshake(struct buf *out, int32_t number, const char *mechanism) {
    size_t at = begin(out, SASL_HANDSHAKE, number);
    put_text(out, mechanism);
    end(out, at);
}

void acl_wire_put_authenticate(struct buf *out, int32_t number, struct slice proof) {
    size_t at = begin(out, SASL_AUTHENTICATE, number);
    put_number(out, (int64_t)proof.len, 4);
    buf_add_slice(out, proof);
    end(out, at);
}

void acl_wire_put_describe(struct buf *out, int32_t number, int resource) {
    size_t at = begin(out, DESCRIBE_ACLS, number);
    put_number(out, resource, 1);
    put_text(out, NULL); // names
    put_number(out, ANY, 1);
    put_text(out, NULL); // principals
    put_text(out, NULL); // hosts
    put_number(out, ANY, 1);
    put_number(out, ANY, 1);
    end(out, at);
}

// An ACL to make and a filter that only it passes are written alike.
static void put_acls(struct buf *out, int api, int32_t number, const struct acl *acls,
                     size_t count) {
    size_t at = begin(out, api, number);
    put_number(out, (int64_t)count, 4);
    for (size_t i = 0; i < count; i++) {
        put_number(out, acls[i].resource, 1);
        put_text(out, acls[i].name);
        put_number(out, acls[i].pattern, 1);
        put_text(out, acls[i].principal);
        put_text(out, acls[i].host);
        put_number(out, acls[i].operation, 1);
        put_number(out, acls[i].permission, 1);
    }
    end(out, at);
}

void acl_wire_put_create(struct buf *out, int32_t number, const struct acl *acls, size_t count) {
    put_acls(out, CREATE_ACLS, number, acls, count);
}

void acl_wire_put_delete(struct buf *out, int32_t number, const struct acl *acls, size_t count) {
    put_acls(out, DELETE_ACLS, number, acls, count);
}

// --- reading -------------------------------------------------------------------------------------
// What is left of an answer. Once `bad`, every number is 0 and every text empty.
struct reader {
    struct slice left;
    bool bad;
};

static struct slice take(struct reader *r, size_t len) {
    if (r->bad || len > r->left.len) {
        r->bad = true;
        return slice_of("", 0);
    }
    struct slice taken = slice_of(r->left.ptr, len);
    r->left = slice_of(r->left.ptr + len, r->left.len - len);
    return taken;
}

static int64_t take_number(struct reader *r, size_t bytes) {
    struct slice s = take(r, bytes);
    // The sign is that of the first byte.
    uint64_t value = s.len > 0 && (s.ptr[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < s.len; i++) {
        value = value << 8 | (unsigned char)s.ptr[i];
    }
    return (int64_t)value;
}

// False where it is null.
static bool take_nullable(struct reader *r, struct slice *ret) {
    int64_t len = take_number(r, 2);
    if (len < 0) {
        r->bad = r->bad || len != -1;
        return false;
    }
    *ret = take(r, (size_t)len);
    r->bad = r->bad || memchr(ret->ptr, '\0', ret->len) != NULL;
    return !r->bad;
}

static const char *take_text(struct reader *r, struct arena *a) {
    struct slice s;
    if (!take_nullable(r, &s)) {
        r->bad = true;
        return "";
    }
    return arena_str(a, s);
}

static void take_verdict(struct reader *r, struct arena *a, struct acl_wire_verdict *ret) {
    struct slice words;
    ret->error = (int)take_number(r, 2);
    ret->words = take_nullable(r, &words) ? arena_str(a, words) : NULL;
}

// How many items follow, of which each takes `bytes_min`: no more than the rest can hold.
static size_t take_count(struct reader *r, size_t bytes_min) {
    int64_t count = take_number(r, 4);
    if (count < 0 || (uint64_t)count > r->left.len / bytes_min) {
        r->bad = true;
        return 0;
    }
    return (size_t)count;
}

// At the answer's body.
static struct reader open_answer(struct slice answer, int32_t number) {
    struct reader r = {.left = answer};
    r.bad = take_number(&r, 4) != number || r.bad;
    return r;
}

static enum err_code finished(const struct reader *r, const char *what, struct err *e) {
    if (r->bad || r->left.len > 0) {
        return err_set(e, ERR_INVALID, "%s: the broker's answer can't be read", what);
    }
    return ERR_OK;
}

enum err_code acl_wire_length(const char bytes[ACL_WIRE_LENGTH_BYTES], size_t max, size_t *ret,
                              struct err *e) {
    struct reader r = {.left = slice_of(bytes, ACL_WIRE_LENGTH_BYTES)};
    int64_t length = take_number(&r, ACL_WIRE_LENGTH_BYTES);
    if (length < ANSWER_MIN) {
        return err_set(e, ERR_INVALID, "no answer of Kafka's");
    }
    if ((uint64_t)length > max) {
        return err_set(e, ERR_LIMIT, "an answer of %lld bytes, more than %zu", (long long)length,
                       max);
    }
    *ret = (size_t)length;
    return ERR_OK;
}

enum err_code acl_wire_read_handshake(struct slice answer, int32_t number,
                                      struct acl_wire_verdict *ret, struct err *e) {
    enum { MECHANISM_BYTES_MIN = 2 };
    struct reader r = open_answer(answer, number);
    struct acl_wire_verdict verdict = {.error = (int)take_number(&r, 2)};
    size_t mechanisms = take_count(&r, MECHANISM_BYTES_MIN);
    for (size_t i = 0; i < mechanisms && !r.bad; i++) {
        struct slice name;
        r.bad = !take_nullable(&r, &name);
    }
    enum err_code code = finished(&r, "SASL handshake", e);
    if (code == ERR_OK) {
        *ret = verdict;
    }
    return code;
}

enum err_code acl_wire_read_authenticate(struct arena *a, struct slice answer, int32_t number,
                                         struct acl_wire_verdict *ret, struct err *e) {
    enum { LIFETIME_BYTES = 8 };
    struct reader r = open_answer(answer, number);
    struct acl_wire_verdict verdict = {0};
    take_verdict(&r, a, &verdict);
    (void)take(&r, take_count(&r, 1)); // what the mechanism answers
    (void)take(&r, LIFETIME_BYTES);
    enum err_code code = finished(&r, "SASL sign-in", e);
    if (code == ERR_OK) {
        *ret = verdict;
    }
    return code;
}

static enum err_code read_resource(struct reader *r, struct arena *a, struct acl_list *l,
                                   struct err *e) {
    enum { ACL_BYTES_MIN = 6 };
    struct acl acl = {.resource = (int)take_number(r, 1)};
    acl.name = take_text(r, a);
    acl.pattern = (int)take_number(r, 1);
    size_t count = take_count(r, ACL_BYTES_MIN);
    for (size_t i = 0; i < count && !r->bad; i++) {
        acl.principal = take_text(r, a);
        acl.host = take_text(r, a);
        acl.operation = (int)take_number(r, 1);
        acl.permission = (int)take_number(r, 1);
        enum err_code code = r->bad ? ERR_OK : acl_list_add(a, l, &acl, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

enum err_code acl_wire_read_describe(struct arena *a, struct slice answer, int32_t number,
                                     struct acl_list *l, struct acl_wire_verdict *ret,
                                     struct err *e) {
    enum { THROTTLE_BYTES = 4, RESOURCE_BYTES_MIN = 8 };
    struct reader r = open_answer(answer, number);
    struct acl_wire_verdict verdict = {0};
    (void)take(&r, THROTTLE_BYTES);
    take_verdict(&r, a, &verdict);
    size_t resources = take_count(&r, RESOURCE_BYTES_MIN);
    for (size_t i = 0; i < resources && !r.bad; i++) {
        enum err_code code = read_resource(&r, a, l, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    enum err_code code = finished(&r, "listing ACLs", e);
    if (code == ERR_OK) {
        *ret = verdict;
    }
    return code;
}

static struct reader open_verdicts(struct slice answer, int32_t number, size_t count) {
    enum { THROTTLE_BYTES = 4, VERDICT_BYTES_MIN = 4 };
    struct reader r = open_answer(answer, number);
    (void)take(&r, THROTTLE_BYTES);
    r.bad = take_count(&r, VERDICT_BYTES_MIN) != count || r.bad;
    return r;
}

enum err_code acl_wire_read_create(struct arena *a, struct slice answer, int32_t number,
                                   size_t count, struct acl_wire_verdict *ret, struct err *e) {
    struct reader r = open_verdicts(answer, number, count);
    for (size_t i = 0; i < count && !r.bad; i++) {
        take_verdict(&r, a, &ret[i]);
    }
    return finished(&r, "creating ACLs", e);
}

// Of one that matched, only whether it is gone.
static void take_match(struct reader *r, struct arena *a, struct acl_wire_verdict *item) {
    struct acl_wire_verdict verdict = {0};
    take_verdict(r, a, &verdict);
    if (verdict.error != 0 && item->error == 0) {
        *item = verdict;
    }
    (void)take_number(r, 1); // resource
    (void)take_text(r, a);
    (void)take_number(r, 1); // pattern
    (void)take_text(r, a);
    (void)take_text(r, a);
    (void)take_number(r, 2); // operation, permission
}

enum err_code acl_wire_read_delete(struct arena *a, struct slice answer, int32_t number,
                                   size_t count, struct acl_wire_verdict *ret, struct err *e) {
    enum { MATCH_BYTES_MIN = 14 };
    struct reader r = open_verdicts(answer, number, count);
    for (size_t i = 0; i < count && !r.bad; i++) {
        take_verdict(&r, a, &ret[i]);
        size_t matches = take_count(&r, MATCH_BYTES_MIN);
        for (size_t m = 0; m < matches && !r.bad; m++) {
            take_match(&r, a, &ret[i]);
        }
    }
    return finished(&r, "deleting ACLs", e);
}
