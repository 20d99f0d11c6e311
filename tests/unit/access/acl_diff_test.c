// The difference between wanted and found ACLs, and which of them are Weir's.
#include "access/acl_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ONE "wabcdefghijklmnopqrstuvwxyz"
#define TWO "w234567abcdefghijklmnopqrst"

static void found(struct arena *a, struct acl_list *l, const char *principal, int resource,
                  int pattern, const char *name, int operation, int permission) {
    struct acl acl = {resource, pattern, operation, permission, name, principal, "*"};
    assert_int_equal(acl_list_add(a, l, &acl, NULL), ERR_OK);
}

static void principal__only_the_issued_shape_is_ours(void **state) {
    (void)state;
    assert_true(acl_principal_is_issued("User:" ONE));
    assert_true(acl_principal_is_issued("User:" TWO));
    assert_false(acl_principal_is_issued(ONE));
    assert_false(acl_principal_is_issued("User:" ONE "a"));
    assert_false(acl_principal_is_issued("User:wabcdefghijklmnopqrstuvwxy"));
    assert_false(acl_principal_is_issued("User:wabcdefghijklmnopqrstuvwx1z"));
    assert_false(acl_principal_is_issued("User:Wabcdefghijklmnopqrstuvwxyz"));
    assert_false(acl_principal_is_issued("User:weir-tap"));
    assert_false(acl_principal_is_issued("User:CN=orders,O=acme"));
    assert_false(acl_principal_is_issued("Group:" ONE));
}

static void compare__nothing_to_do_when_equal(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct acl_list wanted = {0};
    struct acl_list there = {0};
    assert_int_equal(acl_want_consumer(&a, &wanted, ONE, "acme.ticks", NULL), ERR_OK);
    assert_int_equal(acl_want_producer(&a, &wanted, TWO, "acme.", NULL), ERR_OK);
    found(&a, &there, "User:" TWO, ACL_TOPIC, ACL_PREFIXED, "acme.", ACL_DESCRIBE, ACL_ALLOW);
    found(&a, &there, "User:" TWO, ACL_TOPIC, ACL_PREFIXED, "acme.", ACL_WRITE, ACL_ALLOW);
    found(&a, &there, "User:" ONE, ACL_GROUP, ACL_PREFIXED, ONE ".", ACL_READ, ACL_ALLOW);
    found(&a, &there, "User:" ONE, ACL_TOPIC, ACL_LITERAL, "acme.ticks", ACL_READ, ACL_ALLOW);
    found(&a, &there, "User:" TWO, ACL_TRANSACTIONAL_ID, ACL_PREFIXED, TWO ".", ACL_DESCRIBE,
          ACL_ALLOW);
    found(&a, &there, "User:" TWO, ACL_TRANSACTIONAL_ID, ACL_PREFIXED, TWO ".", ACL_WRITE,
          ACL_ALLOW);
    struct acl_diff diff;
    acl_compare(&a, &wanted, &there, &diff);
    assert_int_equal(diff.wanted, 6);
    assert_int_equal(diff.missing.count, 0);
    assert_int_equal(diff.superfluous.count, 0);
    assert_int_equal(diff.foreign, 0);
    arena_done(&a);
}

static void compare__kinds_that_weir_never_makes_are_foreign(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    static const struct {
        int resource, pattern, operation;
    } odd[] = {
        {5, ACL_LITERAL, ACL_WRITE},          // transactional id
        {5, ACL_LITERAL, 15},                 // TWO_PHASE_COMMIT
        {6, ACL_LITERAL, ACL_DESCRIBE},       // delegation token
        {7, ACL_LITERAL, 13},                 // user, CREATE_TOKENS
        {4, ACL_LITERAL, 12},                 // cluster, IDEMPOTENT_WRITE
        {ACL_UNNAMED, ACL_LITERAL, ACL_READ}, // what the client library doesn't know
        {ACL_UNNAMED, ACL_LITERAL, ACL_READ}, // another that looks the same
        {ACL_TOPIC, 0, ACL_READ},             //
        {ACL_TOPIC, ACL_LITERAL, 0},          //
        {ACL_TOPIC, ACL_LITERAL, 14},         // DESCRIBE_TOKENS
        {INT8_MAX, ACL_PREFIXED, INT8_MAX},   // a Kafka of the future
        {-1, -1, -1},                         //
    };
    struct acl_list wanted = {0};
    struct acl_list there = {0};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        found(&a, &there, "User:" ONE, odd[i].resource, odd[i].pattern, "x", odd[i].operation,
              ACL_ALLOW);
    }
    found(&a, &there, "User:" ONE, ACL_TOPIC, ACL_LITERAL, "x", ACL_ALL, ACL_ALLOW);
    struct acl_diff diff;
    acl_compare(&a, &wanted, &there, &diff);
    assert_int_equal(diff.foreign, sizeof odd / sizeof *odd);
    assert_int_equal(diff.unnamed, 2);
    assert_int_equal(diff.superfluous.count, 1);
    assert_int_equal(diff.superfluous.items[0].operation, ACL_ALL);
    arena_done(&a);
}

static void compare__a_producers_right_to_create_is_taken_back(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct acl_list wanted = {0};
    struct acl_list there = {0};
    assert_int_equal(acl_want_producer(&a, &wanted, TWO, "acme.", NULL), ERR_OK);
    found(&a, &there, "User:" TWO, ACL_TOPIC, ACL_PREFIXED, "acme.", ACL_DESCRIBE, ACL_ALLOW);
    found(&a, &there, "User:" TWO, ACL_TOPIC, ACL_PREFIXED, "acme.", ACL_CREATE, ACL_ALLOW);
    found(&a, &there, "User:" TWO, ACL_TOPIC, ACL_PREFIXED, "acme.", ACL_WRITE, ACL_ALLOW);
    assert_int_equal(acl_list_take(&a, &wanted, ACL_TRANSACTIONAL_ID).count, 2);
    struct acl_diff diff;
    acl_compare(&a, &wanted, &there, &diff);
    assert_int_equal(diff.missing.count, 0);
    assert_int_equal(diff.superfluous.count, 1);
    assert_int_equal(diff.superfluous.items[0].operation, ACL_CREATE);
    arena_done(&a);
}

static void compare__of_transactional_ids_only_what_weir_gives_is_ours(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    static const struct acl others[] = {
        {ACL_TRANSACTIONAL_ID, ACL_LITERAL, ACL_WRITE, ACL_ALLOW, ONE ".", "User:" ONE, "*"},
        {ACL_TRANSACTIONAL_ID, ACL_PREFIXED, ACL_WRITE, ACL_DENY, ONE ".", "User:" ONE, "*"},
        {ACL_TRANSACTIONAL_ID, ACL_PREFIXED, ACL_ALL, ACL_ALLOW, ONE ".", "User:" ONE, "*"},
        {ACL_TRANSACTIONAL_ID, ACL_PREFIXED, ACL_WRITE, ACL_ALLOW, ONE, "User:" ONE, "*"},
        {ACL_TRANSACTIONAL_ID, ACL_PREFIXED, ACL_WRITE, ACL_ALLOW, ONE ".x", "User:" ONE, "*"},
        {ACL_TRANSACTIONAL_ID, ACL_PREFIXED, ACL_WRITE, ACL_ALLOW, TWO ".", "User:" ONE, "*"},
        {ACL_TRANSACTIONAL_ID, ACL_PREFIXED, ACL_WRITE, ACL_ALLOW, "", "User:" ONE, "*"},
        {ACL_TRANSACTIONAL_ID, ACL_PREFIXED, ACL_WRITE, ACL_ALLOW, ONE ".", "User:" ONE, "::1"},
        {ACL_TRANSACTIONAL_ID, ACL_PREFIXED, ACL_WRITE, ACL_ALLOW, "me.", "User:me", "*"},
        {ACL_TRANSACTIONAL_ID, ACL_PREFIXED, ACL_WRITE, ACL_ALLOW, "", "", "*"},
    };
    struct acl_list wanted = {0};
    struct acl_list there = {0};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(acl_list_add(&a, &there, &others[i], NULL), ERR_OK);
    }
    assert_int_equal(acl_want_producer(&a, &there, TWO, "acme.", NULL), ERR_OK);
    there = acl_list_take(&a, &there, ACL_TRANSACTIONAL_ID);
    struct acl_diff diff;
    acl_compare(&a, &wanted, &there, &diff);
    assert_int_equal(diff.foreign, sizeof others / sizeof *others);
    assert_int_equal(diff.superfluous.count, 2);
    assert_string_equal(acl_text(&a, &diff.superfluous.items[0]),
                        "allow User:" TWO " write transactional_id " TWO ".*");
    assert_string_equal(acl_text(&a, &diff.superfluous.items[1]),
                        "allow User:" TWO " describe transactional_id " TWO ".*");
    arena_done(&a);
}

static void compare__two_topics_of_one_principal_share_the_group(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct acl_list wanted = {0};
    struct acl_list there = {0};
    assert_int_equal(acl_want_consumer(&a, &wanted, ONE, "acme.ticks", NULL), ERR_OK);
    assert_int_equal(acl_want_consumer(&a, &wanted, ONE, "acme.books", NULL), ERR_OK);
    struct acl_diff diff;
    acl_compare(&a, &wanted, &there, &diff);
    assert_int_equal(diff.wanted, 3);
    assert_int_equal(diff.missing.count, 3);
    assert_string_equal(acl_text(&a, &diff.missing.items[0]),
                        "allow User:" ONE " read topic acme.books");
    assert_string_equal(acl_text(&a, &diff.missing.items[1]),
                        "allow User:" ONE " read topic acme.ticks");
    assert_string_equal(acl_text(&a, &diff.missing.items[2]),
                        "allow User:" ONE " read group " ONE ".*");
    arena_done(&a);
}

static void compare__takes_away_what_is_ours_and_leaves_the_rest(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct acl_list wanted = {0};
    struct acl_list there = {0};
    found(&a, &there, "User:" ONE, ACL_TOPIC, ACL_LITERAL, "acme.ticks", ACL_READ, ACL_ALLOW);
    found(&a, &there, "User:" ONE, ACL_TOPIC, ACL_LITERAL, "acme.ticks", ACL_READ, ACL_DENY);
    found(&a, &there, "User:legacy", ACL_TOPIC, ACL_LITERAL, "acme.ticks", ACL_READ, ACL_ALLOW);
    found(&a, &there, "User:*", ACL_TOPIC, ACL_LITERAL, "acme.ticks", ACL_READ, ACL_ALLOW);
    struct acl_diff diff;
    acl_compare(&a, &wanted, &there, &diff);
    assert_int_equal(diff.missing.count, 0);
    assert_int_equal(diff.superfluous.count, 1);
    assert_string_equal(acl_text(&a, &diff.superfluous.items[0]),
                        "allow User:" ONE " read topic acme.ticks");
    assert_int_equal(diff.foreign, 3);
    arena_done(&a);
}

static void compare__a_prefixed_grant_is_not_the_literal_one(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct acl_list wanted = {0};
    struct acl_list there = {0};
    assert_int_equal(acl_want_consumer(&a, &wanted, ONE, "acme.ticks", NULL), ERR_OK);
    found(&a, &there, "User:" ONE, ACL_TOPIC, ACL_PREFIXED, "acme.ticks", ACL_READ, ACL_ALLOW);
    found(&a, &there, "User:" ONE, ACL_GROUP, ACL_PREFIXED, ONE ".", ACL_READ, ACL_ALLOW);
    struct acl_diff diff;
    acl_compare(&a, &wanted, &there, &diff);
    assert_int_equal(diff.missing.count, 1);
    assert_int_equal(diff.missing.items[0].pattern, ACL_LITERAL);
    assert_int_equal(diff.superfluous.count, 1);
    assert_int_equal(diff.superfluous.items[0].pattern, ACL_PREFIXED);
    arena_done(&a);
}

static void compare__a_thousand_principals_change_by_difference(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct acl_list wanted = {0};
    struct acl_list there = {0};
    for (int i = 0; i < 1000; i++) {
        char principal[28] = "waaaaaaaaaaaaaaaaaaaaaaaaaa";
        for (int digit = 0, rest = i; digit < 3; digit++, rest /= 26) {
            principal[24 + digit] = (char)('a' + rest % 26);
        }
        if (i >= 10) { // the first ten are gone
            assert_int_equal(acl_want_consumer(&a, &wanted, principal, "t", NULL), ERR_OK);
        }
        if (i < 990) { // the last ten are new
            assert_int_equal(acl_want_consumer(&a, &there, principal, "t", NULL), ERR_OK);
        }
    }
    struct acl_diff diff;
    acl_compare(&a, &wanted, &there, &diff);
    assert_int_equal(diff.wanted, 1980);
    assert_int_equal(diff.missing.count, 20);
    assert_int_equal(diff.superfluous.count, 20);
    assert_int_equal(diff.foreign, 0);
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(principal__only_the_issued_shape_is_ours),
        cmocka_unit_test(compare__nothing_to_do_when_equal),
        cmocka_unit_test(compare__kinds_that_weir_never_makes_are_foreign),
        cmocka_unit_test(compare__a_producers_right_to_create_is_taken_back),
        cmocka_unit_test(compare__of_transactional_ids_only_what_weir_gives_is_ours),
        cmocka_unit_test(compare__two_topics_of_one_principal_share_the_group),
        cmocka_unit_test(compare__takes_away_what_is_ours_and_leaves_the_rest),
        cmocka_unit_test(compare__a_prefixed_grant_is_not_the_literal_one),
        cmocka_unit_test(compare__a_thousand_principals_change_by_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
