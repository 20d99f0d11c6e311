// The tap's metrics; see the header.
#include "tap/tap_metrics.h"

struct metric tap_bytes_read =
    METRIC_COUNTER("weir_tap_read_bytes_total", "bytes", "Bytes of the request log taken");
struct metric tap_lag_bytes = METRIC_GAUGE(
    "weir_tap_lag_bytes", "bytes", "Bytes of the request log on disk that are not yet taken");
struct metric tap_pending_records =
    METRIC_GAUGE("weir_tap_pending_records", "records", "Records shipped and not yet acknowledged");
struct metric tap_acked_total =
    METRIC_COUNTER("weir_tap_acked_records_total", "records", "Records acknowledged");
struct metric tap_ack_age_seconds =
    METRIC_GAUGE("weir_tap_ack_age_seconds", "seconds",
                 "Time since the last acknowledgement while records wait for one, else 0");
struct metric tap_rewinds = METRIC_COUNTER("weir_tap_rewinds_total", "rewinds",
                                           "Times reading went back after a failed delivery");
struct metric tap_state_failures = METRIC_COUNTER("weir_tap_state_failures_total", "failures",
                                                  "Times the state file could not be written");
struct metric tap_read_failures = METRIC_COUNTER("weir_tap_read_failures_total", "failures",
                                                 "Times the request log could not be read");
struct metric tap_log_missing =
    METRIC_GAUGE("weir_tap_log_missing", "boolean", "1 while there is no request log to read");
struct metric tap_kafka_away = METRIC_GAUGE("weir_tap_kafka_away", "boolean",
                                            "1 while brokers or the log topic can't be reached");
struct metric tap_control_time_seconds =
    METRIC_GAUGE("weir_tap_control_time_seconds", "seconds",
                 "Broker time up to which everything was shipped, as last told (Unix time)");

struct metric tap_counters_away =
    METRIC_GAUGE("weir_tap_counters_away", "boolean",
                 "1 while the page of the broker's counters (counters_url) can't be read");
struct metric tap_counter_pages =
    METRIC_COUNTER("weir_tap_counter_pages_total", "pages", "Pages of the broker's counters read");
struct metric tap_counter_missing_bytes =
    METRIC_COUNTER("weir_tap_counter_missing_bytes_total", "bytes",
                   "Bytes that the broker counted and no line tells, told as holes");
struct metric tap_counter_late_bytes = METRIC_COUNTER(
    "weir_tap_counter_late_bytes_total", "bytes",
    "Of the bytes told as missing, those whose lines came later than counters_settle");
struct metric tap_counter_unnamed_bytes =
    METRIC_GAUGE("weir_tap_counter_unnamed_bytes", "bytes",
                 "Bytes of lines whose topic's name is not known yet: so much may go unnoticed");

static struct metric lines = METRIC_COUNTER_BY("weir_tap_lines_total", "lines",
                                               "Lines taken, by what became of them", "outcome");
static struct metric dead = METRIC_COUNTER_BY("weir_tap_dead_letters_total", "lines",
                                              "Lines that can't be read, by reason", "reason");
static struct metric holes = METRIC_COUNTER_BY(
    "weir_tap_holes_total", "holes", "Parts of the log that can't be read any more", "kind");
static struct metric shipped =
    METRIC_COUNTER_BY("weir_tap_shipped_records_total", "records",
                      "Records queued, before those for every partition are multiplied", "kind");

static struct metric_series *line_series[SELECT_DROPS];
static struct metric_series *shipped_series[BROKER_RECORD_HOLE + 1];

void tap_metrics_register(void) {
    struct metric *all[] = {
        &tap_bytes_read,
        &tap_lag_bytes,
        &tap_pending_records,
        &tap_acked_total,
        &tap_ack_age_seconds,
        &tap_rewinds,
        &tap_state_failures,
        &tap_read_failures,
        &tap_log_missing,
        &tap_kafka_away,
        &tap_control_time_seconds,
        &tap_counters_away,
        &tap_counter_pages,
        &tap_counter_missing_bytes,
        &tap_counter_late_bytes,
        &tap_counter_unnamed_bytes,
        &lines,
        &dead,
        &holes,
        &shipped,
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        metrics_register(all[i]);
    }
    for (int d = 0; d < SELECT_DROPS; d++) {
        line_series[d] = metric_with(&lines, select_drop_name((enum select_drop)d));
    }
    for (int k = 0; k <= BROKER_RECORD_HOLE; k++) {
        shipped_series[k] =
            metric_with(&shipped, broker_record_kind_name((enum broker_record_kind)k));
    }
}

void tap_metrics_line(enum select_drop drop) {
    metric_add_in(line_series[drop], 1);
}

void tap_metrics_dead(const char *reason) {
    metric_add_in(metric_with(&dead, reason), 1);
}

void tap_metrics_hole(const char *why) {
    metric_add_in(metric_with(&holes, why), 1);
}

void tap_metrics_shipped(enum broker_record_kind kind) {
    metric_add_in(shipped_series[kind], 1);
}
