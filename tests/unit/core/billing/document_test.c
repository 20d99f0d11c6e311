#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/instant.h"
#include "core/billing/ledger.h"

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

static void expect(struct decimal x, const char *text) {
    assert_string_equal(decimal_text(&arena, x, 2, NULL), text);
}

// A plan of flat fees in the currency, rated for June 2027.
static struct rating_result *rated(const char *currency, size_t count, const char *const *fees,
                                   const char *more) {
    const char *prices = "";
    for (size_t i = 0; i < count; i++) {
        prices = arena_printf(&arena,
                              "%s%s{\"price_id\":\"p%zu\",\"kernel\":{\"type\":\"flat\","
                              "\"flat_amount\":\"%s\"}%s}",
                              prices, i == 0 ? "" : ",", i, fees[i], more);
    }
    struct plan *plan = arena_alloc(&arena, sizeof *plan);
    struct rating_result *result = arena_alloc(&arena, sizeof *result);
    struct err e = {0};
    const char *text = arena_printf(&arena,
                                    "{\"plan_id\":\"pln\",\"version\":1,\"currency\":\"%s\","
                                    "\"valid_from\":\"2027-01-01\",\"prices\":[%s]}",
                                    currency, prices);
    if (plan_parse_text(&arena, slice_str(text), plan, &e) != ERR_OK) {
        fail_msg("%s: %s", e.field, e.text);
    }
    int64_t from = days_from_civil(2027, 6, 1);
    struct rating_input input = {.period = {.from_day = from, .to_day = from + 30, .final = true}};
    assert_int_equal(rating_run(&arena, plan, &input, result, &e), ERR_OK);
    return result;
}

static struct share_rule *share_of(const char *text) {
    json_t *json = json_loads(text, 0, NULL);
    struct share_rule *rule = arena_alloc(&arena, sizeof *rule);
    struct err e = {0};
    if (share_parse(&arena, json, "", rule, &e) != ERR_OK) {
        fail_msg("%s: %s", e.field, e.text);
    }
    json_decref(json);
    return rule;
}

static const struct document_tax_rule VAT = {.category = "S"};

static struct document_tax_rule vat(const char *rate) {
    struct document_tax_rule rule = VAT;
    rule.rate = num(rate);
    return rule;
}

// Property 5, and what must hold of the entry: every account's sum, debit = credit = total.
static void expect_consistent(const struct document *d, const struct ledger_transfer *t, size_t n) {
    struct decimal net = num("0"), receivable = num("0");
    for (size_t i = 0; i < d->line_count; i++) {
        const struct document_line *l = &d->lines[i];
        assert_int_equal(l->line, i + 1);
        net = decimal_add(&arena, net, l->net);
        struct decimal parts = num("0");
        for (size_t k = 0; k < l->part_count; k++) {
            parts = decimal_add(&arena, parts, l->parts[k].amount);
        }
        assert_true(l->part_count == 0 || decimal_equal(parts, l->net));
    }
    assert_true(decimal_equal(net, d->net));
    assert_true(decimal_equal(decimal_add(&arena, d->net, d->tax), d->total));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(decimal_sign(t[i].amount), 1);
        bool debit = t[i].debit.kind == LEDGER_RECEIVABLE;
        assert_true(debit != (t[i].credit.kind == LEDGER_RECEIVABLE));
        receivable = debit ? decimal_add(&arena, receivable, t[i].amount)
                           : decimal_sub(&arena, receivable, t[i].amount);
    }
    assert_true(decimal_equal(receivable, d->total));
}

static void expect_transfer(const struct ledger_transfer *t, enum ledger_account_kind credit,
                            const char *owner, const char *amount) {
    assert_int_equal(t->debit.kind, LEDGER_RECEIVABLE);
    assert_string_equal(t->debit.owner, "customer");
    assert_int_equal(t->credit.kind, credit);
    assert_string_equal(t->credit.owner, owner);
    assert_string_equal(t->currency->code, "EUR");
    expect(t->amount, amount);
}

// finance.md 9.2: net 1,000, VAT 190, provider 80 %.
static void issued__posts_payable_commission_and_tax(void **state) {
    (void)state;
    struct document_source source = {.rated = rated("EUR", 1, (const char *const[]){"1000.00"}, ""),
                                     .share = share_of("{\"percent\":\"20\"}"),
                                     .provider = "org_a"};
    struct document_tax_rule tax = vat("19.0");
    struct document d;
    struct err e = {0};
    assert_int_equal(
        document_build(&arena, currency_find(slice_str("EUR")), &source, 1, &tax, 1, &d, &e),
        ERR_OK);
    struct ledger_transfer *t = NULL;
    size_t n = 0;
    ledger_invoice_issued(&arena, &d, "customer", &t, &n);
    expect_consistent(&d, t, n);
    assert_int_equal(n, 3);
    expect_transfer(&t[0], LEDGER_COMMISSION, "", "200.00");
    expect_transfer(&t[1], LEDGER_PROVIDER_PENDING, "org_a", "800.00");
    expect_transfer(&t[2], LEDGER_OUTPUT_TAX, "", "190.00");
}

static void sources__keep_their_providers_and_shares_apart(void **state) {
    (void)state;
    struct share_rule *three = share_of(
        "{\"percent\":\"12.5\",\"parties\":[{\"party\":\"provider\",\"share\":\"60\"},{\"party\":"
        "\"org_b\",\"share\":\"25\"},{\"party\":\"org_c\",\"share\":\"15\"}]}");
    struct document_source sources[] = {
        {.rated = rated("EUR", 1, (const char *const[]){"37.45"}, ""),
         .share = three,
         .provider = "org_a"},
        {.rated = rated("EUR", 2, (const char *const[]){"10.00", "-4.00"}, ""),
         .share = share_of("{\"percent\":\"10\"}"),
         .provider = "org_b"},
        {.rated = rated("EUR", 1, (const char *const[]){"7.00"}, ",\"tax_category\":\"E\"")},
    };
    struct document_tax_rule taxes[] = {vat("19"), vat("0")};
    taxes[1].category = "E";
    struct document d;
    struct err e = {0};
    assert_int_equal(
        document_build(&arena, currency_find(slice_str("EUR")), sources, 3, taxes, 2, &d, &e),
        ERR_OK);
    struct ledger_transfer *t = NULL;
    size_t n = 0;
    ledger_invoice_issued(&arena, &d, "customer", &t, &n);
    expect_consistent(&d, t, n);
    assert_int_equal(d.line_count, 4);
    assert_int_equal(d.lines[2].source, 1);
    assert_int_equal(n, 5);
    expect_transfer(&t[0], LEDGER_COMMISSION, "", "12.28"); // 4.68 + 1.00 - 0.40 + 7.00 own
    expect_transfer(&t[1], LEDGER_PROVIDER_PENDING, "org_a", "19.66");
    expect_transfer(&t[2], LEDGER_PROVIDER_PENDING, "org_b", "13.59"); // 8.19 + 9.00 - 3.60
    expect_transfer(&t[3], LEDGER_PROVIDER_PENDING, "org_c", "4.92");
    expect_transfer(&t[4], LEDGER_OUTPUT_TAX, "", "8.26"); // the rate of 0 posts nothing
    assert_int_equal(d.tax_count, 2);
}

static void correction__is_posted_the_other_way_round(void **state) {
    (void)state;
    struct document_source source = {.rated = rated("EUR", 1, (const char *const[]){"-20.05"}, ""),
                                     .share = share_of("{\"percent\":\"12.5\"}"),
                                     .provider = "org_a"};
    struct document_tax_rule tax = vat("19");
    struct document d;
    struct err e = {0};
    assert_int_equal(
        document_build(&arena, currency_find(slice_str("EUR")), &source, 1, &tax, 1, &d, &e),
        ERR_OK);
    struct ledger_transfer *t = NULL;
    size_t n = 0;
    ledger_invoice_issued(&arena, &d, "customer", &t, &n);
    expect_consistent(&d, t, n);
    assert_int_equal(n, 3);
    assert_int_equal(t[0].debit.kind, LEDGER_COMMISSION);
    assert_int_equal(t[0].credit.kind, LEDGER_RECEIVABLE);
    expect(t[0].amount, "2.51");
    expect(d.total, "-23.86");
}

static void nothing__makes_an_empty_document_and_entry(void **state) {
    (void)state;
    struct document_tax_rule tax = vat("19");
    struct document d;
    struct err e = {0};
    assert_int_equal(
        document_build(&arena, currency_find(slice_str("EUR")), NULL, 0, &tax, 1, &d, &e), ERR_OK);
    assert_int_equal(d.tax_count, 0);
    expect(d.total, "0.00");
    struct ledger_transfer *t = NULL;
    size_t n = 7;
    ledger_invoice_issued(&arena, &d, "customer", &t, &n);
    assert_int_equal(n, 0);
}

static void minimum__names_its_line_by_the_number_on_the_document(void **state) {
    (void)state;
    struct document_source sources[] = {
        {.rated = rated("EUR", 2, (const char *const[]){"1.00", "2.00"}, "")},
        {.rated =
             rated("EUR", 1, (const char *const[]){"1.00"}, ",\"minimum\":{\"amount\":\"5\"}")},
    };
    struct document d;
    struct err e = {0};
    assert_int_equal(
        document_build(&arena, currency_find(slice_str("EUR")), sources, 2, NULL, 0, &d, &e),
        ERR_OK);
    assert_int_equal(d.line_count, 4);
    assert_int_equal(d.lines[2].parent, 0);
    assert_int_equal(d.lines[3].parent, 3);
    expect(d.lines[3].net, "4.00");
    expect(d.due, "8.00");
}

// The tax of a line may be decided per document instead of by the price.
static void tax__of_the_source_wins(void **state) {
    (void)state;
    const struct document_tax_key keys[] = {{.category = "AE"}};
    struct document_source source = {.rated = rated("EUR", 1, (const char *const[]){"10.00"}, ""),
                                     .tax = keys};
    struct document_tax_rule taxes[] = {vat("19"), vat("0")};
    taxes[1].category = "AE";
    struct document d;
    struct err e = {0};
    assert_int_equal(
        document_build(&arena, currency_find(slice_str("EUR")), &source, 1, taxes, 2, &d, &e),
        ERR_OK);
    expect(d.tax, "0.00");
    assert_int_equal(d.tax_count, 1);
    assert_string_equal(d.taxes[0].category, "AE");
}

// Lines of one category and two rates, one without any, one of a rule's rate, and one of no rule.
static void tax__is_grouped_by_category_and_rate(void **state) {
    (void)state;
    const struct document_tax_key keys[] = {
        {.category = "S", .has_rate = true, .rate = num("16.00")},
        {.category = "S", .has_rate = true, .rate = num("19")},
        {.category = "undecided"},
        {.category = "S", .has_rate = true, .rate = num("16")},
    };
    struct document_source sources[] = {
        {.rated = rated("EUR", 4, (const char *const[]){"1.00", "2.00", "4.00", "8.00"}, ""),
         .tax = keys},
        {.rated = rated("EUR", 1, (const char *const[]){"100.00"}, "")},
    };
    struct document_tax_rule rules[] = {vat("19"), {.category = "S", .fixed = true}};
    rules[1].amount = num("0.50");
    struct document d;
    struct err e = {0};
    assert_int_equal(
        document_build(&arena, currency_find(slice_str("EUR")), sources, 2, rules, 2, &d, &e),
        ERR_OK);
    assert_int_equal(d.tax_count, 3);
    expect(d.taxes[0].rate, "19.00");
    expect(d.taxes[0].net, "102.00");
    expect(d.taxes[0].amount, "19.38");
    assert_true(d.taxes[1].fixed); // for what goes by its category alone
    expect(d.taxes[1].net, "100.00");
    expect(d.taxes[2].rate, "16.00");
    expect(d.taxes[2].net, "9.00");
    expect(d.taxes[2].amount, "1.44");
    expect(d.tax, "21.32");
    const size_t borne[] = {1, 1, 0, 1, 2};
    for (size_t i = 0; i < d.line_count; i++) {
        assert_int_equal(d.lines[i].tax_count, borne[i]);
    }
    expect(d.lines[3].taxes[0].amount, "1.28");
}

static void rates_of_lines__are_checked_as_rules_are(void **state) {
    (void)state;
    const struct currency *eur = currency_find(slice_str("EUR"));
    struct document d = {0};
    struct err e = {0};
    struct document_tax_key negative = {.category = "S", .has_rate = true, .rate = num("-1")};
    struct document_source one = {.rated = rated("EUR", 1, (const char *const[]){"10.00"}, ""),
                                  .tax = &negative};
    assert_int_equal(document_build(&arena, eur, &one, 1, NULL, 0, &d, &e), ERR_INVALID);
    enum { MANY = DOCUMENT_TAXES_MAX + 1 };
    struct document_tax_key keys[MANY];
    const char *fees[MANY];
    for (int i = 0; i < MANY; i++) {
        keys[i] = (struct document_tax_key){
            .category = "S", .has_rate = true, .rate = decimal_from_i64(i)};
        fees[i] = "1.00";
    }
    struct document_source many = {.rated = rated("EUR", MANY, fees, ""), .tax = keys};
    assert_int_equal(document_build(&arena, eur, &many, 1, NULL, 0, &d, &e), ERR_LIMIT);
    assert_null(d.currency);
    keys[MANY - 1].rate = num("7.0");
    assert_int_equal(document_build(&arena, eur, &many, 1, NULL, 0, &d, &e), ERR_OK);
    assert_int_equal(d.tax_count, DOCUMENT_TAXES_MAX);
}

static void build__refuses_what_does_not_fit(void **state) {
    (void)state;
    const struct currency *eur = currency_find(slice_str("EUR"));
    struct document_source yen = {.rated = rated("JPY", 1, (const char *const[]){"10"}, "")};
    struct document d = {0};
    struct err e = {0};
    assert_int_equal(document_build(&arena, eur, &yen, 1, NULL, 0, &d, &e), ERR_INVALID);
    struct document_tax_rule twice[] = {vat("19"), vat("19.00")};
    assert_int_equal(document_build(&arena, eur, NULL, 0, twice, 2, &d, &e), ERR_INVALID);
    struct document_tax_rule negative = vat("-1");
    assert_int_equal(document_build(&arena, eur, NULL, 0, &negative, 1, &d, &e), ERR_INVALID);
    struct document_tax_rule part = {.category = "S", .fixed = true, .amount = num("0.505")};
    assert_int_equal(document_build(&arena, eur, NULL, 0, &part, 1, &d, &e), ERR_INVALID);
    struct document_tax_rule many[DOCUMENT_TAXES_MAX + 1] = {{.category = "S"}};
    assert_int_equal(document_build(&arena, eur, NULL, 0, many, DOCUMENT_TAXES_MAX + 1, &d, &e),
                     ERR_LIMIT);
    assert_null(d.currency);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(issued__posts_payable_commission_and_tax),
        cmocka_unit_test(sources__keep_their_providers_and_shares_apart),
        cmocka_unit_test(correction__is_posted_the_other_way_round),
        cmocka_unit_test(nothing__makes_an_empty_document_and_entry),
        cmocka_unit_test(minimum__names_its_line_by_the_number_on_the_document),
        cmocka_unit_test(tax__of_the_source_wins),
        cmocka_unit_test(tax__is_grouped_by_category_and_rate),
        cmocka_unit_test(rates_of_lines__are_checked_as_rules_are),
        cmocka_unit_test(build__refuses_what_does_not_fit),
    };
    return cmocka_run_group_tests_name("document", tests, setup, teardown);
}
