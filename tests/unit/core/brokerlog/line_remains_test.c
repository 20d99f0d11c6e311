// What can be read of lines that can't be read.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/brokerlog/line_remains.h"

#define HEAD(api)                                                                                  \
    "[2026-11-22 16:00:01,234] DEBUG Completed "                                                   \
    "request:{\"requestHeader\":{\"requestApiKey\":" #api                                          \
    ",\"clientId\":\"\\\"principal\\\":\\\"User:evil\\\",\\\"recordsSizeInBytes\\\":9,\"},"
#define TAIL                                                                                       \
    "\"recordsSizeInBytes\":30}]}]},\"principal\":\"User:M\\u00fcl\\\"ler\",\"listener\":\"L\"}"
#define NAME "User:M\xc3\xbcl\"ler"
static const int64_t TIME_US = 1795363201234000;

static struct line_remains remains;

static void damaged_line__tells_who_when_and_how_much(void **state) {
    (void)state;
    line_remains_read(SLICE_LIT(HEAD(1) "\"recordsSizeInBytes\":12}garbage" TAIL), &remains);
    assert_true(remains.has_time);
    assert_int_equal(remains.time_us, TIME_US);
    assert_int_equal(remains.api_key, 1);
    assert_int_equal(remains.record_bytes, 42);
    assert_true(slice_eq_str(line_remains_principal(&remains), NAME));
    assert_true(line_remains_at_risk(&remains));
}

static void pieces__add_up(void **state) {
    (void)state;
    line_remains_read(SLICE_LIT(HEAD(1)), &remains);
    assert_int_equal(line_remains_principal(&remains).len, 0);
    line_remains_add(&remains, SLICE_LIT("\"recordsSizeInBytes\":12,"));
    line_remains_add(&remains, SLICE_LIT(TAIL));
    assert_int_equal(remains.record_bytes, 42);
    assert_int_equal(remains.api_key, 1);
    assert_true(slice_eq_str(line_remains_principal(&remains), NAME));
}

static void what_is_cut__is_not_guessed(void **state) {
    (void)state;
    line_remains_read(SLICE_LIT("\"requestApiKey\":1"), &remains); // or 10
    assert_int_equal(remains.api_key, -1);
    line_remains_read(SLICE_LIT("\"recordsSizeInBytes\":123"), &remains);
    assert_int_equal(remains.record_bytes, 0);
    line_remains_read(SLICE_LIT("\"principal\":\"User:a\\\""), &remains);
    assert_int_equal(remains.principal_len, 0);
    line_remains_read(SLICE_LIT("\"principal\":\"User:\xff\","), &remains);
    assert_int_equal(remains.principal_len, 0);
    line_remains_read(SLICE_LIT("\"recordsSizeInBytes\":99999999999999999999999,"), &remains);
    assert_int_equal(remains.record_bytes, 0);
    line_remains_read(SLICE_LIT("\"recordsSizeInBytes\":-5,"), &remains);
    assert_int_equal(remains.record_bytes, 0);
    line_remains_read(SLICE_LIT(""), &remains);
    assert_false(remains.has_time);
    assert_false(line_remains_at_risk(&remains));
    static char longest[LINE_REMAINS_PRINCIPAL_MAX + 100];
    for (size_t len = LINE_REMAINS_PRINCIPAL_MAX; len <= LINE_REMAINS_PRINCIPAL_MAX + 1; len++) {
        int n = snprintf(longest, sizeof longest, "\"principal\":\"%0*d\",", (int)len, 0);
        line_remains_read(slice_of(longest, (size_t)n), &remains);
        assert_int_equal(remains.principal_len, len > LINE_REMAINS_PRINCIPAL_MAX ? 0 : len);
    }
}

static void only_fetches__are_at_risk(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool at_risk;
    } LINES[] = {
        {HEAD(1), true},  {HEAD(78), true},    {HEAD(0) "\"recordsSizeInBytes\":1,", false},
        {HEAD(3), false}, {HEAD(10), false},   {"\"recordsSizeInBytes\":1,", true},
        {"", false},      {"anything", false}, {"\"recordsSizeInBytes\":0,", false},
    };
    for (size_t i = 0; i < sizeof LINES / sizeof *LINES; i++) {
        line_remains_read(slice_str(LINES[i].text), &remains);
        assert_int_equal(line_remains_at_risk(&remains), LINES[i].at_risk);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_line__tells_who_when_and_how_much),
        cmocka_unit_test(pieces__add_up),
        cmocka_unit_test(what_is_cut__is_not_guessed),
        cmocka_unit_test(only_fetches__are_at_risk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
