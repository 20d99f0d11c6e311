// The counting rules: what a line of a principal adds to its usage. Pure: state and line in, deltas
// out.
//
// Lines of one broker come in the order they were written; lines of different brokers may come in
// any order and any mixture, and the totals are the same. (Only the split of a total into fresh and
// replay may differ.) The caller leaves out what it has had before.
//
// Rules: "What is counted" in the design. In short:
//   bytes     sum of recordsSizeInBytes of successful FETCH answers
//   messages  advance of the fetch position within a chain (broker, session or connection); the
//   last
//             fetch of a chain by (1) the start of a later chain, (2) the largest commit; else it
//             is open. Of several later starts that fit, the earliest counts, same client id first.
//   fetches   FETCH requests whose answer carried at least one byte of the topic
//   produced  PRODUCE batches once per (topic, partition, base offset) within 10 minutes; messages
//   from
//             the sorted base offsets of this principal (exact while it alone writes the partition)
//   share     records acquired; bytes are not in the log
// A delta is put into the quarter hour of the fetch it belongs to, so a later line can add to an
// earlier quarter hour, and messages and open_fetches can go down.
#ifndef WEIR_CORE_USAGE_USAGE_FOLD_H
#define WEIR_CORE_USAGE_USAGE_FOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/brokerlog/broker_line.h"
#include "core/brokerlog/topic_names.h"
#include "core/usage/usage_state.h"

enum usage_delivery { USAGE_FRESH, USAGE_REPLAY };

// What is to be added to the row (topic, delivery, quarter hour) of the principal.
struct usage_delta {
    struct topic_key topic; // as the line named it; borrowed for the call
    enum usage_delivery delivery;
    int64_t quarter_us; // start of the quarter hour, UTC
    // When the fetch that the delta belongs to was completed, also for a later correction of it: a
    // grant that begins or ends inside the quarter hour splits the row there.
    int64_t at_us;
    int64_t messages;
    uint64_t bytes;
    uint64_t fetches;
    int64_t open_fetches;
    uint64_t produced_bytes; // produced_*: always with USAGE_FRESH
    int64_t produced_messages;
    uint64_t share_messages;
    uint64_t share_fetches; // SHARE_FETCH requests that acquired at least one record: bytes unknown
    // Lines that belong to the row as evidence: 1 for the row the line's own reading or writing
    // went to, 0 for a later correction.
    uint32_t lines;
};

struct usage_sink {
    void (*add)(void *ctx, const struct usage_delta *d);
    void *ctx;
};

// Folds one parsed line of the state's principal. `broker` tells brokers apart, nothing more.
// `names` may be NULL. Lines that carry no usage (other APIs, followers, forwarded) change nothing.
void usage_fold_line(struct usage_state *st, int32_t broker, const struct broker_line *line,
                     const struct topic_names *names, const struct usage_sink *sink);
// Joins what was kept apart because an id was not known. usage_fold_line does so by itself; call it
// when a fact came and no line of this principal follows, and after loading a state.
void usage_fold_settle(struct usage_state *st, const struct topic_names *names,
                       const struct usage_sink *sink);
// Promises that no broker will send a line older than `horizon_us` any more (the smallest of the
// brokers' latest times), and lets go of what no rule can need then. Without it, state grows to its
// maxima.
void usage_fold_prune(struct usage_state *st, int64_t horizon_us, const struct usage_sink *sink);

#endif
