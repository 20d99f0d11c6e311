#include "core/billing/draft.h"

#include <string.h>

#include "core/billing/tax_decision.h"
#include "core/billing/wording.h"

struct building {
    struct arena *a;
    const struct draft_parties *parties;
    draft_rate_fn rate;
    void *ctx;
    struct draft draft;
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

static enum err_code decided(const char *category, const char *rate, struct document_tax_key *ret,
                             struct err *e) {
    *ret = (struct document_tax_key){.category = category, .has_rate = true};
    return decimal_parse(slice_str(rate), &ret->rate, e);
}

static enum err_code line_tax(struct building *b, const struct month *u,
                              const struct rating_line *l, struct document_tax_key *ret,
                              struct err *e) {
    const struct month_original *original = draft_original(u, l);
    if (original != NULL) { // a difference bears the tax of what it corrects
        return decided(original->tax_category, original->tax_rate, ret, e);
    }
    *ret = (struct document_tax_key){.category = TAX_UNDECIDED};
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
                              wording_period(b->a, u->period.from_day, u->period.to_day)));
    } else if (code == ERR_OK) {
        code = decided(d.category, rate, ret, e);
    }
    return code;
}

// --- the document --------------------------------------------------------------------------------

static enum err_code take_source(struct building *b, struct month *u, struct document_source *ret,
                                 struct err *e) {
    struct document_tax_key *taxes = arena_array(b->a, u->rated.line_count, sizeof *taxes);
    for (size_t i = 0; i < u->rated.line_count; i++) {
        enum err_code code = line_tax(b, u, &u->rated.lines[i], &taxes[i], e);
        if (code != ERR_OK) {
            return code;
        }
    }
    *ret = (struct document_source){.rated = &u->rated,
                                    .share = u->has_share ? &u->share : NULL,
                                    .provider = u->provider,
                                    .tax = taxes};
    return ERR_OK;
}

static void block_month(struct building *b, const struct month *u) {
    static const char *const classes[] = {"committed", "reported", "request_log"};
    for (size_t i = 0; i < u->rated.unpriced_count; i++) {
        const struct rating_unpriced *x = &u->rated.unpriced[i];
        block(b, arena_printf(b->a, "%s %s (%s) of %s have no price in plan %s",
                              decimal_text(b->a, x->quantity, 0, NULL), plan_metric_name(x->metric),
                              plan_delivery_name(x->delivery), u->product_name, u->plan_name));
    }
    if (u->sold_through) {
        block(b, "a subscription sold through another party is not supported yet");
    }
    for (size_t i = 0; u->metering_class != NULL && i < sizeof classes / sizeof *classes; i++) {
        if (strcmp(classes[i], u->weakest_class) == 0) {
            break; // what was metered is at least as good
        }
        if (strcmp(classes[i], u->metering_class) == 0) {
            block(b, arena_printf(b->a, "plan %s does not accept usage metered as %s", u->plan_name,
                                  u->metering_class));
        }
    }
}

static enum err_code build(struct building *b, struct err *e) {
    struct draft *d = &b->draft;
    struct document_source *sources = arena_array(b->a, d->month_count, sizeof *sources);
    d->blocked_by = NULL;
    for (size_t i = 0; i < d->month_count; i++) {
        block_month(b, d->months[i]);
        enum err_code code = take_source(b, d->months[i], &sources[i], e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return document_build(b->a, d->currency, sources, d->month_count, NULL, 0, &d->document, e);
}

// A month that was billed before and now costs less.
static bool lowers(const struct month *u) {
    return u->billed_seq > 0 && decimal_sign(u->rated.amount) < 0;
}

static void leave_out_lowered(struct building *b) {
    struct draft *d = &b->draft;
    struct decimal left = decimal_from_i64(0);
    size_t kept = 0;
    for (size_t i = 0; i < d->month_count; i++) {
        if (lowers(d->months[i])) {
            left = decimal_add(b->a, left, d->months[i]->rated.amount);
        } else {
            d->months[kept++] = d->months[i];
        }
    }
    d->month_count = kept;
    d->note = arena_printf(b->a, "%s %s of months billed before is left for the next invoice",
                           currency_text(b->a, d->currency, left, NULL), d->currency->code);
}

// Something to bill: a month for the first time, or a difference in money.
static bool is_worth_it(const struct draft *d) {
    for (size_t i = 0; i < d->month_count; i++) {
        const struct month *u = d->months[i];
        for (size_t k = 0; k < u->rated.line_count; k++) {
            if (u->billed_seq == 0 || !decimal_is_zero(u->rated.lines[k].amount)) {
                return true;
            }
        }
    }
    return false;
}

enum err_code draft_build(struct arena *a, struct month **months, size_t count,
                          const struct draft_parties *parties, draft_rate_fn rate, void *ctx,
                          struct draft *ret, bool *ret_any, struct err *e) {
    struct building *b = arena_alloc(a, sizeof *b);
    *b = (struct building){.a = a, .parties = parties, .rate = rate, .ctx = ctx};
    b->draft.months = arena_array(a, count, sizeof *b->draft.months);
    for (size_t i = 0; i < count; i++) {
        if (months[i]->rated.line_count > 0) {
            b->draft.months[b->draft.month_count++] = months[i];
        }
    }
    *ret_any = false;
    *ret = b->draft;
    if (b->draft.month_count == 0) {
        return ERR_OK;
    }
    b->draft.currency = b->draft.months[0]->plan.currency;
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
    *ret = b->draft;
    *ret_any = is_worth_it(ret);
    return ERR_OK;
}
