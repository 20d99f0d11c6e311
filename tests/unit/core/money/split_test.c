#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/money/currency.h"
#include "core/money/split.h"

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

static struct decimal num(const char *text) {
    struct decimal d = {0};
    assert_int_equal(decimal_parse(slice_str(text), &d, NULL), ERR_OK);
    return d;
}

static void expect_parts(const char *total, int digits, size_t count, const char *const *weights,
                         const char *const *parts) {
    struct decimal w[16], p[16];
    for (size_t i = 0; i < count; i++) {
        w[i] = num(weights[i]);
    }
    split_amount(&arena, num(total), digits, w, count, p);
    for (size_t i = 0; i < count; i++) {
        assert_string_equal(decimal_text(&arena, p[i], digits, NULL), parts[i]);
    }
}

static void split__gives_the_left_over_units_to_the_largest_fractions(void **state) {
    (void)state;
    expect_parts("13.91", 2, 2, (const char *const[]){"64.20", "11.85"},
                 (const char *const[]){"11.74", "2.17"});
    expect_parts("32.77", 2, 3, (const char *const[]){"60", "25", "15"},
                 (const char *const[]){"19.66", "8.19", "4.92"});
    expect_parts("5.00", 2, 7,
                 (const char *const[]){"39.20", "23.93", "4.00", "4.55", "3.45", "15.00", "29.87"},
                 (const char *const[]){"1.63", "1.00", "0.17", "0.19", "0.14", "0.63", "1.24"});
}

static void split__serves_the_lower_index_first_on_a_tie(void **state) {
    (void)state;
    expect_parts("0.05", 2, 3, (const char *const[]){"1", "1", "1"},
                 (const char *const[]){"0.02", "0.02", "0.01"});
    expect_parts("-0.05", 2, 3, (const char *const[]){"1", "1", "1"},
                 (const char *const[]){"-0.02", "-0.02", "-0.01"});
    expect_parts("2", 0, 3, (const char *const[]){"1", "0", "1"},
                 (const char *const[]){"1", "0", "1"});
}

static void split__takes_weights_of_zero_and_below(void **state) {
    (void)state;
    expect_parts("10.00", 2, 3, (const char *const[]){"0", "3", "0"},
                 (const char *const[]){"0.00", "10.00", "0.00"});
    expect_parts("1.00", 2, 2, (const char *const[]){"4", "-1"},
                 (const char *const[]){"1.33", "-0.33"});
    expect_parts("0.00", 2, 2, (const char *const[]){"4", "1"},
                 (const char *const[]){"0.00", "0.00"});
}

// Chapter 17, 3: exact sum, less than a minor unit off, odd.
static void split__sums_is_close_and_is_odd(void **state) {
    (void)state;
    uint64_t seed = 1181783497276652981ULL;
    for (int round = 0; round < 500; round++) {
        struct decimal w[12], p[12], mirrored[12], sum = num("0"), weights = num("0");
        size_t count = 1 + (size_t)(round % 12);
        for (size_t i = 0; i < count; i++) {
            seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
            w[i] = decimal_from_i64((int64_t)(seed % 100000) - (i > 0 ? 20000 : -50000));
            weights = decimal_add(&arena, weights, w[i]);
        }
        if (decimal_sign(weights) <= 0) {
            continue;
        }
        struct decimal total = decimal_round(
            &arena, decimal_div(&arena, decimal_from_i64((int64_t)(seed >> 30)), num("700")), 3,
            DECIMAL_FLOOR);
        split_amount(&arena, total, 3, w, count, p);
        split_amount(&arena, decimal_neg(&arena, total), 3, w, count, mirrored);
        for (size_t i = 0; i < count; i++) {
            sum = decimal_add(&arena, sum, p[i]);
            struct decimal exact = decimal_div(&arena, decimal_mul(&arena, total, w[i]), weights);
            struct decimal off = decimal_sub(&arena, p[i], exact);
            assert_true(decimal_cmp(off, num("0.001")) < 0);
            assert_true(decimal_cmp(off, num("-0.001")) > 0);
            assert_true(decimal_equal(mirrored[i], decimal_neg(&arena, p[i])));
        }
        assert_true(decimal_equal(sum, total));
    }
}

static void step__is_the_difference_of_running_totals(void **state) {
    (void)state;
    struct decimal first =
        split_step(&arena, num("4.68125"), num("37.45"), num("0"), num("10.00"), 2);
    assert_string_equal(decimal_text(&arena, first, 2, NULL), "1.25");
    struct decimal rest =
        split_step(&arena, num("4.68125"), num("37.45"), num("10.00"), num("37.45"), 2);
    assert_string_equal(decimal_text(&arena, rest, 2, NULL), "3.43");
    struct decimal negative =
        split_step(&arena, num("-4.68125"), num("-37.45"), num("0"), num("-10.00"), 2);
    assert_string_equal(decimal_text(&arena, negative, 2, NULL), "-1.25");
}

// Chapter 13: three lines of 10.13 with a tax of 5.77, credited one by one.
static void step__ends_with_the_remainder(void **state) {
    (void)state;
    static const char *const AT[] = {"0", "10.13", "20.26", "30.39"};
    static const char *const PARTS[] = {"1.92", "1.93", "1.92"};
    for (size_t i = 0; i < 3; i++) {
        struct decimal part =
            split_step(&arena, num("5.7741"), num("30.39"), num(AT[i]), num(AT[i + 1]), 2);
        assert_string_equal(decimal_text(&arena, part, 2, NULL), PARTS[i]);
    }
}

static void currency__knows_its_digits_and_refuses_more(void **state) {
    (void)state;
    static const struct {
        const char *code;
        int digits;
    } KNOWN[] = {{"JPY", 0}, {"KRW", 0}, {"CLP", 0}, {"VND", 0}, {"EUR", 2},
                 {"USD", 2}, {"HUF", 2}, {"BHD", 3}, {"KWD", 3}, {"TND", 3},
                 {"JOD", 3}, {"OMR", 3}, {"CLF", 4}, {"ZWG", 2}, {"AED", 2}};
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        const struct currency *c = currency_find(slice_str(KNOWN[i].code));
        assert_non_null(c);
        assert_int_equal(c->minor_digits, KNOWN[i].digits);
    }
    assert_null(currency_find(slice_str("eur")));
    assert_null(currency_find(slice_str("XYZ")));
    assert_null(currency_find(slice_str("")));
    assert_null(currency_find(slice_str("EURO")));
    struct err e;
    struct decimal d;
    const struct currency *eur = currency_find(slice_str("EUR"));
    assert_int_equal(currency_parse(&arena, eur, slice_str("1.20"), &d, &e), ERR_OK);
    assert_int_equal(currency_parse(&arena, eur, slice_str("1.2000"), &d, &e), ERR_OK);
    assert_int_equal(currency_parse(&arena, eur, slice_str("1.205"), &d, &e), ERR_INVALID);
    assert_string_equal(currency_text(&arena, eur, d, NULL), "1.20");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(split__gives_the_left_over_units_to_the_largest_fractions),
        cmocka_unit_test(split__serves_the_lower_index_first_on_a_tie),
        cmocka_unit_test(split__takes_weights_of_zero_and_below),
        cmocka_unit_test(split__sums_is_close_and_is_odd),
        cmocka_unit_test(step__is_the_difference_of_running_totals),
        cmocka_unit_test(step__ends_with_the_remainder),
        cmocka_unit_test(currency__knows_its_digits_and_refuses_more),
    };
    return cmocka_run_group_tests_name("split", tests, setup, teardown);
}
