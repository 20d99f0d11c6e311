#include "core/rating/bound.h"

#include <string.h>

struct plan_bound bound_parse(const struct json_node *n, const char *field, bool prorated) {
    static const struct json_default LATER[] = {
        {"shared", "false"}, {"across_groups", "false"}, {NULL, NULL}};
    const char *const names[] = {field, "prorated", NULL};
    bool of_units = strcmp(field, "quantity") == 0; // only an allowance can be shared
    struct plan_bound bound = {0};
    if (!json_node_object(n, names, of_units ? LATER : LATER + 1)) {
        return bound;
    }
    struct json_node value = json_node_member(n, field);
    struct json_node days = json_node_member(n, "prorated");
    json_node_required(&value);
    bound.set = true;
    bound.value = json_node_decimal_from_zero(&value);
    bound.prorated = json_node_bool(&days, prorated);
    return bound;
}

struct decimal bound_value(struct arena *a, const struct plan_bound *b, struct proration days) {
    return b->prorated ? proration_apply(a, b->value, days) : b->value;
}
