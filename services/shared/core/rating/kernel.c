#include "core/rating/kernel.h"

struct plan_kernel kernel_parse(const struct json_node *n) {
    struct plan_kernel k = {0};
    if (!json_node_required(n)) {
        return k;
    }
    if (!json_is_object(n->json)) {
        json_node_fail(n, NULL, "an object is expected");
        return k;
    }
    struct json_node type = json_node_member(n, "type");
    if (!json_node_required(&type)) {
        return k;
    }
    k.type = kernel_find(&type);
    if (k.type != NULL && json_node_object(n, k.type->fields, k.type->later)) {
        k.terms = k.type->parse(n);
    }
    return k;
}

enum rating_kind kernel_kind(const struct plan_kernel *k) {
    return k->type->takes_usage ? RATING_USAGE : RATING_FIXED;
}

size_t kernel_rows_max(const struct plan_kernel *k, const struct kernel_input *in) {
    return k->type->rows_max == NULL ? 1 : k->type->rows_max(k->terms, in);
}

size_t kernel_rows(struct arena *a, const struct plan_kernel *k, const struct kernel_input *in,
                   struct rating_row *rows) {
    size_t n = k->type->rows(a, k->terms, in, rows);
    bool nothing = n == 1 && decimal_is_zero(rows[0].quantity) && decimal_is_zero(rows[0].amount);
    return nothing ? 0 : n;
}
