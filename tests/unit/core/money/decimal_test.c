#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/money/decimal.h"

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
    struct err e = {0};
    if (decimal_parse_count(&arena, slice_str(text), &d, &e) != ERR_OK) {
        fail_msg("%s: %s", text, e.text);
    }
    return d;
}

static void expect(struct decimal x, const char *text) {
    bool exact = false;
    assert_string_equal(decimal_text(&arena, x, 0, &exact), text);
    assert_true(exact);
}

static void parse__takes_plain_notation_and_keeps_its_zeros(void **state) {
    (void)state;
    expect(num("12.50"), "12.5");
    assert_string_equal(decimal_text_as_read(&arena, num("3.00")), "3.00");
    assert_string_equal(decimal_text_as_read(&arena, num("0.000000000000000000000001")),
                        "0.000000000000000000000001");
    expect(num("-0"), "0");
    expect(num("-0.00"), "0");
    expect(num("007"), "7");
    expect(num("99999999999999999999999999999999999999"), "99999999999999999999999999999999999999");
    expect(num("-12345678901234.567890123456789012345678"),
           "-12345678901234.567890123456789012345678");
}

static void parse__refuses_everything_else(void **state) {
    (void)state;
    static const char *const BAD[] = {"",     "-",   ".",  "1.",    ".5",   "+1",
                                      "1e3",  " 1",  "1 ", "1,5",   "0x1",  "NaN",
                                      "1..2", "--1", "1-", "1.2.3", "1.-2", "\xd9\xa1"};
    struct err e;
    struct decimal d = decimal_from_i64(7);
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_int_equal(decimal_parse(slice_str(BAD[i]), &d, &e), ERR_INVALID);
    }
    assert_int_equal(decimal_parse(slice_str("0.0000000000000000000000001"), &d, &e), ERR_LIMIT);
    assert_int_equal(decimal_parse(slice_str("100000000000000000000000000000000000000"), &d, &e),
                     ERR_LIMIT);
    char longer[DECIMAL_INPUT_MAX + 2];
    memset(longer, '0', sizeof longer);
    assert_int_equal(decimal_parse(slice_of(longer, DECIMAL_INPUT_MAX + 1), &d, &e), ERR_LIMIT);
    assert_int_equal(decimal_parse(slice_of(longer, DECIMAL_INPUT_MAX), &d, &e), ERR_OK);
    assert_int_equal(
        decimal_parse_count(&arena, slice_str("340282366920938463463374607431768211456"), &d, &e),
        ERR_LIMIT);
    expect(num("340282366920938463463374607431768211455"),
           "340282366920938463463374607431768211455");
}

static void sums_and_products__cross_the_128_bit_border_and_come_back(void **state) {
    (void)state;
    struct decimal top = num("170141183460469231731687303715884105727");
    struct decimal one = num("1");
    struct decimal above = decimal_add(&arena, top, one);
    expect(above, "170141183460469231731687303715884105728");
    expect(decimal_sub(&arena, above, one), "170141183460469231731687303715884105727");
    expect(decimal_neg(&arena, above), "-170141183460469231731687303715884105728");
    expect(decimal_sub(&arena, decimal_neg(&arena, top), one),
           "-170141183460469231731687303715884105728");
    struct decimal square = decimal_mul(&arena, above, above);
    expect(square, "28948022309329048855892746252171976963317496166410141009864396001978282409984");
    expect(decimal_div(&arena, square, above), "170141183460469231731687303715884105728");
    struct decimal tiny = num("0.000000000000000000000001");
    struct decimal smaller = decimal_mul(&arena, tiny, tiny);
    expect(smaller, "0.000000000000000000000000000000000000000000000001");
    expect(decimal_div(&arena, smaller, tiny), "0.000000000000000000000001");
    expect(decimal_mul(&arena, num("0"), square), "0");
    assert_true(decimal_cmp(square, above) > 0);
    assert_true(decimal_cmp(decimal_neg(&arena, square), tiny) < 0);
    assert_true(decimal_equal(num("1.500"), num("1.5")));
    assert_true(decimal_equal(decimal_from_i128(&arena, (i128)((u128)1 << 127)),
                              decimal_neg(&arena, above)));
}

static void div__keeps_a_fraction_until_it_is_rounded(void **state) {
    (void)state;
    bool exact = true;
    struct decimal third = decimal_div(&arena, num("1"), num("3"));
    assert_string_equal(decimal_text(&arena, third, 0, &exact), "0.333333333333");
    assert_false(exact);
    expect(decimal_mul(&arena, third, num("3")), "1");
    struct decimal part = decimal_div(&arena, decimal_mul(&arena, num("62"), num("18")), num("31"));
    expect(part, "36");
    expect(decimal_div(&arena, num("7300000001"), num("1073741824")),
           "6.798654795624315738677978515625");
    expect(decimal_div(&arena, num("263480000000"), num("1000000000")), "263.48");
    expect(decimal_div(&arena, num("-1"), num("0.008")), "-125");
    expect(decimal_percent(&arena, num("37.45"), num("12.5")), "4.68125");
}

static void round__follows_the_table_of_modes(void **state) {
    (void)state;
    static const char *const IN[] = {"4.365", "-4.365", "4.361", "-4.361"};
    static const struct {
        enum decimal_mode mode;
        const char *out[4];
    } TABLE[] = {
        {DECIMAL_HALF_AWAY, {"4.37", "-4.37", "4.36", "-4.36"}},
        {DECIMAL_HALF_EVEN, {"4.36", "-4.36", "4.36", "-4.36"}},
        {DECIMAL_UP, {"4.37", "-4.37", "4.37", "-4.37"}},
        {DECIMAL_DOWN, {"4.36", "-4.36", "4.36", "-4.36"}},
        {DECIMAL_CEILING, {"4.37", "-4.36", "4.37", "-4.36"}},
        {DECIMAL_FLOOR, {"4.36", "-4.37", "4.36", "-4.37"}},
    };
    // A huge whole number in front takes the same digits through the rational form.
    struct decimal huge =
        decimal_mul(&arena, num("100000000000000000000000000000"), num("100000000000000000000"));
    for (size_t m = 0; m < sizeof TABLE / sizeof *TABLE; m++) {
        for (size_t i = 0; i < 4; i++) {
            struct decimal x = num(IN[i]);
            expect(decimal_round(&arena, x, 2, TABLE[m].mode), TABLE[m].out[i]);
            struct decimal shift = decimal_sign(x) < 0 ? decimal_neg(&arena, huge) : huge;
            struct decimal big =
                decimal_round(&arena, decimal_add(&arena, x, shift), 2, TABLE[m].mode);
            expect(decimal_sub(&arena, big, shift), TABLE[m].out[i]);
        }
    }
}

static void round__knows_currencies_and_negative_scales(void **state) {
    (void)state;
    expect(decimal_round(&arena, num("417.5"), 0, DECIMAL_HALF_AWAY), "418");
    expect(decimal_round(&arena, num("1.23450"), 3, DECIMAL_HALF_AWAY), "1.235");
    expect(decimal_round(&arena, num("-2.675"), 2, DECIMAL_HALF_AWAY), "-2.68");
    expect(decimal_round(&arena, num("1250"), -2, DECIMAL_HALF_AWAY), "1300");
    expect(decimal_round(&arena, num("1250"), -2, DECIMAL_HALF_EVEN), "1200");
    expect(decimal_round(&arena, num("49.999"), -2, DECIMAL_HALF_AWAY), "0");
    expect(decimal_round(&arena, num("99999999999999999999999999999999999999"), -38,
                         DECIMAL_HALF_AWAY),
           "100000000000000000000000000000000000000");
    expect(decimal_round(&arena, num("5.5"), 30, DECIMAL_HALF_AWAY), "5.5");
    expect(decimal_round(&arena, decimal_div(&arena, num("1"), num("3")), 2, DECIMAL_CEILING),
           "0.34");
}

static void round__is_idempotent_odd_and_within_half_a_unit(void **state) {
    (void)state;
    struct decimal half = num("0.005");
    uint64_t seed = 88172645463325252ULL;
    for (int i = 0; i < 2000; i++) {
        seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17; // xorshift: the same every run
        struct decimal x = decimal_div(&arena, decimal_from_i64((int64_t)(seed >> 20)),
                                       decimal_from_i64((int64_t)(seed % 9973) + 1));
        struct decimal r = decimal_round(&arena, x, 2, DECIMAL_HALF_AWAY);
        assert_true(decimal_equal(r, decimal_round(&arena, r, 2, DECIMAL_HALF_AWAY)));
        struct decimal minus = decimal_neg(&arena, x);
        assert_true(decimal_equal(decimal_round(&arena, minus, 2, DECIMAL_HALF_AWAY),
                                  decimal_neg(&arena, r)));
        struct decimal off = decimal_sub(&arena, x, r);
        assert_true(decimal_cmp(off, half) <= 0);
        assert_true(decimal_cmp(decimal_neg(&arena, off), half) <= 0);
    }
}

static void text__fills_up_to_the_decimals_asked_for(void **state) {
    (void)state;
    assert_string_equal(decimal_text(&arena, num("6"), 2, NULL), "6.00");
    assert_string_equal(decimal_text(&arena, num("4.0936"), 2, NULL), "4.0936");
    assert_string_equal(decimal_text(&arena, num("4.100000"), 2, NULL), "4.10");
    assert_string_equal(decimal_text(&arena, num("-0.004"), 2, NULL), "-0.004");
    assert_string_equal(decimal_text(&arena, num("0"), 2, NULL), "0.00");
    assert_string_equal(decimal_text(&arena, num("0"), 0, NULL), "0");
    assert_string_equal(decimal_text(&arena, num("1200"), 0, NULL), "1200");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__takes_plain_notation_and_keeps_its_zeros),
        cmocka_unit_test(parse__refuses_everything_else),
        cmocka_unit_test(sums_and_products__cross_the_128_bit_border_and_come_back),
        cmocka_unit_test(div__keeps_a_fraction_until_it_is_rounded),
        cmocka_unit_test(round__follows_the_table_of_modes),
        cmocka_unit_test(round__knows_currencies_and_negative_scales),
        cmocka_unit_test(round__is_idempotent_odd_and_within_half_a_unit),
        cmocka_unit_test(text__fills_up_to_the_decimals_asked_for),
    };
    return cmocka_run_group_tests_name("decimal", tests, setup, teardown);
}
