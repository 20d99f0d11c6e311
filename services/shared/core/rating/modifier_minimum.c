// 7.3, step 8: what a period's total is raised to, as a line of its own.
#include "core/rating/bound.h"
#include "core/rating/modifier.h"

static void parse(const struct json_node *n, struct plan_price *p) {
    p->minimum = bound_parse(n, "amount", true);
}

struct decimal modifier_minimum_lacks(const struct rating_scope *s, const struct plan_price *p,
                                      struct decimal total) {
    const struct decimal zero = decimal_from_i64(0);
    if (!p->minimum.set) {
        return zero;
    }
    struct decimal due = bound_value(s->arena, &p->minimum, s->share);
    return decimal_max(zero, decimal_sub(s->arena, due, total));
}

const struct modifier modifier_minimum = {.field = "minimum", .parse = parse};
