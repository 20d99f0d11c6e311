// The tap's work: read, select, ship, keep the place. One thread; librdkafka has its own.
#ifndef WEIR_TAP_TAP_H
#define WEIR_TAP_TAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "platform/kafka/kafka.h"
#include "tap/counters/counter_watch.h"
#include "tap/select/select.h"

struct tap_options {
    const struct kafka_settings *kafka;
    const char *topic;
    int32_t broker;
    const char *log_file;
    const char *state_path;
    struct select_options select;
    bool utc_check;
    const char *const *addresses; // of the broker; NULL: not checked
    int64_t poll_ms;
    int64_t control_ms;
    int64_t queue_bytes;
    int64_t shutdown_ms;
    struct counter_watch_options counters; // url NULL: they are not watched
};

struct tap;

// Registers its metrics. Borrows the options.
struct tap *tap_new(const struct tap_options *o);
void tap_free(struct tap *t);
// Works until program_should_stop. ERR_CONFIG for what only an operator can put right.
enum err_code tap_run(struct tap *t, struct err *e);
// For /readyz, from any thread.
bool tap_ready(void *tap, char *why, size_t why_size);

#endif
