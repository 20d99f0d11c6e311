// 5.2: each unit at one price.
#include "core/rating/kernel.h"

struct per_unit {
    struct decimal amount;
};

static const void *parse(const struct json_node *n) {
    struct per_unit *terms = arena_alloc(n->read->arena, sizeof *terms);
    struct json_node amount = json_node_member(n, "unit_amount");
    json_node_required(&amount);
    terms->amount = json_node_decimal(&amount);
    return terms;
}

static size_t rows(struct arena *a, const void *terms, const struct kernel_input *in,
                   struct rating_row *row) {
    const struct per_unit *unit = terms;
    *row = (struct rating_row){.reason = RATING_BILLED,
                               .has_quantity = true,
                               .quantity = in->quantity,
                               .has_unit_amount = true,
                               .unit_amount = unit->amount,
                               .amount = decimal_mul(a, in->quantity, unit->amount)};
    return 1;
}

static const char *const FIELDS[] = {"type", "unit_amount", NULL};

const struct kernel kernel_per_unit = {.name = "per_unit",
                                       .takes_usage = true,
                                       .needs_metric = true,
                                       .partial_billing = true,
                                       .fields = FIELDS,
                                       .parse = parse,
                                       .rows = rows};
