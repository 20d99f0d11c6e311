// 7.3, step 6: a percentage of the rounded base.
#include "core/rating/modifier.h"

static void parse(const struct json_node *n, struct plan_price *p) {
    p->has_discount = n->json != NULL;
    p->discount_percent = json_node_decimal_from_zero(n);
    if (decimal_cmp(p->discount_percent, decimal_from_i64(100)) > 0) {
        json_node_fail(n, "\"10\" is 10 percent", "must not be above 100");
    }
}

struct decimal modifier_discount_of(const struct rating_scope *s, const struct plan_price *p,
                                    struct decimal base) {
    return p->has_discount ? currency_round(s->arena, s->currency,
                                            decimal_percent(s->arena, base, p->discount_percent))
                           : decimal_from_i64(0);
}

static void on_base(const struct rating_scope *s, struct rating_line *l) {
    if (l->price->has_discount) {
        l->discount = modifier_discount_of(s, l->price, l->base);
        l->amount = decimal_sub(s->arena, l->amount, l->discount);
    }
}

const struct modifier modifier_discount = {
    .field = "discount_percent", .parse = parse, .on_base = on_base};
