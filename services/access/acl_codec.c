#include "access/acl_codec.h"

#include <string.h>

enum { VERSION = 1, LENGTH_BYTES = 4, ANY = 1, TEXT_SHOWN_MAX = 200 };

// Kafka's error codes met here.
enum {
    KAFKA_NONE = 0,
    KAFKA_CLUSTER_AUTHORIZATION_FAILED = 31,
    KAFKA_UNSUPPORTED_SASL_MECHANISM = 33,
    KAFKA_ILLEGAL_SASL_STATE = 34,
    KAFKA_UNSUPPORTED_VERSION = 35,
    KAFKA_INVALID_REQUEST = 42,
    KAFKA_SECURITY_DISABLED = 54,
    KAFKA_SASL_AUTHENTICATION_FAILED = 58,
};

// --- writing -------------------------------------------------------------------------------------
static void put(struct buf *out, uint64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
        buf_add_char(out, (char)(value >> shift));
    }
}

static void put_text(struct buf *out, const char *text) {
    put(out, strlen(text), 2);
    buf_add_str(out, text);
}

void acl_codec_begin(struct buf *out, int api_key, int32_t correlation) {
    put(out, 0, LENGTH_BYTES);
    put(out, (uint64_t)api_key, 2);
    put(out, VERSION, 2);
    put(out, (uint32_t)correlation, 4);
    put_text(out, "weir-access");
}

void acl_codec_end(struct buf *out) {
    if (out->overflow) {
        return;
    }
    uint32_t length = (uint32_t)(out->len - LENGTH_BYTES);
    for (int i = 0; i < LENGTH_BYTES; i++) {
        out->ptr[i] = (char)(length >> (8 * (LENGTH_BYTES - 1 - i)));
    }
}

void acl_codec_add_mechanism(struct buf *out, const char *mechanism) {
    put_text(out, mechanism);
}

void acl_codec_add_plain(struct buf *out, const char *user, const char *password) {
    put(out, strlen(user) + strlen(password) + 2, 4);
    buf_add_char(out, '\0');
    buf_add_str(out, user);
    buf_add_char(out, '\0');
    buf_add_str(out, password);
}

void acl_codec_add_describe(struct buf *out, int resource) {
    static const uint64_t NULL_TEXT = 0xffff;
    put(out, (uint64_t)resource, 1);
    put(out, NULL_TEXT, 2); // names
    put(out, ANY, 1);       // patterns
    put(out, NULL_TEXT, 2); // principals
    put(out, NULL_TEXT, 2); // hosts
    put(out, ANY, 1);       // operations
    put(out, ANY, 1);       // permissions
}

static void put_acls(struct buf *out, const struct acl *acls, size_t count) {
    put(out, count, 4);
    for (size_t i = 0; i < count; i++) {
        put(out, (uint64_t)acls[i].resource, 1);
        put_text(out, acls[i].name);
        put(out, (uint64_t)acls[i].pattern, 1);
        put_text(out, acls[i].principal);
        put_text(out, acls[i].host);
        put(out, (uint64_t)acls[i].operation, 1);
        put(out, (uint64_t)acls[i].permission, 1);
    }
}

void acl_codec_add_create(struct buf *out, const struct acl *acls, size_t count) {
    put_acls(out, acls, count);
}

void acl_codec_add_delete(struct buf *out, const struct acl *acls, size_t count) {
    put_acls(out, acls, count); // a filter has the same form
}

// --- reading -------------------------------------------------------------------------------------
struct reader {
    const unsigned char *pos, *end;
    bool failed;
};

static int64_t take(struct reader *r, int bytes) {
    if (r->end - r->pos < bytes) {
        r->failed = true;
        r->pos = r->end;
        return 0;
    }
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) {
        value = value << 8 | *r->pos++;
    }
    int unused = 64 - 8 * bytes;
    return (int64_t)(value << unused) >> unused;
}

// Empty for null.
static struct slice take_text(struct reader *r) {
    int64_t length = take(r, 2);
    if (length < -1 || length > r->end - r->pos) {
        r->failed = true;
        length = -1;
    }
    if (r->failed || length <= 0) {
        return slice_of("", 0);
    }
    struct slice s = slice_of((const char *)r->pos, (size_t)length);
    r->pos += length;
    return s;
}

// Elements take at least `least` bytes each.
static int64_t take_count(struct reader *r, int least) {
    int64_t count = take(r, 4);
    if (count < 0 || count > (r->end - r->pos) / least) {
        r->failed = true;
        return 0;
    }
    return count;
}

static enum err_code not_readable(struct err *e, int api_key) {
    return err_set(e, ERR_INTERNAL, "the broker's answer to request %d can't be read", api_key);
}

static struct reader begin(struct slice answer, int32_t correlation) {
    struct reader r = {.pos = (const unsigned char *)answer.ptr,
                       .end = (const unsigned char *)answer.ptr + answer.len};
    r.failed = take(&r, 4) != correlation || r.failed;
    return r;
}

static enum err_code refused(int64_t code, struct slice text, const char *what, struct err *e) {
    enum err_code kind = ERR_UNAVAILABLE;
    switch (code) {
    case KAFKA_NONE: return ERR_OK;
    case KAFKA_CLUSTER_AUTHORIZATION_FAILED:
    case KAFKA_SASL_AUTHENTICATION_FAILED:
    case KAFKA_SECURITY_DISABLED: kind = ERR_DENIED; break;
    case KAFKA_INVALID_REQUEST: kind = ERR_INVALID; break;
    case KAFKA_UNSUPPORTED_SASL_MECHANISM:
    case KAFKA_ILLEGAL_SASL_STATE:
    case KAFKA_UNSUPPORTED_VERSION: kind = ERR_INTERNAL; break;
    default: break;
    }
    int shown = text.len > TEXT_SHOWN_MAX ? TEXT_SHOWN_MAX : (int)text.len;
    return err_set(e, kind, "%s: error %d of the broker%s%.*s", what, (int)code,
                   shown > 0 ? ": " : "", shown, text.ptr);
}

enum err_code acl_codec_read_sasl(struct slice answer, int api_key, int32_t correlation,
                                  struct err *e) {
    struct reader r = begin(answer, correlation);
    int64_t code = take(&r, 2);
    struct slice text = slice_of("", 0);
    if (api_key == ACL_CODEC_SASL_AUTHENTICATE) {
        text = take_text(&r);
    }
    return r.failed ? not_readable(e, api_key) : refused(code, text, "signing in", e);
}

static void take_acl(struct reader *r, struct arena *a, const struct acl *resource,
                     struct acl *ret) {
    *ret = *resource;
    ret->principal = arena_str(a, take_text(r));
    ret->host = arena_str(a, take_text(r));
    ret->operation = (int)take(r, 1);
    ret->permission = (int)take(r, 1);
}

enum err_code acl_codec_read_described(struct slice answer, int32_t correlation, struct arena *a,
                                       struct acl_list *ret, struct err *e) {
    struct reader r = begin(answer, correlation);
    (void)take(&r, 4); // throttling
    int64_t error = take(&r, 2);
    struct slice text = take_text(&r);
    if (r.failed) {
        return not_readable(e, ACL_CODEC_DESCRIBE);
    }
    enum err_code code = refused(error, text, "listing ACLs of transactional ids", e);
    int64_t resources = take_count(&r, 8);
    for (int64_t i = 0; i < resources && code == ERR_OK && !r.failed; i++) {
        struct acl resource = {.resource = (int)take(&r, 1)};
        resource.name = arena_str(a, take_text(&r));
        resource.pattern = (int)take(&r, 1);
        int64_t acls = take_count(&r, 6);
        for (int64_t k = 0; k < acls && code == ERR_OK && !r.failed; k++) {
            struct acl found;
            take_acl(&r, a, &resource, &found);
            if (!r.failed) {
                code = acl_list_add(a, ret, &found, e);
            }
        }
    }
    return code == ERR_OK && r.failed ? not_readable(e, ACL_CODEC_DESCRIBE) : code;
}

static enum err_code keep_first(enum err_code so_far, int64_t error, struct slice text,
                                const char *what, struct err *e) {
    return so_far != ERR_OK ? so_far : refused(error, text, what, e);
}

enum err_code acl_codec_read_created(struct slice answer, int32_t correlation, size_t count,
                                     bool *ret_done, struct err *e) {
    struct reader r = begin(answer, correlation);
    (void)take(&r, 4);
    int64_t results = take_count(&r, 4);
    enum err_code code = ERR_OK;
    for (int64_t i = 0; i < results && (size_t)i < count && !r.failed; i++) {
        int64_t error = take(&r, 2);
        struct slice text = take_text(&r);
        ret_done[i] = !r.failed && error == KAFKA_NONE;
        code = keep_first(code, error, text, "creating an ACL of a transactional id", e);
    }
    return r.failed || results != (int64_t)count ? not_readable(e, ACL_CODEC_CREATE) : code;
}

enum err_code acl_codec_read_deleted(struct slice answer, int32_t correlation, size_t count,
                                     bool *ret_done, struct err *e) {
    struct reader r = begin(answer, correlation);
    (void)take(&r, 4);
    int64_t results = take_count(&r, 8);
    enum err_code code = ERR_OK;
    for (int64_t i = 0; i < results && (size_t)i < count && !r.failed; i++) {
        int64_t error = take(&r, 2);
        struct slice text = take_text(&r);
        code = keep_first(code, error, text, "deleting an ACL of a transactional id", e);
        int64_t matching = take_count(&r, 13);
        for (int64_t k = 0; k < matching && !r.failed; k++) {
            int64_t failed = take(&r, 2);
            struct slice why = take_text(&r);
            code = keep_first(code, failed, why, "deleting an ACL of a transactional id", e);
            error = error == KAFKA_NONE ? failed : error;
            (void)take(&r, 1);
            (void)take_text(&r);
            (void)take(&r, 1);
            (void)take_text(&r);
            (void)take_text(&r);
            (void)take(&r, 2);
        }
        ret_done[i] = !r.failed && error == KAFKA_NONE;
    }
    return r.failed || results != (int64_t)count ? not_readable(e, ACL_CODEC_DELETE) : code;
}
