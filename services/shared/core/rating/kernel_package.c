// 5.6: whole packages.
#include "core/rating/kernel.h"
#include "core/rating/package.h"

struct packages {
    struct package package;
    enum decimal_mode mode; // DECIMAL_CEILING or DECIMAL_FLOOR
};

static const void *parse(const struct json_node *n) {
    static const char *const MODES[] = {"up", "down", NULL};
    struct packages *terms = arena_alloc(n->read->arena, sizeof *terms);
    terms->package = package_parse(n);
    struct json_node round = json_node_member(n, "round");
    terms->mode = json_node_word(&round, MODES, 0) == 0 ? DECIMAL_CEILING : DECIMAL_FLOOR;
    return terms;
}

static size_t rows(struct arena *a, const void *terms, const struct kernel_input *in,
                   struct rating_row *row) {
    const struct packages *p = terms;
    struct decimal count = package_count(a, &p->package, in->quantity, p->mode);
    *row = (struct rating_row){.reason = RATING_BILLED,
                               .has_quantity = true,
                               .quantity = in->quantity,
                               .has_package = true,
                               .package = p->package,
                               .packages = count,
                               .amount = decimal_mul(a, count, p->package.amount)};
    return 1;
}

static const char *const FIELDS[] = {"type", "package_size", "package_amount", "round", NULL};

const struct kernel kernel_package = {.name = "package",
                                      .takes_usage = true,
                                      .needs_metric = true,
                                      .partial_billing = true,
                                      .fields = FIELDS,
                                      .parse = parse,
                                      .rows = rows};
