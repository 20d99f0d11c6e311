// libh2o's connections under the rules of admission: accepted, counted, asked to leave. For
// http_server.c and http_job.c only.
#ifndef WEIR_PLATFORM_HTTP_HTTP_CONNECTION_H
#define WEIR_PLATFORM_HTTP_HTTP_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"
#include "platform/http/http_loop_internal.h"

struct http_connection {
    struct admission_guest guest; // first
    struct http_loop *loop;
    h2o_socket_t *sock;
    h2o_req_t *req; // the one being answered
    uint64_t turn;  // of the loop, in which `in_turn` requests came
    unsigned in_turn;
};

enum http_refused {
    HTTP_REFUSED_FULL,        // left for a new one: there was no room
    HTTP_REFUSED_ADDRESS,     // left for one of its address, or didn't get in for all of those
    HTTP_REFUSED_BYTES,       // left for what it held in memory
    HTTP_REFUSED_TIME,        // left for not taking its answer
    HTTP_REFUSED_PIPELINED,   // left after too many requests in one go
    HTTP_REFUSED_DESCRIPTORS, // not accepted yet: the system has none
    HTTP_REFUSED_SHARE,       // a request: the rest of the room is for others
    HTTP_REFUSED_MALFORMED,   // a request
    HTTP_REFUSED_REASONS,
};
void http_connection_metrics_register(void);
void http_connection_refused(enum http_refused reason);

// Accepts on the loop's listener, as long as there is one.
void http_connections_accept(struct http_loop *loop);
// To be called each second: those whose time is over leave, and those that hold too much.
void http_connections_sweep(struct http_loop *loop);

struct http_connection *http_connection_of(const h2o_req_t *req);
// What was received and not yet answered, from the head of the current request on.
struct slice http_connection_input(const struct http_connection *c);
// A request was received. False: it must be refused for want of room, and its connection closed.
bool http_connection_works(struct http_connection *c, h2o_req_t *req, bool privileged);
// Its answer is on its way, `bytes` of body.
void http_connection_sends(struct http_connection *c, size_t bytes);
// The request is done.
void http_connection_idle(struct http_connection *c);

#endif
