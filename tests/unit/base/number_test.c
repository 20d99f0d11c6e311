#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/number.h"

static void parse_u64__accepts_the_whole_range_and_nothing_else(void **state) {
    (void)state;
    uint64_t v = 7;
    assert_true(number_parse_u64(SLICE_LIT("18446744073709551615"), &v));
    assert_true(v == UINT64_MAX);
    assert_false(number_parse_u64(SLICE_LIT("18446744073709551616"), &v));
    assert_false(number_parse_u64(SLICE_LIT(""), &v));
    assert_false(number_parse_u64(SLICE_LIT("+1"), &v));
    assert_false(number_parse_u64(SLICE_LIT("1 "), &v));
    assert_true(v == UINT64_MAX);
}

static void parse_i64__knows_both_ends(void **state) {
    (void)state;
    int64_t v = 0;
    assert_true(number_parse_i64(SLICE_LIT("-9223372036854775808"), &v));
    assert_true(v == INT64_MIN);
    assert_false(number_parse_i64(SLICE_LIT("9223372036854775808"), &v));
    assert_false(number_parse_i64(SLICE_LIT("-"), &v));
}

static void i128__round_trips_at_its_ends(void **state) {
    (void)state;
    static const char *const CASES[] = {"0", "-1", "18446744073709551616",
                                        "170141183460469231731687303715884105727",
                                        "-170141183460469231731687303715884105728"};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        i128 v = 0;
        char text[I128_TEXT_MAX];
        assert_true(number_parse_i128(slice_str(CASES[i]), &v));
        number_format_i128(text, v);
        assert_string_equal(text, CASES[i]);
    }
    i128 v = 0;
    assert_false(number_parse_i128(SLICE_LIT("170141183460469231731687303715884105728"), &v));
}

static void u128__refuses_2_to_the_128(void **state) {
    (void)state;
    u128 v = 0;
    assert_true(number_parse_u128(SLICE_LIT("340282366920938463463374607431768211455"), &v));
    assert_false(number_parse_u128(SLICE_LIT("340282366920938463463374607431768211456"), &v));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse_u64__accepts_the_whole_range_and_nothing_else),
        cmocka_unit_test(parse_i64__knows_both_ends),
        cmocka_unit_test(i128__round_trips_at_its_ends),
        cmocka_unit_test(u128__refuses_2_to_the_128),
    };
    return cmocka_run_group_tests_name("base/number", tests, NULL, NULL);
}
