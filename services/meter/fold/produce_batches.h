// Who writes which topic, and of the open batch the produce batches that are kept and the readings that
// wait for them: rows of a topic whose figures no principal's lines tell alone (core/usage/usage_delta.h,
// struct usage_appended and usage_shared). Pure.
//
// A topic is kept once a second principal is seen to write it, or a share group to read it, or because
// the database says so: then for good.
#ifndef WEIR_METER_FOLD_PRODUCE_BATCHES_H
#define WEIR_METER_FOLD_PRODUCE_BATCHES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash_table.h"
#include "base/slice.h"
#include "core/usage/usage_delta.h"
#include "meter/fold/principals.h"

struct written_topic {
    struct slice name;   // owned: its id as text, or a name
    struct slice writer; // owned; who was seen first; empty: nobody yet
    bool several;        // another one was, too
    bool shared;         // share groups read it
    // Batches without a place were written between these; INT64_MAX, INT64_MIN: none known here.
    int64_t unplaced_from_us, unplaced_to_us;
    bool kept;
    bool told; // the database knows as much
};

struct produce_batch {
    const struct principal *principal;
    struct slice topic; // as in written_topic; both in the batch's arena
    struct slice named; // as the line named it
    int32_t partition;
    int64_t base;
    int64_t bytes; // -1: not known
    int64_t at_us;
    int64_t from_us; // its rows of usage
    int64_t day_from_us;
};

// What a share group was sent of a partition: bytes of batches.
struct produce_reading {
    const struct principal *principal;
    struct slice topic, named; // as of produce_batch
    struct usage_shared of;    // but its topics
    int64_t from_us, day_from_us;
};

struct produce_batches {
    struct written_topic *topics; // owned
    uint32_t topic_count, topic_cap;
    struct hash_table by_name; // hash of its name, or a number after it
    size_t untold;             // topics
    uint64_t version;          // grows when another topic is kept

    struct produce_batch *rows; // of the open batch
    uint32_t count, cap;
    struct produce_reading *readings; // of the open batch
    uint32_t reading_count, reading_cap;
    struct arena arena;
};

void produce_batches_init(struct produce_batches *b);
void produce_batches_done(struct produce_batches *b);
// The database holds the rows, and what is to be told of topics.
void produce_batches_clear(struct produce_batches *b);
// The principal writes the topic. Whether its batches are kept.
bool produce_batches_written(struct produce_batches *b, const struct topic_key *topic,
                             struct slice principal);
// What the database knows of a topic. `writer` may be empty.
void produce_batches_learn(struct produce_batches *b, struct slice topic, struct slice writer,
                           bool kept);
// A batch without a place was written to the topic; the database hears of it by the minute.
void produce_batches_unplaced(struct produce_batches *b, const struct topic_key *topic,
                              int64_t at_us);
void produce_batches_read(struct produce_batches *b, const struct principal *p,
                          const struct usage_shared *r);
void produce_batches_add(struct produce_batches *b, const struct principal *p,
                         const struct usage_appended *batch);

#endif
