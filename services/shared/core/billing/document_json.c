// A document as JSON, rating.md 15.1 and 16.
#include "base/check.h"
#include "core/billing/document.h"
#include "core/json/json_read.h"
#include "core/rating/rating_json.h"

static void put(json_t *object, const char *name, json_t *value) {
    check(value != NULL && json_object_set_new(object, name, value) == 0);
}

static void put_money(struct arena *a, json_t *object, const char *name, const struct currency *c,
                      struct decimal x) {
    put(object, name, json_string(currency_text(a, c, x, NULL)));
}

static json_t *tax_json(struct arena *a, const struct document_tax *t) {
    json_t *o = json_object();
    put(o, "category", json_string(t->category));
    if (!t->fixed) {
        put(o, "rate", json_string(decimal_text_as_read(a, t->rate)));
    }
    return o;
}

static json_t *line_tax_json(struct arena *a, const struct document *d,
                             const struct document_line *l) {
    json_t *all = json_array();
    for (size_t i = 0; i < l->tax_count; i++) {
        json_t *one = tax_json(a, &d->taxes[l->taxes[i].group]);
        put_money(a, one, "amount", d->currency, l->taxes[i].amount);
        check(json_array_append_new(all, one) == 0);
    }
    if (l->tax_count > 1) {
        return all;
    }
    json_t *single = l->tax_count == 1 ? json_incref(json_array_get(all, 0)) : json_null();
    json_decref(all);
    return single;
}

static json_t *line_split_json(struct arena *a, const struct document *d,
                               const struct document_line *l) {
    json_t *parts = json_array();
    for (size_t i = 0; i < l->part_count; i++) {
        json_t *one = json_object();
        put(one, "party", json_string(l->parts[i].party));
        if (l->parts[i].has_exact) {
            bool exact = true;
            put(one, "unrounded",
                json_string(currency_text(a, d->currency, l->parts[i].exact, &exact)));
            if (!exact) {
                put(one, "exact", json_false());
            }
        }
        put_money(a, one, "amount", d->currency, l->parts[i].amount);
        check(json_array_append_new(parts, one) == 0);
    }
    return parts;
}

static json_t *line_json(struct arena *a, const struct document *d, const struct document_line *l) {
    json_t *o = rating_line_json(a, d->sources[l->source].rated->plan, l->rated);
    put(o, "line", json_integer(l->line));
    if (l->rated->kind == RATING_MINIMUM) {
        put(o, "parent", l->parent == 0 ? json_null() : json_integer(l->parent));
    }
    put_money(a, o, "document_discount", d->currency, l->document_discount);
    put_money(a, o, "net", d->currency, l->net);
    if (l->tax_count > 0) {
        put(o, "tax", line_tax_json(a, d, l));
    }
    if (l->part_count > 0) {
        put(o, "split", line_split_json(a, d, l));
    }
    return o;
}

json_t *document_json(struct arena *scratch, const struct document *d) {
    json_t *all = json_array();
    for (size_t i = 0; i < d->line_count; i++) {
        check(json_array_append_new(all, line_json(scratch, d, &d->lines[i])) == 0);
    }
    json_t *taxes = json_array();
    for (size_t i = 0; i < d->tax_count; i++) {
        json_t *t = tax_json(scratch, &d->taxes[i]);
        put_money(scratch, t, "net", d->currency, d->taxes[i].net);
        put_money(scratch, t, "amount", d->currency, d->taxes[i].amount);
        check(json_array_append_new(taxes, t) == 0);
    }
    json_t *end = json_object();
    put(end, "kind", json_string("document"));
    put_money(scratch, end, "document_discount", d->currency, decimal_from_i64(0));
    put_money(scratch, end, "net", d->currency, d->net);
    put(end, "coupons", json_array());
    put(end, "taxes", taxes);
    put_money(scratch, end, "tax", d->currency, d->tax);
    put_money(scratch, end, "total", d->currency, d->total);
    put(end, "credits", json_array());
    put_money(scratch, end, "due", d->currency, d->due);
    check(json_array_append_new(all, end) == 0);
    return all;
}

// --- input ---------------------------------------------------------------------------------------

static void read_tax(const struct json_node *n, struct document_tax_rule *ret) {
    static const char *const NAMES[] = {"category", "rate", "amount", NULL};
    if (!json_node_required(n) || !json_node_object(n, NAMES, NULL)) {
        return;
    }
    struct json_node category = json_node_member(n, "category");
    struct json_node rate = json_node_member(n, "rate");
    struct json_node amount = json_node_member(n, "amount");
    json_node_required(&category);
    if ((rate.json == NULL) == (amount.json == NULL)) {
        json_node_fail(n, NULL, "a tax has either a rate or an amount");
    }
    *ret = (struct document_tax_rule){.category = json_node_text(&category, PLAN_ID_MAX, ""),
                                      .fixed = amount.json != NULL,
                                      .rate = json_node_decimal_from_zero(&rate),
                                      .amount = json_node_decimal(&amount)};
}

enum err_code document_terms_parse(struct arena *a, json_t *json, struct document_terms *ret,
                                   struct err *e) {
    static const char *const NAMES[] = {"taxes", "revenue_share", NULL};
    static const struct json_default LATER[] = {{"coupons", "[]"},
                                                {"credit_notes", "[]"},
                                                {"wallets", "[]"},
                                                {"credit_note", "null"},
                                                {"tax_rounding", "\"per_rate\""},
                                                {"coupon_order", "\"application\""},
                                                {NULL, NULL}};
    struct json_read r = {.arena = a, .e = e};
    struct json_node root = json_node_root(&r, json, "");
    struct document_terms terms = {0};
    if (json_node_object(&root, NAMES, LATER)) {
        struct json_node taxes = json_node_member(&root, "taxes");
        terms.tax_count = json_node_array(&taxes, DOCUMENT_TAXES_MAX);
        terms.taxes = arena_array(a, terms.tax_count + 1, sizeof *terms.taxes);
        for (size_t i = 0; i < terms.tax_count; i++) {
            struct json_node tax = json_node_element(&taxes, i);
            read_tax(&tax, &terms.taxes[i]);
        }
        struct json_node share = json_node_member(&root, "revenue_share");
        if (json_is_array(share.json)) {
            if (json_array_size(share.json) > 1) {
                json_node_fail(&share, NULL, "several share rules are not supported yet");
            }
            share = json_node_element(&share, 0);
        }
        terms.has_share = share.json != NULL;
        if (terms.has_share && r.code == ERR_OK) {
            r.code = share_parse(a, share.json, share.pointer, &terms.share, e);
        }
    }
    if (r.code == ERR_OK) {
        *ret = terms;
    }
    return r.code;
}
