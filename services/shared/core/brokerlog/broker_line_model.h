// A line as numbers and slices: what broker_line.h fills and hands out. Data only.
#ifndef WEIR_CORE_BROKERLOG_BROKER_LINE_MODEL_H
#define WEIR_CORE_BROKERLOG_BROKER_LINE_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "core/brokerlog/topic.h"

// Different forgotten partitions of a line; above: too_long. A request of 2 MiB has no more.
enum { BROKER_LINE_FORGOTTEN_MAX = 1 << 19 };

// One partition of a request or a response. Which numbers are set depends on the list it stands in.
struct broker_line_part {
    uint32_t topic; // index into broker_line.topics
    int32_t partition;
    int32_t error;          // answered
    int32_t delivery_count; // acquired
    int64_t offset;         // asked of FETCH: fetchOffset; of commits: committedOffset; answered of
                            // PRODUCE: baseOffset; acquired: firstOffset
    int64_t last_offset;    // acquired, inclusive
    int64_t bytes;          // asked of PRODUCE, answered of FETCH: recordsSizeInBytes, -1 for null
    int64_t high_watermark; // answered of FETCH
};

struct broker_line_parts {
    struct broker_line_part *items;
    uint32_t count;
    uint32_t cap;
};

struct broker_line {
    int64_t time_us; // when the request was completed: the prefix
    int32_t api_key;
    int32_t api_version;
    int64_t correlation_id; // the client's own number
    bool forwarded;
    bool has_client_id; // false for null
    bool has_request;   // false for "" and null: logging was off when the request arrived
    bool has_response;  // false for "" and null: acks=0, or the connection was closed
    struct slice client_id;
    struct slice principal; // "User:…"
    struct slice listener;
    struct slice connection;     // whole
    struct slice local_address;  // of connection: the broker's host:port
    struct slice client_address; // of connection: the client's host, without port
    struct slice software_name;
    struct slice software_version;
    int64_t total_time_us; // totalTimeMs, cut to microseconds; -1 if absent
    int64_t send_time_us;  // responseQueueTimeMs and sendTimeMs: since the response was ready

    // FETCH and SHARE_FETCH
    int32_t session_id;          // FETCH; 0 below version 7
    int32_t session_epoch;       // FETCH, -1 below version 7; SHARE_FETCH: shareSessionEpoch
    int32_t response_session_id; // FETCH
    int32_t error;               // top level, 0 if there is none
    int32_t replica_id;          // FETCH: >= 0 is a follower; a client can't claim that
    int32_t acks;                // PRODUCE
    struct slice group_id;       // commits, SHARE_*

    struct topic_key *topics; // every topic of the line once per list that names it
    uint32_t topic_count;
    uint32_t topic_cap;
    struct broker_line_parts asked;     // partitions of the request
    struct broker_line_parts forgotten; // FETCH: forgottenTopicsData
    struct broker_line_parts answered;  // partitions of the response
    struct broker_line_parts acquired;  // SHARE_FETCH: one per range of acquiredRecords
    struct topic_fact *facts;
    uint32_t fact_count;
    uint32_t fact_cap;

    struct slice torn; // part in front that was never finished, or empty
    char *text;        // unescaped strings
    size_t text_room;  // bytes of JSON in the line: what unescaped strings can need at most
    size_t text_len;
    size_t text_cap;
};

#endif
