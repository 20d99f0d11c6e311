#include "meter/meter_metrics.h"

#include "platform/program/metrics.h"

static struct metric RECORDS =
    METRIC_COUNTER("weir_meter_records_total", "records", "Records read and committed");
static struct metric LINES =
    METRIC_COUNTER("weir_meter_lines_total", "lines", "Request lines counted");
static struct metric BATCHES =
    METRIC_COUNTER("weir_meter_batches_total", "batches", "Batches committed");
static struct metric ROWS = METRIC_COUNTER("weir_meter_rows_total", "rows", "Usage rows added to");
static struct metric DUPLICATES = METRIC_COUNTER("weir_meter_duplicates_total", "records",
                                                 "Records that had been read before: dropped");
static struct metric GAPS = METRIC_COUNTER(
    "weir_meter_gap_records_total", "records",
    "Records not taken because something before them is missing: the tap ships them again");
static struct metric GAPS_OPEN = METRIC_GAUGE("weir_meter_gaps_open", "gaps",
                                              "Brokers whose log has an open gap in a partition");
static struct metric DEAD =
    METRIC_COUNTER_BY("weir_meter_dead_letters_total", "lines",
                      "Lines that can't be read, kept or counted", "reason");
static struct metric FLOODS = METRIC_COUNTER("weir_meter_dead_letters_counted_total", "lines",
                                             "Dead letters beyond the hour's limit: only counted");
static struct metric REFUSED =
    METRIC_COUNTER("weir_meter_refused_total", "letters",
                   "What the database refused for its content: kept as dead letters");
static struct metric HOLES = METRIC_COUNTER("weir_meter_holes_total", "holes",
                                            "Records of stretches of a log that nobody can read");
static struct metric REFUSALS = METRIC_COUNTER("weir_meter_refusals_total", "records",
                                               "Records of refused access: only counted");
static struct metric FOREIGN = METRIC_COUNTER("weir_meter_foreign_records_total", "records",
                                              "Records of the topic that no tap wrote: skipped");
static struct metric UNBOUND =
    METRIC_COUNTER("weir_meter_unbound_bytes_total", "bytes",
                   "Bytes read that nobody owned when they were counted");
static struct metric BOUND =
    METRIC_COUNTER("weir_meter_bound_rows_total", "rows", "Usage rows that found an owner later");
static struct metric CONFLICTS =
    METRIC_COUNTER("weir_meter_conflicts_total", "batches",
                   "Batches dropped and folded again: another meter was there, or a grant changed");
static struct metric RECONNECTS = METRIC_COUNTER("weir_meter_reconnects_total", "connections",
                                                 "Connections to PostgreSQL made again");
static struct metric KAFKA_ERRORS =
    METRIC_COUNTER("weir_meter_kafka_errors_total", "errors", "Errors that Kafka answered");
static struct metric PARTITIONS =
    METRIC_GAUGE("weir_meter_partitions", "partitions", "Partitions of the log that are read here");
static struct metric PRINCIPALS =
    METRIC_GAUGE("weir_meter_principals", "principals", "Principals in memory");
static struct metric SILENT =
    METRIC_GAUGE("weir_meter_silent_brokers", "brokers",
                 "Registered brokers without a control record for more than 25 hours");
static struct metric LAG = METRIC_GAUGE("weir_meter_lag_records", "records",
                                        "Kafka records (blocks) in the topic not yet committed");
static struct metric COMMIT =
    METRIC_DURATION("weir_meter_commit_seconds", "Time of a commit, from its first statement");
static struct metric FRESHNESS = METRIC_DURATION("weir_meter_freshness_seconds",
                                                 "From the oldest line of a batch to its commit");

void meter_metrics_register(void) {
    struct metric *const all[] = {&RECORDS,   &LINES,      &BATCHES,      &ROWS,       &DUPLICATES,
                                  &GAPS,      &GAPS_OPEN,  &DEAD,         &FLOODS,     &REFUSED,
                                  &HOLES,     &REFUSALS,   &FOREIGN,      &UNBOUND,    &BOUND,
                                  &CONFLICTS, &RECONNECTS, &KAFKA_ERRORS, &PARTITIONS, &PRINCIPALS,
                                  &LAG,       &SILENT,     &COMMIT,       &FRESHNESS};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        metrics_register(all[i]);
    }
}

static void add_dead(const struct dead_letters *dead) {
    for (size_t i = 0; i < dead->count; i++) {
        char reason[DEAD_REASON_MAX + 1] = "";
        memcpy(reason, dead->items[i].reason.ptr, dead->items[i].reason.len);
        metric_add_in(metric_with(&DEAD, reason), 1);
    }
}

void meter_metrics_batch(const struct fold *f, const struct store_outcome *outcome,
                         int64_t commit_us, int64_t now_us) {
    metric_add(&RECORDS, f->counts.records);
    metric_add(&LINES, f->counts.lines);
    metric_add(&BATCHES, 1);
    metric_add(&ROWS, f->rows.count);
    metric_add(&DUPLICATES, f->counts.duplicates);
    metric_add(&GAPS, f->counts.gaps);
    metric_add(&HOLES, f->counts.holes);
    metric_add(&REFUSALS, f->counts.refusals);
    metric_add(&FOREIGN, f->counts.foreign);
    metric_add(&FLOODS, (uint64_t)outcome->floods);
    metric_add(&REFUSED, (uint64_t)outcome->refused);
    metric_add(&UNBOUND, (uint64_t)(outcome->unbound_bytes > 0 ? outcome->unbound_bytes : 0));
    metric_observe(&COMMIT, commit_us);
    if (f->counts.oldest_line_us != INT64_MAX) {
        metric_observe(&FRESHNESS, now_us - f->counts.oldest_line_us);
    }
    add_dead(&f->dead);
}

void meter_metrics_bound(int64_t rows) {
    metric_add(&BOUND, (uint64_t)rows);
}

void meter_metrics_conflict(void) {
    metric_add(&CONFLICTS, 1);
}

void meter_metrics_reconnect(void) {
    metric_add(&RECONNECTS, 1);
}

void meter_metrics_kafka_error(void) {
    metric_add(&KAFKA_ERRORS, 1);
}

void meter_metrics_silent(size_t brokers) {
    metric_set(&SILENT, (int64_t)brokers);
}

void meter_metrics_standing(size_t partitions, size_t open_gaps, int64_t lag_records,
                            size_t principals) {
    metric_set(&PARTITIONS, (int64_t)partitions);
    metric_set(&GAPS_OPEN, (int64_t)open_gaps);
    metric_set(&LAG, lag_records);
    metric_set(&PRINCIPALS, (int64_t)principals);
}
