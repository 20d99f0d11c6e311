// The counting rules: what a line of a principal adds to its usage. Pure: state and line in,
// deltas out.
//
// Lines of one broker come in the order they were written; lines of different brokers may come in
// any order and any mixture, and the totals are the same. (Only the split of a total into fresh and
// replay may differ.) The caller leaves out what it has had before.
//
// Rules: "What is counted" in the design. In short:
//   bytes     sum of recordsSizeInBytes of successful FETCH answers
//   messages  advance of the fetch position within a chain (broker, session or connection); the last
//             fetch of a chain by (1) the start of a later chain, (2) the largest commit; else it is
//             open. Of several later starts that fit, the earliest counts, same client id first.
//   fetches   FETCH requests whose answer carried at least one byte of the topic
//   produced  PRODUCE batches once per (topic, partition, base offset) within 10 minutes; messages
//             from the sorted base offsets of this principal (exact while it alone writes the
//             partition)
//   share     records acquired; bytes are not in the log
// A delta is put into the quarter hour of the fetch it belongs to, so a later line can add to an
// earlier quarter hour, and messages and open_fetches can go down.
#ifndef WEIR_CORE_USAGE_USAGE_FOLD_H
#define WEIR_CORE_USAGE_USAGE_FOLD_H

#include <stdint.h>

#include "core/brokerlog/broker_line.h"
#include "core/brokerlog/topic_names.h"
#include "core/usage/usage_delta.h"
#include "core/usage/usage_state.h"

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
