// One price of a plan (rating.md chapter 15), read member by member. Private to rating.
#ifndef WEIR_CORE_RATING_PLAN_PRICE_H
#define WEIR_CORE_RATING_PLAN_PRICE_H

#include "core/json/json_read.h"
#include "core/rating/plan.h"

// Fills *p, which is all zero. What is wrong is an error at its node.
void plan_price_parse(const struct json_node *n, struct plan_price *p);

#endif
