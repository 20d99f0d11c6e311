// Tiers (rating.md chapter 5): tier i holds (up_to of tier i-1, up_to] and has a price per unit or
// per package, and a flat fee. What the kernels with tiers share.
#ifndef WEIR_CORE_RATING_TIER_H
#define WEIR_CORE_RATING_TIER_H

#include "core/rating/kernel.h"
#include "core/rating/package.h"

struct tier {
    bool has_up_to; // the last tier has none
    struct decimal up_to;
    bool in_packages;
    struct decimal unit_amount; // unless in_packages
    struct package package;     // if in_packages
    struct decimal flat_amount; // default 0
    bool has_max_amount;        // graduated only
    struct decimal max_amount;
};

// The terms of a kernel with tiers.
struct tier_list {
    struct tier *tiers; // at least one
    size_t count;
    bool zero_usage_flat; // whether the first flat fee is due without usage
};

// The members of such a kernel, and those that have only their default so far.
extern const char *const tier_list_fields[];
extern const struct json_default tier_list_later[];

// Reads `tiers` and `zero_usage_flat` of a kernel. `may_limit`: its tiers may have a max_amount.
const struct tier_list *tier_list_parse(const struct json_node *kernel, bool may_limit);
// The row of tier i for `q` units of it, with the price and what they cost without the flat fee.
struct rating_row tier_row(struct arena *a, const struct tier_list *list, size_t i,
                           struct decimal q);

#endif
