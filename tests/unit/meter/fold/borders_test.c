#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/instant.h"
#include "meter/fold/borders.h"

static int64_t at(const char *text) {
    int64_t us;
    assert_true(instant_parse(slice_str(text), &us));
    return us;
}

static void without_borders__rows_begin_at_the_quarter_and_at_midnight(void **state) {
    (void)state;
    struct borders b = {0};
    assert_int_equal(borders_quarter_from(&b, at("2026-11-01T10:29:59.999Z")),
                     at("2026-11-01T10:15:00Z"));
    assert_int_equal(borders_quarter_from(&b, at("2026-11-01T10:30:00Z")),
                     at("2026-11-01T10:30:00Z"));
    assert_int_equal(borders_day_from(&b, at("2026-11-01T10:30:00Z")), at("2026-11-01T00:00:00Z"));
    assert_int_equal(borders_day_from(&b, -1), -US_PER_DAY);
}

static void grant__splits_at_begin_end_and_grace(void **state) {
    (void)state;
    struct borders b = {0};
    borders_add(&b, at("2026-11-01T10:16:00Z"));
    borders_add_end(&b, at("2026-11-01T10:20:00Z"));
    borders_add(&b, at("2026-11-01T10:20:00Z")); // the next one follows at once
    borders_finish(&b);
    assert_int_equal(b.count, 3);
    const char *const cases[][2] = {
        {"2026-11-01T10:15:59.999Z", "2026-11-01T10:15:00Z"},
        {"2026-11-01T10:16:00Z", "2026-11-01T10:16:00Z"},
        {"2026-11-01T10:19:59.999Z", "2026-11-01T10:16:00Z"},
        {"2026-11-01T10:20:00Z", "2026-11-01T10:20:00Z"},
        {"2026-11-01T10:20:59Z", "2026-11-01T10:20:00Z"},
        {"2026-11-01T10:21:00Z", "2026-11-01T10:21:00Z"},
        {"2026-11-01T10:29:00Z", "2026-11-01T10:21:00Z"},
        {"2026-11-01T10:30:00Z", "2026-11-01T10:30:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(borders_quarter_from(&b, at(cases[i][0])), at(cases[i][1]));
    }
    assert_int_equal(borders_day_from(&b, at("2026-11-01T23:00:00Z")), at("2026-11-01T10:21:00Z"));
    assert_int_equal(borders_day_from(&b, at("2026-11-02T01:00:00Z")), at("2026-11-02T00:00:00Z"));
    borders_done(&b);
}

static void difference__is_the_earliest_border_of_one_side(void **state) {
    (void)state;
    struct borders a = {0};
    struct borders b = {0};
    assert_true(borders_first_difference(&a, &b) == INT64_MAX);
    borders_add(&a, 10);
    borders_add(&a, 30);
    borders_add(&b, 10);
    assert_int_equal(borders_first_difference(&a, &b), 30);
    borders_add(&b, 20);
    borders_add(&b, 30);
    assert_int_equal(borders_first_difference(&a, &b), 20);
    borders_take(&a, &b);
    assert_int_equal(a.count, 3);
    assert_int_equal(b.count, 0);
    borders_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_borders__rows_begin_at_the_quarter_and_at_midnight),
        cmocka_unit_test(grant__splits_at_begin_end_and_grace),
        cmocka_unit_test(difference__is_the_earliest_border_of_one_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
