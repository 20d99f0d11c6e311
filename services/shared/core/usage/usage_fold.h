// The counting rules: what a line of a principal adds to its usage. Pure: state and line in,
// deltas out. The caller leaves out what it has had before. Source: the Kafka reference, 4.6.
//
// Lines of one broker come in the order they were written; lines of different brokers may come in
// any mixture: facts of one broker meet the fetches of another by time, with a second of tolerance.
//
//   bytes     sum of recordsSizeInBytes of successful FETCH answers
//   fetches   FETCH requests whose answer carried at least one byte of the topic
//   produced  PRODUCE batches once per (topic, partition, base offset) within 10 minutes; messages
//             from the sorted base offsets (usage_state_set_producer), or, of topics whose batches
//             the sink keeps, from those of all producers there
//   share     records acquired; bytes are not in the log (usage_delta.h, struct usage_shared)
//   messages  of a fetch that brought R bytes at offset O with the watermark H, by the strongest of
//             these facts within 24 hours of it, in the fetch's own quarter hour:
//     1  its successor in the run, the next request at S > O: min(S, max(H, H of its answer)) - O;
//        above R and above 4 D it was a seek, and 5 holds at once (usage_claim.h); a request that
//        gives the session up (id, 0) replaces no 3: the session had been broken off before
//     2  OFFSET_OUT_OF_RANGE at S in (O, H], in the run or first in a later chain: S - O
//     3  what the principal does next there: a run that starts at S in (O, H], at most 4 D ahead,
//        closes the latest open fetch it fits; a fetch that read this one again, and is closed
//        above O, leaves it its own word
//     4  the client's own word, commits and refused offsets, unless less than half of D
//        (usage_word.h)
//     5  after an hour: D, from what facts 1 to 3 gave for the topic's bytes so far, marked as
//        derived (usage_fetch.h)
// A chain is (broker, session) or (broker, connection); a run is a partition's unbroken row of
// requests in a chain. It ends when a full request of the chain leaves the partition out, when an
// incremental one forgets it, when the broker finds its offset outside the log, and when a request
// goes back and brings records. A part that the broker refused creates no state.
//
// A delta is put into the quarter hour in which the request of the fetch it belongs to arrived, for
// that is when the broker let it in; what the rules compare is when it was completed. So a later
// line can add to an earlier quarter hour, and messages and open_fetches can go down.
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
// Derives what nothing closed within an hour before `now_us`; usage_fold_line and usage_fold_prune do
// so by themselves.
void usage_fold_derive(struct usage_state *st, int64_t now_us, const struct usage_sink *sink);
// Hands over the batches of topics that the sink keeps by now. usage_fold_line does so for those it
// reads; call it after loading a state, and when the sink keeps another topic.
void usage_fold_hand_over(struct usage_state *st, const struct usage_sink *sink);
// Promises that no broker will send a line older than `horizon_us` any more (the smallest of the
// brokers' latest times), and lets go of what no rule can need then; after 400 days in which no line
// named a partition also of how far it was read, and with a topic's last partition of what its
// fetches held (D). Without it, state grows to its maxima.
void usage_fold_prune(struct usage_state *st, int64_t horizon_us, const struct usage_sink *sink);

#endif
