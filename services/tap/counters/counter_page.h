// Reads one counter per topic out of a page of metrics in Prometheus' text format, as it comes in, piece
// by piece:
//
//     kafka_server_brokertopicmetrics_bytesout_total{topic="orders",} 2.24226E5
//
// Bounded: a line above COUNTER_PAGE_LINE_MAX is passed over, a page above COUNTER_PAGE_BYTES_MAX is none.
// Pure.
#ifndef WEIR_TAP_COUNTERS_COUNTER_PAGE_H
#define WEIR_TAP_COUNTERS_COUNTER_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    COUNTER_PAGE_LINE_MAX = 4096,
    COUNTER_PAGE_BYTES_MAX = 64 * 1024 * 1024,
};

// One sample of the metric: a whole number, what is behind its point cut off. Called once for each
// line, so a topic may come again. `topic` is unescaped, borrowed until it returns.
typedef void (*counter_page_take)(void *ctx, struct slice topic, uint64_t value);

struct counter_page {
    struct slice metric; // borrowed
    struct slice label;
    counter_page_take take;
    void *ctx;
    uint64_t bytes;
    uint64_t samples; // taken
    bool failed;      // the exporter says that it couldn't read its broker (jmx_scrape_error)
    bool skipping;    // in a line that is too long
    size_t len;
    char line[COUNTER_PAGE_LINE_MAX];
};

// Names of the metric and of the label that holds the topic. Samples without that label are none.
void counter_page_begin(struct counter_page *p, const char *metric, const char *label,
                        counter_page_take take, void *ctx);
// False: it is too long to be such a page; stop.
bool counter_page_feed(struct counter_page *p, struct slice piece);
// Behind the last piece. False: what was taken is not to be relied on.
bool counter_page_end(struct counter_page *p);

#endif
