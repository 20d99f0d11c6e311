// What PostgreSQL takes as it is: text in UTF-8 without NUL, times that a broker can have.
#ifndef WEIR_METER_FOLD_STORABLE_H
#define WEIR_METER_FOLD_STORABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

bool storable(struct slice text);
// From 1970 to the end of the year 9999.
bool storable_time(int64_t us);
// A copy in the arena of at most `max` bytes, cut between characters, with "?" for each byte that
// can't be stored.
struct slice storable_text(struct arena *a, struct slice text, size_t max);

#endif
