// What earlier documents of the period carried of a price, and what is left to bill (rating.md
// 10.1 and 15.2). Money billed before comes from the documents; their rows and exact amounts are
// computed again from the metered quantity, because an exact amount may have no decimal that could
// have been stored. Private to rating.
#ifndef WEIR_CORE_RATING_RATING_BILLED_H
#define WEIR_CORE_RATING_RATING_BILLED_H

#include "core/rating/rating.h"
#include "core/rating/rating_scope.h"

// The lines of one price and kind on earlier documents.
struct rating_billed_total {
    size_t count;
    struct decimal metered, base, discount, cap;
};

struct rating_billed_total rating_billed_sum(const struct rating_scope *s,
                                             const struct rating_input *input,
                                             const struct plan_price *p, enum rating_kind kind);
// base - discount - cap
struct decimal rating_billed_amount(struct arena *a, const struct rating_billed_total *t);

// Step 9 of rating.md chapter 6: takes `t` off the line, component by component; rows that stay the
// same are left out.
void rating_billed_subtract(const struct rating_scope *s, struct rating_line *l,
                            const struct rating_billed_total *t);
// 15.2, advance fees: the line that gives back the unused days of a fee that was paid, at most what
// is left of it; all zero if there is nothing to give back. The discount the fee had is taken off
// the part given back as well.
struct rating_line rating_billed_give_back(const struct rating_scope *s, const struct plan_price *p,
                                           const struct rating_billed_total *t,
                                           int64_t unused_days);

#endif
