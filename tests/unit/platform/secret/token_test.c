// Tokens: our signatures against libjwt's judgement and the other way round, and every way a token
// may be wrong.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/encoding.h"
#include "platform/secret/secret.h"
#include "platform/secret/token.h"

enum { NOW_S = 1900000000 };

static struct token_key *key;
static struct token_key *other;
static char *private_pem;
static char *public_pem;

static char *pem_of(const struct token_key *k, bool public) {
    unsigned char der[TOKEN_DER_MAX];
    const unsigned char *at = der;
    size_t len = token_key_der(k, der);
    EVP_PKEY *pkey = d2i_AutoPrivateKey(NULL, &at, (long)len);
    BIO *bio = BIO_new(BIO_s_mem());
    char *text = NULL;
    assert_non_null(pkey);
    if (public) {
        assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
    } else {
        assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
    }
    long n = BIO_get_mem_data(bio, &text);
    char *copy = calloc(1, (size_t)n + 1);
    memcpy(copy, text, (size_t)n);
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return copy;
}

static int set_up(void **state) {
    (void)state;
    secret_init();
    assert_int_equal(token_key_generate(&key, NULL), ERR_OK);
    assert_int_equal(token_key_generate(&other, NULL), ERR_OK);
    private_pem = pem_of(key, false);
    public_pem = pem_of(key, true);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    token_key_free(key);
    token_key_free(other);
    free(private_pem);
    free(public_pem);
    return 0;
}

static const char *const AUDIENCES[] = {"kafka-a", "weir-api"};

static struct token_claims claims(void) {
    return (struct token_claims){.issuer = "http://issuer",
                                 .subject = "wabc",
                                 .audiences = AUDIENCES,
                                 .audiences_count = 2,
                                 .id = "id-1",
                                 .issued_s = NOW_S,
                                 .expires_s = NOW_S + 600};
}

static struct token_rule rule(void) {
    static const struct token_key *keys[1];
    keys[0] = key;
    return (struct token_rule){.keys = keys,
                               .keys_count = 1,
                               .issuer = "http://issuer",
                               .audience = "weir-api",
                               .now_s = NOW_S + 1};
}

static void sign_with(const struct token_key *k, const struct token_claims *c, struct buf *out) {
    struct err e;
    buf_init(out, TOKEN_BYTES_MAX);
    if (token_sign(k, c, out, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
}

// Header and payload as given, signed by our key through libjwt's rival: our own signer over the
// raw text. Used for headers that token_sign would never write.
static void forge(const char *header, const char *payload, struct buf *out) {
    char encoded[2048];
    struct buf real;
    struct token_claims c = claims();
    sign_with(key, &c, &real);
    buf_init(out, TOKEN_BYTES_MAX);
    buf_add(out, encoded, base64url_encode(encoded, header, strlen(header)));
    buf_add_char(out, '.');
    buf_add(out, encoded, base64url_encode(encoded, payload, strlen(payload)));
    buf_add_str(out, strrchr(real.ptr, '.'));
    buf_done(&real);
}

static enum err_code verify(const struct token_rule *r, struct slice token, struct err *e) {
    struct token_subject subject;
    return token_verify(r, token, &subject, e);
}

static void assert_refused(const struct token_rule *r, struct slice token, const char *why) {
    struct err e;
    assert_int_equal(verify(r, token, &e), ERR_UNAUTHENTICATED);
    if (strstr(e.text, why) == NULL) {
        fail_msg("refused because \"%s\", expected \"%s\"", e.text, why);
    }
}

static void verify__takes_what_was_signed(void **state) {
    (void)state;
    struct token_claims c = claims();
    struct token_rule r = rule();
    struct token_subject subject;
    struct buf token;
    sign_with(key, &c, &token);
    assert_int_equal(token_verify(&r, buf_slice(&token), &subject, NULL), ERR_OK);
    assert_string_equal(subject.subject, "wabc");
    assert_int_equal(subject.expires_s, NOW_S + 600);
    buf_done(&token);
}

static void sign__libjwt_accepts_it(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct token_claims c = claims();
        struct buf token;
        jwt_t *jwt = NULL;
        sign_with(key, &c, &token);
        assert_int_equal(
            jwt_decode(&jwt, token.ptr, (const unsigned char *)public_pem, (int)strlen(public_pem)),
            0);
        assert_int_equal(jwt_get_alg(jwt), JWT_ALG_ES256);
        assert_string_equal(jwt_get_grant(jwt, "sub"), "wabc");
        assert_int_equal(jwt_get_grant_int(jwt, "exp"), NOW_S + 600);
        jwt_free(jwt);
        token.ptr[token.len - 4] ^= 1;
        assert_int_not_equal(
            jwt_decode(&jwt, token.ptr, (const unsigned char *)public_pem, (int)strlen(public_pem)),
            0);
        buf_done(&token);
    }
}

static char *by_libjwt(jwt_alg_t alg, const char *secret) {
    jwt_t *jwt = NULL;
    assert_int_equal(jwt_new(&jwt), 0);
    jwt_add_header(jwt, "kid", token_key_id(key));
    jwt_add_header(jwt, "typ", "JWT");
    jwt_add_grant(jwt, "iss", "http://issuer");
    jwt_add_grant(jwt, "sub", "wabc");
    jwt_add_grants_json(jwt, "{\"aud\":[\"weir-api\"]}");
    jwt_add_grant_int(jwt, "iat", NOW_S);
    jwt_add_grant_int(jwt, "exp", NOW_S + 600);
    if (alg != JWT_ALG_NONE) {
        assert_int_equal(jwt_set_alg(jwt, alg, (const unsigned char *)secret, (int)strlen(secret)),
                         0);
    }
    char *token = jwt_encode_str(jwt);
    assert_non_null(token);
    jwt_free(jwt);
    return token;
}

static void verify__takes_what_libjwt_signed(void **state) {
    (void)state;
    struct token_rule r = rule();
    for (int i = 0; i < 20; i++) {
        char *token = by_libjwt(JWT_ALG_ES256, private_pem);
        struct err e;
        if (verify(&r, slice_str(token), &e) != ERR_OK) {
            fail_msg("%s", e.text);
        }
        free(token);
    }
}

// The classic confusion: an HMAC with the public key as its secret. libjwt by itself takes it.
static void verify__refuses_other_algorithms(void **state) {
    (void)state;
    struct token_rule r = rule();
    char *hmac = by_libjwt(JWT_ALG_HS256, public_pem);
    char *none = by_libjwt(JWT_ALG_NONE, NULL);
    assert_refused(&r, slice_str(hmac), "alg");
    assert_refused(&r, slice_str(none), "alg");
    free(hmac);
    free(none);
}

static void verify__refuses_wrong_claims(void **state) {
    (void)state;
    struct token_rule r = rule();
    struct token_claims c = claims();
    struct buf token;

    c.issuer = "http://issuer.evil";
    sign_with(key, &c, &token);
    assert_refused(&r, buf_slice(&token), "issued");
    buf_done(&token);

    c = claims();
    c.audiences_count = 1; // kafka-a alone: a broker's token must not open the API
    sign_with(key, &c, &token);
    assert_refused(&r, buf_slice(&token), "aud");
    buf_done(&token);

    c = claims();
    c.audiences_count = 0;
    sign_with(key, &c, &token);
    assert_refused(&r, buf_slice(&token), "aud");
    buf_done(&token);

    c = claims();
    c.subject = "";
    sign_with(key, &c, &token);
    assert_refused(&r, buf_slice(&token), "subject");
    buf_done(&token);

    c = claims();
    sign_with(key, &c, &token);
    r.now_s = NOW_S + 599;
    assert_int_equal(verify(&r, buf_slice(&token), NULL), ERR_OK);
    r.now_s = NOW_S + 600;
    assert_refused(&r, buf_slice(&token), "expired");
    r.now_s = NOW_S - TOKEN_SKEW_S;
    assert_int_equal(verify(&r, buf_slice(&token), NULL), ERR_OK);
    r.now_s = NOW_S - TOKEN_SKEW_S - 1;
    assert_refused(&r, buf_slice(&token), "future");
    buf_done(&token);
}

static void verify__refuses_wrong_headers(void **state) {
    (void)state;
    struct token_rule r = rule();
    struct buf token;
    struct {
        const char *header;
        const char *why;
    } cases[] = {
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"unknown\"}", "kid"},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\"}", "kid"},
        {"{\"alg\":\"ES256\"}", "typ"},
        {"{\"typ\":\"JWT\"}", "alg"},
        {"{\"alg\":[\"ES256\"],\"typ\":\"JWT\"}", "alg"},
        {"{\"alg\":\"ES256\",\"alg\":\"none\",\"typ\":\"JWT\"}", "header"},
        {"{\"alg\":\"ES256\",\"typ\":\"JWT\",\"crit\":[\"x\"]}", "critical"},
        {"[]", "header"},
        {"", "header"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        forge(cases[i].header, "{}", &token);
        assert_refused(&r, buf_slice(&token), cases[i].why);
        buf_done(&token);
    }
}

static void verify__refuses_changed_or_cut_tokens(void **state) {
    (void)state;
    struct token_rule r = rule();
    struct token_claims c = claims();
    struct buf token, foreign;
    sign_with(key, &c, &token);
    for (size_t len = 0; len < token.len; len++) {
        assert_int_equal(verify(&r, slice_of(token.ptr, len), NULL), ERR_UNAUTHENTICATED);
    }
    for (size_t i = 0; i + 1 < token.len; i++) {
        char was = token.ptr[i];
        token.ptr[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(verify(&r, buf_slice(&token), NULL), ERR_UNAUTHENTICATED);
        token.ptr[i] = was;
    }
    assert_int_equal(verify(&r, buf_slice(&token), NULL), ERR_OK);
    // Signed by a key that isn't ours, claiming our kid.
    sign_with(other, &c, &foreign);
    assert_refused(&r, buf_slice(&foreign), "kid");
    size_t head = (size_t)(strrchr(token.ptr, '.') - token.ptr);
    size_t foreign_head = (size_t)(strrchr(foreign.ptr, '.') - foreign.ptr);
    struct buf mixed;
    buf_init(&mixed, TOKEN_BYTES_MAX);
    buf_add(&mixed, token.ptr, head);
    buf_add_str(&mixed, foreign.ptr + foreign_head);
    assert_refused(&r, buf_slice(&mixed), "signature");
    buf_done(&mixed);
    buf_done(&foreign);
    buf_done(&token);
}

static void cache__forgets_at_expiry_and_on_demand(void **state) {
    (void)state;
    struct token_cache *cache = token_cache_new();
    struct token_rule r = rule();
    struct token_claims c = claims();
    struct token_subject subject;
    struct buf token;
    sign_with(key, &c, &token);
    assert_int_equal(token_cache_verify(cache, &r, buf_slice(&token), &subject, NULL), ERR_OK);
    // Remembered: even without any key it is known by its hash.
    r.keys_count = 0;
    memset(&subject, 0, sizeof subject);
    assert_int_equal(token_cache_verify(cache, &r, buf_slice(&token), &subject, NULL), ERR_OK);
    assert_string_equal(subject.subject, "wabc");
    r.now_s = NOW_S + 600;
    assert_int_equal(token_cache_verify(cache, &r, buf_slice(&token), &subject, NULL),
                     ERR_UNAUTHENTICATED);
    r.now_s = NOW_S + 1;
    token_cache_clear(cache);
    assert_int_equal(token_cache_verify(cache, &r, buf_slice(&token), &subject, NULL),
                     ERR_UNAUTHENTICATED);
    buf_done(&token);
    token_cache_free(cache);
}

static void key__survives_writing_and_reading(void **state) {
    (void)state;
    unsigned char der[TOKEN_DER_MAX];
    struct token_key *copy = NULL;
    size_t len = token_key_der(key, der);
    assert_int_equal(token_key_parse(slice_of((char *)der, len), &copy, NULL), ERR_OK);
    assert_string_equal(token_key_id(copy), token_key_id(key));
    token_key_free(copy);
    assert_int_equal(token_key_parse(slice_of((char *)der, len - 1), &copy, NULL), ERR_INVALID);
    EVP_PKEY *wrong = EVP_EC_gen("P-384");
    unsigned char *at = der;
    int n = i2d_PrivateKey(wrong, &at);
    assert_true(n > 0 && n <= TOKEN_DER_MAX);
    assert_int_equal(token_key_parse(slice_of((char *)der, (size_t)n), &copy, NULL), ERR_INVALID);
    EVP_PKEY_free(wrong);
}

// RFC 7638: the thumbprint is that of the members in lexical order, here as any client reckons it.
static void key__jwk_has_its_thumbprint_as_kid(void **state) {
    (void)state;
    struct buf jwk;
    buf_init(&jwk, 1024);
    token_key_jwk(key, &jwk);
    json_t *o = json_loadb(jwk.ptr, jwk.len, 0, NULL);
    assert_non_null(o);
    json_t *members = json_pack("{s:O, s:O, s:O, s:O}", "crv", json_object_get(o, "crv"), "kty",
                                json_object_get(o, "kty"), "x", json_object_get(o, "x"), "y",
                                json_object_get(o, "y"));
    char *text = json_dumps(members, JSON_COMPACT | JSON_SORT_KEYS);
    unsigned char hash[32];
    char encoded[44] = "";
    assert_int_equal(EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL), 1);
    base64url_encode(encoded, hash, sizeof hash);
    assert_string_equal(json_string_value(json_object_get(o, "kid")), encoded);
    assert_null(json_object_get(o, "d"));
    free(text);
    json_decref(members);
    json_decref(o);
    buf_done(&jwk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verify__takes_what_was_signed),
        cmocka_unit_test(sign__libjwt_accepts_it),
        cmocka_unit_test(verify__takes_what_libjwt_signed),
        cmocka_unit_test(verify__refuses_other_algorithms),
        cmocka_unit_test(verify__refuses_wrong_claims),
        cmocka_unit_test(verify__refuses_wrong_headers),
        cmocka_unit_test(verify__refuses_changed_or_cut_tokens),
        cmocka_unit_test(cache__forgets_at_expiry_and_on_demand),
        cmocka_unit_test(key__survives_writing_and_reading),
        cmocka_unit_test(key__jwk_has_its_thumbprint_as_kid),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
