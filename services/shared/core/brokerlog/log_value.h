// The values of the records of weir.broker-log.<cluster> that aren't raw lines: small JSON.
//
// Encoders append to `out` (check out->overflow at the end). Decoders allocate in `a`, whose memory
// the results point into, and return ERR_INVALID for anything that isn't that value.
#ifndef WEIR_CORE_BROKERLOG_LOG_VALUE_H
#define WEIR_CORE_BROKERLOG_LOG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "core/brokerlog/log_position.h"
#include "core/brokerlog/topic.h"

enum {
    LOG_DEAD_TEXT_MAX = 4096,   // bytes of a dead letter that are kept
    LOG_FACT_TOPICS_MAX = 2000, // topics of one fact record; stays below BROKER_RECORD_VALUE_MAX
};

struct log_topic {
    struct slice id;   // base64url, or empty where the line had none
    struct slice name; // or empty where the line had none
    enum topic_event event;
};

struct log_fact {
    int64_t at_us; // completion time of the line
    size_t count;
    const struct log_topic *topics;
};
void log_value_encode_fact(struct buf *out, const struct log_fact *fact);
ERR_MUST_CHECK enum err_code log_value_decode_fact(struct slice value, struct arena *a,
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
void log_value_encode_control(struct buf *out, const struct log_control *control);
ERR_MUST_CHECK enum err_code log_value_decode_control(struct slice value, struct arena *a,
                                                      struct log_control *ret, struct err *e);

struct log_dead {
    struct slice reason; // a name of enum line_fault (line_fault.h)
    uint64_t bytes;      // length of the line
    struct slice text;   // its first LOG_DEAD_TEXT_MAX bytes (base64url in the record)
    // What can be read of it (line_remains.h). Records of earlier releases have none.
    bool has_time;
    int64_t time_us;
    int64_t api_key;        // -1: unknown
    struct slice principal; // empty: unknown
    uint64_t record_bytes;  // at least
};
void log_value_encode_dead(struct buf *out, const struct log_dead *dead);
ERR_MUST_CHECK enum err_code log_value_decode_dead(struct slice value, struct arena *a,
                                                   struct log_dead *ret, struct err *e);

// Nothing is known of [from, to): `from` is the first position missing, `to` the first one read
// after it. With a principal or a topic: of its own lines alone, others between the two were read.
struct log_hole {
    bool has_from; // false: nothing before `to` is known
    struct log_position from;
    struct log_position to;
    struct slice kind;       // "removed", "truncated", "unknown_before", "session_skip", …
    uint64_t lines_at_least; // 0 = unknown
    struct slice principal;  // empty = any
    // Broker times that nothing missing lies before and after; 0: not told, as by earlier releases.
    int64_t from_us;
    int64_t to_us;
    // Earlier releases tell neither.
    struct slice topic;      // empty = any
    uint64_t bytes_at_least; // of records; 0 = unknown
};
void log_value_encode_hole(struct buf *out, const struct log_hole *hole);
ERR_MUST_CHECK enum err_code log_value_decode_hole(struct slice value, struct arena *a,
                                                   struct log_hole *ret, struct err *e);

struct log_refusal {
    int64_t at_us;
    struct slice principal;
    int64_t api_key;
    int64_t error_code;    // KAFKA_ERROR_{TOPIC,GROUP}_AUTHORIZATION_FAILED
    struct slice resource; // topic or group where the line names one, else empty
    uint64_t count;        // this one and those left out since the one before
};
void log_value_encode_refusal(struct buf *out, const struct log_refusal *refusal);
ERR_MUST_CHECK enum err_code log_value_decode_refusal(struct slice value, struct arena *a,
                                                      struct log_refusal *ret, struct err *e);

#endif
