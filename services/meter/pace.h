// When an open batch is to be committed. Pure.
#ifndef WEIR_METER_PACE_H
#define WEIR_METER_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PACE_ROWS_EARLY = 20000,     // a batch with more rows than this ...
    PACE_LINES_PER_ROW_MIN = 25, // ... and fewer lines for each goes on collecting
    PACE_BATCH_MAX_MS = 15000,   // but not longer
};

// Milliseconds until a batch of this age, with so many rows and lines, is due; 0: now. Rows that
// few lines share cost the database more than they are worth, so such a batch collects on.
static inline int64_t pace_due_ms(int64_t age_ms, int64_t batch_ms, uint64_t rows, uint64_t lines) {
    bool thin = rows > PACE_ROWS_EARLY && lines < rows * PACE_LINES_PER_ROW_MIN;
    int64_t limit_ms = thin && batch_ms < PACE_BATCH_MAX_MS ? PACE_BATCH_MAX_MS : batch_ms;
    return age_ms >= limit_ms ? 0 : limit_ms - age_ms;
}

#endif
