// Giving out a rounded amount without losing or making a minor unit (rating.md 2.5, 2.6). Results
// are stored by the caller and never computed a second time.
#ifndef WEIR_CORE_MONEY_SPLIT_H
#define WEIR_CORE_MONEY_SPLIT_H

#include <stddef.h>

#include "base/arena.h"
#include "core/money/decimal.h"

// Largest remainder: divides `total`, which is a multiple of 10^-minor_digits, in proportion to
// `weights` (count > 0, their sum not 0, both the caller's promise). Shares are floored to a minor
// unit and the units left over go to the largest fractions, the lower index first. A negative total
// is -split(-total). The parts always add up to `total`. ret_parts has room for `count`.
void split_amount(struct arena *a, struct decimal total, int minor_digits,
                  const struct decimal *weights, size_t count, struct decimal *ret_parts);

// Running totals: what the step that raises the cumulative base from `before` to `now` receives of
// the rounded whole r(exact) that belongs to `base` (not 0). R(C) = r(exact) for C = base, else
// r(exact * C / base) limited to lie between 0 and r(exact). The step is R(now) - R(before).
struct decimal split_step(struct arena *a, struct decimal exact, struct decimal base,
                          struct decimal before, struct decimal now, int minor_digits);

#endif
