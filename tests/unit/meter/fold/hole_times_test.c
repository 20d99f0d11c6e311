// Times of holes: what the tap says, what earlier releases left out, and what can't be.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "meter/fold/hole_times.h"

// Generations in milliseconds, times in microseconds.
static const int64_t GEN = 1795363200000, US = 1795363200000000, SECOND = 1000000;
static const int64_t RECEIVED = 1795363200000000 + 90LL * 1000000;

static struct log_hole hole(int64_t from_generation, uint64_t to_offset, int64_t from_us,
                            int64_t to_us) {
    return (struct log_hole){
        .has_from = from_generation != 0,
        .from = {1, from_generation, 100},
        .to = {1, GEN + 60000, to_offset},
        .from_us = from_us,
        .to_us = to_us,
    };
}

static void expect(struct log_hole h, int64_t received_us, int64_t from_us, int64_t to_us) {
    hole_times_settle(&h, received_us);
    assert_int_equal(h.from_us, from_us);
    assert_int_equal(h.to_us, to_us);
}

static void times_that_are_told__are_kept(void **state) {
    (void)state;
    expect(hole(GEN, 5, US + SECOND, US + 3 * SECOND), RECEIVED, US + SECOND, US + 3 * SECOND);
    expect(hole(0, 0, 0, US + 3 * SECOND), RECEIVED, 0, US + 3 * SECOND);
}

static void hole_of_an_earlier_release__ends_with_the_file_or_its_record(void **state) {
    (void)state;
    expect(hole(GEN, 0, 0, 0), RECEIVED, US, US + 60 * SECOND);
    expect(hole(GEN, 34, 0, 0), RECEIVED, US, RECEIVED); // in a file: had no end
    expect(hole(0, 0, 0, 0), RECEIVED, 0, US + 60 * SECOND);
    expect(hole(GEN, 34, 0, 0), -1, US, US + 60 * SECOND);
}

static void clock_set_back__is_no_hole_from_behind(void **state) {
    (void)state;
    expect(hole(GEN, 0, US + 9 * SECOND, US + SECOND), RECEIVED, US + SECOND,
           US + 9 * SECOND + 1000);
}

// Lines within one millisecond can be missing too.
static void hole_within_a_millisecond__is_not_empty(void **state) {
    (void)state;
    expect(hole(GEN, 0, US + SECOND, US + SECOND), RECEIVED, US + SECOND, US + SECOND + 1000);
}

static void times_that_can_not_be__are_not_stored(void **state) {
    (void)state;
    struct log_hole h = hole(INT64_MAX, 0, INT64_MAX, INT64_MAX);
    h.to.generation = INT64_MAX;
    expect(h, RECEIVED, 0, RECEIVED);
    expect(h, -1, 0, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_that_are_told__are_kept),
        cmocka_unit_test(hole_of_an_earlier_release__ends_with_the_file_or_its_record),
        cmocka_unit_test(clock_set_back__is_no_hole_from_behind),
        cmocka_unit_test(hole_within_a_millisecond__is_not_empty),
        cmocka_unit_test(times_that_can_not_be__are_not_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
