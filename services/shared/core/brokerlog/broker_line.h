// One line of Kafka's request log (kafka.request.logger at DEBUG, RequestConvertToJson of Kafka 3.7
// to 4.3) as numbers and slices:
//   [2026-11-01 10:15:30,123] DEBUG Completed request:{...} (kafka.request.logger)
// The prefix time is read as UTC. Nothing parses to zero: a needed field that is missing is a
// fault.
//
// A complete line may hold a torn one in front (full disk). If the whole can't be read, reading
// resumes at its last `] DEBUG Completed request:{` that can, and `torn` is the part in front of
// it: a dead letter of its own. (Only then: a client id may contain that text.)
#ifndef WEIR_CORE_BROKERLOG_BROKER_LINE_H
#define WEIR_CORE_BROKERLOG_BROKER_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    BROKER_LINE_MAX = 8 * 1024 * 1024, // bytes, without the newline; above: too_long
    BROKER_LINE_TOPIC_NAME_MAX = 249,  // Kafka's own limit (Topic.MAX_NAME_LENGTH)
    TOPIC_ID_LEN = 16,
    TOPIC_ID_TEXT_LEN = 22, // base64url without padding, as Kafka writes ids
};

enum kafka_api {
    KAFKA_API_PRODUCE = 0,
    KAFKA_API_FETCH = 1,
    KAFKA_API_METADATA = 3,
    KAFKA_API_OFFSET_COMMIT = 8,
    KAFKA_API_FIND_COORDINATOR = 10,
    KAFKA_API_CREATE_TOPICS = 19,
    KAFKA_API_DELETE_TOPICS = 20,
    KAFKA_API_TXN_OFFSET_COMMIT = 28,
    KAFKA_API_SHARE_FETCH = 78,
    KAFKA_API_SHARE_ACKNOWLEDGE = 79,
};

// Why a line is a dead letter. The names are stable: they are stored and shown.
enum line_fault {
    LINE_FAULT_NONE = 0,
    LINE_FAULT_BAD_PREFIX,     // no time, level or marker where they belong
    LINE_FAULT_MALFORMED_JSON, // not JSON, or a value of the wrong kind
    LINE_FAULT_TORN,           // the front part of a line that was never finished
    LINE_FAULT_TOO_LONG,
    LINE_FAULT_MISSING_FIELD,
    LINE_FAULT_BAD_VALUE, // a field outside its range, e.g. a negative size
    LINE_FAULT_TIME_OFF,  // time far from the carrier's; the caller's judgement, never set here
    LINE_FAULT_COUNT,
};
// "malformed_json", …; "none" for 0.
const char *line_fault_name(enum line_fault fault);
// False if no fault has this name.
bool line_fault_parse(struct slice name, enum line_fault *ret);

// A topic as a line names it: by id (FETCH 13+, PRODUCE 13+, SHARE_FETCH, OFFSET_COMMIT 10+) or by
// name.
struct topic_key {
    bool has_id;
    uint8_t id[TOPIC_ID_LEN]; // zero unless has_id
    struct slice name;        // empty if has_id; borrowed
};

// The id as Kafka writes it: 22 characters, no NUL.
void topic_id_format(char out[TOPIC_ID_TEXT_LEN], const uint8_t id[TOPIC_ID_LEN]);
bool topic_id_parse(struct slice text, uint8_t ret_id[TOPIC_ID_LEN]);

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

enum topic_event { TOPIC_SEEN, TOPIC_CREATED, TOPIC_DELETED };

// That an id and a name belong together, from METADATA, CREATE_TOPICS and DELETE_TOPICS responses
// without error, with both and with an id other than the all-zero one.
struct topic_fact {
    uint8_t id[TOPIC_ID_LEN];
    struct slice name;
    enum topic_event event;
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

void broker_line_init(struct broker_line *l);
void broker_line_done(struct broker_line *l);
// Parses one line (without newline; a final '\r' is ignored) into `l`, whose memory is used again.
// Slices in `l` point into `text` or into `l` and live until the next parse or the end of `text`.
// The lists are filled for the APIs of enum kafka_api; of other APIs only the head is read.
// On a fault the content of `l` is undefined but for `torn`.
enum line_fault broker_line_parse(struct broker_line *l, struct slice text);

// What decides whether a line is shipped at all, at the price of one pass without reading the
// bodies.
struct broker_line_brief {
    int64_t time_us;
    int32_t api_key;
    int32_t api_version;
    bool forwarded;
    struct slice principal; // raw JSON text between the quotes: compare only if !escaped
    struct slice client_id; // likewise; empty for null
    struct slice listener;
    struct slice connection;
    bool escaped;      // one of the strings has escapes: parse the line for their meaning
    struct slice torn; // as broker_line.torn
};
enum line_fault broker_line_classify(struct slice text, struct broker_line_brief *ret);

// A FETCH by a broker or controller (replication), not by a client.
static inline bool broker_line_is_follower(const struct broker_line *l) {
    return l->api_key == KAFKA_API_FETCH && l->replica_id >= 0;
}

#endif
