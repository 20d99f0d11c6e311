// Keys on P-256: making, reading, writing, and the two forms of an ECDSA signature (DER, which
// OpenSSL speaks, and r || s, which JWS wants: RFC 7518 3.4).
#include "platform/secret/token.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/encoding.h"
#include "platform/secret/token_internal.h"

enum { DER_SIGNATURE_MAX = 80 };

struct token_key {
    EVP_PKEY *pkey;
    char x[TOKEN_COORDINATE_CHARS + 1];
    char y[TOKEN_COORDINATE_CHARS + 1];
    char id[TOKEN_KID_CHARS + 1];
};

static void coordinate(const EVP_PKEY *pkey, const char *name, char *out) {
    unsigned char bytes[TOKEN_COORDINATE_BYTES];
    BIGNUM *n = NULL;
    check(EVP_PKEY_get_bn_param(pkey, name, &n) == 1);
    check(BN_bn2binpad(n, bytes, sizeof bytes) == (int)sizeof bytes);
    BN_free(n);
    out[base64url_encode(out, bytes, sizeof bytes)] = '\0';
}

// RFC 7638: the members that define the key, in lexical order, without white space.
static void thumbprint(struct token_key *key) {
    struct buf text;
    unsigned char hash[32];
    buf_init(&text, 512);
    buf_printf(&text, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", key->x,
               key->y);
    check(EVP_Digest(text.ptr, text.len, hash, NULL, EVP_sha256(), NULL) == 1);
    key->id[base64url_encode(key->id, hash, sizeof hash)] = '\0';
    buf_done(&text);
}

static struct token_key *key_of(EVP_PKEY *pkey) {
    struct token_key *key = calloc(1, sizeof *key);
    check(key != NULL);
    key->pkey = pkey;
    coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_X, key->x);
    coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, key->y);
    thumbprint(key);
    return key;
}

enum err_code token_key_generate(struct token_key **ret, struct err *e) {
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    if (pkey == NULL) {
        return err_set(e, ERR_INTERNAL, "no key on P-256 could be made");
    }
    *ret = key_of(pkey);
    return ERR_OK;
}

enum err_code token_key_parse(struct slice der, struct token_key **ret, struct err *e) {
    const unsigned char *at = (const unsigned char *)der.ptr;
    char group[32];
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &at, (long)der.len);
    if (pkey == NULL || !EVP_PKEY_is_a(pkey, "EC") ||
        EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                       NULL) != 1 ||
        strcmp(group, "prime256v1") != 0) {
        EVP_PKEY_free(pkey);
        return err_set(e, ERR_INVALID, "not a private key on P-256");
    }
    *ret = key_of(pkey);
    return ERR_OK;
}

void token_key_free(struct token_key *key) {
    if (key == NULL) {
        return;
    }
    EVP_PKEY_free(key->pkey);
    free(key);
}

size_t token_key_der(const struct token_key *key, unsigned char out[TOKEN_DER_MAX]) {
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->pkey);
    check(info != NULL);
    int len = i2d_PKCS8_PRIV_KEY_INFO(info, NULL);
    check(len > 0 && len <= TOKEN_DER_MAX);
    unsigned char *at = out;
    check(i2d_PKCS8_PRIV_KEY_INFO(info, &at) == len);
    PKCS8_PRIV_KEY_INFO_free(info);
    return (size_t)len;
}

const char *token_key_id(const struct token_key *key) {
    return key->id;
}

void token_key_jwk(const struct token_key *key, struct buf *out) {
    buf_printf(out,
               "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\",\"y\":\"%s\",\"kid\":\"%s\","
               "\"alg\":\"ES256\",\"use\":\"sig\"}",
               key->x, key->y, key->id);
}

enum err_code token_signature_make(const struct token_key *key, struct slice text,
                                   unsigned char ret[TOKEN_SIGNATURE_BYTES], struct err *e) {
    unsigned char der[DER_SIGNATURE_MAX];
    size_t len = sizeof der;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    check(ctx != NULL);
    bool made = EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
                EVP_DigestSign(ctx, der, &len, (const unsigned char *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(ctx);
    if (!made) {
        return err_set(e, ERR_INTERNAL, "signing failed");
    }
    const unsigned char *at = der;
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)len);
    check(pair != NULL);
    check(BN_bn2binpad(ECDSA_SIG_get0_r(pair), ret, TOKEN_COORDINATE_BYTES) > 0);
    check(BN_bn2binpad(ECDSA_SIG_get0_s(pair), ret + TOKEN_COORDINATE_BYTES,
                       TOKEN_COORDINATE_BYTES) > 0);
    ECDSA_SIG_free(pair);
    return ERR_OK;
}

bool token_signature_holds(const struct token_key *key, struct slice text,
                           const unsigned char signature[TOKEN_SIGNATURE_BYTES]) {
    unsigned char der[DER_SIGNATURE_MAX];
    unsigned char *at = der;
    ECDSA_SIG *pair = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(signature, TOKEN_COORDINATE_BYTES, NULL);
    BIGNUM *s = BN_bin2bn(signature + TOKEN_COORDINATE_BYTES, TOKEN_COORDINATE_BYTES, NULL);
    check(pair != NULL && r != NULL && s != NULL);
    check(ECDSA_SIG_set0(pair, r, s) == 1);
    int len = i2d_ECDSA_SIG(pair, &at);
    ECDSA_SIG_free(pair);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    check(ctx != NULL);
    bool holds =
        len > 0 && EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
        EVP_DigestVerify(ctx, der, (size_t)len, (const unsigned char *)text.ptr, text.len) == 1;
    EVP_MD_CTX_free(ctx);
    return holds;
}
