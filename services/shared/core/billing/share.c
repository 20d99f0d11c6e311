#include "core/billing/share.h"

#include <string.h>

#include "core/json/json_read.h"
#include "core/money/split.h"
#include "core/rating/plan.h"

static void parse_fixed(struct arena *a, const struct json_node *n, struct share_rule *rule) {
    if (n->json == NULL) {
        return;
    }
    if (!json_is_object(n->json)) {
        json_node_fail(n, "for example {\"EUR\":\"0.30\"}", "an object is expected");
        return;
    }
    rule->fixed = arena_array(a, json_object_size(n->json), sizeof *rule->fixed);
    const char *code = NULL;
    json_t *value = NULL;
    json_object_foreach(n->json, code, value) {
        struct json_node amount = json_node_member(n, code);
        const struct currency *currency = currency_find(slice_str(code));
        if (currency == NULL) {
            json_node_fail(&amount, NULL, "unknown currency");
            return;
        }
        json_node_required(&amount);
        rule->fixed[rule->fixed_count++] =
            (struct share_fixed){currency, json_node_decimal_from_zero(&amount)};
    }
}

static void parse_parties(struct arena *a, const struct json_node *n, struct share_rule *rule) {
    size_t count = json_node_array(n, PLAN_PARTIES_MAX);
    if (n->json != NULL && count == 0) {
        json_node_fail(n, "leave it out and the provider receives all of the rest",
                       "at least one party is needed");
    }
    rule->parties = arena_array(a, count == 0 ? 1 : count, sizeof *rule->parties);
    rule->parties[0] = (struct share_party){SHARE_PROVIDER, decimal_from_i64(100)};
    rule->party_count = count == 0 ? 1 : count;
    struct decimal sum = decimal_from_i64(count == 0);
    for (size_t i = 0; i < count; i++) {
        static const char *const NAMES[] = {"party", "share", NULL};
        struct json_node entry = json_node_element(n, i);
        if (!json_node_required(&entry) || !json_node_object(&entry, NAMES, NULL)) {
            return;
        }
        struct json_node party = json_node_member(&entry, "party");
        struct json_node share = json_node_member(&entry, "share");
        if (!json_node_required(&party) || !json_node_required(&share)) {
            return;
        }
        rule->parties[i] = (struct share_party){json_node_text(&party, PLAN_ID_MAX, ""),
                                                json_node_decimal_from_zero(&share)};
        for (size_t k = 0; k < i; k++) {
            if (strcmp(rule->parties[k].party, rule->parties[i].party) == 0) {
                json_node_fail(&party, NULL, "party \"%s\" is listed twice",
                               rule->parties[i].party);
            }
        }
        if (strcmp(rule->parties[i].party, SHARE_OPERATOR) == 0) {
            json_node_fail(&party, "the operator's part is `percent`, `fixed`",
                           "the operator is no party of the rest");
        }
        sum = decimal_add(a, sum, rule->parties[i].share);
    }
    if (decimal_sign(sum) <= 0) {
        json_node_fail(n, NULL, "the shares add up to zero");
    }
}

enum err_code share_parse(struct arena *a, json_t *json, const char *pointer,
                          struct share_rule *ret, struct err *e) {
    static const char *const NAMES[] = {"percent", "fixed", "minimum", "maximum", "parties", NULL};
    static const struct json_default LATER[] = {
        {"match", "{}"},     {"tiers", "[]"},      {"accumulated", "\"0\""},
        {"shares_of", "[]"}, {"settlement", "{}"}, {NULL, NULL},
    };
    struct json_read r = {.arena = a, .e = e};
    struct json_node root = json_node_root(&r, json, pointer);
    struct share_rule rule = {0};
    if (json_node_required(&root) && json_node_object(&root, NAMES, LATER)) {
        struct json_node percent = json_node_member(&root, "percent");
        rule.percent = json_node_decimal_from_zero(&percent);
        if (decimal_cmp(rule.percent, decimal_from_i64(100)) > 0) {
            json_node_fail(&percent, "\"15\" is 15 percent", "must not be above 100");
        }
        struct json_node fixed = json_node_member(&root, "fixed");
        parse_fixed(a, &fixed, &rule);
        struct json_node minimum = json_node_member(&root, "minimum");
        rule.has_minimum = minimum.json != NULL;
        rule.minimum = json_node_decimal_from_zero(&minimum);
        struct json_node maximum = json_node_member(&root, "maximum");
        rule.has_maximum = maximum.json != NULL;
        rule.maximum = json_node_decimal_from_zero(&maximum);
        struct json_node parties = json_node_member(&root, "parties");
        parse_parties(a, &parties, &rule);
    }
    if (r.code == ERR_OK) {
        *ret = rule;
    }
    return r.code;
}

// k of rating.md 14, exact.
static enum err_code commission(struct arena *a, const struct share_rule *rule,
                                const struct currency *currency, struct decimal net,
                                struct decimal *ret, struct err *e) {
    struct decimal k = decimal_percent(a, net, rule->percent);
    if (decimal_sign(net) < 0) {
        *ret = k;
        return ERR_OK;
    }
    bool found = rule->fixed_count == 0;
    for (size_t i = 0; i < rule->fixed_count; i++) {
        if (rule->fixed[i].currency == currency) {
            k = decimal_add(a, k, rule->fixed[i].amount);
            found = true;
        }
    }
    if (!found) {
        return err_field(e, ERR_INVALID, "/fixed", "the share has no fixed amount in %s",
                         currency->code);
    }
    if (rule->has_minimum) {
        k = decimal_max(k, rule->minimum);
    }
    if (rule->has_maximum) {
        k = decimal_min(k, rule->maximum);
    }
    *ret = decimal_min(k, net);
    return ERR_OK;
}

enum err_code share_divide(struct arena *a, const struct share_rule *rule,
                           const struct currency *currency, struct decimal net,
                           struct share_part **ret_parts, size_t *ret_count, struct err *e) {
    struct decimal k = {0};
    enum err_code code = commission(a, rule, currency, net, &k, e);
    if (code != ERR_OK) {
        return code;
    }
    size_t count = rule->party_count;
    struct share_part *parts = arena_array(a, count + 1, sizeof *parts);
    parts[0] = (struct share_part){SHARE_OPERATOR, true, k, currency_round(a, currency, k)};
    struct decimal *weights = arena_array(a, count, sizeof *weights);
    struct decimal *amounts = arena_array(a, count, sizeof *amounts);
    for (size_t i = 0; i < count; i++) {
        weights[i] = rule->parties[i].share;
    }
    split_amount(a, decimal_sub(a, net, parts[0].amount), currency->minor_digits, weights, count,
                 amounts);
    for (size_t i = 0; i < count; i++) {
        parts[i + 1] = (struct share_part){.party = rule->parties[i].party, .amount = amounts[i]};
    }
    *ret_parts = parts;
    *ret_count = count + 1;
    return ERR_OK;
}
