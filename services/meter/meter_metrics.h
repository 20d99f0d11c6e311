// The meter's metrics.
#ifndef WEIR_METER_METER_METRICS_H
#define WEIR_METER_METER_METRICS_H

#include <stdint.h>

#include "meter/fold/fold.h"
#include "meter/store/store.h"

void stats_register(void);
// After a commit: what the batch held. Call before fold_stored.
void stats_batch(const struct fold *f, const struct store_outcome *outcome, int64_t commit_us,
                 int64_t now_us);
void stats_bound(int64_t rows);
void stats_conflict(void);  // a batch was dropped and is folded again
void stats_reconnect(void); // to PostgreSQL
void stats_kafka_error(void);
// Gauges; lag < 0: unknown.
void stats_standing(size_t partitions, size_t open_gaps, int64_t lag_records, size_t principals);

#endif
