#include "core/money/split.h"

#include "base/check.h"

// rating.md 2.5 for a total of zero or more.
static void split_positive(struct arena *a, struct decimal total, int minor_digits,
                           const struct decimal *weights, size_t count, struct decimal *ret_parts) {
    struct decimal weight_sum = decimal_from_i64(0);
    for (size_t i = 0; i < count; i++) {
        weight_sum = decimal_add(a, weight_sum, weights[i]);
    }
    struct decimal *fractions = arena_array(a, count, sizeof *fractions);
    struct decimal left = total;
    for (size_t i = 0; i < count; i++) {
        struct decimal exact = decimal_div(a, decimal_mul(a, total, weights[i]), weight_sum);
        ret_parts[i] = decimal_round(a, exact, minor_digits, DECIMAL_FLOOR);
        fractions[i] = decimal_sub(a, exact, ret_parts[i]);
        left = decimal_sub(a, left, ret_parts[i]);
    }
    struct decimal unit = decimal_from_i64(1);
    for (int i = 0; i < minor_digits; i++) {
        unit = decimal_div(a, unit, decimal_from_i64(10));
    }
    // Fewer units than parts are left, so each part gets at most one; a fraction that was served
    // becomes -1 and is not looked at again.
    for (; decimal_sign(left) > 0; left = decimal_sub(a, left, unit)) {
        size_t best = 0;
        for (size_t i = 1; i < count; i++) {
            if (decimal_cmp(fractions[i], fractions[best]) > 0) {
                best = i;
            }
        }
        ret_parts[best] = decimal_add(a, ret_parts[best], unit);
        fractions[best] = decimal_from_i64(-1);
    }
    check(decimal_is_zero(left));
}

void split_amount(struct arena *a, struct decimal total, int minor_digits,
                  const struct decimal *weights, size_t count, struct decimal *ret_parts) {
    check(count > 0);
    if (decimal_sign(total) >= 0) {
        split_positive(a, total, minor_digits, weights, count, ret_parts);
        return;
    }
    split_positive(a, decimal_neg(a, total), minor_digits, weights, count, ret_parts);
    for (size_t i = 0; i < count; i++) {
        ret_parts[i] = decimal_neg(a, ret_parts[i]);
    }
}

// R(C) of rating.md 2.6.
static struct decimal running_total(struct arena *a, struct decimal exact, struct decimal base,
                                    struct decimal cumulative, int minor_digits) {
    struct decimal whole = decimal_round(a, exact, minor_digits, DECIMAL_HALF_AWAY);
    if (decimal_equal(cumulative, base)) {
        return whole;
    }
    struct decimal part = decimal_div(a, decimal_mul(a, exact, cumulative), base);
    part = decimal_round(a, part, minor_digits, DECIMAL_HALF_AWAY);
    struct decimal zero = decimal_from_i64(0);
    return decimal_max(decimal_min(zero, whole), decimal_min(decimal_max(zero, whole), part));
}

struct decimal split_step(struct arena *a, struct decimal exact, struct decimal base,
                          struct decimal before, struct decimal now, int minor_digits) {
    check(!decimal_is_zero(base));
    return decimal_sub(a, running_total(a, exact, base, now, minor_digits),
                       running_total(a, exact, base, before, minor_digits));
}
