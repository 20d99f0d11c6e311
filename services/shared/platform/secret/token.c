// Making tokens, the gate that accepts them, and the memory of those accepted.
#include "platform/secret/token.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/encoding.h"
#include "platform/secret/secret.h"
#include "platform/secret/token_internal.h"

enum { CACHE_SLOTS = 1024, CACHE_WAYS = 4 };

// --- signing -------------------------------------------------------------------------------------
static void add_encoded(struct buf *out, struct slice s) {
    char *room = buf_reserve(out, s.len * 4 / 3 + 4);
    if (room != NULL) {
        out->len += base64url_encode(room, s.ptr, s.len);
    }
}

static void add_payload(struct buf *out, const struct token_claims *c) {
    buf_add_str(out, "{\"iss\":");
    buf_add_json_string(out, slice_str(c->issuer));
    buf_add_str(out, ",\"sub\":");
    buf_add_json_string(out, slice_str(c->subject));
    buf_add_str(out, ",\"aud\":[");
    for (size_t i = 0; i < c->audiences_count; i++) {
        if (i > 0) {
            buf_add_char(out, ',');
        }
        buf_add_json_string(out, slice_str(c->audiences[i]));
    }
    buf_printf(out, "],\"iat\":%lld,\"exp\":%lld,\"jti\":", (long long)c->issued_s,
               (long long)c->expires_s);
    buf_add_json_string(out, slice_str(c->id));
    buf_add_char(out, '}');
}

enum err_code token_sign(const struct token_key *key, const struct token_claims *c, struct buf *out,
                         struct err *e) {
    struct buf text, part;
    unsigned char signature[TOKEN_SIGNATURE_BYTES];
    buf_init(&text, TOKEN_BYTES_MAX);
    buf_init(&part, TOKEN_BYTES_MAX);
    buf_printf(&part, "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"%s\"}", token_key_id(key));
    add_encoded(&text, buf_slice(&part));
    buf_add_char(&text, '.');
    buf_clear(&part);
    add_payload(&part, c);
    add_encoded(&text, buf_slice(&part));
    enum err_code code = text.overflow || part.overflow
                             ? err_set(e, ERR_LIMIT, "the token would be too long")
                             : token_signature_make(key, buf_slice(&text), signature, e);
    if (code == ERR_OK) {
        buf_add_char(&text, '.');
        add_encoded(&text, slice_of((char *)signature, sizeof signature));
        if (text.overflow) {
            code = err_set(e, ERR_LIMIT, "the token would be too long");
        } else {
            buf_add_slice(out, buf_slice(&text));
        }
    }
    buf_done(&part);
    buf_done(&text);
    return code;
}

// --- the gate ------------------------------------------------------------------------------------
struct parts {
    struct slice header;
    struct slice payload;
    struct slice signature;
    struct slice text; // header.payload
};

static enum err_code refuse(struct err *e, const char *why) {
    return err_set(e, ERR_UNAUTHENTICATED, "the token is not accepted: %s", why);
}

static bool split(struct slice token, struct parts *ret) {
    const char *first = memchr(token.ptr, '.', token.len);
    if (first == NULL) {
        return false;
    }
    size_t rest = token.len - (size_t)(first + 1 - token.ptr);
    const char *second = memchr(first + 1, '.', rest);
    if (second == NULL) {
        return false;
    }
    const char *end = token.ptr + token.len;
    ret->header = slice_of(token.ptr, (size_t)(first - token.ptr));
    ret->payload = slice_of(first + 1, (size_t)(second - first - 1));
    ret->signature = slice_of(second + 1, (size_t)(end - second - 1));
    ret->text = slice_of(token.ptr, (size_t)(second - token.ptr));
    return memchr(second + 1, '.', ret->signature.len) == NULL;
}

// The object in a base64url part; NULL if it is none. Owned by the caller.
static json_t *object_in(struct slice part) {
    char plain[TOKEN_BYTES_MAX];
    size_t n = part.len < TOKEN_BYTES_MAX ? base64url_decode(plain, part) : (size_t)-1;
    if (n == (size_t)-1) {
        return NULL;
    }
    json_t *object = json_loadb(plain, n, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return NULL;
    }
    return object;
}

static bool is_text(const json_t *object, const char *name, const char *wanted) {
    const json_t *value = json_object_get(object, name);
    return json_is_string(value) && strcmp(json_string_value(value), wanted) == 0;
}

static const struct token_key *key_for(const struct token_rule *rule, const json_t *header) {
    for (size_t i = 0; i < rule->keys_count; i++) {
        if (is_text(header, "kid", token_key_id(rule->keys[i]))) {
            return rule->keys[i];
        }
    }
    return NULL;
}

static enum err_code check_header(const struct token_rule *rule, struct slice part,
                                  const struct token_key **ret, struct err *e) {
    json_auto_t *header = object_in(part);
    if (header == NULL) {
        return refuse(e, "its header can't be read");
    }
    if (!is_text(header, "alg", "ES256")) {
        return refuse(e, "alg must be ES256");
    }
    if (!is_text(header, "typ", "JWT")) {
        return refuse(e, "typ must be JWT");
    }
    if (json_object_get(header, "crit") != NULL) {
        return refuse(e, "it has critical extensions");
    }
    const struct token_key *key = key_for(rule, header);
    if (key == NULL) {
        return refuse(e, "its kid is not known here");
    }
    *ret = key;
    return ERR_OK;
}

static bool has_audience(const json_t *aud, const char *wanted) {
    size_t i;
    json_t *item;
    if (json_is_string(aud)) {
        return strcmp(json_string_value(aud), wanted) == 0;
    }
    json_array_foreach(aud, i, item) {
        if (json_is_string(item) && strcmp(json_string_value(item), wanted) == 0) {
            return true;
        }
    }
    return false;
}

static enum err_code check_claims(const struct token_rule *rule, struct slice part,
                                  struct token_subject *ret, struct err *e) {
    json_auto_t *claims = object_in(part);
    if (claims == NULL) {
        return refuse(e, "its claims can't be read");
    }
    const json_t *sub = json_object_get(claims, "sub");
    const json_t *exp = json_object_get(claims, "exp");
    const json_t *iat = json_object_get(claims, "iat");
    if (!is_text(claims, "iss", rule->issuer)) {
        return refuse(e, "it was not issued here");
    }
    if (!has_audience(json_object_get(claims, "aud"), rule->audience)) {
        return refuse(e, "it is meant for somebody else (aud)");
    }
    if (!json_is_integer(exp) || json_integer_value(exp) <= rule->now_s) {
        return refuse(e, "it has expired");
    }
    if (!json_is_integer(iat) || json_integer_value(iat) > rule->now_s + TOKEN_SKEW_S) {
        return refuse(e, "it is from the future (iat)");
    }
    if (!json_is_string(sub) || json_string_length(sub) == 0 ||
        json_string_length(sub) > TOKEN_SUBJECT_MAX) {
        return refuse(e, "it has no subject");
    }
    memcpy(ret->subject, json_string_value(sub), json_string_length(sub) + 1);
    ret->expires_s = json_integer_value(exp);
    return ERR_OK;
}

enum err_code token_verify(const struct token_rule *rule, struct slice token,
                           struct token_subject *ret, struct err *e) {
    struct parts parts;
    const struct token_key *key = NULL;
    unsigned char signature[TOKEN_SIGNATURE_BYTES + 2];
    if (token.len > TOKEN_BYTES_MAX || !split(token, &parts)) {
        return refuse(e, "it is not a signed token");
    }
    enum err_code code = check_header(rule, parts.header, &key, e);
    if (code != ERR_OK) {
        return code;
    }
    if (parts.signature.len != TOKEN_SIGNATURE_CHARS ||
        base64url_decode(signature, parts.signature) != TOKEN_SIGNATURE_BYTES ||
        !token_signature_holds(key, parts.text, signature)) {
        return refuse(e, "its signature is wrong");
    }
    struct token_subject subject = {0};
    code = check_claims(rule, parts.payload, &subject, e);
    if (code == ERR_OK) {
        *ret = subject;
    }
    return code;
}

// --- memory --------------------------------------------------------------------------------------
struct remembered {
    unsigned char hash[SECRET_HASH_BYTES];
    struct token_subject subject; // expires_s 0: empty
};

struct token_cache {
    unsigned char key[SECRET_KEY_BYTES]; // so that nobody can aim at a slot
    struct remembered entries[CACHE_SLOTS][CACHE_WAYS];
};

struct token_cache *token_cache_new(void) {
    struct token_cache *cache = calloc(1, sizeof *cache);
    check(cache != NULL);
    secret_random(cache->key, sizeof cache->key);
    return cache;
}

void token_cache_free(struct token_cache *cache) {
    free(cache);
}

void token_cache_clear(struct token_cache *cache) {
    memset(cache->entries, 0, sizeof cache->entries);
}

enum err_code token_cache_verify(struct token_cache *cache, const struct token_rule *rule,
                                 struct slice token, struct token_subject *ret, struct err *e) {
    unsigned char hash[SECRET_HASH_BYTES];
    if (token.len > TOKEN_BYTES_MAX) {
        return refuse(e, "it is too long");
    }
    secret_hash(hash, token, cache->key);
    struct remembered *slot = cache->entries[(hash[0] | hash[1] << 8) % CACHE_SLOTS];
    struct remembered *victim = &slot[0];
    for (size_t i = 0; i < CACHE_WAYS; i++) {
        if (slot[i].subject.expires_s > rule->now_s &&
            memcmp(slot[i].hash, hash, sizeof hash) == 0) {
            *ret = slot[i].subject;
            return ERR_OK;
        }
        if (slot[i].subject.expires_s < victim->subject.expires_s) {
            victim = &slot[i];
        }
    }
    enum err_code code = token_verify(rule, token, ret, e);
    if (code == ERR_OK) {
        memcpy(victim->hash, hash, sizeof hash);
        victim->subject = *ret;
    }
    return code;
}
