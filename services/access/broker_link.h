// A connection of our own to one of the cluster's brokers, for requests that librdkafka can't make:
// TCP or TLS, SASL PLAIN or none, one request at a time, within BROKER_LINK_TIMEOUT_MS each.
#ifndef WEIR_ACCESS_BROKER_LINK_H
#define WEIR_ACCESS_BROKER_LINK_H

#include "base/buf.h"
#include "base/slice.h"
#include "platform/kafka/kafka.h"

enum { BROKER_LINK_TIMEOUT_MS = 10000, BROKER_LINK_ANSWER_MAX = 64 << 20 };

struct broker_link;

// Connects to the first bootstrap server that answers, and signs in. ERR_INTERNAL for a mechanism
// other than PLAIN: only that is spoken here.
ERR_MUST_CHECK enum err_code broker_link_open(const struct kafka_settings *s,
                                              struct broker_link **ret, struct err *e);
void broker_link_close(struct broker_link *l); // NULL is fine

// The number of the next request.
int32_t broker_link_correlation(struct broker_link *l);
// Sends a whole request; the answer without its length lives until the next call. After an error the
// link is of no more use.
ERR_MUST_CHECK enum err_code broker_link_ask(struct broker_link *l, struct slice request,
                                             struct slice *ret_answer, struct err *e);

#endif
