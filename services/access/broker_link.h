// A connection of our own to one broker of the cluster, beside librdkafka's, for the requests that
// librdkafka can't make. TCP or TLS (the broker's certificate and name are verified, as librdkafka does),
// no SASL or SASL PLAIN. One thread; one request at a time. Every wait has an end, and ends when the
// program should stop; the system's resolver has a limit of its own.
#ifndef WEIR_ACCESS_BROKER_LINK_H
#define WEIR_ACCESS_BROKER_LINK_H

#include "base/buf.h"
#include "platform/kafka/kafka.h"

enum {
    BROKER_LINK_CONNECT_MS = 2000, // of connecting to one server and signing in
    BROKER_LINK_TIMEOUT_MS = 5000, // of a request
    BROKER_LINK_REQUEST_MAX = 1 << 20,
    BROKER_LINK_ANSWER_MAX = 64 << 20,
    BROKER_LINK_SIGN_IN_ANSWER_MAX = 1 << 16, // of a broker that may be anybody
    BROKER_LINK_HOST_MAX = 256,
    BROKER_LINK_PORT_MAX = 8,
};

struct broker_link;

// Why these settings can't be used, or NULL: a sentence about the mechanism. librdkafka can sign in with
// more mechanisms than this connection.
const char *broker_link_unsupported(const struct kafka_settings *s);

// Tries the bootstrap servers in turn. The settings are only read meanwhile.
ERR_MUST_CHECK enum err_code broker_link_open(const struct kafka_settings *s,
                                              struct broker_link **ret, struct err *e);
// NULL is fine.
void broker_link_close(struct broker_link *l);

// The next request's buffer, empty, and its number.
struct buf *broker_link_request(struct broker_link *l, int32_t *ret_number);
// Sends it and waits for the answer, without its length; valid until the next request. After an error
// the connection is of no more use: every further request is ERR_UNAVAILABLE.
ERR_MUST_CHECK enum err_code broker_link_ask(struct broker_link *l, struct slice *ret,
                                             struct err *e);

// One server of a bootstrap list ("SASL_SSL://[::1]:9093, b"), taken off its front; the port is 9092 if
// it names none. One that can't be read has an empty host. False at the end of the list.
bool broker_link_next_server(struct slice *list, char ret_host[BROKER_LINK_HOST_MAX],
                             char ret_port[BROKER_LINK_PORT_MAX]);

#endif
