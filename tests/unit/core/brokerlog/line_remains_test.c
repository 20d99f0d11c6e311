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

#define SESSION(id, epoch)                                                                         \
    "\"request\":{\"sessionId\":" #id ",\"sessionEpoch\":" #epoch ",\"topics\":"

static void session__is_that_of_the_request(void **state) {
    (void)state;
    line_remains_read(SLICE_LIT(HEAD(1) SESSION(2147483647, 17) "\"sessionId\":5,"), &remains);
    assert_int_equal(remains.session_id, INT32_MAX);
    assert_int_equal(remains.session_epoch, 17);
    const char *const none[] = {
        SESSION(0, -1),    SESSION(0, 0),      SESSION(7, 0),         SESSION(7, -1),
        "\"sessionId\":7", "\"sessionId\":7,", "\"sessionId\":7,\"x", SESSION(99999999999, 1),
    };
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        line_remains_read(slice_str(none[i]), &remains);
        assert_int_equal(remains.session_id, 0);
        assert_int_equal(remains.session_epoch, 0);
    }
}

static void run__is_cut_between_members(void **state) {
    (void)state;
    struct slice text = SLICE_LIT("{\"a\":\"x,\",\"principal\":\"User:a,\",\"b");
    size_t at = line_remains_cut(text);
    assert_memory_equal(text.ptr + at, ",\"b", 3);
    at = line_remains_cut(slice_of(text.ptr, at));
    assert_memory_equal(text.ptr + at, ",\"principal", 11);
    assert_int_equal(line_remains_cut(slice_of(text.ptr, at)), 0);
    assert_int_equal(line_remains_cut(SLICE_LIT("")), 0);
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
        cmocka_unit_test(session__is_that_of_the_request),
        cmocka_unit_test(run__is_cut_between_members),
        cmocka_unit_test(what_is_cut__is_not_guessed),
        cmocka_unit_test(only_fetches__are_at_risk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
