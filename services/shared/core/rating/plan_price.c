#include "core/rating/plan_price.h"

#include <string.h>

#include "base/check.h"
#include "core/rating/kernel.h"
#include "core/rating/modifier.h"
#include "core/rating/rating_usage.h"

enum { FIELDS_MAX = 32 };

// Replayed and fresh delivery is the one dimension that a plan can ask for so far.
static void parse_filter(const struct json_node *n, struct plan_price *p) {
    static const char *const NAMES[] = {RATING_DELIVERY, NULL};
    static const char *const DELIVERIES[] = {RATING_DELIVERY_FRESH, RATING_DELIVERY_REPLAY, NULL};
    if (n->json != NULL && json_is_object(n->json)) {
        const char *name = NULL;
        json_t *values = NULL;
        json_object_foreach(n->json, name, values) {
            if (strcmp(name, RATING_DELIVERY) != 0) {
                struct json_node other = json_node_member(n, name);
                json_node_fail(&other, "delivery is",
                               "a filter on dimension \"%.64s\" is not supported yet", name);
            }
        }
    }
    if (!json_node_object(n, NAMES, NULL)) {
        return;
    }
    struct json_node values = json_node_member(n, RATING_DELIVERY);
    size_t count = json_node_array(&values, 2);
    if (count == 0) {
        json_node_fail(&values, "fresh, replay", "at least one value is needed");
    }
    struct arena *a = n->read->arena;
    struct plan_filter *f = arena_alloc(a, sizeof *f);
    *f = (struct plan_filter){RATING_DELIVERY, arena_array(a, count, sizeof *f->values), 0};
    for (size_t i = 0; i < count; i++) {
        struct json_node value = json_node_element(&values, i);
        json_node_required(&value);
        const char *word = DELIVERIES[json_node_word(&value, DELIVERIES, 0)];
        if (f->value_count == 0 || strcmp(f->values[0], word) != 0) {
            f->values[f->value_count++] = word;
        }
    }
    p->filters = f;
    p->filter_count = 1;
}

static void parse_labels(const struct json_node *n, struct plan_price *p) {
    if (n->json == NULL) {
        return;
    }
    if (!json_is_object(n->json) || json_object_size(n->json) > PLAN_LABELS_MAX) {
        json_node_fail(n, "for example {\"product\":\"ticks\"}",
                       "an object of at most %d strings is expected", PLAN_LABELS_MAX);
        return;
    }
    struct arena *a = n->read->arena;
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

// --- the price -----------------------------------------------------------------------------------

static void refuse_field(const struct json_node *price, const struct plan_price *p,
                         const char *name) {
    struct json_node field = json_node_member(price, name);
    if (field.json != NULL) {
        json_node_fail(&field, NULL, "a %s price has no %s", p->kernel.type->name, name);
    }
}

// What has no meaning for the kernel, refused rather than ignored.
static void check_meaning(const struct json_node *n, const struct plan_price *p) {
    if (!p->kernel.type->takes_usage) {
        refuse_field(n, p, "metric");
        refuse_field(n, p, "filter");
        for (size_t i = 0; modifier_list[i] != NULL; i++) {
            if (modifier_list[i]->of_usage) {
                refuse_field(n, p, modifier_list[i]->field);
            }
        }
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
    if (p->kernel.type->needs_metric) {
        json_node_required(&metric);
    }
}

static void parse_metric(const struct json_node *n, struct plan_price *p) {
    if (n->json == NULL) {
        return;
    }
    const char *word = json_node_text(n, PLAN_ID_MAX, "");
    p->metric = rating_usage_metric(word);
    if (p->metric == NULL) {
        json_node_fail(n, "bytes, messages and fetches are", "metric \"%s\" is not supported yet",
                       word);
    }
}

// The names of the members: those read here and one per modifier.
static void name_fields(const char *names[FIELDS_MAX]) {
    static const char *const OWN[] = {"price_id",        "kernel",       "billed",
                                      "prorated",        "metric",       "filter",
                                      "partial_billing", "tax_category", "labels"};
    size_t n = 0;
    for (; n < sizeof OWN / sizeof *OWN; n++) {
        names[n] = OWN[n];
    }
    for (size_t i = 0; modifier_list[i] != NULL; i++) {
        check(n + 1 < FIELDS_MAX);
        names[n++] = modifier_list[i]->field;
    }
    names[n] = NULL;
}

static void parse_members(const struct json_node *n, struct plan_price *p) {
    static const char *const BILLED[] = {"in_arrears", "in_advance", NULL};
    struct json_node billed = json_node_member(n, "billed");
    p->billed = (enum plan_billed)json_node_word(&billed, BILLED, PLAN_IN_ARREARS);
    struct json_node prorated = json_node_member(n, "prorated");
    p->prorated = json_node_bool(&prorated, true);
    struct json_node metric = json_node_member(n, "metric");
    parse_metric(&metric, p);
    struct json_node filter = json_node_member(n, "filter");
    parse_filter(&filter, p);
    for (size_t i = 0; modifier_list[i] != NULL; i++) {
        struct json_node member = json_node_member(n, modifier_list[i]->field);
        modifier_list[i]->parse(&member, p);
    }
    struct json_node partial = json_node_member(n, "partial_billing");
    p->partial_billing = json_node_bool(&partial, p->kernel.type->partial_billing);
    struct json_node tax = json_node_member(n, "tax_category");
    p->tax_category = json_node_text(&tax, PLAN_ID_MAX, "S");
    struct json_node labels = json_node_member(n, "labels");
    parse_labels(&labels, p);
}

void plan_price_parse(const struct json_node *n, struct plan_price *p) {
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
    const char *names[FIELDS_MAX];
    name_fields(names);
    if (!json_node_required(n) || !json_node_object(n, names, LATER)) {
        return;
    }
    struct json_node id = json_node_member(n, "price_id");
    json_node_required(&id);
    p->price_id = json_node_text(&id, PLAN_ID_MAX, "");
    struct json_node kernel = json_node_member(n, "kernel");
    p->kernel = kernel_parse(&kernel);
    if (p->kernel.type != NULL) {
        parse_members(n, p);
        check_meaning(n, p);
    }
}
