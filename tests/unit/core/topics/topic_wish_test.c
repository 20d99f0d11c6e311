// Which topics a provider may have, and when a topic that is there is the one wished for.
#include "core/topics/topic_wish.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct topic_limits LIMITS = {
    .prefix = {"acme.", 5},
    .max = {.partitions = 12, .retention_ms = 604800000, .message_bytes = 1048576}};
static const struct topic_size LARGEST = {12, 604800000, 1048576};

static void refused(const char *name, struct topic_size size, enum err_code code,
                    const char *field) {
    struct err e;
    const struct topic_wish wish = {slice_str(name), size};
    assert_int_equal(topic_wish_check(&wish, &LIMITS, &e), code);
    assert_string_equal(e.field, field);
}

static void check__takes_what_is_within_the_limits(void **state) {
    (void)state;
    char longest[250];
    memset(longest, 'a', sizeof longest - 1);
    memcpy(longest, "acme.", 5);
    longest[249] = '\0';
    const char *const names[] = {"acme.a", "acme.A-b_c.9", "acme..", longest};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct topic_wish wish = {slice_str(names[i]), LARGEST};
        assert_int_equal(topic_wish_check(&wish, &LIMITS, NULL), ERR_OK);
        const struct topic_wish least = {slice_str(names[i]), {1, 1, 1}};
        assert_int_equal(topic_wish_check(&least, &LIMITS, NULL), ERR_OK);
    }
}

static void check__names_the_name(void **state) {
    (void)state;
    char too_long[251];
    memset(too_long, 'a', sizeof too_long - 1);
    memcpy(too_long, "acme.", 5);
    too_long[250] = '\0';
    const char *const invalid[] = {"",         "acme.a b", "acme.a/b", "acme.\xc3\xa4",
                                   "acme.a\n", too_long};
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        refused(invalid[i], LARGEST, ERR_INVALID, "/name");
    }
    const char *const others[] = {".", "..", "acme", "acme.", "acmee.a", "Acme.a", "weir.a"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        refused(others[i], LARGEST, ERR_DENIED, "/name");
    }
    struct topic_limits none = LIMITS;
    none.prefix = (struct slice){0};
    const struct topic_wish wish = {SLICE_LIT("acme.a"), LARGEST};
    assert_int_equal(topic_wish_check(&wish, &none, NULL), ERR_DENIED);
}

static void check__names_the_size_at_fault(void **state) {
    (void)state;
    refused("acme.a", (struct topic_size){13, 1, 1}, ERR_LIMIT, "/partitions");
    refused("acme.a", (struct topic_size){1, 604800001, 1}, ERR_LIMIT, "/retention_ms");
    refused("acme.a", (struct topic_size){1, 1, 1048577}, ERR_LIMIT, "/max_message_bytes");
    refused("acme.a", (struct topic_size){INT64_MAX, 1, 1}, ERR_LIMIT, "/partitions");
    refused("acme.a", (struct topic_size){0, 1, 1}, ERR_INVALID, "/partitions");
    refused("acme.a", (struct topic_size){1, -1, 1}, ERR_INVALID, "/retention_ms");
    refused("acme.a", (struct topic_size){1, 1, INT64_MIN}, ERR_INVALID, "/max_message_bytes");
}

static void fits__only_what_was_wished_for(void **state) {
    (void)state;
    const struct topic_wish wish = {SLICE_LIT("acme.a"), {2, 1000, 100}};
    const struct topic_found same = {{2, 1000, 100}, true};
    assert_int_equal(topic_wish_fits(&wish, &same, NULL), ERR_OK);
    const struct {
        struct topic_found found;
        const char *field;
    } others[] = {
        {{{3, 1000, 100}, true}, "/partitions"},
        {{{2, -1, 100}, true}, "/retention_ms"},
        {{{2, 1000, 101}, true}, "/max_message_bytes"},
        {{{2, 1000, 100}, false}, "/name"},
        {{{0, 0, 0}, false}, "/partitions"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct err e;
        assert_int_equal(topic_wish_fits(&wish, &others[i].found, &e), ERR_CONFLICT);
        assert_string_equal(e.field, others[i].field);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check__takes_what_is_within_the_limits),
        cmocka_unit_test(check__names_the_name),
        cmocka_unit_test(check__names_the_size_at_fault),
        cmocka_unit_test(fits__only_what_was_wished_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
