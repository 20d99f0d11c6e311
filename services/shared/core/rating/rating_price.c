#include "core/rating/rating_price.h"

#include "core/rating/kernel.h"
#include "core/rating/modifier.h"

struct rating_line rating_price_line(const struct rating_scope *s, const struct plan_price *p,
                                     const struct rating_selection *selection) {
    struct arena *a = s->arena;
    struct kernel_input in = {.usage = selection->usage,
                              .usage_count = selection->usage_count,
                              .days = s->share,
                              .prorated = p->prorated};
    size_t room = kernel_rows_max(&p->kernel, &in);
    for (size_t i = 0; modifier_list[i] != NULL; i++) {
        room += modifier_list[i]->rows;
    }
    struct rating_line l = {.price = p,
                            .kind = kernel_kind(&p->kernel),
                            .metered = selection->metered,
                            .quantity = selection->metered,
                            .rows = arena_array(a, room, sizeof *l.rows)};
    for (size_t i = 0; modifier_list[i] != NULL; i++) { // step 2
        if (modifier_list[i]->on_quantity != NULL) {
            modifier_list[i]->on_quantity(s, &l);
        }
    }
    in.quantity = l.quantity;
    l.row_count += kernel_rows(a, &p->kernel, &in, l.rows + l.row_count); // step 3
    for (size_t i = 0; i < l.row_count; i++) {                            // step 4
        l.unrounded = decimal_add(a, l.unrounded, l.rows[i].amount);
    }
    l.base = currency_round(a, s->currency, l.unrounded); // step 5, R3
    l.amount = l.base;
    for (size_t i = 0; modifier_list[i] != NULL; i++) { // steps 6 and 7
        if (modifier_list[i]->on_base != NULL) {
            modifier_list[i]->on_base(s, &l);
        }
    }
    return l;
}
