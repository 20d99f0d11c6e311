// Records of the topic weir.broker-log.<cluster>: what the tap writes and the meter reads.
//
// Key: the principal's bytes for lines and refusals, empty for the rest. Headers, as text: `kind`,
// `pos`, `prev`. Value: the raw line without its newline (kind line), small JSON otherwise.
// Position is identity: (broker, generation, byte offset), strictly increasing per broker, so a
// second reading of a file gives the same positions. `prev` is the position of the broker's record
// before this one in the same partition; absent or empty says that the tap knows of none.
#ifndef WEIR_CORE_BROKERLOG_BROKER_RECORD_H
#define WEIR_CORE_BROKERLOG_BROKER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"

enum {
    LOG_POSITION_TEXT_MAX = 56, // "<broker>:<generation>:<offset>" and NUL
    BROKER_RECORD_VALUE_MAX =
        1000000,                // bytes; with headers below Kafka's default max.message.bytes
    LOG_DEAD_TEXT_MAX = 4096,   // bytes of a dead letter that are kept
    LOG_FACT_TOPICS_MAX = 2000, // topics of one fact record; stays below BROKER_RECORD_VALUE_MAX
    LOG_TOPIC_NAME_MAX = 249,   // Kafka's own limit
    LOG_TOPIC_ID_LEN = 22,      // base64url of 16 bytes
    LOG_PARTITIONS_MAX = 4096,  // of the log topic
};

#define LOG_HEADER_KIND "kind"
#define LOG_HEADER_POS "pos"
#define LOG_HEADER_PREV "prev"

// Place of a line: `offset` is that of its first byte in the uncompressed file. `generation` is the
// UTC milliseconds of the file's first complete line, raised where needed to be above the
// generation before it.
struct log_position {
    int32_t broker;
    int64_t generation;
    uint64_t offset;
};

enum broker_record_kind {
    BROKER_RECORD_LINE,    // a request line, raw
    BROKER_RECORD_FACT,    // what topics there are; the position of the line that told it
    BROKER_RECORD_DEAD,    // a line that can't be read
    BROKER_RECORD_REFUSAL, // a principal was refused a topic or group
    BROKER_RECORD_CONTROL, // how far the tap is; `pos` = last position shipped to the partition
    BROKER_RECORD_HOLE,    // lines that nobody will ever read; `pos` as for control
};

struct broker_record {
    enum broker_record_kind kind;
    bool has_prev;
    struct log_position pos;
    struct log_position prev; // zero unless has_prev
};

// <0, 0, >0 by (generation, offset). Positions of two brokers have no order: check() fails.
int log_position_cmp(const struct log_position *a, const struct log_position *b);
// Writes text and NUL, returns the length without the NUL.
size_t log_position_format(char out[LOG_POSITION_TEXT_MAX], const struct log_position *p);
// "<broker>:<generation>:<offset>", digits only; *ret changes only on success.
bool log_position_parse(struct slice text, struct log_position *ret);

const char *broker_record_kind_name(enum broker_record_kind kind);
bool broker_record_kind_parse(struct slice text, enum broker_record_kind *ret);
// True for the kinds that have a position of their own and so move the reader's watermark: line,
// fact, dead, refusal. Control and hole repeat the last position and may be read any number of
// times.
bool broker_record_kind_advances(enum broker_record_kind kind);

// Reads the three header texts (`prev` empty or NULL where absent). ERR_INVALID names the header.
ERR_MUST_CHECK enum err_code broker_record_parse(struct slice kind, struct slice pos,
                                                 struct slice prev, struct broker_record *ret,
                                                 struct err *e);

// What a reader does with a record, given the broker's watermark in this partition (NULL: none).
enum log_verdict {
    LOG_TAKE,      // advancing kinds: prev <= watermark < pos. Others: pos <= watermark
    LOG_DUPLICATE, // pos <= watermark, of an advancing kind
    LOG_GAP,       // something before it is missing: not taken, the watermark stays
};
enum log_verdict broker_record_verdict(const struct broker_record *r,
                                       const struct log_position *watermark);

// Partition of a key among `count` (1..LOG_PARTITIONS_MAX): Kafka's own rule for keyed records,
// murmur2 with the sign bit cleared, so that any client finds a principal's partition.
int32_t log_partition_of(struct slice key, int32_t count);

// --- values --------------------------------------------------------------------------------------

// Encoders append to `out` (check out->overflow at the end). Decoders allocate in `a`, whose memory
// the results point into, and return ERR_INVALID for anything that isn't that value.

enum log_topic_event { LOG_TOPIC_SEEN, LOG_TOPIC_CREATED, LOG_TOPIC_DELETED };

struct log_topic {
    struct slice id;   // base64url, or empty where the line had none
    struct slice name; // or empty where the line had none
    enum log_topic_event event;
};

struct log_fact {
    int64_t at_us; // completion time of the line
    size_t count;
    const struct log_topic *topics;
};
const char *log_topic_event_name(enum log_topic_event event);
void log_fact_encode(struct buf *out, const struct log_fact *fact);
ERR_MUST_CHECK enum err_code log_fact_decode(struct slice value, struct arena *a,
                                             struct log_fact *ret, struct err *e);

// Every line of the broker completed up to `broker_time_us` stands before this record in its
// partition, or is in a hole. (generation, offset): the next byte the tap will read.
struct log_control {
    int64_t broker_time_us;
    int64_t generation;
    uint64_t offset;
    int64_t interval_ms;  // the next control record is due after this
    struct slice version; // of the tap
};
void log_control_encode(struct buf *out, const struct log_control *control);
ERR_MUST_CHECK enum err_code log_control_decode(struct slice value, struct arena *a,
                                                struct log_control *ret, struct err *e);

struct log_dead {
    struct slice reason; // a name of enum line_fault (core/broker_line.h)
    uint64_t bytes;      // length of the line
    struct slice text;   // its first LOG_DEAD_TEXT_MAX bytes (base64url in the record)
};
void log_dead_encode(struct buf *out, const struct log_dead *dead);
ERR_MUST_CHECK enum err_code log_dead_decode(struct slice value, struct arena *a,
                                             struct log_dead *ret, struct err *e);

// Nothing is known of [from, to): `from` is the first position missing, `to` the first one read
// after it.
struct log_hole {
    bool has_from; // false: nothing before `to` is known
    struct log_position from;
    struct log_position to;
    struct slice kind;       // "removed", "truncated", "unknown_before"
    uint64_t lines_at_least; // 0 = unknown
    struct slice principal;  // empty = any
};
void log_hole_encode(struct buf *out, const struct log_hole *hole);
ERR_MUST_CHECK enum err_code log_hole_decode(struct slice value, struct arena *a,
                                             struct log_hole *ret, struct err *e);

struct log_refusal {
    int64_t at_us;
    struct slice principal;
    int64_t api_key;
    int64_t error_code;    // 29 topic, 30 group (Kafka's numbers)
    struct slice resource; // topic or group where the line names one, else empty
    uint64_t count;        // this one and those left out since the one before
};
void log_refusal_encode(struct buf *out, const struct log_refusal *refusal);
ERR_MUST_CHECK enum err_code log_refusal_decode(struct slice value, struct arena *a,
                                                struct log_refusal *ret, struct err *e);

#endif
