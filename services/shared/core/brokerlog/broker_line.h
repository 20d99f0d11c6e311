// Reads one line of Kafka's request log (kafka.request.logger at DEBUG, RequestConvertToJson of
// Kafka 3.7 to 4.3) into struct broker_line:
//   [2026-11-01 10:15:30,123] DEBUG Completed request:{...} (kafka.request.logger)
// Nothing parses to zero: a needed field that is missing is a fault. But names, ids, counts and
// offsets are data: no client can make its line unreadable by what it asks for. Parts under a name
// that no topic can have are left out, as the broker refuses them.
//
// A complete line may hold a torn one in front (full disk). If the whole can't be read, reading
// resumes at its last `] DEBUG Completed request:{` or INFO that can, and `torn` is the part in front
// of it: a dead letter of its own. (Only then: a client id may contain that text.)
//
// Memory of a struct broker_line beside the text: at most 128 MiB for the longest line (6 MiB for
// one of 60,000 partitions, 15 MB), and given back down to 1 MiB a list when the next is parsed.
#ifndef WEIR_CORE_BROKERLOG_BROKER_LINE_H
#define WEIR_CORE_BROKERLOG_BROKER_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "core/brokerlog/broker_line_model.h"
#include "core/brokerlog/kafka_protocol.h"
#include "core/brokerlog/line_fault.h"

enum { BROKER_LINE_MAX = 64 * 1024 * 1024 }; // bytes, without the newline; above: too_long

// The longest that a request is believed to have taken: ten years, far above what Kafka can wait.
static const int64_t BROKER_LINE_TOTAL_MAX_US = 3660LL * 86400 * 1000000;

void broker_line_init(struct broker_line *l);
void broker_line_done(struct broker_line *l);
// Parses one line (without newline; a final '\r' is ignored) into `l`, whose memory is used again.
// Slices in `l` point into `text` or into `l` and live until the next parse or the end of `text`.
// The lists are filled for the APIs that broker_line_body.c reads; of others only the head is read.
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

// When the request had come to the broker, by the broker's clock (microseconds of UTC): the time by
// which it was let in. The line's own time where it doesn't say how long the request took.
static inline int64_t broker_line_arrived_us(const struct broker_line *l) {
    if (l->total_time_us < 0) {
        return l->time_us;
    }
    return l->time_us - (l->total_time_us < BROKER_LINE_TOTAL_MAX_US ? l->total_time_us
                                                                     : BROKER_LINE_TOTAL_MAX_US);
}

// A FETCH by a broker or controller (replication), not by a client.
static inline bool broker_line_is_follower(const struct broker_line *l) {
    return l->api_key == KAFKA_API_FETCH && l->replica_id >= 0;
}

#endif
