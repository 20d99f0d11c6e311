#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/instant.h"
#include "base/rate.h"

static const int64_t NOW_US = 5000000000;

static struct rate rate_of(const char *text) {
    struct rate rate = {0};
    assert_true(rate_parse(slice_str(text), &rate));
    return rate;
}

static void parse__takes_a_number_per_time(void **state) {
    (void)state;
    struct rate rate = rate_of("10/15m");
    assert_true(rate.quota == 10 && rate.window_us == 900 * US_PER_SECOND);
    rate = rate_of("1000000/1s");
    assert_true(rate.quota == RATE_QUOTA_MAX && rate.window_us == US_PER_SECOND);
    rate = rate_of("1/31d");
    assert_true(rate.window_us == 31 * US_PER_DAY);
    static const char *const WRONG[] = {"",
                                        "/",
                                        "1",
                                        "1/",
                                        "1/m",
                                        "0/1m",
                                        "1/0m",
                                        "-1/1m",
                                        "1/-1m",
                                        "1 /1m",
                                        "1000001/1m",
                                        "1/32d",
                                        "1/1x",
                                        "1/1",
                                        "1/1m ",
                                        "1//1m",
                                        "1/9223372036854775807d"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        assert_false(rate_parse(slice_str(WRONG[i]), &rate));
    }
}

static void take__gives_the_quota_at_once_and_then_evenly(void **state) {
    (void)state;
    struct rate_table t;
    struct rate_left left;
    rate_table_init(&t, rate_of("3/1m"), 64);
    for (int i = 0; i < 3; i++) {
        assert_true(rate_table_take(&t, 7, NOW_US, &left));
        assert_int_equal(left.count, 2 - i);
        assert_int_equal(left.whole_us, (i + 1) * 20 * US_PER_SECOND);
    }
    assert_int_equal(left.wait_us, 20 * US_PER_SECOND);
    assert_false(rate_table_take(&t, 7, NOW_US, &left));
    assert_int_equal(left.count, 0);
    assert_int_equal(left.wait_us, 20 * US_PER_SECOND);
    // To the microsecond; a refusal doesn't make it later.
    assert_false(rate_table_take(&t, 7, NOW_US + 20 * US_PER_SECOND - 1, &left));
    assert_int_equal(left.wait_us, 1);
    assert_true(rate_table_take(&t, 7, NOW_US + 20 * US_PER_SECOND, &left));
    assert_false(rate_table_take(&t, 7, NOW_US + 20 * US_PER_SECOND, &left));
    // Another key has its own.
    assert_true(rate_table_take(&t, 8, NOW_US, &left));
    assert_int_equal(left.count, 2);
    // Left alone it is whole again, and not more than that.
    assert_true(rate_table_take(&t, 7, NOW_US + US_PER_DAY, &left));
    assert_int_equal(left.count, 2);
    rate_table_done(&t);
}

static void take__never_lets_more_through_than_the_quota_by_rounding(void **state) {
    (void)state;
    struct rate_table t;
    struct rate_left left;
    rate_table_init(&t, rate_of("7/1s"), 8);
    int through = 0;
    for (int i = 0; i < 100; i++) {
        through += rate_table_take(&t, 1, NOW_US, &left);
    }
    assert_int_equal(through, 7);
    rate_table_done(&t);
}

static void give_back__undoes_one(void **state) {
    (void)state;
    struct rate_table t;
    struct rate_left left;
    rate_table_init(&t, rate_of("2/1h"), 8);
    assert_true(rate_table_take(&t, 1, NOW_US, &left));
    assert_true(rate_table_take(&t, 1, NOW_US, &left));
    rate_table_give_back(&t, 1);
    assert_true(rate_table_take(&t, 1, NOW_US, &left));
    assert_false(rate_table_take(&t, 1, NOW_US, &left));
    rate_table_give_back(&t, 2); // never seen
    // More than was taken gives no more than the quota.
    for (int i = 0; i < 5; i++) {
        rate_table_give_back(&t, 1);
    }
    assert_true(rate_table_take(&t, 1, NOW_US, &left));
    assert_true(rate_table_take(&t, 1, NOW_US, &left));
    assert_false(rate_table_take(&t, 1, NOW_US, &left));
    rate_table_done(&t);
}

// Somebody whose quota is spent asks under many other keys, once each, to have it forgotten.
static void a_spent_key__is_not_forgotten_for_many_fresh_ones(void **state) {
    (void)state;
    struct rate_table t;
    struct rate_left left;
    rate_table_init(&t, rate_of("2/1h"), 64);
    assert_true(rate_table_take(&t, 1, NOW_US, &left));
    assert_true(rate_table_take(&t, 1, NOW_US, &left));
    for (uint64_t key = 2; key < 100000; key++) {
        assert_true(rate_table_take(&t, key, NOW_US, &left));
    }
    assert_false(rate_table_take(&t, 1, NOW_US, &left));
    rate_table_done(&t);
}

static void table__of_one_set_keeps_what_is_used_most(void **state) {
    (void)state;
    struct rate_table t;
    struct rate_left left;
    rate_table_init(&t, rate_of("4/1h"), 1);
    for (uint64_t key = 1; key <= 8; key++) {
        for (uint64_t n = 0; n < (key == 3 ? 1 : 2); n++) {
            assert_true(rate_table_take(&t, key, NOW_US, &left));
        }
    }
    assert_true(rate_table_take(&t, 9, NOW_US, &left));
    assert_int_equal(left.count, 3);
    assert_true(rate_table_take(&t, 4, NOW_US, &left));
    assert_int_equal(left.count, 1); // as it was
    assert_true(rate_table_take(&t, 3, NOW_US, &left));
    assert_int_equal(left.count, 3); // had gone
    rate_table_done(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__takes_a_number_per_time),
        cmocka_unit_test(take__gives_the_quota_at_once_and_then_evenly),
        cmocka_unit_test(take__never_lets_more_through_than_the_quota_by_rounding),
        cmocka_unit_test(give_back__undoes_one),
        cmocka_unit_test(a_spent_key__is_not_forgotten_for_many_fresh_ones),
        cmocka_unit_test(table__of_one_set_keeps_what_is_used_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
