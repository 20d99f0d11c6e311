// Counters, gauges and histograms of this process, in the text format of Prometheus (0.0.4).
// A metric is a static object, declared once with unit and help; adding is lock-free.
//
//     static struct metric LINES = METRIC_COUNTER("weir_meter_lines_total", "lines", "Lines
//     taken"); static struct metric HTTP = METRIC_COUNTER_BY("weir_api_requests_total", "requests",
//                                                   "Requests answered", "route", "status");
//     metrics_register(&LINES);
//     metric_add(&LINES, 1);
//     metric_add_in(metric_with(&HTTP, "/v1/products", "200"), 1);
#ifndef WEIR_PLATFORM_PROGRAM_METRICS_H
#define WEIR_PLATFORM_PROGRAM_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    METRIC_LABELS_MAX = 3,
    METRIC_SERIES_MAX = 256, // of one metric; further label values fall into one series "other"
    METRIC_BUCKETS_MAX = 20,
    METRIC_LABEL_VALUE_MAX = 96, // bytes; the rest is cut
    METRICS_MAX = 128,           // registered metrics
    METRICS_TEXT_MAX = 4 << 20,  // bytes of the exposition
};

enum metric_type { METRIC_TYPE_COUNTER, METRIC_TYPE_GAUGE, METRIC_TYPE_HISTOGRAM };

struct metric_series {
    char labels[METRIC_LABELS_MAX][METRIC_LABEL_VALUE_MAX + 1];
    _Atomic int64_t value; // of a histogram: the sum
    _Atomic uint64_t buckets[METRIC_BUCKETS_MAX + 1];
};

struct metric {
    const char *name; // ends with the unit (and _total for counters), as Prometheus advises
    const char *unit;
    const char *help;
    enum metric_type type;
    bool micro; // values are microseconds, shown as seconds
    const char *label_names[METRIC_LABELS_MAX];
    const int64_t *bounds; // histogram: upper bounds, ascending, in the unit observed
    size_t bounds_count;
    _Atomic(struct metric_series *) series[METRIC_SERIES_MAX + 1]; // the last is "other"
    struct metric_series own;                                      // of a metric without labels
};

#define METRIC_COUNTER(name_, unit_, help_)                                                        \
    { .name = (name_), .unit = (unit_), .help = (help_), .type = METRIC_TYPE_COUNTER }
#define METRIC_GAUGE(name_, unit_, help_)                                                          \
    { .name = (name_), .unit = (unit_), .help = (help_), .type = METRIC_TYPE_GAUGE }
#define METRIC_COUNTER_BY(name_, unit_, help_, ...)                                                \
    {                                                                                              \
        .name = (name_), .unit = (unit_), .help = (help_), .type = METRIC_TYPE_COUNTER,            \
        .label_names = {                                                                           \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define METRIC_GAUGE_BY(name_, unit_, help_, ...)                                                  \
    {                                                                                              \
        .name = (name_), .unit = (unit_), .help = (help_), .type = METRIC_TYPE_GAUGE,              \
        .label_names = {                                                                           \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
// A duration: observed in microseconds, shown in seconds; 100 us to 10 s.
#define METRIC_DURATION(name_, help_, ...)                                                         \
    {                                                                                              \
        .name = (name_), .unit = "seconds", .help = (help_), .type = METRIC_TYPE_HISTOGRAM,        \
        .micro = true, .bounds = metric_duration_bounds_us,                                        \
        .bounds_count = METRIC_DURATION_BOUNDS, .label_names = {                                   \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

enum { METRIC_DURATION_BOUNDS = 16 };
extern const int64_t metric_duration_bounds_us[METRIC_DURATION_BOUNDS];

// Once per metric, before it is shown; adding to one not registered is fine but not seen.
void metrics_register(struct metric *m);

// Without labels. Counters never go down.
void metric_add(struct metric *m, uint64_t n);
void metric_set(struct metric *m, int64_t value);
void metric_observe(struct metric *m, int64_t value);

// The series of these label values (as many as the metric has labels): found or made, never freed.
// Keep the pointer where it is hot.
struct metric_series *metric_with_values(struct metric *m, const char *const *values, size_t count);
#define metric_with(m, ...)                                                                        \
    metric_with_values((m), (const char *const[]){__VA_ARGS__},                                    \
                       sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))
void metric_add_in(struct metric_series *s, uint64_t n);
void metric_set_in(struct metric_series *s, int64_t value);
void metric_observe_in(const struct metric *m, struct metric_series *s, int64_t value);

// For tests and for gauges that another place reads.
int64_t metric_value(const struct metric *m);

// Everything registered, and of the process: CPU seconds, resident bytes, start time, and
// weir_build_info{program,version}. To be served as text/plain; version=0.0.4.
void metrics_render(struct buf *out, const char *program);

#endif
