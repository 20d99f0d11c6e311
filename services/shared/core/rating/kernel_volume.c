// 5.4: the whole quantity at one tier. A later unit may cheapen earlier ones, so it waits for the
// last document of the period (10.2).
#include "core/rating/tier.h"

static const void *parse(const struct json_node *n) {
    return tier_list_parse(n, false);
}

static size_t rows(struct arena *a, const void *terms, const struct kernel_input *in,
                   struct rating_row *row) {
    const struct tier_list *list = terms;
    size_t i = 0;
    while (list->tiers[i].has_up_to && decimal_cmp(in->quantity, list->tiers[i].up_to) > 0) {
        i++;
    }
    *row = tier_row(a, list, i, in->quantity);
    bool priced = decimal_sign(in->quantity) > 0 || list->zero_usage_flat;
    row->amount =
        priced ? decimal_add(a, row->amount, list->tiers[i].flat_amount) : decimal_from_i64(0);
    return 1;
}

const struct kernel kernel_volume = {.name = "volume",
                                     .takes_usage = true,
                                     .needs_metric = true,
                                     .fields = tier_list_fields,
                                     .later = tier_list_later,
                                     .parse = parse,
                                     .rows = rows};
