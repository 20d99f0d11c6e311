// Quantities sold in packages: of a `package` kernel, or of one tier (rating.md 5.6).
#ifndef WEIR_CORE_RATING_PACKAGE_H
#define WEIR_CORE_RATING_PACKAGE_H

#include "base/arena.h"
#include "core/json/json_read.h"
#include "core/money/decimal.h"

struct package {
    struct decimal size; // > 0
    struct decimal amount;
};

// Reads the members package_size and package_amount, both required.
struct package package_parse(const struct json_node *object);
// How many packages `q` units are; none at q <= 0. DECIMAL_CEILING counts a started one whole.
struct decimal package_count(struct arena *a, const struct package *p, struct decimal q,
                             enum decimal_mode mode);

#endif
