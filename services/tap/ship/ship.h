// Sends records to the broker-log topic, in blocks (core/brokerlog/log_block), and knows what has
// arrived. A block of each partition grows until it is full or 100 ms old; the queue is bounded.
// After any failed delivery nothing more is sent (ship_failed): the caller goes back to ship_resume
// and starts anew with ship_reset. One thread.
#ifndef WEIR_TAP_SHIP_SHIP_H
#define WEIR_TAP_SHIP_SHIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/brokerlog/broker_record.h"
#include "platform/kafka/kafka.h"
#include "tap/ship/state.h"

enum { SHIP_BLOCKS_MAX = 65536 }; // growing, queued or on the way

struct ship_options {
    const struct kafka_settings *kafka;
    const char *topic;
    int32_t broker;
    int64_t queue_bytes; // of blocks not yet acknowledged
    // True when the program is to stop: what waits for room gives up.
    bool (*stopping)(void);
    // For tests: last touches on the configuration. NULL: none.
    void (*configure)(rd_kafka_conf_t *conf);
    // What was acknowledged before a restart; NULL: nothing is known.
    const struct state *state;
};

// Where the tap would have to read again if the record was lost.
struct ship_origin {
    int64_t generation;
    uint64_t offset;
};

struct ship;

// Allocates; connects with ship_reset.
struct ship *ship_new(const struct ship_options *o);
// Drops what is not acknowledged.
void ship_free(struct ship *s);

// Drops the producer with all it holds and makes a new one; learns the number of partitions.
// ERR_UNAVAILABLE: brokers or topic are not there, call again. ERR_CONFIG: the topic's number of
// partitions is not the one of the state.
ERR_MUST_CHECK enum err_code ship_reset(struct ship *s, struct err *e);
int32_t ship_partitions(const struct ship *s);

// Queues one record of an advancing kind in the partition of its key, at (origin.generation,
// offset). Skips what that partition has already. A line above LOG_PART_MAX goes in parts. Waits
// for room. False: failed or stopping.
bool ship_line(struct ship *s, enum broker_record_kind kind, struct ship_origin origin,
               uint64_t offset, struct slice key, struct slice value);
// The same to every partition.
bool ship_everywhere(struct ship *s, enum broker_record_kind kind, struct ship_origin origin,
                     uint64_t offset, struct slice value);
// Control or hole to every partition, with the last position shipped to each.
bool ship_notice(struct ship *s, enum broker_record_kind kind, struct ship_origin origin,
                 struct slice value);
// The same to the partition of a key alone.
bool ship_notice_to(struct ship *s, enum broker_record_kind kind, struct ship_origin origin,
                    struct slice key, struct slice value);

// Sends blocks that have grown long enough; takes acknowledgements, waiting up to timeout_ms for one.
// To be called often: nothing else looks at the time.
void ship_poll(struct ship *s, int timeout_ms);
// Sends everything and waits until it is acknowledged; false after timeout_ms or a failure.
bool ship_flush(struct ship *s, int64_t timeout_ms);
// A delivery failed; the reason is in the error.
bool ship_failed(const struct ship *s, struct err *ret);

// The oldest place with something not acknowledged. False: everything is.
bool ship_resume(const struct ship *s, struct ship_origin *ret);
// True while a hole is not acknowledged everywhere: the state on disk must not pass it.
bool ship_hole_pending(const struct ship *s);
// Records not acknowledged.
size_t ship_pending(const struct ship *s);
// A number that never falls, and whether all records queued when it was such a number are
// acknowledged (or dropped by ship_reset).
uint64_t ship_sequence(const struct ship *s);
bool ship_is_settled(const struct ship *s, uint64_t sequence);
// Records acknowledged since ship_new.
uint64_t ship_acked_count(const struct ship *s);
// Fills broker, partitions and acked.
void ship_save(const struct ship *s, struct state *ret);

#endif
