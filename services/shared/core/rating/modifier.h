// A modifier changes what a price's kernel sees or what comes out of it (rating.md 4.6 to 4.8 and
// 7.3): one file modifier_<name>.c with one descriptor, and one entry in modifier_list.c. What it
// reads stands in struct plan_price.
#ifndef WEIR_CORE_RATING_MODIFIER_H
#define WEIR_CORE_RATING_MODIFIER_H

#include "core/json/json_read.h"
#include "core/rating/rating.h"
#include "core/rating/rating_scope.h"

struct modifier {
    const char *field; // its member of a price in a plan
    bool of_usage;     // has no meaning for a kernel that takes no usage
    size_t rows;       // the most that it adds to a line
    // Reads the member, which may be absent, into the price.
    void (*parse)(const struct json_node *n, struct plan_price *p);
    // Step 2 of rating.md chapter 6: from the metered to the billable quantity. NULL: none.
    void (*on_quantity)(const struct rating_scope *s, struct rating_line *l);
    // Steps 6 and 7: takes its part off `amount`, which begins as the rounded base. NULL: none.
    void (*on_base)(const struct rating_scope *s, struct rating_line *l);
};

// Every modifier in the order of its step; ends with NULL.
extern const struct modifier *const modifier_list[];

// Step 6 by itself: the discount of a rounded base (R4), 0 without one.
struct decimal modifier_discount_of(const struct rating_scope *s, const struct plan_price *p,
                                    struct decimal base);
// Step 8: what a period's total of a price lacks to its minimum, exact; 0 if nothing or no minimum.
struct decimal modifier_minimum_lacks(const struct rating_scope *s, const struct plan_price *p,
                                      struct decimal total);

#endif
