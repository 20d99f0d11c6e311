// Rows of refusals: of the same refusal (principal, API, error) within a minute only the first is
// shipped, the next one shipped says how many there were. Bounded, pure.
#ifndef WEIR_TAP_SELECT_REFUSAL_MEMORY_H
#define WEIR_TAP_SELECT_REFUSAL_MEMORY_H

#include <stdint.h>

#include "base/slice.h"

enum { REFUSAL_MEMORY_SLOTS = 1024 };
static const int64_t REFUSAL_ROW_US = 60LL * 1000000;

struct refusal_row {
    uint64_t key; // hash; 0: free
    int64_t begin_us;
    uint64_t left_out;
};

struct refusal_memory {
    struct refusal_row rows[REFUSAL_MEMORY_SLOTS];
};

void refusal_memory_clear(struct refusal_memory *m);
// 0: it belongs to a row whose first was shipped. Otherwise the count to ship it with: itself and
// those left out since the last one shipped (of rows pushed out by others: at least).
uint64_t refusal_memory_count(struct refusal_memory *m, struct slice principal, int64_t api_key,
                              int64_t error_code, int64_t at_us);
// Finds Kafka's error 29 (topic) or 30 (group) in a line's JSON; 0 if there is neither.
int64_t refusal_memory_error_in(struct slice line);
// The first topic or group refused, as far as the line's shape names it in one place; else empty.
struct slice refusal_memory_resource_in(struct slice line, int64_t error_code);

#endif
