// What the meter says in its log of what it reads: a word for each thing that is missing or odd.
#ifndef WEIR_METER_METER_LOG_H
#define WEIR_METER_METER_LOG_H

#include <stdint.h>

#include "meter/fold/fold.h"

// After loading: gaps that were open already.
void meter_log_loaded(const struct fold *f);
// After a commit, before fold_stored: gaps that opened or closed in the batch, foreign records.
void meter_log_batch(const struct fold *f);
// After fold_finish: expected brokers that are silent, whenever they are others than before.
// `*told` begins at 0 and is the log's own. Returns how many they are.
size_t meter_log_silent(const struct fold *f, uint64_t *told);

#endif
