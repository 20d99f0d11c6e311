// What can still be read of a line that can't be: when, whose, and which request. Strings in JSON
// have their quotes escaped, so no text of a client can pass for one of the names looked for.
#ifndef WEIR_METER_FOLD_DEAD_LINE_H
#define WEIR_METER_FOLD_DEAD_LINE_H

#include <stdint.h>

#include "base/slice.h"

struct dead_line {
    int64_t at_us;          // INT64_MIN: can't be read
    struct slice api;       // name of the request, "FETCH"; empty: can't be read
    struct slice principal; // without "User:"; empty: can't be read
};

// The results point into `text`.
void dead_line_read(struct slice text, struct dead_line *ret);

#endif
