// Reading a plan: strict, field by field, nothing ignored. What rating cannot do yet stands in the
// tables of defaults and is refused by name.
#include "core/rating/plan.h"

#include <string.h>

#include "base/instant.h"
#include "core/json/json_read.h"
#include "core/rating/plan_price.h"

const struct plan_price *plan_find_price(const struct plan *p, const char *price_id) {
    for (size_t i = 0; i < p->price_count; i++) {
        if (strcmp(p->prices[i].price_id, price_id) == 0) {
            return &p->prices[i];
        }
    }
    return NULL;
}

static int64_t parse_day(const struct json_node *n) {
    int64_t day = 0;
    if (!instant_parse_day(slice_str(json_node_text(n, 10, "")), &day)) {
        json_node_fail(n, "for example \"2027-01-01\"", "a date is expected");
    }
    return day;
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
        plan_price_parse(&entry, &p->prices[i]);
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
        struct json_node id = json_node_member(&root, "plan_id");
        json_node_required(&id);
        plan.plan_id = json_node_text(&id, PLAN_ID_MAX, "");
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
