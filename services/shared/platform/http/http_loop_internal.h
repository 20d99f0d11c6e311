// What a loop is made of: for http_loop.c, http_server.c and http_connection.c only.
#ifndef WEIR_PLATFORM_HTTP_HTTP_LOOP_INTERNAL_H
#define WEIR_PLATFORM_HTTP_HTTP_LOOP_INTERNAL_H

#include <h2o.h>
#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"
#include "platform/http/admission.h"
#include "platform/http/http_loop.h"

struct http_loop {
    struct http_server *server;
    unsigned index;
    pthread_t thread;
    bool thread_started;
    int listen_fd;
    h2o_context_t ctx;
    h2o_accept_ctx_t accept;
    h2o_socket_t *listener;
    h2o_multithread_receiver_t receiver;
    h2o_timeout_entry_t second;
    struct admission admission;
    uint64_t turn; // of the loop, counted
    unsigned holds;
    bool stopping;
    void *state;
    enum err_code result;
    struct err error;
    int64_t send_timeout_us;
    struct metric_series *gauge;
};

// On the loop's thread, once `ctx` is there: from then on http_loop_post arrives.
void http_loop_receive(struct http_loop *loop);

#endif
