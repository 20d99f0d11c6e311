#include "core/rating/package.h"

struct package package_parse(const struct json_node *object) {
    struct json_node size = json_node_member(object, "package_size");
    struct json_node amount = json_node_member(object, "package_amount");
    json_node_required(&size);
    struct package p = {.size = json_node_decimal_above_zero(&size)};
    json_node_required(&amount);
    p.amount = json_node_decimal(&amount);
    return p;
}

struct decimal package_count(struct arena *a, const struct package *p, struct decimal q,
                             enum decimal_mode mode) {
    if (decimal_sign(q) <= 0) {
        return decimal_from_i64(0);
    }
    return decimal_round(a, decimal_div(a, q, p->size), 0, mode);
}
