// Signed tokens (JWT, RFC 7519) with ES256 and nothing else. Signing and verifying by OpenSSL with
// the key parsed once; a key is immutable after it was made and may be used by any thread.
#ifndef WEIR_PLATFORM_SECRET_TOKEN_H
#define WEIR_PLATFORM_SECRET_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum {
    TOKEN_BYTES_MAX = 4096, // of a whole token
    TOKEN_KID_CHARS = 43,   // RFC 7638 thumbprint, SHA-256, base64url
    TOKEN_SUBJECT_MAX = 255,
    TOKEN_AUDIENCES_MAX = 64,
    TOKEN_DER_MAX = 512, // bytes of a private key as PKCS#8
    TOKEN_SKEW_S = 30,   // tolerated between clocks: iat may lie this far ahead
};

struct token_key;

// A new key on P-256.
ERR_MUST_CHECK enum err_code token_key_generate(struct token_key **ret, struct err *e);
// From PKCS#8 DER; ERR_INVALID if it isn't a key on P-256.
ERR_MUST_CHECK enum err_code token_key_parse(struct slice der, struct token_key **ret,
                                             struct err *e);
void token_key_free(struct token_key *key);
// Writes the private key as PKCS#8 DER; returns its length.
size_t token_key_der(const struct token_key *key, unsigned char out[TOKEN_DER_MAX]);
// The thumbprint of its public part.
const char *token_key_id(const struct token_key *key);
// Appends the public part as a JWK (RFC 7517).
void token_key_jwk(const struct token_key *key, struct buf *out);

struct token_claims {
    const char *issuer;
    const char *subject;
    const char *const *audiences; // always written as an array
    size_t audiences_count;
    const char *id; // jti
    int64_t issued_s;
    int64_t expires_s;
};

// Appends header.payload.signature.
ERR_MUST_CHECK enum err_code token_sign(const struct token_key *key, const struct token_claims *c,
                                        struct buf *out, struct err *e);

// What a token must be to be accepted.
struct token_rule {
    const struct token_key *const *keys;
    size_t keys_count;
    const char *issuer;
    const char *audience;
    int64_t now_s;
};

struct token_subject {
    char subject[TOKEN_SUBJECT_MAX + 1];
    int64_t expires_s;
};

// The gate, in this order: size and form, alg is ES256 exactly, typ, a kid we know; then the
// signature; then iss, aud, exp, iat. ERR_UNAUTHENTICATED says which one failed.
ERR_MUST_CHECK enum err_code token_verify(const struct token_rule *rule, struct slice token,
                                          struct token_subject *ret, struct err *e);

// Verified tokens by their hash, until they expire; bounded, the oldest of a slot gives way. One
// thread's own.
struct token_cache;
struct token_cache *token_cache_new(void);
void token_cache_free(struct token_cache *cache);
// token_verify, with the memory in front.
ERR_MUST_CHECK enum err_code token_cache_verify(struct token_cache *cache,
                                                const struct token_rule *rule, struct slice token,
                                                struct token_subject *ret, struct err *e);
// Forgets all (the keys changed).
void token_cache_clear(struct token_cache *cache);

#endif
