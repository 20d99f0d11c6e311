// The text of the statement snapshot_read, read into memory; look-ups in what was read.
#include "api/identity/snapshot.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "api/request/role.h"
#include "api/request/uuid.h"
#include "base/check.h"
#include "base/encoding.h"

enum { KEYS_MAX = 16 };

struct snapshot {
    atomic_uint refs;
    struct arena arena;
    struct client *clients; // by id
    size_t clients_count;
    struct token_key *keys[KEYS_MAX]; // by sign_from
    int64_t sign_from_s[KEYS_MAX];
    size_t keys_count;
};

void snapshot_seal_key(const unsigned char master[SECRET_KEY_BYTES],
                       unsigned char out[SECRET_KEY_BYTES]) {
    _Static_assert(SECRET_KEY_BYTES == SECRET_HASH_BYTES, "a hash makes a key");
    secret_hash(out, SLICE_LIT("weir: seal of signing keys"), master);
}

static enum err_code malformed(struct err *e, const char *what) {
    return err_set(e, ERR_INTERNAL, "the snapshot of clients is malformed: %s", what);
}

static const char *text_in(const json_t *object, const char *name) {
    const char *s = json_string_value(json_object_get(object, name));
    return s != NULL ? s : "";
}

static enum err_code read_secrets(const json_t *array, struct client *c, struct err *e) {
    size_t i;
    json_t *item;
    json_array_foreach(array, i, item) {
        if (i >= CLIENT_SECRETS_MAX) {
            return malformed(e, "too many secrets");
        }
        struct client_secret *secret = &c->secrets[c->secrets_count++];
        if (!hex_decode(secret->hash, sizeof secret->hash, slice_str(text_in(item, "hash")))) {
            return malformed(e, "hash");
        }
        // A snapshot stored by a release before says nothing: it knew one way.
        const json_t *version = json_object_get(item, "hash_version");
        json_int_t kind = version == NULL ? CLIENT_HASH_ALONE : json_integer_value(version);
        if (kind != CLIENT_HASH_ALONE && kind != CLIENT_HASH_BOUND) {
            return malformed(e, "hash_version");
        }
        secret->kind = (enum client_hash)kind;
        const json_t *expires = json_object_get(item, "expires_s");
        secret->expires_s = json_is_integer(expires) ? json_integer_value(expires) : INT64_MAX;
    }
    return ERR_OK;
}

static enum err_code read_client(struct snapshot *s, const json_t *object, struct client *c,
                                 struct err *e) {
    struct slice id = slice_str(text_in(object, "client_id"));
    struct slice application = slice_str(text_in(object, "application_id"));
    struct slice org = slice_str(text_in(object, "org_id"));
    if (id.len == 0 || application.len != UUID_CHARS || org.len != UUID_CHARS) {
        return malformed(e, "ids");
    }
    c->id = arena_str(&s->arena, id);
    memcpy(c->application, application.ptr, UUID_CHARS);
    memcpy(c->org, org.ptr, UUID_CHARS);
    c->is_operator = json_is_true(json_object_get(object, "org_is_operator"));
    c->active = json_is_true(json_object_get(object, "active"));
    c->has_role = role_parse(text_in(object, "api_role"), &c->role);
    const json_t *audiences = json_object_get(object, "audiences");
    size_t n = json_array_size(audiences);
    const char **list = arena_array(&s->arena, n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++) {
        list[i] = arena_str(&s->arena, slice_str(json_string_value(json_array_get(audiences, i))));
    }
    c->audiences = list;
    c->audiences_count = n;
    return read_secrets(json_object_get(object, "secrets"), c, e);
}

static int by_id(const void *a, const void *b) {
    return strcmp(((const struct client *)a)->id, ((const struct client *)b)->id);
}

static enum err_code read_key(struct snapshot *s, const json_t *object,
                              const unsigned char seal[SECRET_KEY_BYTES], struct err *e) {
    unsigned char sealed[TOKEN_DER_MAX + SECRET_SEAL_OVERHEAD];
    unsigned char der[TOKEN_DER_MAX];
    struct slice hex = slice_str(text_in(object, "private_key"));
    size_t len = hex.len / 2;
    if (s->keys_count >= KEYS_MAX || len <= SECRET_SEAL_OVERHEAD || len > sizeof sealed ||
        !hex_decode(sealed, len, hex)) {
        return malformed(e, "signing key");
    }
    if (!secret_unseal(der, slice_of((char *)sealed, len), seal)) {
        err_field(e, ERR_CONFIG, "master_key",
                  "master_key does not open the stored signing keys: it is another one");
        return ERR_CONFIG;
    }
    struct token_key *key = NULL;
    enum err_code code =
        token_key_parse(slice_of((char *)der, len - SECRET_SEAL_OVERHEAD), &key, e);
    secret_wipe(der, sizeof der);
    if (code != ERR_OK) {
        return code;
    }
    s->sign_from_s[s->keys_count] = json_integer_value(json_object_get(object, "sign_from_s"));
    s->keys[s->keys_count++] = key;
    return ERR_OK;
}

static enum err_code fill(struct snapshot *s, const json_t *root,
                          const unsigned char seal[SECRET_KEY_BYTES], struct err *e) {
    size_t i;
    json_t *item;
    const json_t *clients = json_object_get(root, "clients");
    const json_t *keys = json_object_get(root, "keys");
    if (!json_is_array(clients) || !json_is_array(keys)) {
        return malformed(e, "members");
    }
    s->clients = arena_array(&s->arena, json_array_size(clients) + 1, sizeof *s->clients);
    json_array_foreach(clients, i, item) {
        enum err_code code = read_client(s, item, &s->clients[i], e);
        if (code != ERR_OK) {
            return code;
        }
        s->clients_count++;
    }
    qsort(s->clients, s->clients_count, sizeof *s->clients, by_id);
    json_array_foreach(keys, i, item) {
        enum err_code code = read_key(s, item, seal, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

enum err_code snapshot_parse(struct slice text, const unsigned char master[SECRET_KEY_BYTES],
                             struct snapshot **ret, struct err *e) {
    unsigned char seal[SECRET_KEY_BYTES];
    json_auto_t *root = json_loadb(text.ptr, text.len, 0, NULL);
    if (root == NULL) {
        return malformed(e, "not JSON");
    }
    struct snapshot *s = calloc(1, sizeof *s);
    check(s != NULL);
    arena_init(&s->arena);
    atomic_init(&s->refs, 1);
    snapshot_seal_key(master, seal);
    enum err_code code = fill(s, root, seal, e);
    secret_wipe(seal, sizeof seal);
    if (code != ERR_OK) {
        snapshot_unref(s);
    } else {
        *ret = s;
    }
    return code;
}

struct snapshot *snapshot_ref(struct snapshot *s) {
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void snapshot_unref(struct snapshot *s) {
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1) {
        return;
    }
    for (size_t i = 0; i < s->keys_count; i++) {
        token_key_free(s->keys[i]);
    }
    arena_done(&s->arena);
    free(s);
}

const struct client *snapshot_client(const struct snapshot *s, const char *id) {
    if (s == NULL || s->clients_count == 0) {
        return NULL;
    }
    struct client wanted = {.id = id};
    return bsearch(&wanted, s->clients, s->clients_count, sizeof *s->clients, by_id);
}

void snapshot_proof_make(struct client_proof *ret, const char *client_id, const char *secret,
                         const unsigned char master[SECRET_KEY_BYTES]) {
    secret_hash(ret->alone, slice_str(secret), master);
    secret_client_hash(ret->bound, slice_str(client_id), slice_str(secret), master);
}

bool snapshot_secret_matches(const struct client *c, const struct client_proof *proof,
                             int64_t now_s) {
    bool found = false;
    for (size_t i = 0; i < c->secrets_count; i++) {
        const unsigned char *hash =
            c->secrets[i].kind == CLIENT_HASH_BOUND ? proof->bound : proof->alone;
        bool same = secret_equal(c->secrets[i].hash, hash, SECRET_HASH_BYTES);
        found = found || (same && c->secrets[i].expires_s > now_s);
    }
    return found;
}

const struct token_key *const *snapshot_keys(const struct snapshot *s, size_t *ret_count) {
    *ret_count = s != NULL ? s->keys_count : 0;
    return s != NULL ? (const struct token_key *const *)s->keys : NULL;
}

const struct token_key *snapshot_signer(const struct snapshot *s, int64_t now_s) {
    const struct token_key *signer = NULL;
    for (size_t i = 0; s != NULL && i < s->keys_count; i++) {
        if (s->sign_from_s[i] <= now_s) {
            signer = s->keys[i];
        }
    }
    return signer;
}

int64_t snapshot_signs_from_s(const struct snapshot *s) {
    return s != NULL && s->keys_count > 0 ? s->sign_from_s[0] : INT64_MAX;
}

int64_t snapshot_newest_key_s(const struct snapshot *s) {
    return s != NULL && s->keys_count > 0 ? s->sign_from_s[s->keys_count - 1] : 0;
}

bool snapshot_same_keys(const struct snapshot *a, const struct snapshot *b) {
    if (a == NULL || b == NULL || a->keys_count != b->keys_count) {
        return false;
    }
    for (size_t i = 0; i < a->keys_count; i++) {
        if (strcmp(token_key_id(a->keys[i]), token_key_id(b->keys[i])) != 0) {
            return false;
        }
    }
    return true;
}
