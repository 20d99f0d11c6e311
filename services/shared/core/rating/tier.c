#include "core/rating/tier.h"

const char *const tier_list_fields[] = {"type", "tiers", "zero_usage_flat", NULL};
const struct json_default tier_list_later[] = {
    {"tier_bound", "\"inclusive\""}, {"tier_by", "null"}, {"mode", "null"}, {NULL, NULL}};

static void parse_tier(const struct json_node *n, bool may_limit, struct tier *tier) {
    static const char *const NAMES[] = {
        "up_to",      "unit_amount", "package_size", "package_amount", "flat_amount",
        "max_amount", NULL};
    static const struct json_default LATER[] = {{"rate", "null"}, {"limits", "null"}, {NULL, NULL}};
    if (!json_node_required(n) || !json_node_object(n, NAMES, LATER)) {
        return;
    }
    struct json_node up_to = json_node_member(n, "up_to");
    tier->has_up_to = up_to.json != NULL;
    tier->up_to = json_node_decimal_above_zero(&up_to);
    struct json_node unit = json_node_member(n, "unit_amount");
    struct json_node size = json_node_member(n, "package_size");
    struct json_node amount = json_node_member(n, "package_amount");
    tier->in_packages = size.json != NULL || amount.json != NULL;
    if (tier->in_packages && unit.json != NULL) {
        json_node_fail(&unit, NULL, "a tier has a unit_amount or packages, not both");
    } else if (tier->in_packages) {
        tier->package = package_parse(n);
    } else {
        json_node_required(&unit);
        tier->unit_amount = json_node_decimal(&unit);
    }
    struct json_node flat = json_node_member(n, "flat_amount");
    tier->flat_amount = json_node_decimal(&flat);
    struct json_node max = json_node_member(n, "max_amount");
    tier->has_max_amount = max.json != NULL;
    tier->max_amount = json_node_decimal_from_zero(&max);
    if (tier->has_max_amount && !may_limit) {
        json_node_fail(&max, "use the price's `maximum`", "max_amount is for graduated tiers");
    }
}

static void check_bound(const struct json_node *entry, const struct tier_list *list, size_t i) {
    const struct tier *tier = &list->tiers[i];
    struct json_node up_to = json_node_member(entry, "up_to");
    if (tier->has_up_to == (i + 1 == list->count)) {
        json_node_fail(&up_to, "the last tier has \"up_to\": null, every other a bound",
                       tier->has_up_to ? "the last tier must be open"
                                       : "only the last tier is open");
    }
    if (i > 0 && tier->has_up_to && decimal_cmp(tier->up_to, list->tiers[i - 1].up_to) <= 0) {
        json_node_fail(&up_to, NULL, "bounds must increase from tier to tier");
    }
}

const struct tier_list *tier_list_parse(const struct json_node *kernel, bool may_limit) {
    struct arena *a = kernel->read->arena;
    struct tier_list *list = arena_alloc(a, sizeof *list);
    struct json_node zero = json_node_member(kernel, "zero_usage_flat");
    list->zero_usage_flat = json_node_bool(&zero, true);
    struct json_node n = json_node_member(kernel, "tiers");
    if (!json_node_required(&n)) {
        return list;
    }
    list->count = json_node_array(&n, PLAN_TIERS_MAX);
    if (list->count == 0) {
        json_node_fail(&n, NULL, "at least one tier is needed");
        return list;
    }
    list->tiers = arena_array(a, list->count, sizeof *list->tiers);
    for (size_t i = 0; i < list->count; i++) {
        struct json_node entry = json_node_element(&n, i);
        parse_tier(&entry, may_limit, &list->tiers[i]);
        check_bound(&entry, list, i);
    }
    return list;
}

struct rating_row tier_row(struct arena *a, const struct tier_list *list, size_t i,
                           struct decimal q) {
    const struct tier *t = &list->tiers[i];
    struct rating_row row = {
        .reason = RATING_BILLED,
        .tier = (int)i + 1,
        .from = i == 0 ? decimal_from_i64(0) : list->tiers[i - 1].up_to,
        .has_up_to = t->has_up_to,
        .up_to = t->up_to,
        .has_quantity = true,
        .quantity = q,
        .has_flat_amount = true,
        .flat_amount = t->flat_amount,
        .has_max_amount = t->has_max_amount,
        .max_amount = t->max_amount,
    };
    if (t->in_packages) {
        row.has_package = true;
        row.package = t->package;
        row.packages = package_count(a, &t->package, q, DECIMAL_CEILING);
        row.amount = decimal_mul(a, row.packages, t->package.amount);
    } else {
        row.has_unit_amount = true;
        row.unit_amount = t->unit_amount;
        row.amount = decimal_mul(a, q, t->unit_amount);
    }
    return row;
}
