// What the steps of one rating share. Private to rating.
#ifndef WEIR_CORE_RATING_RATING_SCOPE_H
#define WEIR_CORE_RATING_RATING_SCOPE_H

#include "base/arena.h"
#include "core/money/currency.h"
#include "core/rating/proration.h"

struct rating_scope {
    struct arena *arena;
    const struct currency *currency;
    struct proration share; // days served of the period
};

#endif
