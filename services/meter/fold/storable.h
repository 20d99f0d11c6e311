// Text that PostgreSQL takes as it is: UTF-8 without NUL.
#ifndef WEIR_METER_FOLD_STORABLE_H
#define WEIR_METER_FOLD_STORABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/slice.h"

bool storable(struct slice text);
// A copy in the arena of at most `max` bytes, cut between characters, with "?" for each byte that
// can't be stored.
struct slice storable_text(struct arena *a, struct slice text, size_t max);

#endif
