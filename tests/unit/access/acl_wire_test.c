// Kafka's messages about ACLs, byte by byte, and answers that are none.
#include "access/acl_wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD(api) "\x00" api "\x00\x01\x00\x00\x00\x07\x00\x0bweir-access"
#define ONE_ACL "\x05\x00\x02i.\x04\x00\x06User:p\x00\x01*\x04\x03"
#define NUMBER "\x00\x00\x00\x07"
#define THROTTLE "\x00\x00\x00\x00"
#define NULL_TEXT "\xff\xff"

static const struct acl ACL = {.resource = ACL_TRANSACTIONAL_ID,
                               .pattern = ACL_PREFIXED,
                               .operation = ACL_WRITE,
                               .permission = ACL_ALLOW,
                               .name = "i.",
                               .principal = "User:p",
                               .host = "*"};

static void expect_bytes(struct buf *b, struct slice expected) {
    assert_false(b->overflow);
    size_t length = 0;
    assert_int_equal(acl_wire_length(b->ptr, 1024, &length, NULL), ERR_OK);
    assert_int_equal(length, b->len - ACL_WIRE_LENGTH_BYTES);
    assert_int_equal(length, expected.len);
    assert_memory_equal(b->ptr + ACL_WIRE_LENGTH_BYTES, expected.ptr, expected.len);
    buf_clear(b);
}

static void requests__are_kafkas(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 1024);
    acl_wire_put_handshake(&b, 7, "PLAIN");
    expect_bytes(&b, SLICE_LIT(HEAD("\x11") "\x00\x05PLAIN"));
    acl_wire_put_authenticate(&b, 7, SLICE_LIT("\0u\0p"));
    expect_bytes(&b, SLICE_LIT(HEAD("\x24") "\x00\x00\x00\x04\0u\0p"));
    acl_wire_put_describe(&b, 7, ACL_TRANSACTIONAL_ID);
    expect_bytes(&b,
                 SLICE_LIT(HEAD("\x1d") "\x05" NULL_TEXT "\x01" NULL_TEXT NULL_TEXT "\x01\x01"));
    const struct acl two[] = {ACL, ACL};
    acl_wire_put_create(&b, 7, two, 2);
    expect_bytes(&b, SLICE_LIT(HEAD("\x1e") "\x00\x00\x00\x02" ONE_ACL ONE_ACL));
    acl_wire_put_delete(&b, 7, two, 1);
    expect_bytes(&b, SLICE_LIT(HEAD("\x1f") "\x00\x00\x00\x01" ONE_ACL));
    buf_done(&b);
}

static void requests__too_long_are_marked(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 30);
    acl_wire_put_create(&b, 7, &ACL, 1);
    assert_true(b.overflow);
    buf_done(&b);
    char *name = malloc(ACL_WIRE_TEXT_MAX + 2);
    assert_non_null(name);
    memset(name, 'x', ACL_WIRE_TEXT_MAX + 1);
    name[ACL_WIRE_TEXT_MAX + 1] = '\0';
    buf_init(&b, 1 << 20);
    struct acl acl = ACL;
    acl.name = name;
    acl_wire_put_create(&b, 7, &acl, 1);
    assert_true(b.overflow);
    buf_clear(&b);
    name[ACL_WIRE_TEXT_MAX] = '\0';
    acl_wire_put_create(&b, 7, &acl, 1);
    assert_false(b.overflow);
    buf_done(&b);
    free(name);
}

static void length__has_limits(void **state) {
    (void)state;
    size_t length = 0;
    assert_int_equal(acl_wire_length("\x00\x00\x00\x04", 4, &length, NULL), ERR_OK);
    assert_int_equal(length, 4);
    assert_int_equal(acl_wire_length("\x00\x00\x00\x05", 4, &length, NULL), ERR_LIMIT);
    assert_int_equal(acl_wire_length("\x7f\xff\xff\xff", 4, &length, NULL), ERR_LIMIT);
    assert_int_equal(acl_wire_length("\x00\x00\x00\x03", 4, &length, NULL), ERR_INVALID);
    assert_int_equal(acl_wire_length("\xff\xff\xff\xff", 4, &length, NULL), ERR_INVALID);
}

enum { KINDS = 5, VERDICTS = 2 };

// Reads the answer as kind `k` of all.
static enum err_code read_as(int k, struct arena *a, struct slice answer, struct acl_list *l,
                             struct acl_wire_verdict v[VERDICTS]) {
    switch (k) {
    case 0: return acl_wire_read_handshake(answer, 7, v, NULL);
    case 1: return acl_wire_read_authenticate(a, answer, 7, v, NULL);
    case 2: return acl_wire_read_describe(a, answer, 7, l, v, NULL);
    case 3: return acl_wire_read_create(a, answer, 7, VERDICTS, v, NULL);
    default: return acl_wire_read_delete(a, answer, 7, VERDICTS, v, NULL);
    }
}

static const struct slice GOOD[KINDS] = {
    SLICE_LIT(NUMBER "\x00\x21\x00\x00\x00\x02\x00\x05PLAIN\x00\x01X"),
    SLICE_LIT(NUMBER "\x00\x3a\x00\x02no\x00\x00\x00\x01z\x00\x00\x00\x00\x00\x00\x00\x09"),
    SLICE_LIT(NUMBER THROTTLE "\x00\x00" NULL_TEXT "\x00\x00\x00\x01\x05\x00\x02i.\x04"
                              "\x00\x00\x00\x02\x00\x06User:p\x00\x01*\x04\x03"
                              "\x00\x06User:q\x00\x01*\x0f\x02"),
    SLICE_LIT(NUMBER THROTTLE "\x00\x00\x00\x02\x00\x00" NULL_TEXT "\x00\x1f\x00\x02no"),
    SLICE_LIT(NUMBER THROTTLE "\x00\x00\x00\x02\x00\x00" NULL_TEXT "\x00\x00\x00\x01"
                              "\x00\x1f\x00\x02no" ONE_ACL "\x00\x00" NULL_TEXT "\x00\x00\x00\x00"),
};

static void answers__say_what_was_done(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct acl_list l = {0};
    struct acl_wire_verdict v[KINDS][VERDICTS] = {0};
    for (int k = 0; k < KINDS; k++) {
        assert_int_equal(read_as(k, &a, GOOD[k], &l, v[k]), ERR_OK);
    }
    assert_int_equal(v[0][0].error, 33);
    assert_int_equal(v[1][0].error, 58);
    assert_string_equal(v[1][0].words, "no");
    assert_int_equal(v[2][0].error, 0);
    assert_null(v[2][0].words);
    assert_int_equal(l.count, 2);
    assert_string_equal(acl_text(&a, &l.items[0]), "allow User:p write transactional_id i.*");
    assert_string_equal(l.items[1].principal, "User:q");
    assert_int_equal(l.items[1].operation, 15);
    assert_int_equal(l.items[1].permission, ACL_DENY);
    for (int k = 3; k < KINDS; k++) {
        int refused = k == 3; // the second one; of the deletion, what the first one matched
        assert_int_equal(v[k][refused].error, 31);
        assert_string_equal(v[k][refused].words, "no");
        assert_int_equal(v[k][!refused].error, 0);
    }
    arena_done(&a);
}

static void answers__cut_short_or_with_more_behind_are_refused(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    for (int k = 0; k < KINDS; k++) {
        for (size_t len = 0; len <= GOOD[k].len + 1; len++) {
            struct acl_list l = {0};
            struct acl_wire_verdict v[VERDICTS];
            char *exact = calloc(1, len == 0 ? 1 : len); // a sanitizer sees a read past the end
            assert_non_null(exact);
            memcpy(exact, GOOD[k].ptr, len < GOOD[k].len ? len : GOOD[k].len);
            assert_int_equal(read_as(k, &a, slice_of(exact, len), &l, v),
                             len == GOOD[k].len ? ERR_OK : ERR_INVALID);
            free(exact);
        }
    }
    arena_done(&a);
}

static void answers__of_another_kind_are_refused(void **state) {
    (void)state;
    static const struct {
        int kind;
        struct slice answer;
    } cases[] = {
        // another number
        {3, SLICE_LIT("\x00\x00\x00\x08" THROTTLE "\x00\x00\x00\x02\x00\x00" NULL_TEXT
                      "\x00\x00" NULL_TEXT)},
        // fewer and more verdicts than were asked for
        {3, SLICE_LIT(NUMBER THROTTLE "\x00\x00\x00\x01\x00\x00" NULL_TEXT)},
        {3, SLICE_LIT(NUMBER THROTTLE "\x00\x00\x00\x03\x00\x00" NULL_TEXT "\x00\x00" NULL_TEXT
                                      "\x00\x00" NULL_TEXT)},
        // counts beyond what is there, and below nothing
        {2, SLICE_LIT(NUMBER THROTTLE "\x00\x00" NULL_TEXT "\x7f\xff\xff\xff")},
        {2, SLICE_LIT(NUMBER THROTTLE "\x00\x00" NULL_TEXT "\xff\xff\xff\xff")},
        {0, SLICE_LIT(NUMBER "\x00\x00\x7f\xff\xff\xff")},
        // a length below null's
        {2, SLICE_LIT(NUMBER THROTTLE "\x00\x00\xff\xfe\x00\x00\x00\x00")},
        // a name that is null, and one with a NUL in it
        {2, SLICE_LIT(NUMBER THROTTLE "\x00\x00" NULL_TEXT "\x00\x00\x00\x01\x05" NULL_TEXT
                                      "\x04\x00\x00\x00\x00")},
        {2, SLICE_LIT(NUMBER THROTTLE "\x00\x00" NULL_TEXT "\x00\x00\x00\x01\x05\x00\x02i\x00\x04"
                                      "\x00\x00\x00\x00")},
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct acl_list l = {0};
        struct acl_wire_verdict v[VERDICTS];
        assert_int_equal(read_as(cases[i].kind, &a, cases[i].answer, &l, v), ERR_INVALID);
    }
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests__are_kafkas),
        cmocka_unit_test(requests__too_long_are_marked),
        cmocka_unit_test(length__has_limits),
        cmocka_unit_test(answers__say_what_was_done),
        cmocka_unit_test(answers__cut_short_or_with_more_behind_are_refused),
        cmocka_unit_test(answers__of_another_kind_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
