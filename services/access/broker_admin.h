// One Kafka cluster over librdkafka's admin API: a client, and one request at a time. One thread.
#ifndef WEIR_ACCESS_BROKER_ADMIN_H
#define WEIR_ACCESS_BROKER_ADMIN_H

#include "platform/kafka/kafka.h"

enum {
    BROKER_ADMIN_TIMEOUT_MS = 10000,  // of one request
    BROKER_ADMIN_STOPPING_MS = 2000,  // what is left of it once the program should stop
    BROKER_ADMIN_RECONNECT_MS = 2000, // longest pause of the client between connections
};

struct broker_admin {
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
};

ERR_MUST_CHECK enum err_code broker_admin_open(const struct kafka_settings *settings,
                                               struct broker_admin **ret, struct err *e);
// NULL is fine.
void broker_admin_close(struct broker_admin *b);

// With the timeout set; the caller's to destroy.
rd_kafka_AdminOptions_t *broker_admin_options(struct broker_admin *b, rd_kafka_admin_op_t op);
// The answer, of that type, to the request in flight; the caller's to destroy. Answers to requests
// given up before are dropped if they are of another type. `what` begins an error's text.
ERR_MUST_CHECK enum err_code broker_admin_wait(struct broker_admin *b, rd_kafka_event_type_t type,
                                               const char *what, rd_kafka_event_t **ret,
                                               struct err *e);

#endif
