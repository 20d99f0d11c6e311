// The partitions of the log that this meter owns: how far each broker has been read in them, and
// what is missing. Pure.
#ifndef WEIR_METER_FOLD_LOG_PARTITIONS_H
#define WEIR_METER_FOLD_LOG_PARTITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/brokerlog/broker_record.h"
#include "meter/fold/long_line.h"

enum { PARTITION_BROKERS_MAX = 65536, GAPS_MAX = 4096 };

// A broker without a control record for so long, while another one is heard, holds back no horizon
// any more: an hour above the longest that a counting rule waits for a line.
static const int64_t LOG_SILENT_US = 25LL * 3600 * 1000000;

// A broker of the cluster, as registered.
struct log_expected {
    int32_t id;
    int64_t listed_us; // since when
    bool silent;       // by fold_finish: in some partition
};

// What is known of one broker in one partition.
struct log_broker {
    int32_t id;
    bool has_watermark;
    bool has_time;
    bool dirty;      // watermark or time moved in the open batch
    bool gap_open;   // records above the watermark came and were not taken
    bool gap_closed; // in the open batch: the watermark moved past a gap
    bool may_jump;   // records before its next one have expired in the topic
    struct log_position watermark;
    struct long_line line; // whose parts have come in part
    int64_t time_us;  // of the newest control record: everything completed before it has been read
    int64_t heard_us; // Kafka's time of the newest control record; INT64_MIN: none yet
};

struct log_partition {
    int32_t number;
    int64_t stored_offset; // what the database says is next
    // Which commit it is of, and that of the open batch's (compared and set): an offset may stay
    // where it is while the positions above it move.
    int64_t stored_version, next_version;
    // What it shall say: the block from which all would have to be read again. That is the one
    // being read, or the first of a line that isn't complete.
    int64_t next_offset;
    int64_t read_offset; // of the block being read, or the next one
    bool touched;        // the open batch holds something of it
    bool expired;        // see log_partitions_expire
    int64_t horizon_us;  // as fold_finish last saw it; INT64_MIN: unknown
    struct log_broker *brokers;
    size_t broker_count;
    size_t broker_cap;
};

// Records of a broker that were not taken, by the watermark that they didn't fit on.
struct log_gap {
    int32_t partition;
    struct log_position above; // 0:0 where nothing of the broker had been read
    bool opened;               // in the open batch; else it goes on from one before
    uint64_t records;
};

struct log_partitions {
    struct log_partition **by_number; // NULL: not owned
    size_t cap;
    size_t owned;
    struct log_gap *gaps; // of the open batch, at most GAPS_MAX: then it has to be committed
    size_t gap_count;
};

void log_partitions_init(struct log_partitions *p);
void log_partitions_done(struct log_partitions *p);
// Owned from now on, empty. An owned one is made empty again.
struct log_partition *log_partitions_own(struct log_partitions *p, int32_t number);
void log_partitions_drop(struct log_partitions *p, int32_t number);
void log_partitions_drop_all(struct log_partitions *p);
// NULL if not owned.
struct log_partition *log_partitions_find(const struct log_partitions *p, int32_t number);
// Found or made.
struct log_broker *log_partitions_broker(struct log_partition *p, int32_t id);

// Judges a record and moves the watermark if it is taken; a gap is noted.
enum log_verdict log_partitions_judge(struct log_partitions *p, struct log_partition *partition,
                                      const struct broker_record *r);
// Judges the part of a line and keeps its text until the line is complete: then LOG_TAKE, *ret_line
// is all of it until log_partitions_line_done, and the watermark has moved. LOG_DUPLICATE for what is
// kept already, LOG_GAP where one before it is missing, LOG_WAIT for the rest.
enum log_verdict log_partitions_judge_part(struct log_partitions *p,
                                           struct log_partition *partition,
                                           const struct broker_record *r, struct slice text,
                                           struct slice *ret_line);
// The line that was taken is not needed any more; does nothing where it came whole.
void log_partitions_line_done(struct log_partition *p, const struct broker_record *r);
// The block at `offset` is about to be read.
void log_partitions_begin(struct log_partition *p, int64_t offset);
// It has been read whole.
void log_partitions_end(struct log_partition *p);
// The topic no longer holds what comes next (its retention was shorter than the meter was away).
// The next record of each broker may then lie above a gap that nothing will ever close.
// `offset` is what the topic has next; below the one before where the topic was made anew: what
// was read already is then told by the positions.
void log_partitions_expire(struct log_partition *p, int64_t offset);
// True if that explains why `r` was a gap: then the watermark is now the record's `prev` (judge it
// again) and [*ret_from, r->prev) is a hole; *ret_from is 0:0 where nothing had been read.
bool log_partitions_jump(struct log_partitions *p, struct log_partition *partition,
                         const struct broker_record *r, struct log_position *ret_from);
// A control record was taken, `heard_us` is Kafka's time of it: times never go back.
void log_partitions_heard(struct log_partition *p, int32_t broker, int64_t time_us,
                          int64_t heard_us);
// Whether a broker has been silent in the partition for LOG_SILENT_US, measured by the newest record
// heard of any broker, or by `now_us` where that is in the future.
bool log_partitions_silent(const struct log_partition *p, const struct log_expected *broker,
                           int64_t now_us);
// Before this instant no broker will send a line any more: the smallest time of the `expected` that
// aren't silent; with an empty `expected`, of all heard. INT64_MIN: unknown.
int64_t log_partitions_horizon(const struct log_partition *p, const struct log_expected *expected,
                               size_t count, int64_t now_us);
// Open gaps of all owned partitions.
size_t log_partitions_open_gaps(const struct log_partitions *p);
// The open batch is in the database: marks are gone, next_offset is stored.
void log_partitions_stored(struct log_partitions *p);

#endif
