// What the meter remembers (partitions, principals, topic names) and the open batch: what the
// records read since the last commit add to it. No I/O: records in, rows out. One thread.
//
// The memory is a copy of the database plus the open batch. Whatever goes wrong, fold_reset and
// loading again is right.
#ifndef WEIR_METER_FOLD_FOLD_H
#define WEIR_METER_FOLD_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"
#include "core/brokerlog/broker_line.h"
#include "core/brokerlog/broker_record.h"
#include "core/brokerlog/log_value.h"
#include "core/brokerlog/topic_names.h"
#include "meter/fold/dead_letters.h"
#include "meter/fold/log_partitions.h"
#include "meter/fold/principals.h"
#include "meter/fold/produce_batches.h"
#include "meter/fold/produced.h"
#include "meter/fold/usage_rows.h"

enum {
    FOLD_ROWS_MAX = 200000, // usage rows of a batch
    FOLD_BATCHES_MAX =
        100000, // produce batches, readings of a batch; more only of those handed over
    FOLD_FACTS_MAX = 1 << 16,  // topic facts of a batch
    FOLD_HOLES_MAX = 1 << 12,  // holes of a batch
    FOLD_SWEEP_MAX = 4096,     // principals looked at for pruning at one commit
    FOLD_BROKERS_MAX = 1 << 12 // brokers expected of a cluster
};

// A line's time may be this far from the time of its record in Kafka: log files may be shipped
// years later, but a clock may be ahead by little.
static const int64_t FOLD_TIME_BEHIND_MAX_US = 3660LL * 86400 * 1000000;
static const int64_t FOLD_TIME_AHEAD_MAX_US = 3600LL * 1000000;

struct fold_fact {
    char id[TOPIC_ID_TEXT_LEN];
    struct slice name; // empty: not told
    int64_t at_us;
    bool deleted;
    int32_t partition; // where its record stands
    struct log_position at;
};

struct fold_hole {
    struct log_hole hole; // its slices are kept in the batch's arena
};

// Of the open batch.
struct fold_counts {
    uint64_t records; // all that were read
    uint64_t lines;   // taken and parsed
    uint64_t facts;
    uint64_t controls;
    uint64_t holes;
    uint64_t refusals;
    uint64_t duplicates;
    uint64_t gaps;          // not taken
    uint64_t foreign;       // no records of a tap
    int64_t oldest_line_us; // INT64_MAX: no line
    int64_t newest_line_us; // INT64_MIN: no line
};

struct fold {
    struct log_partitions partitions;
    struct principals principals;
    struct topic_names *names;
    uint64_t settled_version; // of names, up to which every principal was settled
    size_t swept;             // principal where the next sweep begins
    struct produced produced;
    struct log_expected *expected; // brokers of the cluster
    size_t expected_count;
    int64_t read_by_all_us;   // up to then every partition was read, by whomever; 0: not known
    uint64_t batches_version; // of batches, up to which every principal was looked at
    struct produce_batches batches;

    // the open batch
    struct usage_rows rows;
    struct dead_letters dead;
    struct principal **dirty; // whose state changed
    size_t dirty_count;
    size_t dirty_cap;
    struct fold_fact *facts;
    size_t fact_count;
    struct fold_hole *holes;
    size_t hole_count;
    struct fold_counts counts;
    struct arena arena; // names in facts and holes

    // reused for each record
    struct broker_line line;
    struct arena scratch;
};

void fold_init(struct fold *f);
void fold_done(struct fold *f);
// Forgets everything, the open batch too.
void fold_reset(struct fold *f);

// One record of a block, or the part of one. `partition` must be owned, and the block begun in it.
// `timestamp_us` is Kafka's of the block, -1 if it has none. What can't be read becomes a dead
// letter.
void fold_record(struct fold *f, struct log_partition *partition, const struct broker_record *r,
                 struct slice value, int64_t timestamp_us);
// A record that no tap wrote: without position there is nothing to keep but the count.
void fold_foreign(struct fold *f, struct log_partition *partition);
// Nothing read since the last commit, and nothing to be handed over.
bool fold_empty(const struct fold *f);
// The batch has to be committed before more is folded.
bool fold_full(const struct fold *f);
// Before a commit: settles what new topic facts resolve, hands over the batches of topics that are kept
// since, prunes what no rule needs any more, marks
// the expected brokers that are silent. Safe to repeat.
void fold_finish(struct fold *f, int64_t now_us);
// The database holds the open batch: begins a new one.
void fold_stored(struct fold *f);

// What the database knows of a topic that is written (`writer` may be empty), at any time.
void fold_learn_written(struct fold *f, struct slice topic, struct slice writer, bool kept);
// States were loaded: what they hold is looked at before the next commit.
void fold_loaded(struct fold *f);
// Learns a fact of the database, when loading.
void fold_learn(struct fold *f, struct slice id, struct slice name, int64_t seen_us,
                int64_t deleted_us);
// New borders of a principal; `fresh` is left empty. False if the open batch holds usage of it that
// the old borders have put into a wrong row: the batch must be folded again.
bool fold_rebound(struct fold *f, struct slice name, struct borders *fresh);

#endif
