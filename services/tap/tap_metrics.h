// What the tap tells about itself.
#ifndef WEIR_TAP_TAP_METRICS_H
#define WEIR_TAP_TAP_METRICS_H

#include "core/brokerlog/broker_record.h"
#include "platform/program/metrics.h"
#include "tap/select/select.h"

extern struct metric tap_bytes_read, tap_lag_bytes, tap_pending_records, tap_acked_total,
    tap_ack_age_seconds, tap_rewinds, tap_state_failures, tap_read_failures, tap_log_missing,
    tap_kafka_away, tap_control_time_seconds;
// Of the broker's counters, where they are watched.
extern struct metric tap_counters_away, tap_counter_pages, tap_counter_missing_bytes,
    tap_counter_late_bytes, tap_counter_unnamed_bytes;

void tap_metrics_register(void);
// Lines by what became of them.
void tap_metrics_line(enum select_drop drop);
void tap_metrics_dead(const char *reason);
void tap_metrics_hole(const char *why);
void tap_metrics_shipped(enum broker_record_kind kind);

#endif
