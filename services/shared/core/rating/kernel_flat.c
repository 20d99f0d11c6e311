// 5.1: an amount whatever the usage, for the days served of the period.
#include "core/rating/kernel.h"

struct flat {
    struct decimal amount;
};

static const void *parse(const struct json_node *n) {
    struct flat *terms = arena_alloc(n->read->arena, sizeof *terms);
    struct json_node amount = json_node_member(n, "flat_amount");
    json_node_required(&amount);
    terms->amount = json_node_decimal(&amount);
    return terms;
}

static size_t rows(struct arena *a, const void *terms, const struct kernel_input *in,
                   struct rating_row *row) {
    const struct flat *flat = terms;
    *row = (struct rating_row){.reason = RATING_BILLED,
                               .has_flat_amount = true,
                               .flat_amount = flat->amount,
                               .prorated = in->prorated,
                               .billable_days = in->days.billable_days,
                               .period_days = in->days.period_days};
    row->amount = in->prorated ? proration_apply(a, flat->amount, in->days) : flat->amount;
    return 1;
}

static const char *const FIELDS[] = {"type", "flat_amount", NULL};

const struct kernel kernel_flat = {
    .name = "flat", .partial_billing = true, .fields = FIELDS, .parse = parse, .rows = rows};
