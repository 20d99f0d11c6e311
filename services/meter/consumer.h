// The Kafka side: a member of the consumer group on the log's topic, all from one thread.
//
// Offsets come from the database alone: the owner says at each assignment where to begin. Kafka's
// committed offsets are written for displays of lag and never read.
#ifndef WEIR_METER_CONSUMER_H
#define WEIR_METER_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "base/err.h"
#include "platform/kafka/kafka.h"

enum {
    CONSUMER_MESSAGES_MAX = 1024
}; // of one consumer_poll: blocks, a fraction of a second's work

struct consumer_settings {
    struct kafka_settings kafka;
    const char *topic;
    const char *group;
    const char *instance;       // static member of the group; NULL: none
    int64_t queue_bytes;        // fetched ahead at most
    int64_t session_timeout_ms; // a member not heard for so long loses its partitions
};

struct consumer_events {
    // Partitions are this member's from now on: put the offset to begin with into each item. On an
    // error none of them is read.
    enum err_code (*assigned)(void *ctx, rd_kafka_topic_partition_list_t *partitions,
                              struct err *e);
    // All partitions are going away. `lost`: they may be another member's already.
    void (*revoked)(void *ctx, bool lost);
    // The topic doesn't hold the offset that was asked for; reading goes on at its start, `offset`.
    // That is below the one asked for where the topic was made anew or has lost its end.
    void (*expired)(void *ctx, int32_t partition, int64_t offset);
    // The offset to go on from, in a partition that was assigned before.
    int64_t (*next)(void *ctx, int32_t partition);
    void *ctx;
};

struct consumer;

ERR_MUST_CHECK enum err_code consumer_new(const struct consumer_settings *s,
                                          const struct consumer_events *events,
                                          struct consumer **ret, struct err *e);
// Leaves the group; `revoked` is called if partitions were assigned.
void consumer_free(struct consumer *c);
// Waits up to timeout_ms for the first message and takes what else is there. The messages are valid
// until the next call. ERR_UNAVAILABLE and ERR_DENIED: the broker's answer, go on polling;
// ERR_INTERNAL: the client can't go on. Calls the events.
ERR_MUST_CHECK enum err_code consumer_poll(struct consumer *c, int timeout_ms,
                                           rd_kafka_message_t *const **ret, size_t *ret_count,
                                           struct err *e);
// Asks the owner for offsets again (`assigned`) and reads on from there.
ERR_MUST_CHECK enum err_code consumer_rewind(struct consumer *c, struct err *e);
bool consumer_assigned(const struct consumer *c);
// Tells Kafka, for displays of lag, that `offset` is next; sent by consumer_report.
void consumer_done_to(struct consumer *c, int32_t partition, int64_t offset);
void consumer_report(struct consumer *c);
// Messages between `offset` and the end of the partition, as far as the client knows; -1: unknown.
int64_t consumer_lag(const struct consumer *c, int32_t partition, int64_t offset);

#endif
