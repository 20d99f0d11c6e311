// An amount or quantity that may be prorated to the days served: included units, maximum, minimum.
#ifndef WEIR_CORE_RATING_BOUND_H
#define WEIR_CORE_RATING_BOUND_H

#include "core/json/json_read.h"
#include "core/rating/plan.h"
#include "core/rating/proration.h"

// Reads {"quantity"} or {"amount"} (`field`) and "prorated", by default as given.
struct plan_bound bound_parse(const struct json_node *n, const char *field, bool prorated);
// Its value for the days served of the period, exact.
struct decimal bound_value(struct arena *a, const struct plan_bound *b, struct proration days);

#endif
