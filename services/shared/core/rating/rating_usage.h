// What was used, as rating takes it: a list of sums, each of one metric at one place (rating.md 4.1
// to 4.3). A metric is its name and so is a dimension: what a usage event brings along is rated like
// what the broker's log gives.
#ifndef WEIR_CORE_RATING_RATING_USAGE_H
#define WEIR_CORE_RATING_RATING_USAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "core/money/decimal.h"
#include "core/rating/plan.h"

enum {
    RATING_DIMENSIONS_MAX = 16,       // of one entry
    RATING_DIMENSION_NAME_MAX = 64,   // bytes
    RATING_DIMENSION_VALUE_MAX = 256, // bytes; a topic's name has up to 249
};

#define RATING_METRIC_BYTES "bytes"
#define RATING_METRIC_MESSAGES "messages"
#define RATING_METRIC_FETCHES "fetches"

#define RATING_DELIVERY "delivery"
#define RATING_DELIVERY_FRESH "fresh"
#define RATING_DELIVERY_REPLAY "replay"

struct rating_dimension {
    const char *name, *value;
};

// An entry with the dimension `delivery` alone points to one of these.
extern const struct rating_dimension rating_usage_fresh, rating_usage_replay;

struct rating_usage {
    const char *metric;                        // name
    const struct rating_dimension *dimensions; // in the order of the names' bytes, each name once
    size_t dimension_count;
    const char *bucket; // time bucket; NULL: in none
    struct decimal quantity;
};

// The metric of this name, or NULL: those that can be rated so far.
const char *rating_usage_metric(const char *name);
// The value of a dimension, or NULL if the entry has none.
const char *rating_usage_value(const struct rating_usage *u, const char *dimension);
// The values of all dimensions, "fresh, eu"; "" if there is none.
const char *rating_usage_values_text(struct arena *a, const struct rating_usage *u);

// Step 1 of rating.md chapter 6: whether the price takes the entry, by metric and filter.
bool rating_usage_is_taken(const struct rating_usage *u, const struct plan_price *p);
// The list with what is equal but for the quantity added up, in an order that doesn't depend on the
// order of `rows`: by metric, bucket, dimensions. Borrows the texts.
const struct rating_usage *rating_usage_sum(struct arena *a, const struct rating_usage *rows,
                                            size_t count, size_t *ret_count);

#endif
