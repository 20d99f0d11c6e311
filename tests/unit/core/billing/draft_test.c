// Drafts: tax per line, what blocks, what is left for the next invoice.
#include "core/billing/draft.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/instant.h"

static const char PLAN[] =
    "{\"plan_id\":\"p\",\"version\":1,\"currency\":\"EUR\",\"valid_from\":\"2020-01-01\","
    "\"prices\":["
    "{\"price_id\":\"fee\",\"kernel\":{\"type\":\"flat\",\"flat_amount\":\"10.00\"}},"
    "{\"price_id\":\"data\",\"metric\":\"bytes\",\"filter\":{\"delivery\":[\"fresh\"]},"
    "\"kernel\":{\"type\":\"per_unit\",\"unit_amount\":\"0.01\"}}]}";

static const struct draft_parties DOMESTIC = {.seller_country = "DE", .buyer_country = "DE"};
static const struct draft_parties ABROAD = {.seller_country = "DE", .buyer_country = "FR"};

// 16 % in the second half of 2020, none before 2007.
static enum err_code rate(void *ctx, const char *country, const char *category, int64_t day,
                          const char **ret_rate, struct err *e) {
    (void)ctx;
    (void)e;
    assert_string_equal(country, "DE");
    assert_string_equal(category, "S");
    *ret_rate = day < days_from_civil(2007, 1, 1)                                         ? NULL
                : day >= days_from_civil(2020, 7, 1) && day < days_from_civil(2021, 1, 1) ? "16"
                                                                                          : "19";
    return ERR_OK;
}

static struct decimal money(const char *text) {
    struct decimal d;
    check(decimal_parse(slice_str(text), &d, NULL) == ERR_OK);
    return d;
}

// One month of a subscription that has read `bytes`; `before` of it billed already (-1: nothing).
static struct month *month_of(struct arena *a, int year, unsigned month,
                              enum plan_delivery delivery, int64_t bytes, int64_t before) {
    struct month *u = arena_alloc(a, sizeof *u);
    *u = (struct month){.product_name = "Ticks",
                        .plan_name = "Standard",
                        .provider = "provider",
                        .metering_class = "request_log",
                        .weakest_class = "request_log",
                        .billed_seq = before < 0 ? 0 : 1,
                        .usage_count = 1};
    assert_int_equal(plan_parse_text(a, slice_str(PLAN), &u->plan, NULL), ERR_OK);
    int64_t from = days_from_civil(year, month, 1);
    u->period = (struct rating_period){
        .from_day = from, .to_day = from + days_in_month(year, month), .final = true};
    u->usage[0] = (struct rating_usage){PLAN_METRIC_BYTES, delivery, decimal_from_i64(bytes)};
    struct rating_billed billed[] = {
        {.price_id = "fee", .kind = RATING_FIXED, .has_amounts = true, .base = money("10.00")},
        {.price_id = "data", .kind = RATING_USAGE, .metered = decimal_from_i64(before)},
    };
    struct rating_input input = {.period = u->period,
                                 .usage = u->usage,
                                 .usage_count = 1,
                                 .billed_before = billed,
                                 .billed_count = before < 0 ? 0 : 2};
    assert_int_equal(rating_run(a, &u->plan, &input, &u->rated, NULL), ERR_OK);
    return u;
}

static bool build(struct arena *a, struct month **months, size_t count,
                  const struct draft_parties *parties, struct draft *ret) {
    bool any = false;
    assert_int_equal(draft_build(a, months, count, parties, rate, NULL, ret, &any, NULL), ERR_OK);
    return any;
}

static void expect_money(struct decimal got, const char *expected) {
    assert_true(decimal_equal(got, money(expected)));
}

static void expect_rate(struct arena *a, const struct document_line *l, const char *category,
                        const char *rate) {
    assert_string_equal(l->tax.category, category);
    assert_string_equal(decimal_text_as_read(a, l->tax.rate), rate);
}

static void draft__one_month_at_home(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct month *months[] = {month_of(&a, 2026, 11, PLAN_DELIVERY_FRESH, 250, -1)};
    struct draft d;
    assert_true(build(&a, months, 1, &DOMESTIC, &d));
    assert_null(d.blocked_by);
    expect_money(d.document.net, "12.50");
    expect_money(d.document.tax, "2.38"); // 2.375
    assert_int_equal(d.document.tax_count, 1);
    assert_string_equal(d.document.taxes[0].category, "S");
    assert_string_equal(decimal_text_as_read(&a, d.document.taxes[0].rate), "19");
    arena_done(&a);
}

static void draft__late_line_keeps_the_tax_of_what_it_corrects(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct month *late = month_of(&a, 2020, 12, PLAN_DELIVERY_FRESH, 300, 200);
    struct month_original original = {.price_id = "data",
                                      .kind = "usage",
                                      .line = 2,
                                      .number = "INV-2021-000001",
                                      .tax_category = "S",
                                      .tax_rate = "16"};
    late->originals = &original;
    late->original_count = 1;
    struct month *months[] = {late, month_of(&a, 2021, 1, PLAN_DELIVERY_FRESH, 100, -1)};
    struct draft d;
    assert_true(build(&a, months, 2, &DOMESTIC, &d));
    assert_int_equal(d.document.tax_count, 2);
    expect_rate(&a, &d.document.lines[0], "S", "16");
    expect_rate(&a, &d.document.lines[1], "S", "19");
    expect_money(d.document.net, "12.00");
    expect_money(d.document.tax, "2.25"); // 0.16 + 2.09
    assert_ptr_equal(draft_original(late, d.document.lines[0].rated), &original);
    arena_done(&a);
}

// The rate of the corrected line was read with other digits: it's the same rate, and one group.
static void draft__rates_are_grouped_by_value(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct month *late = month_of(&a, 2025, 12, PLAN_DELIVERY_FRESH, 300, 200);
    struct month_original original = {
        .price_id = "data", .kind = "usage", .line = 2, .tax_category = "S", .tax_rate = "19.00"};
    late->originals = &original;
    late->original_count = 1;
    struct month *months[] = {late, month_of(&a, 2026, 1, PLAN_DELIVERY_FRESH, 100, -1)};
    struct draft d;
    assert_true(build(&a, months, 2, &DOMESTIC, &d));
    assert_int_equal(d.document.tax_count, 1);
    expect_money(d.document.taxes[0].net, "12.00");
    expect_money(d.document.tax, "2.28");
    expect_rate(&a, &d.document.lines[0], "S", "19.00");
    arena_done(&a);
}

static void draft__abroad_is_blocked_and_untaxed(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct month *months[] = {month_of(&a, 2026, 11, PLAN_DELIVERY_FRESH, 250, -1)};
    struct draft d;
    assert_true(build(&a, months, 1, &ABROAD, &d));
    assert_string_equal(d.blocked_by, "the tax of a sale from DE to FR is not decided: only sales "
                                      "inside one country are supported yet");
    assert_true(decimal_is_zero(d.document.tax));
    assert_int_equal(d.document.tax_count, 0);
    expect_rate(&a, &d.document.lines[0], "undecided", "0"); // as it is stored
    arena_done(&a);
}

static void draft__says_everything_that_blocks(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct month *months[] = {month_of(&a, 2006, 3, PLAN_DELIVERY_REPLAY, 7, -1)};
    months[0]->metering_class = "committed";
    struct draft d;
    assert_true(build(&a, months, 1, &DOMESTIC, &d));
    assert_string_equal(d.blocked_by,
                        "7 bytes (replay) of Ticks have no price in plan Standard; plan Standard "
                        "does not accept usage metered as committed; there is no rate of tax "
                        "category S in DE for March 2006");
    arena_done(&a);
}

static void draft__weaker_plan_takes_better_metering(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct month *months[] = {month_of(&a, 2026, 11, PLAN_DELIVERY_FRESH, 1, -1)};
    months[0]->weakest_class = "committed";
    struct draft d;
    assert_true(build(&a, months, 1, &DOMESTIC, &d));
    assert_null(d.blocked_by);
    arena_done(&a);
}

static void draft__unchanged_month_gives_nothing(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct month *months[] = {month_of(&a, 2026, 10, PLAN_DELIVERY_FRESH, 250, 250)};
    struct draft d;
    assert_false(build(&a, months, 1, &DOMESTIC, &d));
    // A byte is a cent here.
    struct month *more[] = {month_of(&a, 2026, 10, PLAN_DELIVERY_FRESH, 251, 250)};
    assert_true(build(&a, more, 1, &DOMESTIC, &d));
    expect_money(d.document.net, "0.01");
    arena_done(&a);
}

static void draft__below_zero_waits_for_the_next_invoice(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    struct draft d;
    struct month *lowered[] = {month_of(&a, 2026, 10, PLAN_DELIVERY_FRESH, 100, 250)};
    assert_false(build(&a, lowered, 1, &DOMESTIC, &d));
    assert_string_equal(d.note, "-1.50 EUR of months billed before is left for the next invoice");
    // With a month above it, it is a line of that invoice.
    struct month *both[] = {lowered[0], month_of(&a, 2026, 11, PLAN_DELIVERY_FRESH, 0, -1)};
    assert_true(build(&a, both, 2, &DOMESTIC, &d));
    assert_null(d.note);
    expect_money(d.document.net, "8.50");
    // More than the month can bear: the month is billed, the difference waits.
    both[0] = month_of(&a, 2026, 10, PLAN_DELIVERY_FRESH, 0, 5000);
    assert_true(build(&a, both, 2, &DOMESTIC, &d));
    assert_string_equal(d.note, "-50.00 EUR of months billed before is left for the next invoice");
    expect_money(d.document.net, "10.00");
    assert_int_equal(d.month_count, 1);
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(draft__one_month_at_home),
        cmocka_unit_test(draft__late_line_keeps_the_tax_of_what_it_corrects),
        cmocka_unit_test(draft__rates_are_grouped_by_value),
        cmocka_unit_test(draft__abroad_is_blocked_and_untaxed),
        cmocka_unit_test(draft__says_everything_that_blocks),
        cmocka_unit_test(draft__weaker_plan_takes_better_metering),
        cmocka_unit_test(draft__unchanged_month_gives_nothing),
        cmocka_unit_test(draft__below_zero_waits_for_the_next_invoice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
