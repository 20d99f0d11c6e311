// What holds for every plan (rating.md chapter 17), and the edges of the inputs. The figures
// themselves are compared in rating_golden_test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/instant.h"
#include "core/rating/rating.h"

static struct arena arena;
static uint64_t seed;

static int setup(void **state) {
    (void)state;
    arena_init(&arena);
    seed = 2463534242;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

// xorshift: the same numbers in every run.
static uint64_t draw(uint64_t below) {
    seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17;
    return (seed >> 11) % below;
}

static struct decimal num(const char *text) {
    struct decimal d = {0};
    assert_int_equal(decimal_parse_count(&arena, slice_str(text), &d, NULL), ERR_OK);
    return d;
}

static struct plan *plan_of(const char *prices) {
    struct plan *plan = arena_alloc(&arena, sizeof *plan);
    struct err e = {0};
    const char *text = arena_printf(&arena,
                                    "{\"plan_id\":\"pln\",\"version\":1,\"currency\":\"EUR\","
                                    "\"valid_from\":\"2027-01-01\",\"prices\":[%s]}",
                                    prices);
    if (plan_parse_text(&arena, slice_str(text), plan, &e) != ERR_OK) {
        fail_msg("%s: %s", e.field, e.text);
    }
    return plan;
}

static struct rating_input june(bool final) {
    int64_t from = days_from_civil(2027, 6, 1);
    return (struct rating_input){.period = {.from_day = from, .to_day = from + 30, .final = final}};
}

static struct rating_result rate(const struct plan *plan, const struct rating_input *input) {
    struct rating_result result = {0};
    struct err e = {0};
    if (rating_run(&arena, plan, input, &result, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
    return result;
}

static struct rating_result rate_messages(const struct plan *plan, struct decimal quantity,
                                          bool final, const struct rating_billed *before,
                                          size_t before_count) {
    struct rating_usage usage = {.metric = RATING_METRIC_MESSAGES, .quantity = quantity};
    struct rating_input input = june(final);
    input.usage = &usage;
    input.usage_count = 1;
    input.billed_before = before;
    input.billed_count = before_count;
    return rate(plan, &input);
}

static struct decimal price_at(const struct plan *plan, struct decimal q) {
    return rate_messages(plan, q, true, NULL, 0).amount;
}

static size_t remember(struct rating_billed *before, size_t count,
                       const struct rating_result *result) {
    for (size_t i = 0; i < result->line_count; i++) {
        const struct rating_line *l = &result->lines[i];
        before[count++] = (struct rating_billed){
            l->price->price_id, l->kind, l->metered, true, l->base, l->discount, l->cap};
    }
    return count;
}

// A price with tiers and modifiers drawn at random; amounts are not negative.
static const char *random_price(void) {
    static const char *const TYPES[] = {"graduated", "volume"};
    unsigned b1 = 1 + (unsigned)draw(50), b2 = b1 + 1 + (unsigned)draw(500);
    const char *kernel = NULL;
    switch (draw(4)) {
    case 0:
        kernel = arena_printf(&arena, "{\"type\":\"per_unit\",\"unit_amount\":\"0.%06u\"}",
                              (unsigned)draw(1000000));
        break;
    case 1:
        kernel = arena_printf(&arena,
                              "{\"type\":\"package\",\"package_size\":\"%u\",\"package_amount\":"
                              "\"%u.%03u\"}",
                              1 + (unsigned)draw(99), (unsigned)draw(9), (unsigned)draw(1000));
        break;
    default:
        kernel = arena_printf(
            &arena,
            "{\"type\":\"%s\",\"zero_usage_flat\":%s,\"tiers\":[{\"up_to\":\"%u\",\"unit_amount\":"
            "\"0.%04u\",\"flat_amount\":\"%u.%02u\"},{\"up_to\":\"%u\",\"unit_amount\":\"0.%012u\""
            "},{\"up_to\":null,\"unit_amount\":\"0.%03u\",\"flat_amount\":\"0.005\"}]}",
            TYPES[draw(2)], draw(2) ? "true" : "false", b1, (unsigned)draw(10000),
            (unsigned)draw(9), (unsigned)draw(100), b2, (unsigned)draw(999999999),
            (unsigned)draw(1000));
    }
    const char *parts[] = {
        arena_printf(&arena, ",\"discount_percent\":\"%u.5\"", (unsigned)draw(99)),
        arena_printf(&arena, ",\"maximum\":{\"amount\":\"%u\"}", (unsigned)draw(90)),
        arena_printf(&arena, ",\"minimum\":{\"amount\":\"%u.%02u\"}", (unsigned)draw(60),
                     (unsigned)draw(100)),
        arena_printf(&arena, ",\"included_units\":{\"quantity\":\"%u\"}", (unsigned)draw(80)),
        ",\"unit_conversion\":{\"operation\":\"divide\",\"factor\":\"7\"}",
        ",\"unit_conversion\":{\"operation\":\"divide\",\"factor\":\"10\",\"round\":\"ceiling\"}",
    };
    const char *more = "";
    for (size_t i = 0; i < 5; i++) {
        if (draw(3) == 0) {
            more = arena_printf(&arena, "%s%s", more, parts[i == 4 ? 4 + draw(2) : i]);
        }
    }
    return arena_printf(&arena,
                        "{\"price_id\":\"p\",\"metric\":\"messages\",\"partial_billing\":true,"
                        "\"kernel\":%s%s}",
                        kernel, more);
}

// Property 2: any cutting of a period into documents, with usage going up and down between them,
// sums to the whole; once more without a change gives no line.
static void documents__of_a_period_sum_to_the_whole(void **state) {
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct plan *plan = plan_of(random_price());
        struct rating_billed before[64];
        size_t count = 0;
        struct decimal sum = num("0"), quantity = num("0");
        size_t steps = 1 + draw(6);
        for (size_t i = 0; i < steps; i++) {
            quantity = decimal_from_i64((int64_t)draw(2000));
            struct rating_result r = rate_messages(plan, quantity, i + 1 == steps, before, count);
            sum = decimal_add(&arena, sum, r.amount);
            count = remember(before, count, &r);
        }
        struct decimal whole = price_at(plan, quantity);
        if (!decimal_equal(sum, whole)) {
            fail_msg("round %d: documents %s, whole %s", round, decimal_text(&arena, sum, 2, NULL),
                     decimal_text(&arena, whole, 2, NULL));
        }
        assert_int_equal(rate_messages(plan, quantity, true, before, count).line_count, 0);
        arena_reset(&arena);
    }
}

// Property 1.
static void rows__add_up_to_the_line(void **state) {
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct plan *plan = plan_of(random_price());
        const struct plan_price *p = &plan->prices[0];
        struct decimal q = decimal_from_i64((int64_t)draw(3000));
        struct rating_result r = rate_messages(plan, q, true, NULL, 0);
        for (size_t i = 0; i < r.line_count; i++) {
            const struct rating_line *l = &r.lines[i];
            struct decimal amount = num("0"), quantity = num("0"), capped = num("0");
            for (size_t k = 0; k < l->row_count; k++) {
                amount = decimal_add(&arena, amount, l->rows[k].amount);
                quantity = decimal_add(&arena, quantity, l->rows[k].quantity);
                capped = decimal_add(&arena, capped, l->rows[k].capped);
            }
            assert_true(decimal_equal(amount, l->unrounded));
            assert_true(decimal_equal(capped, l->cap));
            assert_true(
                decimal_equal(currency_round(&arena, plan->currency, l->unrounded), l->base));
            if (l->kind == RATING_USAGE) {
                struct decimal unit =
                    p->has_conversion ? decimal_div(&arena, q, p->conversion.factor) : q;
                if (p->has_conversion && p->conversion.rounds) {
                    unit = decimal_round(&arena, unit, 0, DECIMAL_CEILING);
                }
                assert_true(decimal_equal(quantity, unit));
            }
        }
        arena_reset(&arena);
    }
}

#define TIERS                                                                                      \
    "{\"price_id\":\"p\",\"metric\":\"messages\",\"kernel\":{\"type\":\"%s\",\"tiers\":[{\"up_"    \
    "to\":"                                                                                        \
    "\"40\",\"unit_amount\":\"0.25\",\"flat_amount\":\"2.00\"},{\"up_to\":\"250\",\"unit_"         \
    "amount\":"                                                                                    \
    "\"0.18\",\"flat_amount\":\"1.50\"},{\"up_to\":null,\"unit_amount\":\"0.11\"}]}}"

// Property 6.
static void graduated__never_falls(void **state) {
    (void)state;
    struct plan *plan = plan_of(arena_printf(&arena, TIERS, "graduated"));
    struct decimal last = num("0");
    for (int i = 0; i < 3000; i++) {
        struct decimal q = decimal_div(&arena, decimal_from_i64(i), num("8"));
        struct decimal price = price_at(plan, q);
        assert_true(decimal_cmp(price, last) >= 0);
        last = price;
    }
}

static void bounds__belong_to_the_lower_tier(void **state) {
    (void)state;
    static const char *const TYPES[] = {"graduated", "volume"};
    for (size_t i = 0; i < 2; i++) {
        struct plan *plan = plan_of(arena_printf(&arena, TIERS, TYPES[i]));
        struct rating_result at = rate_messages(plan, num("40"), true, NULL, 0);
        struct rating_result above = rate_messages(plan, num("40.000000000001"), true, NULL, 0);
        assert_int_equal(at.lines[0].rows[at.lines[0].row_count - 1].tier, 1);
        assert_int_equal(above.lines[0].rows[above.lines[0].row_count - 1].tier, 2);
    }
}

static void one_tier__is_the_same_in_volume_and_graduated(void **state) {
    (void)state;
#define ONE                                                                                        \
    "{\"price_id\":\"p\",\"metric\":\"messages\",\"kernel\":{\"type\":\"%s\",\"tiers\":[{"         \
    "\"up_to\":null,\"unit_amount\":\"0.0%u\",\"flat_amount\":\"%u\"}]}}"

    for (int i = 0; i < 100; i++) {
        unsigned unit = (unsigned)draw(1000), fee = (unsigned)draw(10);
        struct decimal q = decimal_from_i64((int64_t)draw(100000));
        struct plan *g = plan_of(arena_printf(&arena, ONE, "graduated", unit, fee));
        struct plan *v = plan_of(arena_printf(&arena, ONE, "volume", unit, fee));
        assert_true(decimal_equal(price_at(g, q), price_at(v, q)));
    }
}

static void package_of_one__is_per_unit(void **state) {
    (void)state;
    struct plan *package =
        plan_of("{\"price_id\":\"p\",\"metric\":\"messages\",\"kernel\":{\"type\":\"package\","
                "\"package_size\":\"1\",\"package_amount\":\"0.0137\"}}");
    struct plan *unit = plan_of("{\"price_id\":\"p\",\"metric\":\"messages\",\"kernel\":{\"type\":"
                                "\"per_unit\",\"unit_amount\":\"0.0137\"}}");
    for (int i = 0; i < 200; i++) {
        struct decimal q = decimal_from_i64((int64_t)draw(1000000000));
        assert_true(decimal_equal(price_at(package, q), price_at(unit, q)));
    }
}

static const char TWO_FEES[] =
    "{\"price_id\":\"advance\",\"billed\":\"in_advance\",\"kernel\":{\"type\":\"flat\","
    "\"flat_amount\":\"30.00\"}},{\"price_id\":\"arrears\",\"kernel\":{\"type\":\"flat\","
    "\"flat_amount\":\"10.00\"}},{\"price_id\":\"use\",\"metric\":\"messages\",\"kernel\":{"
    "\"type\":"
    "\"per_unit\",\"unit_amount\":\"0.50\"},\"minimum\":{\"amount\":\"5.00\"}}";

static void advance_only__bills_the_fees_of_the_first_day(void **state) {
    (void)state;
    struct plan *plan = plan_of(TWO_FEES);
    struct rating_input input = june(false);
    input.period.advance_only = true;
    struct rating_result first = rate(plan, &input);
    assert_int_equal(first.line_count, 1);
    assert_string_equal(first.lines[0].price->price_id, "advance");
    struct rating_billed before[8];
    size_t count = remember(before, 0, &first);
    struct rating_result last = rate_messages(plan, num("4"), true, before, count);
    assert_int_equal(last.line_count, 3);
    assert_string_equal(last.lines[0].price->price_id, "arrears");
    assert_string_equal(last.lines[1].price->price_id, "use");
    assert_int_equal(last.lines[2].kind, RATING_MINIMUM);
    assert_int_equal(last.lines[2].parent, 2);
    assert_true(decimal_equal(last.amount, num("15.00")));
}

static void ended_service__gives_an_advance_fee_back_once(void **state) {
    (void)state;
    struct plan *plan = plan_of(TWO_FEES);
    struct rating_billed before[8] = {
        {.price_id = "advance", .kind = RATING_FIXED, .has_amounts = true, .base = num("30.00")}};
    struct rating_input input = june(false);
    input.period.service_from_day = input.period.from_day;
    input.period.service_to_day = input.period.from_day + 20;
    input.billed_before = before;
    input.billed_count = 1;
    struct rating_result r = rate(plan, &input);
    assert_int_equal(r.line_count, 1);
    assert_true(decimal_equal(r.amount, num("-10.00")));
    input.billed_count = remember(before, 1, &r);
    input.period.end_credited = true;
    assert_int_equal(rate(plan, &input).line_count, 0);
}

static void usage__no_price_takes_is_listed(void **state) {
    (void)state;
    struct plan *plan =
        plan_of("{\"price_id\":\"p\",\"metric\":\"bytes\",\"filter\":{\"delivery\":["
                "\"fresh\"]},\"kernel\":{\"type\":\"per_unit\",\"unit_amount\":"
                "\"1\"}}");
    struct rating_usage usage[] = {
        {RATING_METRIC_BYTES, &rating_usage_fresh, 1, NULL, num("2")},
        {RATING_METRIC_BYTES, &rating_usage_replay, 1, NULL, num("4")},
        {RATING_METRIC_BYTES, &rating_usage_fresh, 1, NULL, num("1")},
        {RATING_METRIC_BYTES, &rating_usage_replay, 1, NULL, num("3")},
        {RATING_METRIC_MESSAGES, &rating_usage_replay, 1, NULL, num("9")}, // the plan has no price
    };
    struct rating_input input = june(true);
    input.usage = usage;
    input.usage_count = sizeof usage / sizeof *usage;
    struct rating_result r = rate(plan, &input);
    assert_true(decimal_equal(r.amount, num("3")));
    assert_int_equal(r.unpriced_count, 1);
    assert_string_equal(r.unpriced[0].metric, RATING_METRIC_BYTES);
    assert_string_equal(rating_usage_value(&r.unpriced[0], RATING_DELIVERY), "replay");
    assert_true(decimal_equal(r.unpriced[0].quantity, num("7")));
}

static void usage__of_other_dimensions_is_added_up_per_price(void **state) {
    (void)state;
    static const struct rating_dimension EU[] = {{RATING_DELIVERY, "fresh"}, {"region", "eu"}};
    static const struct rating_dimension US[] = {{RATING_DELIVERY, "replay"}, {"region", "us"}};
    struct plan *plan =
        plan_of("{\"price_id\":\"p\",\"metric\":\"bytes\",\"filter\":{\"delivery\":["
                "\"fresh\"]},\"kernel\":{\"type\":\"per_unit\",\"unit_amount\":\"1\"}}");
    struct rating_usage usage[] = {
        {RATING_METRIC_BYTES, US, 2, NULL, num("5")},
        {RATING_METRIC_BYTES, EU, 2, NULL, num("2")},
        {RATING_METRIC_BYTES, &rating_usage_replay, 1, NULL, num("4")},
        {RATING_METRIC_BYTES, EU, 1, NULL, num("1")},
    };
    struct rating_input input = june(true);
    input.usage = usage;
    input.usage_count = sizeof usage / sizeof *usage;
    struct rating_result r = rate(plan, &input);
    assert_true(decimal_equal(r.lines[0].metered, num("3")));
    assert_int_equal(r.unpriced_count, 2);
    assert_true(decimal_equal(r.unpriced[0].quantity, num("4")));
    assert_string_equal(rating_usage_values_text(&arena, &r.unpriced[1]), "replay, us");
}

static void expect_invalid(const struct plan *plan, const struct rating_input *input,
                           const char *text) {
    struct rating_result result = {0};
    struct err e = {0};
    assert_int_equal(rating_run(&arena, plan, input, &result, &e), ERR_INVALID);
    if (strstr(e.text, text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, e.text);
    }
    assert_null(result.plan);
}

static void run__refuses_periods_and_bills_that_cannot_be(void **state) {
    (void)state;
    struct plan *plan = plan_of(TWO_FEES);
    struct rating_input input = june(true);
    input.period.to_day++;
    expect_invalid(plan, &input, "calendar month");
    input = june(true);
    input.period.to_day = input.period.from_day;
    expect_invalid(plan, &input, "service");
    input = june(true);
    input.period.service_from_day = input.period.from_day - 1;
    input.period.service_to_day = input.period.to_day;
    expect_invalid(plan, &input, "service");
    input = june(true);
    input.period.days_given = true;
    expect_invalid(plan, &input, "period_days");
    input = june(true);
    struct rating_billed b = {.price_id = "other", .has_amounts = true};
    input.billed_before = &b;
    input.billed_count = 1;
    expect_invalid(plan, &input, "not in the plan");
    b.price_id = "use";
    expect_invalid(plan, &input, "billed as fixed");
    b.kind = RATING_USAGE;
    b.base = num("0.001");
    expect_invalid(plan, &input, "minor unit");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(documents__of_a_period_sum_to_the_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(rows__add_up_to_the_line, setup, teardown),
        cmocka_unit_test_setup_teardown(graduated__never_falls, setup, teardown),
        cmocka_unit_test_setup_teardown(bounds__belong_to_the_lower_tier, setup, teardown),
        cmocka_unit_test_setup_teardown(one_tier__is_the_same_in_volume_and_graduated, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(package_of_one__is_per_unit, setup, teardown),
        cmocka_unit_test_setup_teardown(advance_only__bills_the_fees_of_the_first_day, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(ended_service__gives_an_advance_fee_back_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(usage__no_price_takes_is_listed, setup, teardown),
        cmocka_unit_test_setup_teardown(usage__of_other_dimensions_is_added_up_per_price, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(run__refuses_periods_and_bills_that_cannot_be, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("rating", tests, NULL, NULL);
}
