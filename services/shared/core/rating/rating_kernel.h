// The price functions of rating.md chapter 5 over a billable quantity. Private to rating.
#ifndef WEIR_CORE_RATING_RATING_KERNEL_H
#define WEIR_CORE_RATING_RATING_KERNEL_H

#include "core/rating/rating.h"

// Appends the rows of kernel `k` at quantity q (not for flat); exact, unrounded. `rows` has room
// for one per tier, at least one. Returns how many were written; rows of nothing at no cost are
// left out.
size_t rating_kernel_rows(struct arena *a, const struct plan_kernel *k, struct decimal q,
                          struct rating_row *rows);

#endif
