// 4.7: what a quantity below zero counts as.
#include "core/rating/modifier.h"

static void parse(const struct json_node *n, struct plan_price *p) {
    static const char *const WORDS[] = {"allow", "zero", NULL};
    p->clamp_negative = json_node_word(n, WORDS, 0) == 1;
}

static void on_quantity(const struct rating_scope *s, struct rating_line *l) {
    (void)s;
    if (l->price->clamp_negative) {
        l->quantity = decimal_max(decimal_from_i64(0), l->quantity);
    }
}

const struct modifier modifier_negative = {
    .field = "negative_quantity", .of_usage = true, .parse = parse, .on_quantity = on_quantity};
