// Adding is one relaxed atomic addition. A new series is made under a lock and published by a
// release store, so readers and adders never see half of one.
#include "platform/program/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "platform/program/clock.h"

const int64_t metric_duration_bounds_us[METRIC_DURATION_BOUNDS] = {
    100,   250,    500,    1000,   2500,    5000,    10000,   25000,
    50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct metric *registered[METRICS_MAX];
static size_t registered_count;
static int64_t started_us;

static size_t label_count(const struct metric *m) {
    size_t n = 0;
    while (n < METRIC_LABELS_MAX && m->label_names[n] != NULL) {
        n++;
    }
    return n;
}

void metrics_register(struct metric *m) {
    check(m->bounds_count <= METRIC_BUCKETS_MAX);
    pthread_mutex_lock(&lock);
    if (started_us == 0) {
        started_us = clock_system_us();
    }
    bool known = false;
    for (size_t i = 0; i < registered_count; i++) {
        known = known || registered[i] == m;
        check(registered[i] == m || strcmp(registered[i]->name, m->name) != 0);
    }
    if (!known) {
        check(registered_count < METRICS_MAX);
        registered[registered_count++] = m;
    }
    pthread_mutex_unlock(&lock);
}

// --- adding --------------------------------------------------------------------------------------

void metric_add_in(struct metric_series *s, uint64_t n) {
    atomic_fetch_add_explicit(&s->value, (int64_t)n, memory_order_relaxed);
}

void metric_set_in(struct metric_series *s, int64_t value) {
    atomic_store_explicit(&s->value, value, memory_order_relaxed);
}

void metric_observe_in(const struct metric *m, struct metric_series *s, int64_t value) {
    check(m->type == METRIC_TYPE_HISTOGRAM);
    size_t bucket = 0;
    while (bucket < m->bounds_count && value > m->bounds[bucket]) {
        bucket++;
    }
    atomic_fetch_add_explicit(&s->buckets[bucket], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&s->value, value, memory_order_relaxed);
}

void metric_add(struct metric *m, uint64_t n) {
    check(m->label_names[0] == NULL);
    metric_add_in(&m->own, n);
}

void metric_set(struct metric *m, int64_t value) {
    check(m->label_names[0] == NULL && m->type == METRIC_TYPE_GAUGE);
    metric_set_in(&m->own, value);
}

void metric_observe(struct metric *m, int64_t value) {
    check(m->label_names[0] == NULL);
    metric_observe_in(m, &m->own, value);
}

int64_t metric_value(const struct metric *m) {
    return atomic_load_explicit(&m->own.value, memory_order_relaxed);
}

// --- series --------------------------------------------------------------------------------------

static size_t label_length(const char *value) {
    return strnlen(value, METRIC_LABEL_VALUE_MAX);
}

static bool has_labels(const struct metric_series *s, const char *const *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        size_t len = label_length(values[i]);
        if (memcmp(s->labels[i], values[i], len) != 0 || s->labels[i][len] != '\0') {
            return false;
        }
    }
    return true;
}

// Sets *ret_free to the first slot without a series (METRIC_SERIES_MAX if there is none).
static struct metric_series *find(struct metric *m, const char *const *values, size_t count,
                                  size_t *ret_free) {
    for (size_t i = 0; i < METRIC_SERIES_MAX; i++) {
        struct metric_series *s = atomic_load_explicit(&m->series[i], memory_order_acquire);
        if (s == NULL) {
            *ret_free = i;
            return NULL;
        }
        if (has_labels(s, values, count)) {
            return s;
        }
    }
    *ret_free = METRIC_SERIES_MAX;
    return atomic_load_explicit(&m->series[METRIC_SERIES_MAX], memory_order_acquire);
}

static struct metric_series *make(struct metric *m, size_t slot, const char *const *values,
                                  size_t count) {
    struct metric_series *s = calloc(1, sizeof *s);
    check(s != NULL);
    for (size_t i = 0; i < count; i++) {
        const char *value = slot == METRIC_SERIES_MAX ? "other" : values[i];
        memcpy(s->labels[i], value, label_length(value));
    }
    atomic_store_explicit(&m->series[slot], s, memory_order_release);
    return s;
}

struct metric_series *metric_with_values(struct metric *m, const char *const *values,
                                         size_t count) {
    check(count == label_count(m) && count > 0);
    size_t slot = 0;
    struct metric_series *s = find(m, values, count, &slot);
    if (s != NULL) {
        return s;
    }
    pthread_mutex_lock(&lock);
    s = find(m, values, count, &slot); // another thread may have been quicker
    if (s == NULL) {
        s = make(m, slot, values, count);
    }
    pthread_mutex_unlock(&lock);
    return s;
}

// --- showing -------------------------------------------------------------------------------------

static void add_escaped(struct buf *out, const char *text, bool label) {
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\\' || (label && *c == '"')) {
            buf_add_char(out, '\\');
            buf_add_char(out, *c);
        } else if (*c == '\n') {
            buf_add_str(out, "\\n");
        } else {
            buf_add_char(out, *c);
        }
    }
}

static void add_labels(struct buf *out, const struct metric *m, const struct metric_series *s,
                       const char *bound) {
    size_t count = label_count(m);
    if (count == 0 && bound == NULL) {
        return;
    }
    buf_add_char(out, '{');
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s%s=\"", i == 0 ? "" : ",", m->label_names[i]);
        add_escaped(out, s->labels[i], true);
        buf_add_char(out, '"');
    }
    if (bound != NULL) {
        buf_printf(out, "%sle=\"%s\"", count == 0 ? "" : ",", bound);
    }
    buf_add_char(out, '}');
}

// Exact: microseconds become seconds as text, never through a double.
static void add_number(struct buf *out, const struct metric *m, int64_t value) {
    if (!m->micro) {
        buf_printf(out, "%lld", (long long)value);
        return;
    }
    uint64_t magnitude = value < 0 ? -(uint64_t)value : (uint64_t)value;
    buf_printf(out, "%s%llu.%06u", value < 0 ? "-" : "", (unsigned long long)(magnitude / 1000000),
               (unsigned)(magnitude % 1000000));
}

static void add_histogram(struct buf *out, const struct metric *m, struct metric_series *s) {
    uint64_t total = 0;
    struct buf bound;
    buf_init(&bound, 64);
    for (size_t i = 0; i <= m->bounds_count; i++) {
        total += atomic_load_explicit(&s->buckets[i], memory_order_relaxed);
        buf_clear(&bound);
        if (i < m->bounds_count) {
            add_number(&bound, m, m->bounds[i]);
        } else {
            buf_add_str(&bound, "+Inf");
        }
        buf_printf(out, "%s_bucket", m->name);
        add_labels(out, m, s, bound.ptr);
        buf_printf(out, " %llu\n", (unsigned long long)total);
    }
    buf_done(&bound);
    buf_printf(out, "%s_sum", m->name);
    add_labels(out, m, s, NULL);
    buf_add_char(out, ' ');
    add_number(out, m, atomic_load_explicit(&s->value, memory_order_relaxed));
    buf_printf(out, "\n%s_count", m->name);
    add_labels(out, m, s, NULL);
    buf_printf(out, " %llu\n", (unsigned long long)total);
}

static void add_series(struct buf *out, const struct metric *m, struct metric_series *s) {
    if (m->type == METRIC_TYPE_HISTOGRAM) {
        add_histogram(out, m, s);
        return;
    }
    buf_add_str(out, m->name);
    add_labels(out, m, s, NULL);
    buf_add_char(out, ' ');
    add_number(out, m, atomic_load_explicit(&s->value, memory_order_relaxed));
    buf_add_char(out, '\n');
}

static void add_head(struct buf *out, const char *name, const char *help, const char *type) {
    buf_printf(out, "# HELP %s ", name);
    add_escaped(out, help, false);
    buf_printf(out, "\n# TYPE %s %s\n", name, type);
}

static void add_metric(struct buf *out, struct metric *m) {
    static const char *const TYPES[] = {"counter", "gauge", "histogram"};
    add_head(out, m->name, m->help, TYPES[m->type]);
    if (m->label_names[0] == NULL) {
        add_series(out, m, &m->own);
        return;
    }
    for (size_t i = 0; i <= METRIC_SERIES_MAX; i++) {
        struct metric_series *s = atomic_load_explicit(&m->series[i], memory_order_acquire);
        if (s != NULL) {
            add_series(out, m, s);
        }
    }
}

// Resident bytes by the second number of /proc/self/statm, in pages.
static int64_t resident_bytes(void) {
    FILE *f = fopen("/proc/self/statm", "re");
    long long pages = 0;
    char line[128];
    if (f != NULL) {
        if (fgets(line, sizeof line, f) != NULL) {
            const char *second = strchr(line, ' ');
            pages = second == NULL ? 0 : strtoll(second + 1, NULL, 10);
        }
        (void)fclose(f);
    }
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static void add_process(struct buf *out, const char *program) {
    static const struct metric SECONDS = {.micro = true};
    struct rusage usage = {0};
    (void)getrusage(RUSAGE_SELF, &usage);
    int64_t cpu_us = (int64_t)usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec +
                     (int64_t)usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec;
    add_head(out, "process_cpu_seconds_total", "User and system time used", "counter");
    buf_add_str(out, "process_cpu_seconds_total ");
    add_number(out, &SECONDS, cpu_us);
    buf_add_char(out, '\n');
    add_head(out, "process_resident_memory_bytes", "Memory in use", "gauge");
    buf_printf(out, "process_resident_memory_bytes %lld\n", (long long)resident_bytes());
    add_head(out, "process_start_time_seconds", "Start, since 1970", "gauge");
    buf_add_str(out, "process_start_time_seconds ");
    add_number(out, &SECONDS, started_us);
    buf_add_char(out, '\n');
    add_head(out, "weir_build_info", "Always 1", "gauge");
    buf_printf(out, "weir_build_info{program=\"%s\",version=\"%s\"} 1\n", program, WEIR_VERSION);
}

void metrics_render(struct buf *out, const char *program) {
    pthread_mutex_lock(&lock);
    if (started_us == 0) {
        started_us = clock_system_us();
    }
    for (size_t i = 0; i < registered_count; i++) {
        add_metric(out, registered[i]);
    }
    pthread_mutex_unlock(&lock);
    add_process(out, program);
}
