// librdkafka's producer as the log topic needs it: idempotent, acks=all, no message timeout.
#ifndef WEIR_TAP_SHIP_LOG_PRODUCER_H
#define WEIR_TAP_SHIP_LOG_PRODUCER_H

#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "base/err.h"
#include "platform/kafka/kafka.h"

struct log_producer {
    rd_kafka_t *kafka; // NULL: none
    rd_kafka_topic_t *topic;
};

struct log_producer_options {
    const struct kafka_settings *kafka;
    const char *topic;
    // For tests: last touches on the configuration. NULL: none.
    void (*configure)(rd_kafka_conf_t *conf);
    void (*on_delivery)(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque);
    void (*on_error)(rd_kafka_t *rk, int code, const char *reason, void *opaque);
    void *opaque; // of the callbacks
};

// Connects later, by itself. `ret` is to be dropped in any case.
ERR_MUST_CHECK enum err_code log_producer_new(const struct log_producer_options *o,
                                              struct log_producer *ret, struct err *e);
// With all it holds; the callbacks are called for most of it. Does nothing where there is none.
void log_producer_drop(struct log_producer *p);
// The topic's number of partitions. ERR_UNAVAILABLE: brokers or topic are not there.
ERR_MUST_CHECK enum err_code log_producer_partitions(const struct log_producer *p, int32_t *ret,
                                                     struct err *e);

#endif
