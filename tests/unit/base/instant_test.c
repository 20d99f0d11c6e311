#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/instant.h"

static void parse__reads_offsets_and_fractions(void **state) {
    (void)state;
    int64_t us = 0;
    assert_true(instant_parse(SLICE_LIT("2027-06-01T00:00:00+02:00"), &us));
    char text[INSTANT_TEXT_MAX];
    instant_format(text, us);
    assert_string_equal(text, "2027-05-31T22:00:00Z");
    assert_true(instant_parse(SLICE_LIT("1969-12-31T23:59:59.5Z"), &us));
    assert_int_equal(us, -500000);
    instant_format(text, us);
    assert_string_equal(text, "1969-12-31T23:59:59.500000Z");
}

static void parse__refuses_what_no_calendar_has(void **state) {
    (void)state;
    static const char *const CASES[] = {"2027-02-29T00:00:00Z", "2027-13-01T00:00:00Z",
                                        "2027-01-01T24:00:00Z", "2027-01-01T00:00:00",
                                        "2027-01-01",           "2027-01-01T00:00:00.Z",
                                        "2027-01-01T00:00:00Zx"};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        int64_t us = 0;
        assert_false(instant_parse(slice_str(CASES[i]), &us));
    }
}

static void parse_day__reads_a_date_and_nothing_else(void **state) {
    (void)state;
    int64_t day = 0;
    assert_true(instant_parse_day(SLICE_LIT("2027-06-01"), &day));
    assert_int_equal(day, days_from_civil(2027, 6, 1));
    assert_true(instant_parse_day(SLICE_LIT("1969-12-31"), &day));
    assert_int_equal(day, -1);
    static const char *const CASES[] = {"2027-02-29", "2027-13-01", "2027-06-1", "2027-06-01T",
                                        "20270601",   "",           "2027-00-01"};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_false(instant_parse_day(slice_str(CASES[i]), &day));
    }
    assert_int_equal(day, -1);
}

static void civil__round_trips_over_a_leap_cycle(void **state) {
    (void)state;
    for (int64_t day = -200000; day < 200000; day += 13) {
        int64_t year = 0;
        unsigned month = 0;
        unsigned dom = 0;
        civil_from_days(day, &year, &month, &dom);
        assert_true(dom >= 1 && dom <= days_in_month(year, month));
        assert_int_equal(days_from_civil(year, month, dom), day);
    }
    assert_int_equal(days_from_civil(2000, 2, 29), 11016);
}

static void quarter__is_a_floor_also_below_1970(void **state) {
    (void)state;
    assert_int_equal(instant_quarter(0), 0);
    assert_int_equal(instant_quarter(US_PER_QUARTER - 1), 0);
    assert_int_equal(instant_quarter(US_PER_QUARTER), US_PER_QUARTER);
    assert_int_equal(instant_quarter(-1), -US_PER_QUARTER);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__reads_offsets_and_fractions),
        cmocka_unit_test(parse__refuses_what_no_calendar_has),
        cmocka_unit_test(parse_day__reads_a_date_and_nothing_else),
        cmocka_unit_test(civil__round_trips_over_a_leap_cycle),
        cmocka_unit_test(quarter__is_a_floor_also_below_1970),
    };
    return cmocka_run_group_tests_name("base/instant", tests, NULL, NULL);
}
