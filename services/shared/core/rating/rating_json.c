#include "core/rating/rating_json.h"

#include <string.h>

#include "base/check.h"
#include "base/instant.h"
#include "core/json/json_read.h"
#include "core/rating/kernel.h"

enum { TEXT_MAX = 128 };

// --- input ---------------------------------------------------------------------------------------

struct moment {
    int64_t us;
    int64_t day; // the local civil day, read off the text
};

static struct moment read_moment(const struct json_node *n) {
    struct moment m = {0, 0};
    json_node_required(n);
    const char *text = json_node_text(n, TEXT_MAX, "");
    if (!instant_parse(slice_str(text), &m.us)) {
        json_node_fail(n, "for example \"2027-06-01T00:00:00+02:00\"",
                       "an instant with its offset is expected");
        return m;
    }
    check(instant_parse_day(slice_of(text, sizeof "2027-06-01" - 1), &m.day));
    return m;
}

static void read_days(const struct json_node *n, struct rating_period *p) {
    struct json_node billable = json_node_member(n, "billable_days");
    struct json_node days = json_node_member(n, "period_days");
    p->days_given = billable.json != NULL || days.json != NULL;
    if (p->days_given) {
        json_node_required(&billable);
        json_node_required(&days);
        p->billable_days = json_node_int(&billable, 0, 100000, 0);
        p->period_days = json_node_int(&days, 1, 100000, 1);
    }
}

static void read_period(const struct json_node *n, struct rating_period *p, struct moment *from,
                        struct moment *to) {
    static const char *const NAMES[] = {
        "from",          "to",          "zone",           "final", "service",
        "billable_days", "period_days", "ingested_until", NULL};
    static const char *const SERVICE[] = {"from", "to", NULL};
    static const struct json_default LATER[] = {
        {"anchor", "null"}, {"term_end", "false"}, {NULL, NULL}};
    if (!json_node_required(n) || !json_node_object(n, NAMES, LATER)) {
        return;
    }
    struct json_node first = json_node_member(n, "from");
    struct json_node end = json_node_member(n, "to");
    struct json_node zone = json_node_member(n, "zone");
    *from = read_moment(&first);
    *to = read_moment(&end);
    p->from_day = from->day;
    p->to_day = to->day;
    json_node_required(&zone);
    (void)json_node_text(&zone, TEXT_MAX, "");
    struct json_node final = json_node_member(n, "final");
    p->final = json_node_bool(&final, true);
    struct json_node ingested = json_node_member(n, "ingested_until");
    (void)json_node_text(&ingested, TEXT_MAX, "");
    read_days(n, p);
    struct json_node service = json_node_member(n, "service");
    if (service.json != NULL && json_node_object(&service, SERVICE, NULL)) {
        struct json_node start = json_node_member(&service, "from");
        struct json_node stop = json_node_member(&service, "to");
        p->service_from_day = read_moment(&start).day;
        p->service_to_day = read_moment(&stop).day;
    }
}

// The members of a row that are no dimension: those read here, and those of what isn't rated yet.
static const char *const ROW_MEMBERS[] = {"metric", "quantity", "bucket", "at", NULL};
static const char *const ROW_MEMBERS_LATER[] = {"values", "sessions", "window", "event_count",
                                                "op",     "weighted", "reason", NULL};

static bool is_word(const char *name, const char *const *words) {
    while (*words != NULL && strcmp(name, *words) != 0) {
        words++;
    }
    return *words != NULL;
}

// Puts one more dimension at its place in the order of names.
static void add_dimension(struct rating_dimension *list, size_t *count, const char *name,
                          const char *value) {
    size_t at = (*count)++;
    for (; at > 0 && strcmp(list[at - 1].name, name) > 0; at--) {
        list[at] = list[at - 1];
    }
    list[at] = (struct rating_dimension){name, value};
}

// Every other member is a dimension; `delivery` has two values.
static void read_dimensions(const struct json_node *row, struct rating_usage *u) {
    static const char *const DELIVERIES[] = {RATING_DELIVERY_FRESH, RATING_DELIVERY_REPLAY, NULL};
    struct arena *a = row->read->arena;
    struct rating_dimension *list = arena_array(a, json_object_size(row->json), sizeof *list);
    const char *name = NULL;
    json_t *json = NULL;
    json_object_foreach(row->json, name, json) {
        struct json_node n = json_node_member(row, name);
        if (n.json == NULL || is_word(name, ROW_MEMBERS) || is_word(name, ROW_MEMBERS_LATER)) {
            continue;
        }
        if (u->dimension_count == RATING_DIMENSIONS_MAX ||
            strlen(name) > RATING_DIMENSION_NAME_MAX) {
            json_node_fail(&n, NULL, "a row has at most %d dimensions with names of %d bytes",
                           RATING_DIMENSIONS_MAX, RATING_DIMENSION_NAME_MAX);
            break;
        }
        const char *value = json_node_text(&n, RATING_DIMENSION_VALUE_MAX, "");
        if (strcmp(name, RATING_DELIVERY) == 0 && !is_word(value, DELIVERIES)) {
            json_node_fail(&n, "fresh, replay", "unknown delivery");
        }
        add_dimension(list, &u->dimension_count, arena_str(a, slice_str(name)), value);
    }
    u->dimensions = list;
}

// A row of usage; false if it lies outside the period.
static bool read_row(const struct json_node *n, const struct moment *from, const struct moment *to,
                     struct rating_usage *ret) {
    if (!json_node_required(n) || !json_is_object(n->json)) {
        json_node_fail(n, NULL, "an object is expected");
        return false;
    }
    for (int i = 0; ROW_MEMBERS_LATER[i] != NULL; i++) {
        struct json_node later = json_node_member(n, ROW_MEMBERS_LATER[i]);
        if (later.json != NULL) {
            json_node_fail(&later, NULL, "usage rows with %s are not supported yet",
                           ROW_MEMBERS_LATER[i]);
        }
    }
    struct json_node bucket = json_node_member(n, "bucket");
    if (bucket.json != NULL) {
        json_node_fail(&bucket, NULL, "time buckets are not supported yet");
    }
    struct json_node metric = json_node_member(n, "metric");
    struct json_node quantity = json_node_member(n, "quantity");
    json_node_required(&metric);
    json_node_required(&quantity);
    const char *word = json_node_text(&metric, TEXT_MAX, "");
    *ret = (struct rating_usage){.metric = rating_usage_metric(word),
                                 .quantity = json_node_count(&quantity)};
    if (ret->metric == NULL) {
        json_node_fail(&metric, NULL, "metric \"%s\" is not supported yet", word);
    }
    read_dimensions(n, ret);
    struct json_node at = json_node_member(n, "at");
    if (at.json == NULL) {
        return true;
    }
    struct moment m = read_moment(&at);
    return m.us >= from->us && m.us < to->us;
}

static struct decimal read_money(const struct json_node *line, const char *name) {
    struct json_node n = json_node_member(line, name);
    return json_node_stored(&n);
}

// A line of an earlier document, as rating_line_json writes it; other members are not read.
static void read_billed(const struct json_node *n, const struct plan *plan,
                        struct rating_billed *ret) {
    static const char *const KINDS[] = {"fixed", "usage", "minimum", NULL};
    if (!json_node_required(n) || !json_is_object(n->json)) {
        json_node_fail(n, NULL, "an object is expected");
        return;
    }
    struct json_node id = json_node_member(n, "price_id");
    struct json_node group = json_node_member(n, "group");
    struct json_node kind = json_node_member(n, "kind");
    struct json_node metered = json_node_member(n, "metered");
    struct json_node base = json_node_member(n, "base");
    json_node_required(&id);
    ret->price_id = json_node_text(&id, PLAN_ID_MAX, "");
    if (group.json != NULL) {
        json_node_fail(&group, NULL, "groups are not supported yet");
    }
    const struct plan_price *price = plan_find_price(plan, ret->price_id);
    enum rating_kind own = price == NULL ? RATING_USAGE : kernel_kind(&price->kernel);
    ret->kind = (enum rating_kind)json_node_word(&kind, KINDS, own);
    ret->metered = json_node_stored(&metered);
    ret->has_amounts = base.json != NULL;
    if (!ret->has_amounts && ret->kind != RATING_FIXED) {
        json_node_required(&metered);
    }
    ret->base = json_node_stored(&base);
    ret->discount = read_money(n, "discount");
    ret->cap = read_money(n, "cap");
}

enum err_code rating_input_parse(struct arena *a, const struct plan *plan, json_t *json,
                                 struct rating_input *ret, struct err *e) {
    static const char *const NAMES[] = {"period", "usage", "billed_before", NULL};
    static const struct json_default LATER[] = {{"term_before", "[]"}, {NULL, NULL}};
    struct json_read r = {.arena = a, .e = e};
    struct json_node root = json_node_root(&r, json, "");
    struct rating_input input = {0};
    if (json_node_required(&root) && json_node_object(&root, NAMES, LATER)) {
        struct moment from = {0}, to = {0};
        struct json_node period = json_node_member(&root, "period");
        struct json_node usage = json_node_member(&root, "usage");
        struct json_node billed = json_node_member(&root, "billed_before");
        read_period(&period, &input.period, &from, &to);
        size_t rows = json_node_array(&usage, RATING_USAGE_MAX);
        struct rating_usage *sums = arena_array(a, rows + 1, sizeof *sums);
        for (size_t i = 0; i < rows && r.code == ERR_OK; i++) {
            struct json_node row = json_node_element(&usage, i);
            input.usage_count += read_row(&row, &from, &to, &sums[input.usage_count]);
        }
        input.usage = sums;
        input.billed_count = json_node_array(&billed, RATING_BILLED_MAX);
        struct rating_billed *before = arena_array(a, input.billed_count + 1, sizeof *before);
        for (size_t i = 0; i < input.billed_count && r.code == ERR_OK; i++) {
            struct json_node line = json_node_element(&billed, i);
            read_billed(&line, plan, &before[i]);
        }
        input.billed_before = before;
    }
    if (r.code == ERR_OK) {
        *ret = input;
    }
    return r.code;
}

// --- output --------------------------------------------------------------------------------------

static void put(json_t *object, const char *name, json_t *value) {
    check(value != NULL && json_object_set_new(object, name, value) == 0);
}

static void put_text(json_t *object, const char *name, const char *text) {
    put(object, name, json_string(text));
}

// An exact amount; marks the object if it has no finite decimal.
static void put_exact(struct arena *a, json_t *object, const char *name,
                      const struct currency *currency, struct decimal x) {
    bool exact = true;
    put_text(object, name, decimal_is_zero(x) ? "0" : currency_text(a, currency, x, &exact));
    if (!exact) {
        put(object, "exact", json_false());
    }
}

static void put_quantity(struct arena *a, json_t *object, const char *name, struct decimal x) {
    put_text(object, name, decimal_text(a, x, 0, NULL));
}

static void put_price(struct arena *a, json_t *object, const char *name, struct decimal x) {
    put_text(object, name, decimal_text_as_read(a, x));
}

static json_t *row_json(struct arena *a, const struct currency *currency,
                        const struct rating_row *row) {
    json_t *o = json_object();
    if (row->tier > 0) {
        put(o, "tier", json_integer(row->tier));
        put_price(a, o, "from", row->from);
        put(o, "up_to",
            row->has_up_to ? json_string(decimal_text_as_read(a, row->up_to)) : json_null());
    }
    if (row->has_quantity) {
        put_quantity(a, o, "quantity", row->quantity);
    }
    if (row->has_unit_amount) {
        put_price(a, o, "unit_amount", row->unit_amount);
    }
    if (row->has_package) {
        put_price(a, o, "package_size", row->package.size);
        put_price(a, o, "package_amount", row->package.amount);
        put_quantity(a, o, "packages", row->packages);
    }
    if (row->has_flat_amount) {
        put_price(a, o, "flat_amount", row->flat_amount);
    }
    if (row->has_max_amount) {
        put_price(a, o, "max_amount", row->max_amount);
    }
    if (row->prorated) {
        put(o, "billable_days", json_integer(row->billable_days));
        put(o, "period_days", json_integer(row->period_days));
    }
    put_exact(a, o, "amount", currency, row->amount);
    if (!decimal_is_zero(row->capped)) {
        put_exact(a, o, "capped", currency, row->capped);
    }
    put_text(o, "reason", rating_reason_name(row->reason));
    return o;
}

json_t *rating_usage_json(struct arena *scratch, const struct rating_usage *usage, size_t count) {
    json_t *rows = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct rating_usage *u = &usage[i];
        json_t *row = json_object();
        put_text(row, "metric", u->metric);
        for (size_t k = 0; k < u->dimension_count; k++) {
            put_text(row, u->dimensions[k].name, u->dimensions[k].value);
        }
        if (u->bucket != NULL) {
            put_text(row, "bucket", u->bucket);
        }
        put_quantity(scratch, row, "quantity", u->quantity);
        check(json_array_append_new(rows, row) == 0);
    }
    return rows;
}

json_t *rating_rows_json(struct arena *scratch, const struct currency *currency,
                         const struct rating_line *line) {
    json_t *rows = json_array();
    for (size_t i = 0; i < line->row_count; i++) {
        check(json_array_append_new(rows, row_json(scratch, currency, &line->rows[i])) == 0);
    }
    return rows;
}

json_t *rating_line_json(struct arena *scratch, const struct plan *plan,
                         const struct rating_line *line) {
    const struct currency *c = plan->currency;
    json_t *o = json_object();
    put(o, "line", json_integer(line->line));
    put_text(o, "price_id", line->price->price_id);
    put_text(o, "kind", rating_kind_name(line->kind));
    if (line->kind == RATING_MINIMUM) {
        put(o, "parent", line->parent == 0 ? json_null() : json_integer(line->parent));
    }
    if (line->kind == RATING_USAGE) {
        put_quantity(scratch, o, "metered", line->metered);
        put_quantity(scratch, o, "quantity", line->quantity);
    }
    bool exact = true;
    put_text(o, "unrounded", currency_text(scratch, c, line->unrounded, &exact));
    if (!exact) {
        put(o, "exact", json_false());
    }
    put_text(o, "base", currency_text(scratch, c, line->base, NULL));
    put_text(o, "discount", currency_text(scratch, c, line->discount, NULL));
    put_text(o, "cap", currency_text(scratch, c, line->cap, NULL));
    put_text(o, "amount", currency_text(scratch, c, line->amount, NULL));
    put(o, "rows", rating_rows_json(scratch, c, line));
    return o;
}

json_t *rating_result_json(struct arena *scratch, const struct rating_result *result) {
    json_t *lines = json_array();
    for (size_t i = 0; i < result->line_count; i++) {
        check(json_array_append_new(
                  lines, rating_line_json(scratch, result->plan, &result->lines[i])) == 0);
    }
    return lines;
}
