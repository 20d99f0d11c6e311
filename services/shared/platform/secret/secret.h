// Random bytes, comparison in constant time, hashes of secrets and passwords, sealed values.
// All by libsodium.
#ifndef WEIR_PLATFORM_SECRET_SECRET_H
#define WEIR_PLATFORM_SECRET_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum {
    SECRET_KEY_BYTES = 32,          // of secret_hash and secret_seal
    SECRET_HASH_BYTES = 32,         // BLAKE2b
    SECRET_TOKEN_BYTES = 32,        // 256 random bits ...
    SECRET_TOKEN_CHARS = 43,        // ... as base64url
    SECRET_PASSWORD_HASH_MAX = 128, // text of libsodium's argon2id, with NUL
    SECRET_PASSWORD_MIN = 12,       // bytes of a new password
    SECRET_PASSWORD_MAX = 256,      // bytes of a password
    SECRET_SEAL_OVERHEAD = 40,      // nonce 24, tag 16
    PRINCIPAL_CHARS = 27,           // "w" and 26 of base32
};

// Before any other call; safe to repeat.
void secret_init(void);

void secret_random(void *out, size_t len);
// A new token or client secret, with NUL.
void secret_token(char out[SECRET_TOKEN_CHARS + 1]);
// A new principal: "w" + 26 characters of base32 (128 random bits), with NUL.
void secret_principal(char out[PRINCIPAL_CHARS + 1]);
// Time depends on len alone.
bool secret_equal(const void *a, const void *b, size_t len);
void secret_wipe(void *p, size_t len);

// A key for secret_hash or secret_seal, from its text in the settings: 64 hex digits or 43
// characters of base64url. ERR_CONFIG otherwise; the value is not in the text of the error.
ERR_MUST_CHECK enum err_code secret_key_parse(const char *setting, const char *value,
                                              unsigned char ret_key[SECRET_KEY_BYTES],
                                              struct err *e);
// Keyed BLAKE2b-256: for secrets with full entropy (client secrets, session ids), not passwords.
void secret_hash(unsigned char out[SECRET_HASH_BYTES], struct slice secret,
                 const unsigned char key[SECRET_KEY_BYTES]);
// The same over a client's name and its secret: copied to another client, it matches no secret.
void secret_client_hash(unsigned char out[SECRET_HASH_BYTES], struct slice client,
                        struct slice secret, const unsigned char key[SECRET_KEY_BYTES]);

// 64 bits of SipHash-2-4, for tables in memory that strangers choose the keys of.
enum { SECRET_SEED_BYTES = 16 };
uint64_t secret_hash_short(struct slice data, const unsigned char seed[SECRET_SEED_BYTES]);

// argon2id, 19 MiB, t=2, p=1 (OWASP): some 20 ms and 19 MiB; never on an event loop's thread.
// ERR_LIMIT for a password longer than SECRET_PASSWORD_MAX.
ERR_MUST_CHECK enum err_code
secret_password_hash(struct slice password, char ret_hash[SECRET_PASSWORD_HASH_MAX], struct err *e);
// `hash` is NUL-terminated text of any length; one that is malformed verifies nothing.
bool secret_password_verify(const char *hash, struct slice password);
// Spends the time of a verification, for a sign-in with an unknown name.
void secret_password_verify_nobody(struct slice password);

// Encrypts and authenticates (XSalsa20-Poly1305) for storage: nonce, then cipher text;
// out has len + SECRET_SEAL_OVERHEAD bytes.
void secret_seal(unsigned char *out, struct slice plain, const unsigned char key[SECRET_KEY_BYTES]);
// out has sealed.len - SECRET_SEAL_OVERHEAD bytes. False if it was made with another key or
// changed.
bool secret_unseal(unsigned char *out, struct slice sealed,
                   const unsigned char key[SECRET_KEY_BYTES]);

#endif
