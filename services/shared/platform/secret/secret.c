#include "platform/secret/secret.h"

#include <string.h>

#include <sodium.h>

#include "base/check.h"
#include "base/encoding.h"

// OWASP password storage cheat sheet: argon2id with 19 MiB, 2 passes, 1 lane.
enum { PASSWORD_PASSES = 2, PASSWORD_BYTES = 19 * 1024 * 1024, PRINCIPAL_RANDOM_BYTES = 16 };

_Static_assert((int)SECRET_KEY_BYTES == (int)crypto_secretbox_KEYBYTES, "one key for both uses");
_Static_assert((int)SECRET_SEAL_OVERHEAD ==
                   (int)(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES),
               "nonce and tag");
_Static_assert((int)SECRET_PASSWORD_HASH_MAX == (int)crypto_pwhash_STRBYTES, "libsodium's text");

void secret_init(void) {
    check(sodium_init() >= 0);
}

void secret_random(void *out, size_t len) {
    randombytes_buf(out, len);
}

void secret_token(char out[SECRET_TOKEN_CHARS + 1]) {
    unsigned char bytes[SECRET_TOKEN_BYTES];
    secret_random(bytes, sizeof bytes);
    check(base64url_encode(out, bytes, sizeof bytes) == SECRET_TOKEN_CHARS);
    out[SECRET_TOKEN_CHARS] = '\0';
    sodium_memzero(bytes, sizeof bytes);
}

void secret_principal(char out[PRINCIPAL_CHARS + 1]) {
    unsigned char bytes[PRINCIPAL_RANDOM_BYTES];
    secret_random(bytes, sizeof bytes);
    out[0] = 'w';
    check(base32_encode(out + 1, bytes, sizeof bytes) == PRINCIPAL_CHARS - 1);
    out[PRINCIPAL_CHARS] = '\0';
}

bool secret_equal(const void *a, const void *b, size_t len) {
    return sodium_memcmp(a, b, len) == 0;
}

void secret_wipe(void *p, size_t len) {
    sodium_memzero(p, len);
}

enum err_code secret_key_parse(const char *setting, const char *value,
                               unsigned char ret_key[SECRET_KEY_BYTES], struct err *e) {
    struct slice text = slice_str(value);
    unsigned char key[SECRET_TOKEN_CHARS * 3 / 4 + 2];
    bool ok = text.len == (size_t)2 * SECRET_KEY_BYTES && hex_decode(key, SECRET_KEY_BYTES, text);
    if (!ok && text.len == SECRET_TOKEN_CHARS) {
        ok = base64url_decode(key, text) == SECRET_KEY_BYTES;
    }
    if (ok) {
        memcpy(ret_key, key, SECRET_KEY_BYTES);
    }
    sodium_memzero(key, sizeof key);
    if (ok) {
        return ERR_OK;
    }
    (void)err_field(e, ERR_CONFIG, setting,
                    "must be 32 bytes as 64 hex digits or 43 characters of base64url");
    return e == NULL ? ERR_CONFIG : err_hint(e, "example: openssl rand -hex 32");
}

void secret_hash(unsigned char out[SECRET_HASH_BYTES], struct slice secret,
                 const unsigned char key[SECRET_KEY_BYTES]) {
    check(crypto_generichash(out, SECRET_HASH_BYTES, (const unsigned char *)secret.ptr, secret.len,
                             key, SECRET_KEY_BYTES) == 0);
}

void secret_client_hash(unsigned char out[SECRET_HASH_BYTES], struct slice client,
                        struct slice secret, const unsigned char key[SECRET_KEY_BYTES]) {
    // The name goes in as its own keyed hash, of fixed length: no other name and secret read the same.
    unsigned char name[SECRET_HASH_BYTES];
    crypto_generichash_state state;
    secret_hash(name, client, key);
    check(crypto_generichash_init(&state, key, SECRET_KEY_BYTES, SECRET_HASH_BYTES) == 0);
    check(crypto_generichash_update(&state, name, sizeof name) == 0);
    check(crypto_generichash_update(&state, (const unsigned char *)secret.ptr, secret.len) == 0);
    check(crypto_generichash_final(&state, out, SECRET_HASH_BYTES) == 0);
    sodium_memzero(&state, sizeof state);
}

uint64_t secret_hash_short(struct slice data, const unsigned char seed[SECRET_SEED_BYTES]) {
    uint64_t out;
    _Static_assert(crypto_shorthash_BYTES == sizeof(out), "64 bits");
    _Static_assert((int)crypto_shorthash_KEYBYTES == (int)SECRET_SEED_BYTES, "its seed");
    check(crypto_shorthash((unsigned char *)&out, (const unsigned char *)data.ptr, data.len,
                           seed) == 0);
    return out;
}

enum err_code secret_password_hash(struct slice password, char ret_hash[SECRET_PASSWORD_HASH_MAX],
                                   struct err *e) {
    if (password.len > SECRET_PASSWORD_MAX) {
        return err_field(e, ERR_LIMIT, "/password", "password is longer than %d bytes",
                         SECRET_PASSWORD_MAX);
    }
    char hash[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str_alg(hash, password.ptr == NULL ? "" : password.ptr, password.len,
                              PASSWORD_PASSES, PASSWORD_BYTES, crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return err_set(e, ERR_UNAVAILABLE, "password hash: out of memory");
    }
    memcpy(ret_hash, hash, sizeof hash);
    return ERR_OK;
}

bool secret_password_verify(const char *hash, struct slice password) {
    char text[SECRET_PASSWORD_HASH_MAX] = ""; // libsodium may read all of it
    size_t len = strnlen(hash, sizeof text);
    if (len == sizeof text) {
        return false;
    }
    memcpy(text, hash, len);
    return password.len <= SECRET_PASSWORD_MAX &&
           crypto_pwhash_str_verify(text, password.ptr == NULL ? "" : password.ptr, password.len) ==
               0;
}

void secret_password_verify_nobody(struct slice password) {
    // Well-formed, of the parameters above, and the hash of no known password.
    static const char NOBODY[] = "$argon2id$v=19$m=19456,t=2,p=1$"
                                 "AAAAAAAAAAAAAAAAAAAAAA$"
                                 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    (void)secret_password_verify(NOBODY, password);
}

void secret_seal(unsigned char *out, struct slice plain,
                 const unsigned char key[SECRET_KEY_BYTES]) {
    secret_random(out, crypto_secretbox_NONCEBYTES);
    check(crypto_secretbox_easy(out + crypto_secretbox_NONCEBYTES, (const unsigned char *)plain.ptr,
                                plain.len, out, key) == 0);
}

bool secret_unseal(unsigned char *out, struct slice sealed,
                   const unsigned char key[SECRET_KEY_BYTES]) {
    const unsigned char *p = (const unsigned char *)sealed.ptr;
    return sealed.len >= SECRET_SEAL_OVERHEAD &&
           crypto_secretbox_open_easy(out, p + crypto_secretbox_NONCEBYTES,
                                      sealed.len - crypto_secretbox_NONCEBYTES, p, key) == 0;
}
