#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/billing/share.h"
#include "core/rating/modifier.h"
#include "core/rating/plan.h"

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

static const char PLAN[] =
    "{\"plan_id\":\"pln\",\"version\":1,\"currency\":\"EUR\",\"valid_from\":\"2027-01-01\","
    "\"prices\":[%s]%s}";

static const char TIERED[] = "{\"price_id\":\"p\",\"metric\":\"bytes\",\"kernel\":{\"type\":"
                             "\"graduated\",\"tiers\":[%s]}}";

static enum err_code parse(const char *price, const char *more, struct plan *ret, struct err *e) {
    char text[4096];
    (void)snprintf(text, sizeof text, PLAN, price, more);
    return plan_parse_text(&arena, slice_str(text), ret, e);
}

static void expect_refused(const char *price, const char *more, const char *field,
                           const char *text) {
    struct plan plan = {0};
    struct err e = {0};
    assert_int_equal(parse(price, more, &plan, &e), ERR_INVALID);
    assert_string_equal(e.field, field);
    if (strstr(e.text, text) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", text, e.text);
    }
    assert_null(plan.prices);
}

static void parse__fills_defaults(void **state) {
    (void)state;
    struct plan plan;
    struct err e = {0};
    assert_int_equal(parse("{\"price_id\":\"fee\",\"kernel\":{\"type\":\"flat\",\"flat_amount\":"
                           "\"49.00\"}},{\"price_id\":\"use\",\"metric\":\"messages\",\"kernel\":"
                           "{\"type\":\"volume\",\"tiers\":[{\"up_to\":null,\"unit_amount\":\"1\"}"
                           "]},\"minimum\":{\"amount\":\"1\"},\"maximum\":{\"amount\":\"2\"}}",
                           ",\"interval\":{\"unit\":\"month\"},\"trial\":null", &plan, &e),
                     ERR_OK);
    assert_int_equal(plan.price_count, 2);
    assert_int_equal(plan.valid_from_day, 20819);
    const struct plan_price *fee = plan_find_price(&plan, "fee");
    assert_true(fee->prorated);
    assert_int_equal(fee->billed, PLAN_IN_ARREARS);
    assert_string_equal(fee->tax_category, "S");
    const struct plan_price *use = plan_find_price(&plan, "use");
    assert_false(use->partial_billing); // volume waits for the last document
    assert_true(use->minimum.prorated);
    assert_false(use->maximum.prorated);
    assert_null(plan_find_price(&plan, "none"));
}

static void parse__names_the_place_of_what_is_wrong(void **state) {
    (void)state;
    char tiers[1024];
    expect_refused("{\"price_id\":\"p\",\"kernel\":{\"type\":\"flat\",\"flat_amount\":49}}", "",
                   "/prices/0/kernel/flat_amount", "as a string");
    expect_refused("{\"price_id\":\"p\",\"kernel\":{\"type\":\"flat\",\"flat_amount\":\"4,9\"}}",
                   "", "/prices/0/kernel/flat_amount", "plain notation");
    expect_refused("{\"price_id\":\"p\",\"kernel\":{\"type\":\"flat\",\"flat_amount\":\"1\","
                   "\"amount/x~\":1}}",
                   "", "/prices/0/kernel/amount~1x~0", "unknown field");
    expect_refused("{\"price_id\":\"p\",\"kernel\":{\"type\":\"flat\"}}", "",
                   "/prices/0/kernel/flat_amount", "required");
    expect_refused("{\"price_id\":\"p\"}", "", "/prices/0/kernel", "required");
    expect_refused("{}", "", "/prices/0/price_id", "required");
    expect_refused("", "", "/prices", "at least one price");
    expect_refused("7", "", "/prices/0", "object");
    (void)snprintf(tiers, sizeof tiers, TIERED, "{\"up_to\":\"5\",\"unit_amount\":\"1\"}");
    expect_refused(tiers, "", "/prices/0/kernel/tiers/0/up_to", "must be open");
    (void)snprintf(tiers, sizeof tiers, TIERED,
                   "{\"up_to\":null,\"unit_amount\":\"1\"},{\"up_to\":null,\"unit_amount\":\"1\"}");
    expect_refused(tiers, "", "/prices/0/kernel/tiers/0/up_to", "only the last");
    (void)snprintf(tiers, sizeof tiers, TIERED,
                   "{\"up_to\":\"5\",\"unit_amount\":\"1\"},{\"up_to\":\"5.0\",\"unit_amount\":"
                   "\"1\"},{\"up_to\":null,\"unit_amount\":\"1\"}");
    expect_refused(tiers, "", "/prices/0/kernel/tiers/1/up_to", "must increase");
    (void)snprintf(tiers, sizeof tiers, TIERED,
                   "{\"up_to\":null,\"unit_amount\":\"1\",\"package_size\":\"1\","
                   "\"package_amount\":\"1\"}");
    expect_refused(tiers, "", "/prices/0/kernel/tiers/0/unit_amount", "not both");
}

static void parse__refuses_by_name_what_is_not_rated_yet(void **state) {
    (void)state;
    static const struct {
        const char *member, *name;
    } PRICE[] = {
        {"\"recurrence\":\"once\"", "recurrence"},
        {"\"aggregation\":\"max\"", "aggregation"},
        {"\"group_by\":[\"topic\"]", "group_by"},
        {"\"time_buckets\":[{}]", "time_buckets"},
        {"\"rate_per\":\"hour\"", "rate_per"},
        {"\"bill_per\":\"event\"", "bill_per"},
        {"\"commitment\":{\"amount\":\"1\"}", "commitment"},
        {"\"pricing_unit\":{\"name\":\"x\",\"rate\":\"1\"}", "pricing_unit"},
        {"\"price_rounding\":{\"mode\":\"up\",\"scale\":2}", "price_rounding"},
        {"\"on_decrease\":\"hold\"", "on_decrease"},
        {"\"split_rounding\":\"delta\"", "split_rounding"},
        {"\"valid_from\":\"2027-02-01\"", "valid_from"},
        {"\"interval\":{\"unit\":\"year\"}", "interval"},
    };
    for (size_t i = 0; i < sizeof PRICE / sizeof *PRICE; i++) {
        char price[512], field[64];
        (void)snprintf(price, sizeof price,
                       "{\"price_id\":\"p\",\"metric\":\"bytes\",\"kernel\":{\"type\":\"per_unit\","
                       "\"unit_amount\":\"1\"},%s}",
                       PRICE[i].member);
        (void)snprintf(field, sizeof field, "/prices/0/%s", PRICE[i].name);
        expect_refused(price, "", field, "not supported yet");
    }
    static const char FLAT[] =
        "{\"price_id\":\"p\",\"kernel\":{\"type\":\"flat\",\"flat_amount\":\"1\"}}";
    expect_refused(FLAT, ",\"trial\":{\"days\":12}", "/trial", "not supported yet");
    expect_refused(FLAT, ",\"minimum_commitment\":{\"amount\":\"1\"}", "/minimum_commitment",
                   "not supported yet");
    expect_refused(FLAT, ",\"interval\":{\"unit\":\"year\"}", "/interval/unit",
                   "not supported yet");
    expect_refused(FLAT, ",\"proration\":{\"basis\":\"seconds\"}", "/proration/basis",
                   "not supported yet");
    expect_refused(FLAT, ",\"late_usage\":{\"lower\":\"credit_note\"}", "/late_usage/lower",
                   "not supported yet");
    expect_refused("{\"price_id\":\"p\",\"metric\":\"bytes\",\"kernel\":{\"type\":\"matrix\"}}", "",
                   "/prices/0/kernel/type", "matrix is not supported yet");
    expect_refused(
        "{\"price_id\":\"p\",\"metric\":\"connections\",\"kernel\":{\"type\":\"per_unit\","
        "\"unit_amount\":\"1\"}}",
        "", "/prices/0/metric", "not supported yet");
    expect_refused("{\"price_id\":\"p\",\"metric\":\"bytes\",\"filter\":{\"region\":[\"eu\"]},"
                   "\"kernel\":{\"type\":\"per_unit\",\"unit_amount\":\"1\"}}",
                   "", "/prices/0/filter/region", "not supported yet");
}

static void parse__refuses_what_has_no_meaning(void **state) {
    (void)state;
    static const char *const VALUES[] = {"{\"operation\":\"divide\",\"factor\":\"2\"}",
                                         "\"zero\"",
                                         "{\"quantity\":\"1\"}",
                                         "\"5\"",
                                         "{\"amount\":\"1\"}",
                                         "{\"amount\":\"1\"}"}; // one value per modifier
    expect_refused("{\"price_id\":\"p\",\"metric\":\"bytes\",\"kernel\":{\"type\":\"flat\","
                   "\"flat_amount\":\"1\"}}",
                   "", "/prices/0/metric", "flat price");
    for (size_t i = 0; modifier_list[i] != NULL; i++) {
        char price[256], field[64];
        (void)snprintf(price, sizeof price,
                       "{\"price_id\":\"p\",\"%s\":%s,\"kernel\":{\"type\":\"flat\","
                       "\"flat_amount\":\"1\"}}",
                       modifier_list[i]->field, VALUES[i]);
        (void)snprintf(field, sizeof field, "/prices/0/%s", modifier_list[i]->field);
        struct plan plan;
        if (modifier_list[i]->of_usage) {
            expect_refused(price, "", field, "a flat price has no");
        } else {
            assert_int_equal(parse(price, "", &plan, NULL), ERR_OK);
        }
    }
    expect_refused(
        "{\"price_id\":\"p\",\"metric\":\"bytes\",\"prorated\":true,\"kernel\":{\"type\":"
        "\"per_unit\",\"unit_amount\":\"1\"}}",
        "", "/prices/0/prorated", "only a flat price");
    expect_refused("{\"price_id\":\"p\",\"kernel\":{\"type\":\"per_unit\",\"unit_amount\":\"1\"}}",
                   "", "/prices/0/metric", "required");
    expect_refused("{\"price_id\":\"p\",\"metric\":\"bytes\",\"unit_conversion\":{\"operation\":"
                   "\"divide\",\"factor\":\"0\"},\"kernel\":{\"type\":\"per_unit\",\"unit_amount\":"
                   "\"1\"}}",
                   "", "/prices/0/unit_conversion/factor", "above zero");
    expect_refused("{\"price_id\":\"p\",\"discount_percent\":\"100.1\",\"kernel\":{\"type\":"
                   "\"flat\",\"flat_amount\":\"1\"}}",
                   "", "/prices/0/discount_percent", "above 100");
    expect_refused("{\"price_id\":\"p\",\"kernel\":{\"type\":\"flat\",\"flat_amount\":\"1\"}},"
                   "{\"price_id\":\"p\",\"kernel\":{\"type\":\"flat\",\"flat_amount\":\"1\"}}",
                   "", "/prices/1/price_id", "there already");
}

static void parse_text__refuses_what_is_no_json_or_too_long(void **state) {
    (void)state;
    struct plan plan;
    struct err e = {0};
    assert_int_equal(plan_parse_text(&arena, slice_str("{"), &plan, &e), ERR_INVALID);
    assert_int_equal(plan_parse_text(&arena, slice_str(""), &plan, &e), ERR_INVALID);
    assert_int_equal(plan_parse_text(&arena, slice_str("null"), &plan, &e), ERR_INVALID);
    assert_int_equal(plan_parse_text(&arena, slice_str("{\"version\":1,\"version\":2}"), &plan, &e),
                     ERR_INVALID);
    char *longer = calloc(1, PLAN_JSON_MAX + 1);
    assert_non_null(longer);
    assert_int_equal(plan_parse_text(&arena, slice_of(longer, PLAN_JSON_MAX + 1), &plan, &e),
                     ERR_LIMIT);
    free(longer);
}

static enum err_code parse_share(const char *text, struct share_rule *ret, struct err *e) {
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    enum err_code code = share_parse(&arena, json, "/revenue_share", ret, e);
    json_decref(json);
    return code;
}

static void share_parse__knows_its_fields_and_refuses_the_rest(void **state) {
    (void)state;
    struct share_rule rule = {0};
    struct err e = {0};
    assert_int_equal(parse_share("{\"percent\":\"15\"}", &rule, &e), ERR_OK);
    assert_int_equal(rule.party_count, 1);
    assert_string_equal(rule.parties[0].party, SHARE_PROVIDER);
    static const struct {
        const char *json, *field;
    } BAD[] = {
        {"{\"percent\":15}", "/revenue_share/percent"},
        {"{\"percent\":\"100.5\"}", "/revenue_share/percent"},
        {"{\"percent\":\"-1\"}", "/revenue_share/percent"},
        {"{\"tiers\":[{}]}", "/revenue_share/tiers"},
        {"{\"shares_of\":[{}]}", "/revenue_share/shares_of"},
        {"{\"fixed\":{\"EURO\":\"1\"}}", "/revenue_share/fixed/EURO"},
        {"{\"fixed\":\"1\"}", "/revenue_share/fixed"},
        {"{\"parties\":[]}", "/revenue_share/parties"},
        {"{\"parties\":[{\"party\":\"x\"}]}", "/revenue_share/parties/0/share"},
        {"{\"parties\":[{\"party\":\"x\",\"share\":\"0\"}]}", "/revenue_share/parties"},
        {"{\"parties\":[{\"party\":\"operator\",\"share\":\"1\"}]}",
         "/revenue_share/parties/0/party"},
        {"{\"parties\":[{\"party\":\"x\",\"share\":\"1\"},{\"party\":\"x\",\"share\":\"1\"}]}",
         "/revenue_share/parties/1/party"},
        {"{\"procent\":\"1\"}", "/revenue_share/procent"},
        {"[]", "/revenue_share"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_int_equal(parse_share(BAD[i].json, &rule, &e), ERR_INVALID);
        assert_string_equal(e.field, BAD[i].field);
    }
    assert_int_equal(rule.party_count, 1);
}

static void share_divide__wants_a_fixed_amount_in_the_documents_currency(void **state) {
    (void)state;
    struct share_rule rule;
    struct share_part *parts = NULL;
    size_t count = 0;
    struct err e = {0};
    assert_int_equal(parse_share("{\"fixed\":{\"USD\":\"1\"}}", &rule, &e), ERR_OK);
    assert_int_equal(share_divide(&arena, &rule, currency_find(slice_str("EUR")),
                                  decimal_from_i64(5), &parts, &count, &e),
                     ERR_INVALID);
    assert_int_equal(share_divide(&arena, &rule, currency_find(slice_str("USD")),
                                  decimal_from_i64(5), &parts, &count, &e),
                     ERR_OK);
    assert_int_equal(count, 2);
    assert_true(decimal_equal(parts[1].amount, decimal_from_i64(4)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__fills_defaults),
        cmocka_unit_test(parse__names_the_place_of_what_is_wrong),
        cmocka_unit_test(parse__refuses_by_name_what_is_not_rated_yet),
        cmocka_unit_test(parse__refuses_what_has_no_meaning),
        cmocka_unit_test(parse_text__refuses_what_is_no_json_or_too_long),
        cmocka_unit_test(share_parse__knows_its_fields_and_refuses_the_rest),
        cmocka_unit_test(share_divide__wants_a_fixed_amount_in_the_documents_currency),
    };
    return cmocka_run_group_tests_name("plan", tests, setup, teardown);
}
