#include "core/rating/rating_billed.h"

#include <string.h>

#include "core/rating/kernel.h"
#include "core/rating/modifier.h"
#include "core/rating/rating_price.h"

static struct rating_line line_at(const struct rating_scope *s, const struct plan_price *p,
                                  struct decimal metered) {
    return rating_price_line(s, p, &(struct rating_selection){.metered = metered});
}

struct rating_billed_total rating_billed_sum(const struct rating_scope *s,
                                             const struct rating_input *input,
                                             const struct plan_price *p, enum rating_kind kind) {
    struct arena *a = s->arena;
    struct rating_billed_total t = {0};
    for (size_t i = 0; i < input->billed_count; i++) {
        const struct rating_billed *b = &input->billed_before[i];
        if (b->kind != kind || strcmp(b->price_id, p->price_id) != 0) {
            continue;
        }
        struct rating_billed figures = *b;
        if (!b->has_amounts) {
            struct rating_line l = line_at(s, p, b->metered);
            figures.base = l.base;
            figures.discount = l.discount;
            figures.cap = l.cap;
        }
        t.count++;
        t.metered = decimal_add(a, t.metered, figures.metered);
        t.base = decimal_add(a, t.base, figures.base);
        t.discount = decimal_add(a, t.discount, figures.discount);
        t.cap = decimal_add(a, t.cap, figures.cap);
    }
    return t;
}

struct decimal rating_billed_amount(struct arena *a, const struct rating_billed_total *t) {
    return decimal_sub(a, decimal_sub(a, t->base, t->discount), t->cap);
}

// --- rows ----------------------------------------------------------------------------------------

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

// --- lines ---------------------------------------------------------------------------------------

// What stood for a fee before: days served may have changed, only the money is known.
static struct rating_line fee_before(struct arena *a, const struct rating_line *now,
                                     const struct rating_billed_total *t) {
    struct rating_line before = *now;
    struct rating_row *row = arena_alloc(a, sizeof *row);
    *row = now->row_count > 0 ? now->rows[0] : (struct rating_row){.reason = RATING_BILLED};
    row->amount = decimal_equal(now->base, t->base) ? now->unrounded : t->base;
    row->capped = t->cap;
    before.rows = row;
    before.row_count = 1;
    before.unrounded = row->amount;
    return before;
}

void rating_billed_subtract(const struct rating_scope *s, struct rating_line *l,
                            const struct rating_billed_total *t) {
    if (t->count == 0) {
        return;
    }
    struct arena *a = s->arena;
    struct rating_line before =
        l->kind == RATING_FIXED ? fee_before(a, l, t) : line_at(s, l->price, t->metered);
    subtract_rows(a, l, &before);
    l->metered = decimal_sub(a, l->metered, t->metered);
    l->quantity = decimal_sub(a, l->quantity, before.quantity);
    l->unrounded = decimal_sub(a, l->unrounded, before.unrounded);
    l->base = decimal_sub(a, l->base, t->base);
    l->discount = decimal_sub(a, l->discount, t->discount);
    l->cap = decimal_sub(a, l->cap, t->cap);
    l->amount = decimal_sub(a, l->amount, rating_billed_amount(a, t));
}

struct rating_line rating_billed_give_back(const struct rating_scope *s, const struct plan_price *p,
                                           const struct rating_billed_total *t,
                                           int64_t unused_days) {
    struct arena *a = s->arena;
    const struct kernel_input in = {.days = {unused_days, s->share.period_days}, .prorated = true};
    struct rating_line l = {.price = p, .kind = RATING_FIXED};
    struct decimal paid = rating_billed_amount(a, t);
    if (unused_days == 0 || decimal_sign(paid) <= 0) {
        return l;
    }
    l.rows = arena_array(a, kernel_rows_max(&p->kernel, &in), sizeof *l.rows);
    l.row_count = p->kernel.type->rows(a, p->kernel.terms, &in, l.rows);
    for (size_t i = 0; i < l.row_count; i++) {
        l.unrounded = decimal_add(a, l.unrounded, l.rows[i].amount);
        l.rows[i].amount = decimal_neg(a, l.rows[i].amount);
    }
    struct decimal base = currency_round(a, s->currency, l.unrounded);
    struct decimal discount = modifier_discount_of(s, p, base);
    struct decimal credit = decimal_min(decimal_sub(a, base, discount), paid);
    l.unrounded = decimal_neg(a, l.unrounded);
    l.base = decimal_neg(a, decimal_add(a, credit, discount));
    l.discount = decimal_neg(a, discount);
    l.amount = decimal_neg(a, credit);
    return l;
}
