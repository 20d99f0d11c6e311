// What a line adds to the rows of its principal, collected until the line is read.
#ifndef WEIR_CORE_USAGE_USAGE_DELTA_H
#define WEIR_CORE_USAGE_USAGE_DELTA_H

#include <stdbool.h>
#include <stdint.h>

#include "core/brokerlog/topic.h"

enum usage_delivery { USAGE_FRESH, USAGE_REPLAY };

// What is to be added to the row (topic, delivery, quarter hour) of the principal.
struct usage_delta {
    struct topic_key topic; // as the line named it; borrowed for the call
    enum usage_delivery delivery;
    int64_t quarter_us; // start of the quarter hour, UTC
    // When the request that the delta belongs to arrived (of what was produced: when it was
    // completed), also for a later correction of it: a grant that begins or ends inside the quarter
    // hour splits the row there.
    int64_t at_us;
    int64_t messages;
    uint64_t bytes;
    uint64_t fetches;
    int64_t open_fetches;
    // Of messages and fetches: what no fact closed, derived from what the principal had of the
    // topic before.
    int64_t derived_messages;
    int64_t derived_fetches;
    uint32_t producer;       // of produced_*: st's producer when the batch was folded
    uint64_t produced_bytes; // produced_*: always with USAGE_FRESH
    int64_t produced_messages;
    uint64_t share_messages;
    uint64_t share_fetches; // SHARE_FETCH requests that acquired at least one record
    // Records of share groups whose bytes nobody knows: all, until whoever keeps the batches settles
    // what usage_shared tells. In the row of the reading, so of both deliveries together.
    uint64_t share_unknown;
    // Lines that belong to the row as evidence: 1 for the row the line's own reading or writing
    // went to, 0 for a later correction.
    uint32_t lines;
};

// A batch that was appended, of a topic whose batches the caller keeps. Whoever has those of all
// producers knows where each ends: no delta tells the messages.
struct usage_appended {
    struct topic_key topic; // by id where that is known, else by name; borrowed for the call
    struct topic_key named; // as its line named it
    int32_t partition;
    int64_t base;  // offset of its first record; -1: the broker told none (acks=0)
    int64_t bytes; // as sent, -1: not known any more
    int64_t at_us;
};

// What a share group was sent of one partition by one request. Its line has no size: the broker sends
// whole batches, from the one that holds `first` to the last that begins at or below `last`, also those
// in between of which it gave none.
struct usage_shared {
    struct topic_key topic; // by id where that is known, else by name; borrowed for the call
    struct topic_key named; // as its line named it
    int32_t partition;
    int64_t first, last;          // acquired, inclusive
    uint64_t messages;            // acquired between them
    enum usage_delivery delivery; // fresh if any of them was delivered for the first time
    int64_t at_us;
};

struct usage_sink {
    void (*add)(void *ctx, const struct usage_delta *d);
    // The principal has batches of the topic in its memory: whether the caller keeps them. Asked until
    // it does, then for good (in each partition). NULL: never; otherwise `appended` is set too.
    bool (*keeps)(void *ctx, const struct topic_key *topic);
    // Each batch of a kept topic once, in any order; of every topic those without an offset.
    void (*appended)(void *ctx, const struct usage_appended *b);
    // Each reading once. NULL: nobody wants to know.
    void (*shared)(void *ctx, const struct usage_shared *r);
    // What was produced into the topic on the latest day that has both bytes and messages; false if
    // that is not known (yet). NULL: never known.
    bool (*produced)(void *ctx, const struct topic_key *topic, uint64_t *ret_bytes,
                     uint64_t *ret_messages);
    void *ctx;
};

// --- for the modules of the fold -----------------------------------------------------------------

struct usage_state;

// The delta of (topic as named, delivery, quarter hour of time_us) of the current line, to add to.
struct usage_delta *usage_delta_of(struct usage_state *st, uint32_t topic, unsigned delivery,
                                   int64_t time_us);
// The same of what a producer wrote.
struct usage_delta *usage_delta_of_producer(struct usage_state *st, uint32_t topic,
                                            uint32_t producer, int64_t time_us);
// What closing a fetch, or opening one, changes.
struct usage_closing {
    int64_t messages;
    int64_t derived_messages;
    int open_fetches;
    int derived_fetches;
};
// Adds it to the delta; sums beyond int64 become several deltas.
void usage_delta_close(struct usage_state *st, uint32_t topic, unsigned delivery, int64_t time_us,
                       const struct usage_closing *c);
// The topic of the state as lines name it; borrowed from the state.
struct topic_key usage_delta_topic(const struct usage_state *st, uint32_t topic);
// Gives what was collected to the sink.
void usage_delta_flush(struct usage_state *st);

#endif
