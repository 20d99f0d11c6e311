// The broker's counters, asked for every so often and held against the lines. One thread.
#ifndef WEIR_TAP_COUNTERS_COUNTER_WATCH_H
#define WEIR_TAP_COUNTERS_COUNTER_WATCH_H

#include <stdint.h>

#include "core/brokerlog/broker_line.h"
#include "core/brokerlog/log_position.h"
#include "core/brokerlog/log_value.h"

struct counter_watch_options {
    const char *url;
    const char *metric;
    const char *label; // of the topic
    int64_t interval_ms;
    int64_t settle_ms;
};

struct counter_watch;

// Borrows the options' texts.
struct counter_watch *counter_watch_new(const struct counter_watch_options *o);
void counter_watch_free(struct counter_watch *w);
// What was read: see counter_balance.
void counter_watch_line(struct counter_watch *w, struct log_position at,
                        const struct broker_line *l);
void counter_watch_dead(struct counter_watch *w, struct log_position at, uint64_t bytes);
void counter_watch_clear(struct counter_watch *w);
// To be called often. `at` is where the log is read, everything up to `complete_us` (broker time) was
// given. Holes that it finds go to `emit`, borrowed until it returns.
void counter_watch_go_on(struct counter_watch *w, struct log_position at, int64_t complete_us,
                         void (*emit)(void *ctx, const struct log_hole *hole), void *ctx);

#endif
