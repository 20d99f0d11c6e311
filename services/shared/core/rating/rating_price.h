// What a price comes to for a quantity of the whole period, L(Q) of rating.md chapter 10: steps 2 to
// 7 of chapter 6. Private to rating.
#ifndef WEIR_CORE_RATING_RATING_PRICE_H
#define WEIR_CORE_RATING_RATING_PRICE_H

#include "core/rating/rating.h"
#include "core/rating/rating_scope.h"

// What the price selected of the usage: the entries, and the sum of their quantities. Where only a
// total is known there are no entries.
struct rating_selection {
    const struct rating_usage *const *usage;
    size_t usage_count;
    struct decimal metered; // 0 for a fee
};

// The line has no number yet, and no row if there is nothing to show.
struct rating_line rating_price_line(const struct rating_scope *s, const struct plan_price *p,
                                     const struct rating_selection *selection);

#endif
