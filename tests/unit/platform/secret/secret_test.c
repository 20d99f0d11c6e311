#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/encoding.h"
#include "platform/secret/secret.h"

static int set_up(void **state) {
    (void)state;
    secret_init();
    return 0;
}

static void principal__has_fixed_form_and_differs(void **state) {
    (void)state;
    char a[PRINCIPAL_CHARS + 1];
    char b[PRINCIPAL_CHARS + 1];
    secret_principal(a);
    secret_principal(b);
    assert_int_equal(strlen(a), 27);
    assert_int_equal(strspn(a, "abcdefghijklmnopqrstuvwxyz234567"), 27);
    assert_int_equal(a[0], 'w');
    assert_string_not_equal(a, b);
    char token[SECRET_TOKEN_CHARS + 1];
    secret_token(token);
    assert_int_equal(strlen(token), 43);
}

// BLAKE2b-256 of "abc" under the key 00 01 .. 1f, computed with Python's hashlib.blake2b.
static void hash__is_keyed_blake2b(void **state) {
    (void)state;
    unsigned char key[SECRET_KEY_BYTES];
    for (size_t i = 0; i < sizeof key; i++) {
        key[i] = (unsigned char)i;
    }
    unsigned char out[SECRET_HASH_BYTES];
    secret_hash(out, SLICE_LIT("abc"), key);
    char text[2 * SECRET_HASH_BYTES + 1] = "";
    (void)hex_encode(text, out, sizeof out);
    assert_string_equal(text, "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
    unsigned char other[SECRET_HASH_BYTES];
    secret_hash(other, SLICE_LIT("abd"), key);
    assert_false(secret_equal(out, other, sizeof out));
    secret_hash(other, SLICE_LIT("abc"), key);
    assert_true(secret_equal(out, other, sizeof out));
}

static void client_hash__is_of_both_and_of_their_border(void **state) {
    (void)state;
    unsigned char key[SECRET_KEY_BYTES] = "a key", a[SECRET_HASH_BYTES], b[SECRET_HASH_BYTES];
    secret_client_hash(a, SLICE_LIT("wab"), SLICE_LIT("secret"), key);
    secret_client_hash(b, SLICE_LIT("wab"), SLICE_LIT("secret"), key);
    assert_memory_equal(a, b, sizeof a);
    secret_client_hash(b, SLICE_LIT("wac"), SLICE_LIT("secret"), key);
    assert_memory_not_equal(a, b, sizeof a);
    secret_client_hash(b, SLICE_LIT("wab"), SLICE_LIT("secreu"), key);
    assert_memory_not_equal(a, b, sizeof a);
    secret_client_hash(b, SLICE_LIT("wabs"), SLICE_LIT("ecret"), key);
    assert_memory_not_equal(a, b, sizeof a);
    secret_hash(b, SLICE_LIT("secret"), key);
    assert_memory_not_equal(a, b, sizeof a);
}

static void password__verifies_only_itself(void **state) {
    (void)state;
    char hash[SECRET_PASSWORD_HASH_MAX];
    struct err e;
    assert_int_equal(secret_password_hash(SLICE_LIT("correct horse"), hash, &e), ERR_OK);
    assert_int_equal(strncmp(hash, "$argon2id$v=19$m=19456,t=2,p=1$", 31), 0);
    assert_true(secret_password_verify(hash, SLICE_LIT("correct horse")));
    assert_false(secret_password_verify(hash, SLICE_LIT("correct horsf")));
    assert_false(secret_password_verify("not a hash", SLICE_LIT("correct horse")));
    secret_password_verify_nobody(SLICE_LIT("correct horse"));
    static char large[SECRET_PASSWORD_MAX + 1];
    memset(large, 'a', sizeof large);
    assert_int_equal(secret_password_hash(slice_of(large, SECRET_PASSWORD_MAX), hash, &e), ERR_OK);
    assert_true(secret_password_verify(hash, slice_of(large, SECRET_PASSWORD_MAX)));
    assert_int_equal(secret_password_hash(slice_of(large, sizeof large), hash, &e), ERR_LIMIT);
    assert_false(secret_password_verify(hash, slice_of(large, sizeof large)));
}

static void seal__opens_only_unchanged(void **state) {
    (void)state;
    unsigned char key[SECRET_KEY_BYTES];
    secret_random(key, sizeof key);
    unsigned char sealed[6 + SECRET_SEAL_OVERHEAD];
    unsigned char plain[6];
    secret_seal(sealed, SLICE_LIT("secret"), key);
    struct slice s = slice_of((char *)sealed, sizeof sealed);
    assert_true(secret_unseal(plain, s, key));
    assert_memory_equal(plain, "secret", 6);
    for (size_t i = 0; i < sizeof sealed; i += 5) {
        sealed[i] ^= 1;
        assert_false(secret_unseal(plain, s, key));
        sealed[i] ^= 1;
    }
    assert_false(secret_unseal(plain, slice_of(s.ptr, SECRET_SEAL_OVERHEAD - 1), key));
    key[0] ^= 1;
    assert_false(secret_unseal(plain, s, key));
}

static void key__is_read_from_hex_or_base64url(void **state) {
    (void)state;
    unsigned char a[SECRET_KEY_BYTES];
    unsigned char b[SECRET_KEY_BYTES];
    struct err e;
    assert_int_equal(
        secret_key_parse("master_key",
                         "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", a, &e),
        ERR_OK);
    assert_int_equal(
        secret_key_parse("master_key", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", b, &e),
        ERR_OK);
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(a[31], 31);
    assert_int_equal(secret_key_parse("master_key", "hunter2", b, &e), ERR_CONFIG);
    assert_string_equal(e.field, "master_key");
    assert_null(strstr(e.text, "hunter2"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(principal__has_fixed_form_and_differs),
        cmocka_unit_test(hash__is_keyed_blake2b),
        cmocka_unit_test(client_hash__is_of_both_and_of_their_border),
        cmocka_unit_test(password__verifies_only_itself),
        cmocka_unit_test(seal__opens_only_unchanged),
        cmocka_unit_test(key__is_read_from_hex_or_base64url),
    };
    return cmocka_run_group_tests_name("platform/secret", tests, set_up, NULL);
}
