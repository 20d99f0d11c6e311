// Rating in the order of rating.md chapter 6. A price is rated for the whole period, L(Q), and what
// earlier documents billed is taken off component by component (10.1).
#include "core/rating/rating.h"

#include <string.h>

#include "core/rating/kernel.h"
#include "core/rating/modifier.h"
#include "core/rating/rating_billed.h"
#include "core/rating/rating_price.h"
#include "core/rating/rating_scope.h"

struct rating_run {
    struct rating_scope scope;
    const struct plan *plan;
    const struct rating_input *input;
    int64_t unused_days;              // from the end of service to the end of the period
    const struct rating_usage *usage; // summed
    size_t usage_count;
    struct rating_result result;
};

const char *rating_kind_name(enum rating_kind kind) {
    switch (kind) {
    case RATING_FIXED: return "fixed";
    case RATING_USAGE: return "usage";
    case RATING_MINIMUM: return "minimum";
    }
    return "unknown";
}

const char *rating_reason_name(enum rating_reason reason) {
    return reason == RATING_INCLUDED ? "included" : "billed";
}

// --- lines ---------------------------------------------------------------------------------------

static struct rating_line *emit(struct rating_run *r, const struct rating_line *l) {
    bool nothing = l->row_count == 0 && decimal_is_zero(l->metered) && decimal_is_zero(l->base) &&
                   decimal_is_zero(l->discount) && decimal_is_zero(l->cap) &&
                   decimal_is_zero(l->amount);
    if (nothing) {
        return NULL;
    }
    struct rating_line *line = &r->result.lines[r->result.line_count++];
    *line = *l;
    line->line = (int)r->result.line_count;
    r->result.amount = decimal_add(r->scope.arena, r->result.amount, line->amount);
    return line;
}

// Step 8: raises the period's total of a price to its minimum, less what earlier documents raised.
static void rate_minimum(struct rating_run *r, const struct plan_price *p, struct decimal total,
                         const struct rating_line *parent) {
    struct arena *a = r->scope.arena;
    struct rating_billed_total t = rating_billed_sum(&r->scope, r->input, p, RATING_MINIMUM);
    struct decimal exact = modifier_minimum_lacks(&r->scope, p, total);
    struct decimal due = currency_round(a, r->scope.currency, exact); // R6
    struct decimal before = rating_billed_amount(a, &t);
    struct rating_line l = {.price = p, .kind = RATING_MINIMUM};
    l.base = decimal_sub(a, due, before);
    l.amount = l.base;
    if (decimal_is_zero(l.base)) {
        return;
    }
    l.parent = parent == NULL ? 0 : parent->line;
    l.unrounded = decimal_sub(a, exact, before);
    l.rows = arena_array(a, 1, sizeof *l.rows);
    l.rows[0] = (struct rating_row){.reason = RATING_BILLED, .amount = l.unrounded};
    l.row_count = 1;
    (void)emit(r, &l);
}

// Step 1.
static struct rating_selection select_usage(const struct rating_run *r,
                                            const struct plan_price *p) {
    struct rating_selection s = {0};
    if (!p->kernel.type->takes_usage) {
        return s;
    }
    struct arena *a = r->scope.arena;
    const struct rating_usage **usage = arena_array(a, r->usage_count, sizeof *usage);
    s.usage = usage;
    for (size_t i = 0; i < r->usage_count; i++) {
        if (rating_usage_is_taken(&r->usage[i], p)) {
            usage[s.usage_count++] = &r->usage[i];
            s.metered = decimal_add(a, s.metered, r->usage[i].quantity);
        }
    }
    return s;
}

static bool is_due(const struct rating_period *period, const struct plan_price *p) {
    if (kernel_kind(&p->kernel) == RATING_FIXED) {
        return p->billed == PLAN_IN_ADVANCE || (period->final && !period->advance_only);
    }
    return !period->advance_only && (period->final || p->partial_billing);
}

// Whether a fee paid in advance is given back for unused days, instead of the difference (15.2).
static bool gives_back(const struct rating_run *r, const struct plan_price *p,
                       const struct rating_billed_total *t) {
    return kernel_kind(&p->kernel) == RATING_FIXED && p->billed == PLAN_IN_ADVANCE && p->prorated &&
           r->unused_days > 0 && t->count > 0;
}

static void rate_price(struct rating_run *r, const struct plan_price *p) {
    const struct rating_period *period = &r->input->period;
    struct arena *a = r->scope.arena;
    if (!is_due(period, p)) {
        return;
    }
    struct rating_billed_total t =
        rating_billed_sum(&r->scope, r->input, p, kernel_kind(&p->kernel));
    struct rating_line l;
    if (gives_back(r, p, &t)) {
        l = rating_billed_give_back(&r->scope, p, &t, period->end_credited ? 0 : r->unused_days);
    } else {
        struct rating_selection selection = select_usage(r, p);
        l = rating_price_line(&r->scope, p, &selection);
        rating_billed_subtract(&r->scope, &l, &t);
    }
    const struct rating_line *line = emit(r, &l);
    if (p->minimum.set && period->final && !period->advance_only) {
        struct decimal total = decimal_add(a, rating_billed_amount(a, &t), l.amount);
        rate_minimum(r, p, total, line);
    }
}

// --- input ---------------------------------------------------------------------------------------

static enum err_code resolve_days(struct rating_run *r, struct err *e) {
    const struct rating_period *p = &r->input->period;
    bool part = p->service_from_day != 0 || p->service_to_day != 0;
    int64_t from = part ? p->service_from_day : p->from_day;
    int64_t to = part ? p->service_to_day : p->to_day;
    if (p->to_day <= p->from_day || from < p->from_day || to > p->to_day || to < from) {
        return err_set(e, ERR_INVALID, "the service does not lie inside the period");
    }
    r->unused_days = p->to_day - to;
    if (p->days_given) {
        if (p->period_days <= 0 || p->billable_days < 0) {
            return err_set(e, ERR_INVALID, "billable_days or period_days is out of range");
        }
        r->scope.share = (struct proration){p->billable_days, p->period_days};
        return ERR_OK;
    }
    struct proration whole;
    enum err_code code = proration_of_month(p->from_day, p->to_day, &whole, e);
    if (code == ERR_OK) {
        r->scope.share = (struct proration){to - from, whole.period_days};
    }
    return code;
}

static bool is_money(const struct rating_run *r, struct decimal x) {
    return decimal_equal(x, currency_round(r->scope.arena, r->scope.currency, x));
}

static enum err_code check_billed(const struct rating_run *r, struct err *e) {
    for (size_t i = 0; i < r->input->billed_count; i++) {
        const struct rating_billed *b = &r->input->billed_before[i];
        const struct plan_price *p = plan_find_price(r->plan, b->price_id);
        if (p == NULL) {
            return err_set(e, ERR_INVALID, "price \"%s\", billed before, is not in the plan",
                           b->price_id);
        }
        if (b->kind != kernel_kind(&p->kernel) && (b->kind != RATING_MINIMUM || !b->has_amounts)) {
            return err_set(e, ERR_INVALID, "price \"%s\" cannot have been billed as %s",
                           b->price_id, rating_kind_name(b->kind));
        }
        if (!is_money(r, b->base) || !is_money(r, b->discount) || !is_money(r, b->cap)) {
            return err_set(e, ERR_INVALID,
                           "price \"%s\" was billed before in parts of a minor unit", b->price_id);
        }
    }
    return ERR_OK;
}

// Usage whose metric has prices, none of which takes it.
static void find_unpriced(struct rating_run *r) {
    for (size_t i = 0; i < r->usage_count; i++) {
        const struct rating_usage *u = &r->usage[i];
        bool metric_priced = false, taken = decimal_is_zero(u->quantity);
        for (size_t k = 0; !taken && k < r->plan->price_count; k++) {
            const struct plan_price *p = &r->plan->prices[k];
            metric_priced |= p->metric != NULL && strcmp(p->metric, u->metric) == 0;
            taken = rating_usage_is_taken(u, p);
        }
        if (metric_priced && !taken) {
            if (r->result.unpriced == NULL) {
                r->result.unpriced = arena_array(r->scope.arena, r->usage_count - i, sizeof *u);
            }
            r->result.unpriced[r->result.unpriced_count++] = *u;
        }
    }
}

enum err_code rating_run(struct arena *a, const struct plan *plan, const struct rating_input *input,
                         struct rating_result *ret, struct err *e) {
    struct rating_run r = {.scope = {.arena = a, .currency = plan->currency},
                           .plan = plan,
                           .input = input,
                           .result = {.plan = plan}};
    enum err_code code = resolve_days(&r, e);
    if (code == ERR_OK) {
        code = check_billed(&r, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    r.usage = rating_usage_sum(a, input->usage, input->usage_count, &r.usage_count);
    r.result.lines = arena_array(a, plan->price_count * 2, sizeof *r.result.lines);
    for (size_t i = 0; i < plan->price_count; i++) {
        rate_price(&r, &plan->prices[i]);
    }
    if (!input->period.advance_only) {
        find_unpriced(&r);
    }
    *ret = r.result;
    return ERR_OK;
}
