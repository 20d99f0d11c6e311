#include "core/rating/rating_kernel.h"

#include "base/check.h"

static struct decimal package_count(struct arena *a, const struct plan_package *p, struct decimal q,
                                    enum decimal_mode mode) {
    if (decimal_sign(q) <= 0) {
        return decimal_from_i64(0);
    }
    return decimal_round(a, decimal_div(a, q, p->size), 0, mode);
}

// What `q` units cost at the prices of one tier, without its flat fee.
static struct decimal tier_units(struct arena *a, const struct plan_tier *t, struct decimal q,
                                 struct rating_row *row) {
    if (!t->in_packages) {
        row->has_unit_amount = true;
        row->unit_amount = t->unit_amount;
        return decimal_mul(a, q, t->unit_amount);
    }
    row->has_package = true;
    row->package = t->package;
    row->packages = package_count(a, &t->package, q, DECIMAL_CEILING);
    return decimal_mul(a, row->packages, t->package.amount);
}

static struct rating_row tier_row(const struct plan_kernel *k, size_t i, struct decimal q) {
    const struct plan_tier *t = &k->tiers[i];
    return (struct rating_row){
        .reason = RATING_BILLED,
        .tier = (int)i + 1,
        .from = i == 0 ? decimal_from_i64(0) : k->tiers[i - 1].up_to,
        .has_up_to = t->has_up_to,
        .up_to = t->up_to,
        .has_quantity = true,
        .quantity = q,
        .has_flat_amount = true,
        .flat_amount = t->flat_amount,
        .has_max_amount = t->has_max_amount,
        .max_amount = t->max_amount,
    };
}

static struct decimal limited(const struct plan_tier *t, struct decimal amount) {
    return t->has_max_amount ? decimal_min(t->max_amount, amount) : amount;
}

// 5.3: each unit at the price of its own tier, the flat fee of every tier reached.
static size_t graduated(struct arena *a, const struct plan_kernel *k, struct decimal q,
                        struct rating_row *rows) {
    if (decimal_sign(q) <= 0) {
        rows[0] = tier_row(k, 0, q);
        (void)tier_units(a, &k->tiers[0], decimal_from_i64(0), &rows[0]); // names the price
        rows[0].amount = k->zero_usage_flat ? limited(&k->tiers[0], k->tiers[0].flat_amount)
                                            : decimal_from_i64(0);
        return 1;
    }
    size_t n = 0;
    struct decimal below = decimal_from_i64(0);
    for (size_t i = 0; i < k->tier_count && decimal_cmp(q, below) > 0; i++) {
        const struct plan_tier *t = &k->tiers[i];
        struct decimal top = t->has_up_to ? decimal_min(q, t->up_to) : q;
        struct decimal part = decimal_sub(a, top, below);
        rows[n] = tier_row(k, i, part);
        struct decimal units = tier_units(a, t, part, &rows[n]);
        rows[n].amount = limited(t, decimal_add(a, t->flat_amount, units));
        n++;
        below = t->up_to;
        if (!t->has_up_to) {
            break;
        }
    }
    return n;
}

// 5.4: the whole quantity at one tier.
static size_t volume(struct arena *a, const struct plan_kernel *k, struct decimal q,
                     struct rating_row *rows) {
    size_t i = 0;
    while (k->tiers[i].has_up_to && decimal_cmp(q, k->tiers[i].up_to) > 0) {
        i++;
    }
    const struct plan_tier *t = &k->tiers[i];
    rows[0] = tier_row(k, i, q);
    struct decimal units = tier_units(a, t, q, &rows[0]);
    bool priced = decimal_sign(q) > 0 || k->zero_usage_flat;
    rows[0].amount = priced ? decimal_add(a, units, t->flat_amount) : decimal_from_i64(0);
    return 1;
}

size_t rating_kernel_rows(struct arena *a, const struct plan_kernel *k, struct decimal q,
                          struct rating_row *rows) {
    size_t n = 1;
    rows[0] = (struct rating_row){.reason = RATING_BILLED, .has_quantity = true, .quantity = q};
    switch (k->type) {
    case PLAN_KERNEL_FLAT: check(k->type != PLAN_KERNEL_FLAT); break;
    case PLAN_KERNEL_PER_UNIT:
        rows[0].has_unit_amount = true;
        rows[0].unit_amount = k->unit_amount;
        rows[0].amount = decimal_mul(a, q, k->unit_amount);
        break;
    case PLAN_KERNEL_GRADUATED: n = graduated(a, k, q, rows); break;
    case PLAN_KERNEL_VOLUME: n = volume(a, k, q, rows); break;
    case PLAN_KERNEL_PACKAGE:
        rows[0].has_package = true;
        rows[0].package = k->package;
        rows[0].packages = package_count(a, &k->package, q, k->package_mode);
        rows[0].amount = decimal_mul(a, rows[0].packages, k->package.amount);
        break;
    }
    bool nothing = n == 1 && decimal_is_zero(rows[0].quantity) && decimal_is_zero(rows[0].amount);
    return nothing ? 0 : n;
}
