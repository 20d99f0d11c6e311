// Reading a plan: strict, field by field, nothing ignored. What rating cannot do yet stands in the
// tables of defaults and is refused by name.
#include "core/rating/plan.h"

#include <string.h>

#include "base/check.h"
#include "base/instant.h"
#include "core/json/json_read.h"

static const char *const METRICS[] = {"", "bytes", "messages", "fetches", NULL};
static const char *const KERNELS[] = {"flat", "per_unit", "graduated", "volume", "package", NULL};
static const char *const KERNELS_LATER[] = {"stairstep", "percentage", "capacity", "matrix",
                                            "dynamic",   "duration",   NULL};
static const char *const ROUND_MODES[] = {"half_away", "half_even", "up",   "down",
                                          "ceiling",   "floor",     "none", NULL};

const char *plan_metric_name(enum plan_metric metric) {
    return METRICS[metric];
}

enum plan_metric plan_metric_of(const char *name) {
    for (int i = PLAN_METRIC_BYTES; METRICS[i] != NULL; i++) {
        if (strcmp(name, METRICS[i]) == 0) {
            return (enum plan_metric)i;
        }
    }
    return PLAN_METRIC_NONE;
}

const char *plan_delivery_name(enum plan_delivery delivery) {
    return delivery == PLAN_DELIVERY_FRESH    ? "fresh"
           : delivery == PLAN_DELIVERY_REPLAY ? "replay"
                                              : "";
}

enum plan_delivery plan_delivery_of(const char *name) {
    return strcmp(name, "fresh") == 0    ? PLAN_DELIVERY_FRESH
           : strcmp(name, "replay") == 0 ? PLAN_DELIVERY_REPLAY
                                         : PLAN_DELIVERY_NONE;
}

const struct plan_price *plan_find_price(const struct plan *p, const char *price_id) {
    for (size_t i = 0; i < p->price_count; i++) {
        if (strcmp(p->prices[i].price_id, price_id) == 0) {
            return &p->prices[i];
        }
    }
    return NULL;
}

static struct decimal required_decimal(const struct json_node *object, const char *name) {
    struct json_node n = json_node_member(object, name);
    json_node_required(&n);
    return json_node_decimal(&n);
}

static const char *required_id(const struct json_node *object, const char *name) {
    struct json_node n = json_node_member(object, name);
    json_node_required(&n);
    return json_node_text(&n, PLAN_ID_MAX, "");
}

// --- kernels -------------------------------------------------------------------------------------

static struct plan_package parse_package(const struct json_node *object) {
    struct json_node size = json_node_member(object, "package_size");
    json_node_required(&size);
    return (struct plan_package){.size = json_node_decimal_above_zero(&size),
                                 .amount = required_decimal(object, "package_amount")};
}

static void parse_tier(const struct json_node *n, enum plan_kernel_type type,
                       struct plan_tier *tier) {
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
        tier->package = parse_package(n);
    } else {
        tier->unit_amount = required_decimal(n, "unit_amount");
    }
    struct json_node flat = json_node_member(n, "flat_amount");
    tier->flat_amount = json_node_decimal(&flat);
    struct json_node max = json_node_member(n, "max_amount");
    tier->has_max_amount = max.json != NULL;
    tier->max_amount = json_node_decimal_from_zero(&max);
    if (tier->has_max_amount && type != PLAN_KERNEL_GRADUATED) {
        json_node_fail(&max, "use the price's `maximum`", "max_amount is for graduated tiers");
    }
}

static void parse_tiers(struct arena *a, const struct json_node *kernel, struct plan_kernel *k) {
    struct json_node n = json_node_member(kernel, "tiers");
    if (!json_node_required(&n)) {
        return;
    }
    k->tier_count = json_node_array(&n, PLAN_TIERS_MAX);
    if (k->tier_count == 0) {
        json_node_fail(&n, NULL, "at least one tier is needed");
        return;
    }
    k->tiers = arena_array(a, k->tier_count, sizeof *k->tiers);
    for (size_t i = 0; i < k->tier_count; i++) {
        struct json_node entry = json_node_element(&n, i);
        parse_tier(&entry, k->type, &k->tiers[i]);
        struct json_node up_to = json_node_member(&entry, "up_to");
        if (k->tiers[i].has_up_to == (i + 1 == k->tier_count)) {
            json_node_fail(&up_to, "the last tier has \"up_to\": null, every other a bound",
                           k->tiers[i].has_up_to ? "the last tier must be open"
                                                 : "only the last tier is open");
        }
        if (i > 0 && k->tiers[i].has_up_to &&
            decimal_cmp(k->tiers[i].up_to, k->tiers[i - 1].up_to) <= 0) {
            json_node_fail(&up_to, NULL, "bounds must increase from tier to tier");
        }
    }
}

// Fields of each kernel; the empty ones are filled up with NULL.
static const char *const KERNEL_FIELDS[][5] = {
    [PLAN_KERNEL_FLAT] = {"type", "flat_amount"},
    [PLAN_KERNEL_PER_UNIT] = {"type", "unit_amount"},
    [PLAN_KERNEL_GRADUATED] = {"type", "tiers", "zero_usage_flat"},
    [PLAN_KERNEL_VOLUME] = {"type", "tiers", "zero_usage_flat"},
    [PLAN_KERNEL_PACKAGE] = {"type", "package_size", "package_amount", "round"},
};
static const struct json_default TIERS_LATER[] = {
    {"tier_bound", "\"inclusive\""}, {"tier_by", "null"}, {"mode", "null"}, {NULL, NULL}};

static bool is_kernel_of_later(const struct json_node *type) {
    for (int i = 0; json_is_string(type->json) && KERNELS_LATER[i] != NULL; i++) {
        if (strcmp(json_string_value(type->json), KERNELS_LATER[i]) == 0) {
            json_node_fail(type, "flat, per_unit, graduated, volume and package are",
                           "kernel %s is not supported yet", KERNELS_LATER[i]);
            return true;
        }
    }
    return false;
}

static struct plan_kernel parse_kernel(struct arena *a, const struct json_node *n) {
    struct plan_kernel k = {.type = PLAN_KERNEL_FLAT, .zero_usage_flat = true};
    if (!json_node_required(n)) {
        return k;
    }
    if (!json_is_object(n->json)) {
        json_node_fail(n, NULL, "an object is expected");
        return k;
    }
    struct json_node type = json_node_member(n, "type");
    if (!json_node_required(&type) || is_kernel_of_later(&type)) {
        return k;
    }
    k.type = (enum plan_kernel_type)json_node_word(&type, KERNELS, PLAN_KERNEL_FLAT);
    bool tiered = k.type == PLAN_KERNEL_GRADUATED || k.type == PLAN_KERNEL_VOLUME;
    if (n->read->code != ERR_OK ||
        !json_node_object(n, KERNEL_FIELDS[k.type], tiered ? TIERS_LATER : NULL)) {
        return k;
    }
    static const char *const PACKAGE_MODES[] = {"up", "down", NULL};
    struct json_node zero = json_node_member(n, "zero_usage_flat");
    struct json_node round = json_node_member(n, "round");
    switch (k.type) {
    case PLAN_KERNEL_FLAT: k.flat_amount = required_decimal(n, "flat_amount"); break;
    case PLAN_KERNEL_PER_UNIT: k.unit_amount = required_decimal(n, "unit_amount"); break;
    case PLAN_KERNEL_GRADUATED:
    case PLAN_KERNEL_VOLUME:
        k.zero_usage_flat = json_node_bool(&zero, true);
        parse_tiers(a, n, &k);
        break;
    case PLAN_KERNEL_PACKAGE:
        k.package = parse_package(n);
        k.package_mode =
            json_node_word(&round, PACKAGE_MODES, 0) == 0 ? DECIMAL_CEILING : DECIMAL_FLOOR;
        break;
    }
    return k;
}

// --- modifiers -----------------------------------------------------------------------------------

static void parse_conversion(const struct json_node *n, struct plan_price *p) {
    static const char *const NAMES[] = {"operation", "factor", "round", "scale", NULL};
    static const struct json_default LATER[] = {{"per_line", "false"}, {NULL, NULL}};
    static const char *const OPERATIONS[] = {"divide", "multiply", "none", NULL};
    const int none = (int)(sizeof ROUND_MODES / sizeof *ROUND_MODES) - 2;
    if (!json_node_object(n, NAMES, LATER)) {
        return;
    }
    struct json_node operation = json_node_member(n, "operation");
    struct json_node factor = json_node_member(n, "factor");
    json_node_required(&operation);
    int op = json_node_word(&operation, OPERATIONS, 0);
    if (op == 2 && factor.json == NULL) { // the unit stays; R1 may still round it
        p->conversion.factor = decimal_from_i64(1);
    } else {
        json_node_required(&factor);
        p->conversion.factor = json_node_decimal_above_zero(&factor);
        if (op == 2) {
            json_node_fail(&factor, NULL, "operation none takes no factor");
        }
    }
    struct json_node round = json_node_member(n, "round");
    struct json_node scale = json_node_member(n, "scale");
    int mode = json_node_word(&round, ROUND_MODES, none);
    p->has_conversion = true;
    p->conversion.divide = op == 0;
    p->conversion.rounds = mode != none;
    p->conversion.mode = mode == none ? DECIMAL_HALF_AWAY : (enum decimal_mode)mode;
    p->conversion.scale =
        (int)json_node_int(&scale, -PLAN_ROUND_SCALE_MAX, PLAN_ROUND_SCALE_MAX, 0);
}

static const struct json_default BOUND_LATER[] = {
    {"shared", "false"}, {"across_groups", "false"}, {NULL, NULL}};

// included_units (field "quantity"), minimum and maximum (field "amount").
static struct plan_bound parse_bound(const struct json_node *price, const char *name,
                                     const char *field, bool prorated) {
    const char *const names[] = {field, "prorated", NULL};
    const struct json_default *later = BOUND_LATER + (strcmp(field, "quantity") == 0 ? 0 : 1);
    struct json_node n = json_node_member(price, name);
    struct plan_bound bound = {0};
    if (!json_node_object(&n, names, later)) {
        return bound;
    }
    struct json_node value = json_node_member(&n, field);
    struct json_node days = json_node_member(&n, "prorated");
    json_node_required(&value);
    bound.set = true;
    bound.value = json_node_decimal_from_zero(&value);
    bound.prorated = json_node_bool(&days, prorated);
    return bound;
}

static unsigned parse_filter(const struct json_node *n) {
    static const char *const NAMES[] = {"delivery", NULL};
    static const char *const DELIVERIES[] = {"fresh", "replay", NULL};
    if (n->json != NULL && json_is_object(n->json)) {
        const char *name = NULL;
        json_t *values = NULL;
        json_object_foreach(n->json, name, values) {
            if (strcmp(name, "delivery") != 0) {
                struct json_node other = json_node_member(n, name);
                json_node_fail(&other, "delivery is",
                               "a filter on dimension \"%.64s\" is not supported yet", name);
            }
        }
    }
    if (!json_node_object(n, NAMES, NULL)) {
        return 0;
    }
    struct json_node values = json_node_member(n, "delivery");
    size_t count = json_node_array(&values, 2);
    if (count == 0) {
        json_node_fail(&values, "fresh, replay", "at least one value is needed");
    }
    unsigned set = 0;
    for (size_t i = 0; i < count; i++) {
        struct json_node value = json_node_element(&values, i);
        json_node_required(&value);
        set |=
            json_node_word(&value, DELIVERIES, 0) == 0 ? PLAN_DELIVERY_FRESH : PLAN_DELIVERY_REPLAY;
    }
    return set;
}

static void parse_labels(struct arena *a, const struct json_node *n, struct plan_price *p) {
    if (n->json == NULL) {
        return;
    }
    if (!json_is_object(n->json) || json_object_size(n->json) > PLAN_LABELS_MAX) {
        json_node_fail(n, "for example {\"product\":\"ticks\"}",
                       "an object of at most %d strings is expected", PLAN_LABELS_MAX);
        return;
    }
    p->labels = arena_array(a, json_object_size(n->json), sizeof *p->labels);
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(n->json, name, value) {
        struct json_node text = json_node_member(n, name);
        if (strlen(name) > PLAN_LABEL_MAX) {
            json_node_fail(n, NULL, "a label's name has at most %d bytes", PLAN_LABEL_MAX);
            return;
        }
        json_node_required(&text);
        p->labels[p->label_count++] = (struct plan_label){
            arena_str(a, slice_str(name)), json_node_text(&text, PLAN_LABEL_MAX, "")};
    }
}

// --- prices --------------------------------------------------------------------------------------

// What has no meaning for the kernel, refused rather than ignored.
static void check_price(const struct json_node *n, const struct plan_price *p) {
    static const char *const OF_USAGE[] = {
        "metric", "filter", "unit_conversion", "included_units", "negative_quantity", NULL};
    bool flat = p->kernel.type == PLAN_KERNEL_FLAT;
    for (int i = 0; flat && OF_USAGE[i] != NULL; i++) {
        struct json_node field = json_node_member(n, OF_USAGE[i]);
        if (field.json != NULL) {
            json_node_fail(&field, NULL, "a flat price has no %s", OF_USAGE[i]);
        }
    }
    if (flat) {
        return;
    }
    struct json_node prorated = json_node_member(n, "prorated");
    if (prorated.json != NULL) {
        json_node_fail(&prorated, NULL, "only a flat price can be prorated");
    }
    struct json_node billed = json_node_member(n, "billed");
    if (p->billed == PLAN_IN_ADVANCE) {
        json_node_fail(&billed, NULL, "usage billed in_advance is not supported yet");
    }
    struct json_node metric = json_node_member(n, "metric");
    json_node_required(&metric);
}

static void parse_modifiers(struct arena *a, const struct json_node *n, struct plan_price *p) {
    static const char *const NEGATIVE[] = {"allow", "zero", NULL};
    struct json_node filter = json_node_member(n, "filter");
    p->deliveries = parse_filter(&filter);
    struct json_node conversion = json_node_member(n, "unit_conversion");
    parse_conversion(&conversion, p);
    struct json_node negative = json_node_member(n, "negative_quantity");
    p->clamp_negative = json_node_word(&negative, NEGATIVE, 0) == 1;
    p->included = parse_bound(n, "included_units", "quantity", false);
    p->maximum = parse_bound(n, "maximum", "amount", false);
    p->minimum = parse_bound(n, "minimum", "amount", true);
    struct json_node discount = json_node_member(n, "discount_percent");
    p->has_discount = discount.json != NULL;
    p->discount_percent = json_node_decimal_from_zero(&discount);
    if (decimal_cmp(p->discount_percent, decimal_from_i64(100)) > 0) {
        json_node_fail(&discount, "\"10\" is 10 percent", "must not be above 100");
    }
    struct json_node partial = json_node_member(n, "partial_billing");
    p->partial_billing = json_node_bool(&partial, p->kernel.type != PLAN_KERNEL_VOLUME);
    struct json_node tax = json_node_member(n, "tax_category");
    p->tax_category = json_node_text(&tax, PLAN_ID_MAX, "S");
    struct json_node labels = json_node_member(n, "labels");
    parse_labels(a, &labels, p);
}

static void parse_price(struct arena *a, const struct json_node *n, struct plan_price *p) {
    static const char *const NAMES[] = {
        "price_id",        "kernel",           "billed",          "prorated",
        "metric",          "filter",           "unit_conversion", "negative_quantity",
        "included_units",  "discount_percent", "maximum",         "minimum",
        "partial_billing", "tax_category",     "labels",          NULL};
    static const struct json_default LATER[] = {
        {"recurrence", "\"recurring\""},
        {"valid_from", "null"},
        {"valid_to", "null"},
        {"on_price_change", "\"carry\""},
        {"aggregation", "\"sum\""},
        {"carry_over", "false"},
        {"group_by", "[]"},
        {"time_buckets", "[]"},
        {"rate_per", "\"period\""},
        {"bill_per", "\"period\""},
        {"commitment", "null"},
        {"pricing_unit", "null"},
        {"price_rounding", "null"},
        {"split_rounding", "\"cumulative\""},
        {"on_decrease", "\"credit\""},
        {"interval", "null"},
        {NULL, NULL},
    };
    static const char *const BILLED[] = {"in_arrears", "in_advance", NULL};
    if (!json_node_required(n) || !json_node_object(n, NAMES, LATER)) {
        return;
    }
    p->price_id = required_id(n, "price_id");
    struct json_node kernel = json_node_member(n, "kernel");
    p->kernel = parse_kernel(a, &kernel);
    struct json_node billed = json_node_member(n, "billed");
    p->billed = (enum plan_billed)json_node_word(&billed, BILLED, PLAN_IN_ARREARS);
    struct json_node prorated = json_node_member(n, "prorated");
    p->prorated = json_node_bool(&prorated, true);
    struct json_node metric = json_node_member(n, "metric");
    const char *word = json_node_text(&metric, PLAN_ID_MAX, "");
    p->metric = plan_metric_of(word);
    if (metric.json != NULL && p->metric == PLAN_METRIC_NONE) {
        json_node_fail(&metric, "bytes, messages and fetches are",
                       "metric \"%s\" is not supported yet", word);
    }
    parse_modifiers(a, n, p);
    check_price(n, p);
}

// --- the plan ------------------------------------------------------------------------------------

static int64_t parse_day(const struct json_node *n) {
    const char *s = json_node_text(n, 10, "");
    char text[40] = "";
    int64_t us = 0;
    if (strlen(s) == 10) {
        memcpy(text, s, 10);
        memcpy(text + 10, "T00:00:00Z", sizeof "T00:00:00Z");
    }
    if (!instant_parse(slice_str(text), &us)) {
        json_node_fail(n, "for example \"2027-01-01\"", "a date is expected");
        return 0;
    }
    return us / US_PER_DAY - (us % US_PER_DAY < 0);
}

static void check_intervals(const struct json_node *plan) {
    static const char *const NONE[] = {NULL};
    static const struct json_default INTERVAL[] = {{"unit", "\"month\""},
                                                   {"count", "1"},
                                                   {"alignment", "\"calendar\""},
                                                   {"anchor_day", "null"},
                                                   {NULL, NULL}};
    static const struct json_default PRORATION[] = {{"basis", "\"calendar_days\""},
                                                    {"end_day", "\"excluded\""},
                                                    {"ratio_scale", "null"},
                                                    {NULL, NULL}};
    static const struct json_default LATE[] = {{"lower", "\"next_invoice\""}, {NULL, NULL}};
    struct json_node interval = json_node_member(plan, "interval");
    struct json_node proration = json_node_member(plan, "proration");
    struct json_node late = json_node_member(plan, "late_usage");
    (void)json_node_object(&interval, NONE, INTERVAL);
    (void)json_node_object(&proration, NONE, PRORATION);
    (void)json_node_object(&late, NONE, LATE);
}

static void parse_prices(struct arena *a, const struct json_node *plan, struct plan *p) {
    struct json_node n = json_node_member(plan, "prices");
    if (!json_node_required(&n)) {
        return;
    }
    p->price_count = json_node_array(&n, PLAN_PRICES_MAX);
    if (p->price_count == 0) {
        json_node_fail(&n, NULL, "at least one price is needed");
    }
    p->prices = arena_array(a, p->price_count, sizeof *p->prices);
    for (size_t i = 0; i < p->price_count && n.read->code == ERR_OK; i++) {
        struct json_node entry = json_node_element(&n, i);
        parse_price(a, &entry, &p->prices[i]);
        for (size_t k = 0; k < i && n.read->code == ERR_OK; k++) {
            if (strcmp(p->prices[k].price_id, p->prices[i].price_id) == 0) {
                struct json_node id = json_node_member(&entry, "price_id");
                json_node_fail(&id, NULL,
                               "versions of one price are not supported yet, and \"%s\" is there "
                               "already",
                               p->prices[i].price_id);
            }
        }
    }
}

enum err_code plan_parse(struct arena *a, json_t *json, struct plan *ret, struct err *e) {
    static const char *const NAMES[] = {"plan_id",    "version",  "currency",
                                        "valid_from", "interval", "proration",
                                        "late_usage", "prices",   NULL};
    static const struct json_default LATER[] = {{"trial", "null"},
                                                {"minimum_commitment", "null"},
                                                {"prepaid_commitment", "null"},
                                                {NULL, NULL}};
    struct json_read r = {.arena = a, .e = e};
    struct json_node root = json_node_root(&r, json, "");
    struct plan plan = {0};
    if (json_node_required(&root) && json_node_object(&root, NAMES, LATER)) {
        plan.plan_id = required_id(&root, "plan_id");
        struct json_node version = json_node_member(&root, "version");
        json_node_required(&version);
        plan.version = json_node_int(&version, 1, INT32_MAX, 1);
        struct json_node currency = json_node_member(&root, "currency");
        json_node_required(&currency);
        plan.currency = currency_find(slice_str(json_node_text(&currency, PLAN_ID_MAX, "")));
        if (plan.currency == NULL) {
            json_node_fail(&currency, "three capital letters of ISO 4217: \"EUR\"",
                           "unknown currency");
        }
        struct json_node valid_from = json_node_member(&root, "valid_from");
        json_node_required(&valid_from);
        plan.valid_from_day = parse_day(&valid_from);
        check_intervals(&root);
        parse_prices(a, &root, &plan);
    }
    if (r.code == ERR_OK) {
        *ret = plan;
    }
    return r.code;
}

enum err_code plan_parse_text(struct arena *a, struct slice text, struct plan *ret, struct err *e) {
    if (text.len > PLAN_JSON_MAX) {
        return err_set(e, ERR_LIMIT, "a plan has at most %d bytes", PLAN_JSON_MAX);
    }
    json_error_t where;
    json_t *json =
        json_loadb(text.ptr == NULL ? "" : text.ptr, text.len, JSON_REJECT_DUPLICATES, &where);
    if (json == NULL) {
        return err_set(e, ERR_INVALID, "not JSON, line %d: %s", where.line, where.text);
    }
    enum err_code code = plan_parse(a, json, ret, e);
    json_decref(json);
    return code;
}
