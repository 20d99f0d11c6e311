// 7.3, step 7: a cap on what is left after the discount, shown on the rows from the last one
// backwards.
#include "core/rating/bound.h"
#include "core/rating/modifier.h"

static void parse(const struct json_node *n, struct plan_price *p) {
    p->maximum = bound_parse(n, "amount", false);
}

static void cap_rows(struct arena *a, struct rating_line *l) {
    const struct decimal zero = decimal_from_i64(0);
    struct decimal rest = l->cap;
    for (size_t i = l->row_count; i-- > 0 && decimal_sign(rest) > 0;) {
        // Rounding may have lifted the base above its rows: the first one takes that as well.
        struct decimal most = decimal_max(zero, l->rows[i].amount);
        l->rows[i].capped = i == 0 ? rest : decimal_min(rest, most);
        rest = decimal_sub(a, rest, l->rows[i].capped);
    }
}

static void on_base(const struct rating_scope *s, struct rating_line *l) {
    if (!l->price->maximum.set || decimal_sign(l->amount) <= 0) {
        return;
    }
    struct decimal most = bound_value(s->arena, &l->price->maximum, s->share);
    struct decimal over = decimal_max(decimal_from_i64(0), decimal_sub(s->arena, l->amount, most));
    l->cap = decimal_min(l->amount, currency_round(s->arena, s->currency, over));
    l->amount = decimal_sub(s->arena, l->amount, l->cap);
    cap_rows(s->arena, l);
}

const struct modifier modifier_maximum = {.field = "maximum", .parse = parse, .on_base = on_base};
