// Rating in the order of rating.md chapter 6. A price is rated for the whole period, L(Q), and what
// earlier documents billed is taken off component by component (10.1). Money billed before comes
// from the documents; their rows and exact amounts are computed again from the metered quantity,
// because an exact amount may have no decimal that could have been stored.
#include "core/rating/rating.h"

#include <string.h>

#include "base/check.h"
#include "core/rating/proration.h"
#include "core/rating/rating_kernel.h"

enum { METRICS = PLAN_METRIC_FETCHES + 1, DELIVERIES = PLAN_DELIVERY_REPLAY + 1 };

struct rating_run {
    struct arena *a;
    const struct plan *plan;
    const struct rating_input *input;
    struct proration share; // days served of the period
    int64_t unused_days;    // from the end of service to the end of the period
    struct decimal usage[METRICS][DELIVERIES];
    struct rating_result result;
};

// The lines of one price on earlier documents.
struct billed_total {
    size_t count;
    struct decimal metered, base, discount, cap;
};

static const struct decimal ZERO;

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

static void add_to(struct arena *a, struct decimal *sum, struct decimal x) {
    *sum = decimal_add(a, *sum, x);
}

// --- L(Q) of one price ---------------------------------------------------------------------------

static struct decimal bound_value(struct rating_run *r, const struct plan_bound *b) {
    return b->prorated ? proration_apply(r->a, b->value, r->share) : b->value;
}

// Steps 6 and 7: discount from the rounded base, then the cap, shown on the rows from the last one
// backwards (7.3).
static void discount_and_cap(struct rating_run *r, struct rating_line *l) {
    struct arena *a = r->a;
    const struct plan_price *p = l->price;
    if (p->has_discount) {
        l->discount =
            currency_round(a, r->plan->currency, decimal_percent(a, l->base, p->discount_percent));
    }
    struct decimal left = decimal_sub(a, l->base, l->discount);
    if (p->maximum.set && decimal_sign(left) > 0) {
        struct decimal over = decimal_sub(a, left, bound_value(r, &p->maximum));
        l->cap = decimal_min(left, currency_round(a, r->plan->currency, decimal_max(ZERO, over)));
    }
    l->amount = decimal_sub(a, left, l->cap);
    struct decimal rest = l->cap;
    for (size_t i = l->row_count; i-- > 0 && decimal_sign(rest) > 0;) {
        struct decimal most = decimal_max(ZERO, l->rows[i].amount);
        // Rounding may have lifted the base above its rows: the first one takes that as well.
        l->rows[i].capped = i == 0 ? rest : decimal_min(rest, most);
        rest = decimal_sub(a, rest, l->rows[i].capped);
    }
}

// Steps 5 to 7, from the rows.
static void finish_line(struct rating_run *r, struct rating_line *l) {
    for (size_t i = 0; i < l->row_count; i++) {
        add_to(r->a, &l->unrounded, l->rows[i].amount);
    }
    l->base = currency_round(r->a, r->plan->currency, l->unrounded);
    discount_and_cap(r, l);
}

// 4.6 and 4.7.
static struct decimal converted(struct arena *a, const struct plan_price *p, struct decimal q) {
    const struct plan_conversion *c = &p->conversion;
    if (p->has_conversion) {
        q = c->divide ? decimal_div(a, q, c->factor) : decimal_mul(a, q, c->factor);
        q = c->rounds ? decimal_round(a, q, c->scale, c->mode) : q;
    }
    return p->clamp_negative ? decimal_max(ZERO, q) : q;
}

static struct rating_line rate_usage(struct rating_run *r, const struct plan_price *p,
                                     struct decimal metered) {
    struct rating_line l = {.price = p, .kind = RATING_USAGE, .metered = metered};
    l.rows = arena_array(r->a, p->kernel.tier_count + 2, sizeof *l.rows);
    struct decimal q = converted(r->a, p, metered);
    l.quantity = q;
    if (p->included.set) { // 4.8
        l.quantity = decimal_max(ZERO, decimal_sub(r->a, q, bound_value(r, &p->included)));
        struct decimal free_part = decimal_sub(r->a, q, l.quantity);
        if (!decimal_is_zero(free_part)) {
            l.rows[l.row_count++] = (struct rating_row){
                .reason = RATING_INCLUDED, .has_quantity = true, .quantity = free_part};
        }
    }
    l.row_count += rating_kernel_rows(r->a, &p->kernel, l.quantity, l.rows + l.row_count);
    finish_line(r, &l);
    return l;
}

static struct rating_line rate_flat(struct rating_run *r, const struct plan_price *p) {
    struct rating_line l = {.price = p, .kind = RATING_FIXED};
    l.rows = arena_array(r->a, 1, sizeof *l.rows);
    struct rating_row row = {.reason = RATING_BILLED,
                             .has_flat_amount = true,
                             .flat_amount = p->kernel.flat_amount,
                             .prorated = p->prorated,
                             .billable_days = r->share.billable_days,
                             .period_days = r->share.period_days};
    row.amount = p->prorated ? proration_apply(r->a, row.flat_amount, r->share) : row.flat_amount;
    if (!decimal_is_zero(row.amount)) {
        l.rows[l.row_count++] = row;
    }
    finish_line(r, &l);
    return l;
}

// --- what was billed before ----------------------------------------------------------------------

static struct billed_total billed_of(struct rating_run *r, const struct plan_price *p,
                                     enum rating_kind kind) {
    struct billed_total t = {0};
    for (size_t i = 0; i < r->input->billed_count; i++) {
        const struct rating_billed *b = &r->input->billed_before[i];
        if (b->kind != kind || strcmp(b->price_id, p->price_id) != 0) {
            continue;
        }
        struct rating_billed figures = *b;
        if (!b->has_amounts) {
            struct rating_line l =
                kind == RATING_FIXED ? rate_flat(r, p) : rate_usage(r, p, b->metered);
            figures.base = l.base;
            figures.discount = l.discount;
            figures.cap = l.cap;
        }
        t.count++;
        add_to(r->a, &t.metered, figures.metered);
        add_to(r->a, &t.base, figures.base);
        add_to(r->a, &t.discount, figures.discount);
        add_to(r->a, &t.cap, figures.cap);
    }
    return t;
}

static struct decimal billed_amount(struct arena *a, const struct billed_total *t) {
    return decimal_sub(a, decimal_sub(a, t->base, t->discount), t->cap);
}

// Rows are in order: included, then by tier.
static int row_order(const struct rating_row *row) {
    return row->reason == RATING_INCLUDED ? -1 : row->tier;
}

// The difference of two steps of the same place; either may be missing (NULL).
static struct rating_row row_difference(struct arena *a, const struct rating_row *now,
                                        const struct rating_row *before) {
    const struct rating_row none = {0};
    const struct rating_row *x = now != NULL ? now : &none;
    const struct rating_row *y = before != NULL ? before : &none;
    struct rating_row row = now != NULL ? *x : *y;
    row.quantity = decimal_sub(a, x->quantity, y->quantity);
    row.packages = decimal_sub(a, x->packages, y->packages);
    row.amount = decimal_sub(a, x->amount, y->amount);
    row.capped = decimal_sub(a, x->capped, y->capped);
    return row;
}

// Replaces the rows of `now` by the differences to those of `before`; equal ones are left out.
static void subtract_rows(struct arena *a, struct rating_line *now,
                          const struct rating_line *before) {
    size_t room = now->row_count + before->row_count;
    struct rating_row *rows = arena_array(a, room == 0 ? 1 : room, sizeof *rows);
    size_t i = 0, k = 0, n = 0;
    while (i < now->row_count || k < before->row_count) {
        const struct rating_row *x = i < now->row_count ? &now->rows[i] : NULL;
        const struct rating_row *y = k < before->row_count ? &before->rows[k] : NULL;
        int order = x == NULL ? 1 : y == NULL ? -1 : row_order(x) - row_order(y);
        rows[n] = row_difference(a, order <= 0 ? x : NULL, order >= 0 ? y : NULL);
        i += order <= 0;
        k += order >= 0;
        n += !(decimal_is_zero(rows[n].quantity) && decimal_is_zero(rows[n].amount) &&
               decimal_is_zero(rows[n].capped));
    }
    now->rows = rows;
    now->row_count = n;
}

// Step 9.
static void subtract_billed(struct rating_run *r, struct rating_line *l,
                            const struct billed_total *t) {
    if (t->count == 0) {
        return;
    }
    struct arena *a = r->a;
    struct rating_line before = l->kind == RATING_FIXED ? *l : rate_usage(r, l->price, t->metered);
    if (l->kind == RATING_FIXED) { // days served may have changed: only the money is known
        struct rating_row *row = arena_alloc(a, sizeof *row);
        *row = l->row_count > 0 ? l->rows[0] : (struct rating_row){.reason = RATING_BILLED};
        row->amount = decimal_equal(l->base, t->base) ? l->unrounded : t->base;
        row->capped = t->cap;
        before.rows = row;
        before.row_count = 1;
        before.unrounded = row->amount;
    }
    subtract_rows(a, l, &before);
    l->metered = decimal_sub(a, l->metered, t->metered);
    l->quantity = decimal_sub(a, l->quantity, before.quantity);
    l->unrounded = decimal_sub(a, l->unrounded, before.unrounded);
    l->base = decimal_sub(a, l->base, t->base);
    l->discount = decimal_sub(a, l->discount, t->discount);
    l->cap = decimal_sub(a, l->cap, t->cap);
    l->amount = decimal_sub(a, l->amount, billed_amount(a, t));
}

// 15.2, advance fees: the unused days of a fee that was paid are given back, at most what is left
// of it. The discount the fee had is taken off the part given back as well.
static struct rating_line advance_credit(struct rating_run *r, const struct plan_price *p,
                                         const struct billed_total *t) {
    struct arena *a = r->a;
    struct rating_line l = {.price = p, .kind = RATING_FIXED};
    struct decimal paid = billed_amount(a, t);
    if (r->input->period.end_credited || decimal_sign(paid) <= 0) {
        return l;
    }
    const struct plan_kernel *k = &p->kernel;
    struct proration unused = {r->unused_days, r->share.period_days};
    struct decimal exact = proration_apply(a, k->flat_amount, unused);
    struct decimal base = currency_round(a, r->plan->currency, exact);
    struct decimal discount =
        p->has_discount
            ? currency_round(a, r->plan->currency, decimal_percent(a, base, p->discount_percent))
            : ZERO;
    struct decimal credit = decimal_min(decimal_sub(a, base, discount), paid);
    l.rows = arena_array(a, 1, sizeof *l.rows);
    l.row_count = 1;
    l.rows[0] = (struct rating_row){.reason = RATING_BILLED,
                                    .has_flat_amount = true,
                                    .flat_amount = k->flat_amount,
                                    .prorated = true,
                                    .billable_days = unused.billable_days,
                                    .period_days = unused.period_days,
                                    .amount = decimal_neg(a, exact)};
    l.unrounded = l.rows[0].amount;
    l.base = decimal_neg(a, decimal_add(a, credit, discount));
    l.discount = decimal_neg(a, discount);
    l.amount = decimal_neg(a, credit);
    return l;
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
    add_to(r->a, &r->result.amount, line->amount);
    return line;
}

// Step 8: raises the period's total N of a price to its minimum, less what earlier documents
// raised.
static void rate_minimum(struct rating_run *r, const struct plan_price *p, struct decimal total,
                         const struct rating_line *parent) {
    struct arena *a = r->a;
    struct billed_total t = billed_of(r, p, RATING_MINIMUM);
    struct decimal exact = decimal_max(ZERO, decimal_sub(a, bound_value(r, &p->minimum), total));
    struct decimal due = currency_round(a, r->plan->currency, exact);
    struct decimal before = billed_amount(a, &t);
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

static struct decimal usage_of(struct rating_run *r, const struct plan_price *p) {
    struct decimal sum = ZERO;
    for (unsigned d = 0; d < DELIVERIES; d++) {
        if (p->deliveries == 0 || (p->deliveries & d) != 0) {
            add_to(r->a, &sum, r->usage[p->metric][d]);
        }
    }
    return sum;
}

static bool is_due(const struct rating_period *period, const struct plan_price *p) {
    if (p->kernel.type == PLAN_KERNEL_FLAT) {
        return p->billed == PLAN_IN_ADVANCE || (period->final && !period->advance_only);
    }
    return !period->advance_only && (period->final || p->partial_billing);
}

static void rate_price(struct rating_run *r, const struct plan_price *p) {
    const struct rating_period *period = &r->input->period;
    if (!is_due(period, p)) {
        return;
    }
    bool flat = p->kernel.type == PLAN_KERNEL_FLAT;
    struct billed_total t = billed_of(r, p, flat ? RATING_FIXED : RATING_USAGE);
    struct rating_line l;
    if (flat && p->billed == PLAN_IN_ADVANCE && p->prorated && r->unused_days > 0 && t.count > 0) {
        l = advance_credit(r, p, &t);
    } else {
        l = flat ? rate_flat(r, p) : rate_usage(r, p, usage_of(r, p));
        subtract_billed(r, &l, &t);
    }
    const struct rating_line *line = emit(r, &l);
    if (p->minimum.set && period->final && !period->advance_only) {
        struct decimal total = decimal_add(r->a, billed_amount(r->a, &t), l.amount);
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
        r->share = (struct proration){p->billable_days, p->period_days};
        return ERR_OK;
    }
    struct proration whole;
    enum err_code code = proration_of_month(p->from_day, p->to_day, &whole, e);
    if (code == ERR_OK) {
        r->share = (struct proration){to - from, whole.period_days};
    }
    return code;
}

static bool is_money(const struct rating_run *r, struct decimal x) {
    return decimal_equal(x, currency_round(r->a, r->plan->currency, x));
}

static enum err_code check_billed(const struct rating_run *r, struct err *e) {
    for (size_t i = 0; i < r->input->billed_count; i++) {
        const struct rating_billed *b = &r->input->billed_before[i];
        const struct plan_price *p = plan_find_price(r->plan, b->price_id);
        if (p == NULL) {
            return err_set(e, ERR_INVALID, "price \"%s\", billed before, is not in the plan",
                           b->price_id);
        }
        enum rating_kind own = p->kernel.type == PLAN_KERNEL_FLAT ? RATING_FIXED : RATING_USAGE;
        if (b->kind != own && (b->kind != RATING_MINIMUM || !b->has_amounts)) {
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

// Usage whose metric has prices, none of which takes its delivery.
static void find_unpriced(struct rating_run *r) {
    r->result.unpriced =
        arena_array(r->a, (size_t)METRICS * DELIVERIES, sizeof *r->result.unpriced);
    for (unsigned m = PLAN_METRIC_BYTES; m < METRICS; m++) {
        for (unsigned d = 0; d < DELIVERIES; d++) {
            bool metric_priced = false, taken = decimal_is_zero(r->usage[m][d]);
            for (size_t i = 0; i < r->plan->price_count; i++) {
                const struct plan_price *p = &r->plan->prices[i];
                metric_priced |= p->metric == (enum plan_metric)m;
                taken |= p->metric == (enum plan_metric)m &&
                         (p->deliveries == 0 || (p->deliveries & d) != 0);
            }
            if (metric_priced && !taken) {
                r->result.unpriced[r->result.unpriced_count++] = (struct rating_unpriced){
                    (enum plan_metric)m, (enum plan_delivery)d, r->usage[m][d]};
            }
        }
    }
}

enum err_code rating_run(struct arena *a, const struct plan *plan, const struct rating_input *input,
                         struct rating_result *ret, struct err *e) {
    struct rating_run r = {.a = a, .plan = plan, .input = input, .result = {.plan = plan}};
    enum err_code code = resolve_days(&r, e);
    if (code == ERR_OK) {
        code = check_billed(&r, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    for (size_t i = 0; i < input->usage_count; i++) {
        const struct rating_usage *u = &input->usage[i];
        check((unsigned)u->metric < METRICS && (unsigned)u->delivery < DELIVERIES);
        add_to(a, &r.usage[u->metric][u->delivery], u->quantity);
    }
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
