// The meter's metrics.
#ifndef WEIR_METER_METER_METRICS_H
#define WEIR_METER_METER_METRICS_H

#include <stdint.h>

#include "meter/fold/fold.h"
#include "meter/store/store.h"

void meter_metrics_register(void);
// After a commit: what the batch held. Call before fold_stored.
void meter_metrics_batch(const struct fold *f, const struct store_outcome *outcome,
                         int64_t commit_us, int64_t now_us);
void meter_metrics_bound(int64_t rows);
void meter_metrics_conflict(void);  // a batch was dropped and is folded again
void meter_metrics_reconnect(void); // to PostgreSQL
void meter_metrics_kafka_error(void);
void meter_metrics_silent(size_t brokers); // of the cluster, that hold back no horizon any more
// Gauges; lag < 0: unknown.
void meter_metrics_standing(size_t partitions, size_t open_gaps, int64_t lag_records,
                            size_t principals);

#endif
