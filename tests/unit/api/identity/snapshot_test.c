#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/identity/snapshot.h"
#include "base/encoding.h"

static unsigned char master[SECRET_KEY_BYTES] = "not a secret, a test's own key.";
static char dir[] = "/tmp/weir-snapshot.XXXXXX";

static int set_up(void **state) {
    (void)state;
    secret_init();
    return mkdtemp(dir) == NULL;
}

static int tear_down(void **state) {
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/clients.snapshot", dir);
    unlink(path);
    return rmdir(dir);
}

static void add_key(struct buf *out, int64_t sign_from_s, const unsigned char *with) {
    struct token_key *key = NULL;
    unsigned char der[TOKEN_DER_MAX], sealed[TOKEN_DER_MAX + SECRET_SEAL_OVERHEAD];
    unsigned char seal[SECRET_KEY_BYTES];
    char hex[sizeof sealed * 2];
    assert_int_equal(token_key_generate(&key, NULL), ERR_OK);
    size_t len = token_key_der(key, der);
    snapshot_seal_key(with, seal);
    secret_seal(sealed, slice_of((char *)der, len), seal);
    size_t n = hex_encode(hex, sealed, len + SECRET_SEAL_OVERHEAD);
    buf_printf(out, "{\"kid\":\"%s\",\"private_key\":\"%.*s\",\"sign_from_s\":%lld}",
               token_key_id(key), (int)n, hex, (long long)sign_from_s);
    token_key_free(key);
}

// Two clients, the first with two secrets of which one ends, the other as a release before wrote it;
// two keys, the second not yet signing.
static void text_of(struct buf *out, const unsigned char *with) {
    unsigned char hash[SECRET_HASH_BYTES];
    char hex[SECRET_HASH_BYTES * 2];
    buf_init(out, 65536);
    secret_hash(hash, SLICE_LIT("s1"), master);
    hex_encode(hex, hash, sizeof hash);
    buf_printf(out,
               "{\"clients\":[{\"client_id\":\"wb\",\"application_id\":"
               "\"74f0eb41-2ab9-433f-af7d-19748323b8f7\",\"org_id\":"
               "\"2b0fd3b1-669d-4aff-b6ac-f3c8ad23820e\",\"org_is_operator\":false,"
               "\"api_role\":null,\"active\":true,\"audiences\":[\"k1\",\"k2\"],"
               "\"secrets\":[{\"hash\":\"%.64s\",\"expires_s\":null}",
               hex);
    secret_client_hash(hash, SLICE_LIT("wb"), SLICE_LIT("s2"), master);
    hex_encode(hex, hash, sizeof hash);
    buf_printf(out,
               ",{\"hash\":\"%.64s\",\"hash_version\":2,\"expires_s\":1000}]},"
               "{\"client_id\":\"wa\",\"application_id\":\"74f0eb41-2ab9-433f-af7d-19748323b8f8\","
               "\"org_id\":\"2b0fd3b1-669d-4aff-b6ac-f3c8ad23820e\",\"org_is_operator\":true,"
               "\"api_role\":\"owner\",\"active\":false,\"audiences\":[],\"secrets\":[]}],"
               "\"keys\":[",
               hex);
    add_key(out, 500, with);
    buf_add_char(out, ',');
    add_key(out, 2000, with);
    buf_add_str(out, "]}");
}

static bool matches(const struct client *c, const char *secret, int64_t now_s) {
    struct client_proof proof;
    snapshot_proof_make(&proof, c->id, secret, master);
    return snapshot_secret_matches(c, &proof, now_s);
}

static void parse__finds_clients_and_their_secrets(void **state) {
    (void)state;
    struct buf text;
    struct snapshot *s = NULL;
    struct err e;
    text_of(&text, master);
    if (snapshot_parse(buf_slice(&text), master, &s, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
    const struct client *c = snapshot_client(s, "wb");
    assert_non_null(c);
    assert_true(c->active);
    assert_false(c->has_role);
    assert_int_equal(c->audiences_count, 2);
    assert_string_equal(c->audiences[1], "k2");
    assert_true(matches(c, "s1", 5000));
    assert_true(matches(c, "s2", 999));
    assert_false(matches(c, "s2", 1000));
    assert_false(matches(c, "s3", 0));
    c = snapshot_client(s, "wa");
    assert_non_null(c);
    assert_false(c->active);
    assert_true(c->is_operator && c->has_role && c->role == ROLE_OWNER);
    assert_false(matches(c, "s1", 0));
    assert_null(snapshot_client(s, "wc"));
    assert_null(snapshot_client(NULL, "wa"));
    snapshot_unref(s);
    buf_done(&text);
}

static void secret__a_hash_copied_to_another_client_opens_nothing(void **state) {
    (void)state;
    struct client victim = {.id = "wv", .secrets_count = 1};
    victim.secrets[0] = (struct client_secret){.kind = CLIENT_HASH_BOUND, .expires_s = INT64_MAX};
    secret_client_hash(victim.secrets[0].hash, SLICE_LIT("thief"), SLICE_LIT("known"), master);
    assert_false(matches(&victim, "known", 0));
    // Nor does a hash of the one kind pass for the other.
    secret_hash(victim.secrets[0].hash, SLICE_LIT("known"), master);
    assert_false(matches(&victim, "known", 0));
    secret_client_hash(victim.secrets[0].hash, SLICE_LIT("wv"), SLICE_LIT("known"), master);
    assert_true(matches(&victim, "known", 0));
    victim.secrets[0].kind = CLIENT_HASH_ALONE;
    assert_false(matches(&victim, "known", 0));
}

static void keys__the_next_is_published_before_it_signs(void **state) {
    (void)state;
    struct buf text;
    struct snapshot *s = NULL;
    size_t count;
    text_of(&text, master);
    assert_int_equal(snapshot_parse(buf_slice(&text), master, &s, NULL), ERR_OK);
    const struct token_key *const *keys = snapshot_keys(s, &count);
    assert_int_equal(count, 2);
    assert_null(snapshot_signer(s, 499));
    assert_ptr_equal(snapshot_signer(s, 500), keys[0]);
    assert_ptr_equal(snapshot_signer(s, 1999), keys[0]);
    assert_ptr_equal(snapshot_signer(s, 2000), keys[1]);
    assert_int_equal(snapshot_newest_key_s(s), 2000);
    snapshot_unref(s);
    buf_done(&text);
}

static void parse__another_master_key_is_a_setting_at_fault(void **state) {
    (void)state;
    unsigned char wrong[SECRET_KEY_BYTES] = "another one";
    struct buf text;
    struct snapshot *s = NULL;
    struct err e;
    text_of(&text, wrong);
    assert_int_equal(snapshot_parse(buf_slice(&text), master, &s, &e), ERR_CONFIG);
    assert_string_equal(e.field, "master_key");
    assert_null(s);
    buf_done(&text);
}

#define UNKNOWN_HASH                                                                               \
    "{\"clients\":[{\"client_id\":\"wb\",\"application_id\":"                                      \
    "\"74f0eb41-2ab9-433f-af7d-19748323b8f7\",\"org_id\":"                                         \
    "\"2b0fd3b1-669d-4aff-b6ac-f3c8ad23820e\",\"secrets\":[{\"hash\":"                             \
    "\"0000000000000000000000000000000000000000000000000000000000000000\","                        \
    "\"hash_version\":3}]}],\"keys\":[]}"

static void parse__refuses_what_is_malformed(void **state) {
    (void)state;
    static const char *const CASES[] = {"",
                                        "[]",
                                        "{}",
                                        "{\"clients\":[],\"keys\":{}}",
                                        "{\"clients\":[{}],\"keys\":[]}",
                                        UNKNOWN_HASH,
                                        "{\"clients\":[],\"keys\":[{\"private_key\":\"00\"}]}"};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct snapshot *s = NULL;
        assert_int_not_equal(snapshot_parse(slice_str(CASES[i]), master, &s, NULL), ERR_OK);
        assert_null(s);
    }
}

static void file__comes_back_as_it_was(void **state) {
    (void)state;
    struct buf text;
    struct snapshot *s = NULL;
    struct err e;
    text_of(&text, master);
    assert_int_equal(snapshot_load(dir, master, &s, &e), ERR_NOT_FOUND);
    assert_int_equal(snapshot_save(dir, buf_slice(&text), master, &e), ERR_OK);
    assert_int_equal(snapshot_save(dir, buf_slice(&text), master, &e), ERR_OK);
    assert_int_equal(snapshot_load(dir, master, &s, &e), ERR_OK);
    assert_non_null(snapshot_client(s, "wb"));
    snapshot_unref(s);
    buf_done(&text);
}

static void file__one_that_was_changed_is_refused(void **state) {
    (void)state;
    char path[128];
    struct buf text;
    struct snapshot *s = NULL;
    struct err e;
    text_of(&text, master);
    assert_int_equal(snapshot_save(dir, buf_slice(&text), master, &e), ERR_OK);
    snprintf(path, sizeof path, "%s/clients.snapshot", dir);
    FILE *f = fopen(path, "r+b");
    assert_non_null(f);
    assert_int_equal(fseek(f, 200, SEEK_SET), 0);
    int c = fgetc(f);
    assert_int_equal(fseek(f, 200, SEEK_SET), 0);
    fputc(c ^ 1, f);
    fclose(f);
    assert_int_equal(snapshot_load(dir, master, &s, &e), ERR_INVALID);
    assert_null(s);
    buf_done(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__finds_clients_and_their_secrets),
        cmocka_unit_test(secret__a_hash_copied_to_another_client_opens_nothing),
        cmocka_unit_test(keys__the_next_is_published_before_it_signs),
        cmocka_unit_test(parse__another_master_key_is_a_setting_at_fault),
        cmocka_unit_test(parse__refuses_what_is_malformed),
        cmocka_unit_test(file__comes_back_as_it_was),
        cmocka_unit_test(file__one_that_was_changed_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
