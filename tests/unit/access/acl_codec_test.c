// Requests byte by byte as Kafka's protocol guide lays them out, and answers of brokers, right and wrong.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "access/acl_codec.h"

enum { NUMBER = 7 };

static const struct acl ID = {
    .resource = ACL_TRANSACTIONAL_ID,
    .pattern = ACL_PREFIXED,
    .operation = ACL_WRITE,
    .permission = ACL_ALLOW,
    .name = "w1.",
    .principal = "User:w1",
    .host = "*",
};

#define HEADER(length, key) "\0\0\0" length "\0" key "\0\1\0\0\0\7\0\013weir-access"

static void expect(struct buf *b, const char *bytes, size_t count) {
    acl_codec_end(b);
    assert_int_equal(b->len, count);
    assert_memory_equal(b->ptr, bytes, count);
    buf_done(b);
}

static void begin(struct buf *b, int key) {
    buf_init(b, 4096);
    acl_codec_begin(b, key, NUMBER);
}

static void requests__are_laid_out_as_the_protocol_says(void **state) {
    (void)state;
    struct buf b;
    static const char HANDSHAKE[] = HEADER("\034", "\021") "\0\5PLAIN";
    begin(&b, ACL_CODEC_SASL_HANDSHAKE);
    acl_codec_add_mechanism(&b, "PLAIN");
    expect(&b, HANDSHAKE, sizeof HANDSHAKE - 1);

    static const char PLAIN[] = HEADER("\036", "\044") "\0\0\0\5\0u\0pw";
    begin(&b, ACL_CODEC_SASL_AUTHENTICATE);
    acl_codec_add_plain(&b, "u", "pw");
    expect(&b, PLAIN, sizeof PLAIN - 1);

    static const char DESCRIBE[] = HEADER("\037", "\035") "\5\377\377\1\377\377\377\377\1\1";
    begin(&b, ACL_CODEC_DESCRIBE);
    acl_codec_add_describe(&b, ACL_TRANSACTIONAL_ID);
    expect(&b, DESCRIBE, sizeof DESCRIBE - 1);

    static const char CREATE[] = HEADER("\056", "\036") "\0\0\0\1\5\0\3w1.\4\0\7User:w1\0\1*\4\3";
    begin(&b, ACL_CODEC_CREATE);
    acl_codec_add_create(&b, &ID, 1);
    expect(&b, CREATE, sizeof CREATE - 1);

    static const char DELETE[] = HEADER("\056", "\037") "\0\0\0\1\5\0\3w1.\4\0\7User:w1\0\1*\4\3";
    begin(&b, ACL_CODEC_DELETE);
    acl_codec_add_delete(&b, &ID, 1);
    expect(&b, DELETE, sizeof DELETE - 1);
}

#define DESCRIBED                                                                                  \
    "\0\0\0\7\0\0\0\0\0\0\377\377\0\0\0\1\5\0\3w1.\4\0\0\0\2\0\7User:w1\0\1*\4\3\0\7User:w2\0\1*"  \
    "\10\2"

static void described__gives_each_acl(void **state) {
    (void)state;
    static const char ANSWER[] = DESCRIBED;
    struct arena a;
    struct acl_list l = {0};
    struct err e;
    arena_init(&a);
    assert_int_equal(
        acl_codec_read_described(slice_of(ANSWER, sizeof ANSWER - 1), NUMBER, &a, &l, &e), ERR_OK);
    assert_int_equal(l.count, 2);
    assert_int_equal(l.items[0].resource, ACL_TRANSACTIONAL_ID);
    assert_string_equal(l.items[0].name, "w1.");
    assert_int_equal(l.items[0].pattern, ACL_PREFIXED);
    assert_string_equal(l.items[1].principal, "User:w2");
    assert_int_equal(l.items[1].operation, ACL_DESCRIBE);
    assert_int_equal(l.items[1].permission, ACL_DENY);
    // Of another request, and every shorter one.
    assert_int_equal(
        acl_codec_read_described(slice_of(ANSWER, sizeof ANSWER - 1), NUMBER + 1, &a, &l, &e),
        ERR_INTERNAL);
    for (size_t len = 0; len + 1 < sizeof ANSWER; len++) {
        l.count = 0;
        assert_int_equal(acl_codec_read_described(slice_of(ANSWER, len), NUMBER, &a, &l, &e),
                         ERR_INTERNAL);
    }
    arena_done(&a);
}

static void refusals__have_their_kind_and_the_brokers_words(void **state) {
    (void)state;
    static const char DENIED[] = "\0\0\0\7\0\0\0\0\0\037\0\2no\0\0\0\0";
    static const char WRONG[] = "\0\0\0\7\0\072\0\5wrong\0\0\0\0";
    static const char UNKNOWN[] = "\0\0\0\7\0\041\0\0\0\1\0\5SCRAM";
    struct arena a;
    struct acl_list l = {0};
    struct err e;
    arena_init(&a);
    assert_int_equal(
        acl_codec_read_described(slice_of(DENIED, sizeof DENIED - 1), NUMBER, &a, &l, &e),
        ERR_DENIED);
    assert_non_null(strstr(e.text, "error 31 of the broker: no"));
    assert_int_equal(acl_codec_read_sasl(slice_of(WRONG, sizeof WRONG - 1),
                                         ACL_CODEC_SASL_AUTHENTICATE, NUMBER, &e),
                     ERR_DENIED);
    assert_non_null(strstr(e.text, "wrong"));
    assert_int_equal(acl_codec_read_sasl(slice_of(UNKNOWN, sizeof UNKNOWN - 1),
                                         ACL_CODEC_SASL_HANDSHAKE, NUMBER, &e),
                     ERR_INTERNAL);
    arena_done(&a);
}

static void changes__are_confirmed_one_by_one(void **state) {
    (void)state;
    static const char CREATED[] = "\0\0\0\7\0\0\0\0\0\0\0\3\0\0\377\377\0\052\0\3bad\0\0\377\377";
    static const char DELETED[] =
        "\0\0\0\7\0\0\0\0\0\0\0\2\0\0\377\377\0\0\0\1\0\0\377\377\5\0\3w1.\4"
        "\0\7User:w1\0\1*\4\3\0\0\377\377\0\0\0\0";
    bool done[3] = {false};
    struct err e;
    assert_int_equal(
        acl_codec_read_created(slice_of(CREATED, sizeof CREATED - 1), NUMBER, 3, done, &e),
        ERR_INVALID);
    assert_true(done[0] && !done[1] && done[2]);
    memset(done, 0, sizeof done);
    assert_int_equal(
        acl_codec_read_deleted(slice_of(DELETED, sizeof DELETED - 1), NUMBER, 2, done, &e), ERR_OK);
    // One that was gone already is done, too.
    assert_true(done[0] && done[1]);
    // Another number of answers than of requests is no answer.
    assert_int_equal(
        acl_codec_read_deleted(slice_of(DELETED, sizeof DELETED - 1), NUMBER, 3, done, &e),
        ERR_INTERNAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests__are_laid_out_as_the_protocol_says),
        cmocka_unit_test(described__gives_each_acl),
        cmocka_unit_test(refusals__have_their_kind_and_the_brokers_words),
        cmocka_unit_test(changes__are_confirmed_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
