// Usage as a list: what is equal is added, whatever the order; what differs stays apart.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/rating/rating_usage.h"

static const struct rating_dimension FRESH_EU[] = {{"delivery", "fresh"}, {"region", "eu"}};
static const struct rating_dimension FRESH_US[] = {{"delivery", "fresh"}, {"region", "us"}};

static struct arena arena;

static int setup(void **state) {
    (void)state;
    arena_init(&arena);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct rating_usage used(const char *metric, const struct rating_dimension *dimensions,
                                size_t count, const char *bucket, int64_t quantity) {
    return (struct rating_usage){metric, dimensions, count, bucket, decimal_from_i64(quantity)};
}

static void expect(const struct rating_usage *u, const char *metric, const char *values,
                   const char *bucket, int64_t quantity) {
    assert_string_equal(u->metric, metric);
    assert_string_equal(rating_usage_values_text(&arena, u), values);
    assert_string_equal(u->bucket == NULL ? "" : u->bucket, bucket);
    assert_true(decimal_equal(u->quantity, decimal_from_i64(quantity)));
}

static void sum__adds_what_is_equal_in_an_order_of_its_own(void **state) {
    (void)state;
    struct rating_usage rows[] = {
        used("messages", NULL, 0, NULL, 1),     used("bytes", FRESH_US, 2, NULL, 2),
        used("bytes", FRESH_EU, 2, "night", 3), used("bytes", FRESH_EU, 2, NULL, 4),
        used("bytes", FRESH_EU, 1, NULL, 5),    used("widgets", NULL, 0, NULL, 6),
        used("bytes", FRESH_US, 2, NULL, -7),   used("bytes", FRESH_EU, 2, NULL, 8),
        used("bytes", NULL, 0, NULL, 9),        used("messages", NULL, 0, NULL, 10),
    };
    enum { COUNT = sizeof rows / sizeof *rows };
    for (size_t turn = 0; turn < COUNT; turn++) {
        size_t n = 0;
        const struct rating_usage *sums = rating_usage_sum(&arena, rows, COUNT, &n);
        assert_int_equal(n, 7);
        expect(&sums[0], "bytes", "", "", 9);
        expect(&sums[1], "bytes", "fresh", "", 5);
        expect(&sums[2], "bytes", "fresh, eu", "", 12);
        expect(&sums[3], "bytes", "fresh, us", "", -5);
        expect(&sums[4], "bytes", "fresh, eu", "night", 3);
        expect(&sums[5], "messages", "", "", 11);
        expect(&sums[6], "widgets", "", "", 6);
        size_t again = 0; // what is summed is taken as it is
        assert_ptr_equal(rating_usage_sum(&arena, sums, n, &again), sums);
        assert_int_equal(again, n);
        struct rating_usage first = rows[0];
        memmove(rows, rows + 1, (COUNT - 1) * sizeof *rows);
        rows[COUNT - 1] = first;
    }
}

static void sum__of_nothing_is_nothing(void **state) {
    (void)state;
    size_t n = 7;
    (void)rating_usage_sum(&arena, NULL, 0, &n);
    assert_int_equal(n, 0);
}

static void is_taken__by_metric_and_by_every_filter(void **state) {
    (void)state;
    const char *fresh[] = {"replay", "fresh"}, *us[] = {"us"};
    struct plan_filter filters[] = {{"delivery", fresh, 2}, {"region", us, 1}};
    struct plan_price p = {.metric = RATING_METRIC_BYTES};
    struct rating_usage eu = used("bytes", FRESH_EU, 2, NULL, 1);
    struct rating_usage plain = used("bytes", NULL, 0, NULL, 1);
    struct rating_usage messages = used("messages", FRESH_EU, 2, NULL, 1);
    assert_true(rating_usage_is_taken(&eu, &p));
    assert_true(rating_usage_is_taken(&plain, &p)); // no filter
    assert_false(rating_usage_is_taken(&messages, &p));
    p.filters = filters;
    p.filter_count = 1;
    assert_true(rating_usage_is_taken(&eu, &p));
    assert_false(rating_usage_is_taken(&plain, &p)); // has no such dimension
    p.filter_count = 2;
    assert_false(rating_usage_is_taken(&eu, &p));
    struct plan_price fee = {0};
    assert_false(rating_usage_is_taken(&eu, &fee));
}

static void metric__is_known_by_name(void **state) {
    (void)state;
    assert_string_equal(rating_usage_metric("bytes"), RATING_METRIC_BYTES);
    assert_string_equal(rating_usage_metric("messages"), RATING_METRIC_MESSAGES);
    assert_string_equal(rating_usage_metric("fetches"), RATING_METRIC_FETCHES);
    assert_null(rating_usage_metric("Bytes"));
    assert_null(rating_usage_metric(""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sum__adds_what_is_equal_in_an_order_of_its_own),
        cmocka_unit_test(sum__of_nothing_is_nothing),
        cmocka_unit_test(is_taken__by_metric_and_by_every_filter),
        cmocka_unit_test(metric__is_known_by_name),
    };
    return cmocka_run_group_tests_name("rating_usage", tests, setup, teardown);
}
