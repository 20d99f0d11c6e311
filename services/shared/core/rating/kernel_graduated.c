// 5.3: each unit at the price of its own tier, the flat fee of every tier reached.
#include "core/rating/tier.h"

static const void *parse(const struct json_node *n) {
    return tier_list_parse(n, true);
}

static size_t rows_max(const void *terms, const struct kernel_input *in) {
    (void)in;
    return ((const struct tier_list *)terms)->count;
}

static struct decimal limited(const struct tier *t, struct decimal amount) {
    return t->has_max_amount ? decimal_min(t->max_amount, amount) : amount;
}

static size_t rows(struct arena *a, const void *terms, const struct kernel_input *in,
                   struct rating_row *rows) {
    const struct tier_list *list = terms;
    const struct decimal zero = decimal_from_i64(0), q = in->quantity;
    if (decimal_sign(q) <= 0) {
        rows[0] = tier_row(a, list, 0, zero);
        rows[0].quantity = q;
        rows[0].amount =
            list->zero_usage_flat ? limited(&list->tiers[0], list->tiers[0].flat_amount) : zero;
        return 1;
    }
    size_t n = 0;
    struct decimal below = zero;
    for (; n < list->count && decimal_cmp(q, below) > 0; n++) {
        const struct tier *t = &list->tiers[n];
        struct decimal top = t->has_up_to ? decimal_min(q, t->up_to) : q;
        rows[n] = tier_row(a, list, n, decimal_sub(a, top, below));
        rows[n].amount = limited(t, decimal_add(a, t->flat_amount, rows[n].amount));
        below = top;
    }
    return n;
}

const struct kernel kernel_graduated = {.name = "graduated",
                                        .takes_usage = true,
                                        .needs_metric = true,
                                        .partial_billing = true,
                                        .fields = tier_list_fields,
                                        .later = tier_list_later,
                                        .parse = parse,
                                        .rows_max = rows_max,
                                        .rows = rows};
