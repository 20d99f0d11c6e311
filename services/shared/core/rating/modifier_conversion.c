// 4.6: the unit that a price counts in, rounded only if the price asks for it (R1).
#include "core/rating/modifier.h"

static void parse(const struct json_node *n, struct plan_price *p) {
    static const char *const NAMES[] = {"operation", "factor", "round", "scale", NULL};
    static const struct json_default LATER[] = {{"per_line", "false"}, {NULL, NULL}};
    static const char *const OPERATIONS[] = {"divide", "multiply", "none", NULL};
    static const char *const ROUND_MODES[] = {"half_away", "half_even", "up",   "down",
                                              "ceiling",   "floor",     "none", NULL};
    const int none = (int)(sizeof ROUND_MODES / sizeof *ROUND_MODES) - 2;
    if (!json_node_object(n, NAMES, LATER)) {
        return;
    }
    struct json_node operation = json_node_member(n, "operation");
    struct json_node factor = json_node_member(n, "factor");
    json_node_required(&operation);
    int op = json_node_word(&operation, OPERATIONS, 0);
    if (op == 2 && factor.json == NULL) { // the unit stays; R1 may still round it
        p->conversion.factor = decimal_from_i64(1);
    } else {
        json_node_required(&factor);
        p->conversion.factor = json_node_decimal_above_zero(&factor);
        if (op == 2) {
            json_node_fail(&factor, NULL, "operation none takes no factor");
        }
    }
    struct json_node round = json_node_member(n, "round");
    struct json_node scale = json_node_member(n, "scale");
    int mode = json_node_word(&round, ROUND_MODES, none);
    p->has_conversion = true;
    p->conversion.divide = op == 0;
    p->conversion.rounds = mode != none;
    p->conversion.mode = mode == none ? DECIMAL_HALF_AWAY : (enum decimal_mode)mode;
    p->conversion.scale =
        (int)json_node_int(&scale, -PLAN_ROUND_SCALE_MAX, PLAN_ROUND_SCALE_MAX, 0);
}

static void on_quantity(const struct rating_scope *s, struct rating_line *l) {
    const struct plan_conversion *c = &l->price->conversion;
    if (!l->price->has_conversion) {
        return;
    }
    l->quantity = c->divide ? decimal_div(s->arena, l->quantity, c->factor)
                            : decimal_mul(s->arena, l->quantity, c->factor);
    if (c->rounds) {
        l->quantity = decimal_round(s->arena, l->quantity, c->scale, c->mode);
    }
}

const struct modifier modifier_conversion = {
    .field = "unit_conversion", .of_usage = true, .parse = parse, .on_quantity = on_quantity};
