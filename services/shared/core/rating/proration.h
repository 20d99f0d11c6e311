// Shares of a period by whole days (rating.md chapter 9, basis calendar_days).
#ifndef WEIR_CORE_RATING_PRORATION_H
#define WEIR_CORE_RATING_PRORATION_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/money/decimal.h"

// The share billable_days / period_days of an amount; period_days > 0, billable_days >= 0.
struct proration {
    int64_t billable_days, period_days;
};

// The days from `from_day` to `to_day` (civil days, half-open) over the calendar month that holds
// them. ERR_INVALID if they are in the wrong order or leave that month.
ERR_MUST_CHECK enum err_code proration_of_month(int64_t from_day, int64_t to_day,
                                                struct proration *ret, struct err *e);
// amount * billable_days / period_days, exact.
struct decimal proration_apply(struct arena *a, struct decimal amount, struct proration p);

#endif
