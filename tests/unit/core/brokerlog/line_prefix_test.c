// What stands in front of a line's JSON: time, level, marker.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/brokerlog/line_prefix.h"

#define TIME "[2026-11-22 16:00:01,234]"
static const int64_t TIME_US = 1795363201234000;

static void time__is_read_strictly(void **state) {
    (void)state;
    int64_t us;
    assert_true(line_prefix_time(SLICE_LIT(TIME " DEBUG x"), &us));
    assert_int_equal(us, TIME_US);
    const char *bad[] = {
        "",
        TIME,
        "[2026-13-22 16:00:01,234] ",
        "[2026-02-29 16:00:01,234] ",
        "[2026-11-22 24:00:01,234] ",
        "[2026-11-22 16:00:60,234] ", // Java's clock has no leap seconds
        "[2026-11-22T16:00:01,234] ",
        "[2026-11-22 16:00:01.234] ",
        "[2026-11-2x 16:00:01,234] ",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(line_prefix_time(slice_str(bad[i]), &us));
    }
}

static void json__is_what_stands_between_marker_and_logger(void **state) {
    (void)state;
    int64_t us;
    struct slice json;
    assert_true(line_prefix_split(
        SLICE_LIT(TIME " DEBUG Completed request:{\"a\":1} (kafka.request.logger)"), &us, &json));
    assert_int_equal(us, TIME_US);
    assert_true(slice_eq_str(json, "{\"a\":1}"));
    assert_true(line_prefix_split(SLICE_LIT(TIME " DEBUG Completed request:{"), &us, &json));
    assert_true(slice_eq_str(json, "{"));
    assert_false(line_prefix_split(SLICE_LIT(TIME " DEBUG Completed request:"), &us, &json));
    assert_false(line_prefix_split(SLICE_LIT(TIME " INFO Completed request:{}"), &us, &json));
}

static void last_prefix__is_found_behind_a_torn_line(void **state) {
    (void)state;
    struct slice torn = SLICE_LIT("[2026-11-22 16" TIME " DEBUG Completed request:{}[");
    assert_int_equal(line_prefix_last(torn, torn.len), 14);
    assert_int_equal(line_prefix_last(torn, 14), 0);
    struct slice whole = SLICE_LIT(TIME " DEBUG Completed request:{}");
    assert_int_equal(line_prefix_last(whole, whole.len), 0);
}

static void other_text__is_no_cut_request(void **state) {
    (void)state;
    assert_true(line_prefix_is_other(SLICE_LIT(TIME " WARN something else")));
    const char *not_other[] = {
        "",
        TIME,
        TIME " ",
        TIME " DEBUG",
        TIME " DEBUG ",
        TIME " DEBUG Comp",
        TIME " DEBUG Completed request:{",
        "at java.lang.Thread",
    };
    for (size_t i = 0; i < sizeof not_other / sizeof not_other[0]; i++) {
        assert_false(line_prefix_is_other(slice_str(not_other[i])));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time__is_read_strictly),
        cmocka_unit_test(json__is_what_stands_between_marker_and_logger),
        cmocka_unit_test(last_prefix__is_found_behind_a_torn_line),
        cmocka_unit_test(other_text__is_no_cut_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
