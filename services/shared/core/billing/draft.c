#include "core/billing/draft.h"

#include <string.h>

#include "core/billing/describe.h"
#include "core/billing/tax_decision.h"
#include "core/rating/metering_class.h"

struct building {
    struct arena *a;
    const struct draft_parties *parties;
    draft_rate_fn rate;
    void *ctx;
    struct draft draft;
    struct document_tax_rule rules[DOCUMENT_TAXES_MAX];
    struct draft_tax rule_taxes[DOCUMENT_TAXES_MAX];
    size_t rule_count;
};

const struct month_original *draft_original(const struct month *u, const struct rating_line *l) {
    for (size_t i = 0; i < u->original_count; i++) {
        if (strcmp(u->originals[i].price_id, l->price->price_id) == 0 &&
            strcmp(u->originals[i].kind, rating_kind_name(l->kind)) == 0) {
            return &u->originals[i];
        }
    }
    return NULL;
}

static void block(struct building *b, const char *why) {
    const char *so_far = b->draft.blocked_by;
    if (so_far == NULL) {
        b->draft.blocked_by = why;
    } else if (strstr(so_far, why) == NULL && strlen(so_far) + strlen(why) < DRAFT_TEXT_MAX) {
        b->draft.blocked_by = arena_printf(b->a, "%s; %s", so_far, why);
    }
}

// --- tax -----------------------------------------------------------------------------------------

// One rule per category and rate. Its key stands for the category while the document is built, for
// lines of different months may bear different rates of one category.
static enum err_code rule_key(struct building *b, const char *category, const char *rate,
                              const char **ret_key, struct err *e) {
    const char *key = arena_printf(b->a, "%s %s", category, rate);
    *ret_key = key;
    for (size_t i = 0; i < b->rule_count; i++) {
        if (strcmp(b->rules[i].category, key) == 0) {
            return ERR_OK;
        }
    }
    if (b->rule_count == DOCUMENT_TAXES_MAX) {
        return err_set(e, ERR_LIMIT, "more than %d tax rates on one document", DOCUMENT_TAXES_MAX);
    }
    struct document_tax_rule *rule = &b->rules[b->rule_count];
    *rule = (struct document_tax_rule){.category = key};
    b->rule_taxes[b->rule_count++] = (struct draft_tax){category, rate};
    return decimal_parse(slice_str(rate), &rule->rate, e);
}

static enum err_code line_tax(struct building *b, const struct month *u,
                              const struct rating_line *l, struct draft_tax *ret, struct err *e) {
    const struct month_original *original = draft_original(u, l);
    if (original != NULL) { // a difference bears the tax of what it corrects
        *ret = (struct draft_tax){original->tax_category, original->tax_rate};
        return ERR_OK;
    }
    *ret = (struct draft_tax){TAX_UNDECIDED, "0"};
    struct tax_decision d = tax_decide(b->a, b->parties->seller_country, b->parties->buyer_country,
                                       l->price->tax_category);
    if (d.undecided != NULL) {
        block(b, d.undecided);
        return ERR_OK;
    }
    const char *rate = NULL;
    int64_t day = u->period.to_day - 1; // the service is complete on the last day of the month
    enum err_code code = b->rate(b->ctx, b->parties->seller_country, d.category, day, &rate, e);
    if (code == ERR_OK && rate == NULL) {
        block(b, arena_printf(b->a, "there is no rate of tax category %s in %s for %s", d.category,
                              b->parties->seller_country,
                              describe_period(b->a, u->period.from_day, u->period.to_day)));
    } else if (code == ERR_OK) {
        *ret = (struct draft_tax){d.category, rate};
    }
    return code;
}

// --- the document --------------------------------------------------------------------------------

static enum err_code take_source(struct building *b, struct month *u, size_t *line,
                                 struct document_source *ret, struct err *e) {
    const char **keys = arena_array(b->a, u->rated.line_count, sizeof *keys);
    for (size_t i = 0; i < u->rated.line_count; i++) {
        struct draft_tax *tax = &b->draft.line_taxes[(*line)++];
        enum err_code code = line_tax(b, u, &u->rated.lines[i], tax, e);
        if (code == ERR_OK && strcmp(tax->category, TAX_UNDECIDED) == 0) {
            keys[i] = TAX_UNDECIDED;
        } else if (code == ERR_OK) {
            code = rule_key(b, tax->category, tax->rate, &keys[i], e);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    *ret = (struct document_source){.rated = &u->rated,
                                    .share = u->has_share ? &u->share : NULL,
                                    .provider = u->provider,
                                    .tax_category = keys};
    return ERR_OK;
}

static void block_unit(struct building *b, const struct month *u) {
    for (size_t i = 0; i < u->rated.unpriced_count; i++) {
        const struct rating_usage *x = &u->rated.unpriced[i];
        block(b, arena_printf(b->a, "%s %s (%s) of %s have no price in plan %s",
                              decimal_text(b->a, x->quantity, 0, NULL), x->metric,
                              rating_usage_values_text(b->a, x), u->product_name, u->plan_name));
    }
    if (u->sold_through) {
        block(b, "a subscription sold through another party is not supported yet");
    }
    if (u->metering_class != NULL &&
        metering_class_is_weaker(u->metering_class, u->weakest_class)) {
        block(b, arena_printf(b->a, "plan %s does not accept usage metered as %s", u->plan_name,
                              u->metering_class));
    }
}

static enum err_code build(struct building *b, struct err *e) {
    struct draft *d = &b->draft;
    struct document_source *sources = arena_array(b->a, d->unit_count, sizeof *sources);
    size_t lines = 0;
    for (size_t i = 0; i < d->unit_count; i++) {
        lines += d->units[i]->rated.line_count;
    }
    d->line_taxes = arena_array(b->a, lines, sizeof *d->line_taxes);
    d->blocked_by = NULL;
    b->rule_count = 0;
    size_t line = 0;
    for (size_t i = 0; i < d->unit_count; i++) {
        block_unit(b, d->units[i]);
        enum err_code code = take_source(b, d->units[i], &line, &sources[i], e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return document_build(b->a, d->currency, sources, d->unit_count, b->rules, b->rule_count,
                          &d->document, e);
}

static void name_groups(struct building *b) {
    struct draft *d = &b->draft;
    d->group_taxes = arena_array(b->a, d->document.tax_count, sizeof *d->group_taxes);
    for (size_t i = 0; i < d->document.tax_count; i++) {
        for (size_t k = 0; k < b->rule_count; k++) {
            if (strcmp(d->document.taxes[i].category, b->rules[k].category) == 0) {
                d->group_taxes[i] = b->rule_taxes[k];
            }
        }
    }
}

// A month that was billed before and now costs less.
static bool lowers(const struct month *u) {
    return u->billed_seq > 0 && decimal_sign(u->rated.amount) < 0;
}

static void leave_out_lowered(struct building *b) {
    struct draft *d = &b->draft;
    struct decimal left = decimal_from_i64(0);
    size_t kept = 0;
    for (size_t i = 0; i < d->unit_count; i++) {
        if (lowers(d->units[i])) {
            left = decimal_add(b->a, left, d->units[i]->rated.amount);
        } else {
            d->units[kept++] = d->units[i];
        }
    }
    d->unit_count = kept;
    d->note = arena_printf(b->a, "%s %s of months billed before is left for the next invoice",
                           currency_text(b->a, d->currency, left, NULL), d->currency->code);
}

// Something to bill: a month for the first time, or a difference in money.
static bool is_worth_it(const struct draft *d) {
    for (size_t i = 0; i < d->unit_count; i++) {
        const struct month *u = d->units[i];
        for (size_t k = 0; k < u->rated.line_count; k++) {
            if (u->billed_seq == 0 || !decimal_is_zero(u->rated.lines[k].amount)) {
                return true;
            }
        }
    }
    return false;
}

enum err_code draft_build(struct arena *a, struct month **units, size_t count,
                          const struct draft_parties *parties, draft_rate_fn rate, void *ctx,
                          struct draft *ret, bool *ret_any, struct err *e) {
    struct building *b = arena_alloc(a, sizeof *b);
    *b = (struct building){.a = a, .parties = parties, .rate = rate, .ctx = ctx};
    b->draft.units = arena_array(a, count, sizeof *b->draft.units);
    for (size_t i = 0; i < count; i++) {
        if (units[i]->rated.line_count > 0) {
            b->draft.units[b->draft.unit_count++] = units[i];
        }
    }
    *ret_any = false;
    *ret = b->draft;
    if (b->draft.unit_count == 0) {
        return ERR_OK;
    }
    b->draft.currency = b->draft.units[0]->plan.currency;
    enum err_code code = build(b, e);
    if (code == ERR_OK && decimal_sign(b->draft.document.total) < 0) {
        leave_out_lowered(b);
        code = build(b, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    if (decimal_sign(b->draft.document.total) < 0) {
        block(b, "its total is negative, and credit notes are not supported yet");
    }
    name_groups(b);
    *ret = b->draft;
    *ret_any = is_worth_it(ret);
    return ERR_OK;
}
