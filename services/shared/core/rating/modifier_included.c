// 4.8: units that cost nothing, taken off before the kernel sees the quantity.
#include "core/rating/bound.h"
#include "core/rating/modifier.h"

static void parse(const struct json_node *n, struct plan_price *p) {
    p->included = bound_parse(n, "quantity", false);
}

static void on_quantity(const struct rating_scope *s, struct rating_line *l) {
    const struct plan_bound *included = &l->price->included;
    if (!included->set) {
        return;
    }
    struct decimal most = bound_value(s->arena, included, s->share);
    struct decimal left =
        decimal_max(decimal_from_i64(0), decimal_sub(s->arena, l->quantity, most));
    struct decimal free_part = decimal_sub(s->arena, l->quantity, left);
    l->quantity = left;
    if (!decimal_is_zero(free_part)) {
        l->rows[l->row_count++] = (struct rating_row){
            .reason = RATING_INCLUDED, .has_quantity = true, .quantity = free_part};
    }
}

const struct modifier modifier_included = {.field = "included_units",
                                           .of_usage = true,
                                           .rows = 1,
                                           .parse = parse,
                                           .on_quantity = on_quantity};
