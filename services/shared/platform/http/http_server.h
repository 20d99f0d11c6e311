// HTTP/1.1 on libh2o's event loop: N threads, each with its own loop and its own listening socket
// (SO_REUSEPORT), nothing shared and no locks. TLS and HTTP/2 end in a front proxy.
#ifndef WEIR_PLATFORM_HTTP_HTTP_SERVER_H
#define WEIR_PLATFORM_HTTP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "platform/http/http_loop.h"

struct http_job;

enum {
    HTTP_THREADS_MAX = 64,
    HTTP_BODY_MAX = 1 << 20,         // bytes of a request's body; routes lower it
    HTTP_CONNECTIONS_MAX = 4096,     // per loop; more wait in the kernel's queue
    HTTP_REQUEST_TIMEOUT_MS = 10000, // to receive a whole request
    HTTP_DRAIN_MS = 10000,           // for requests in flight, when stopping
};

struct http_server_options {
    const char *listen; // see listen.h
    unsigned threads;   // 1..HTTP_THREADS_MAX
    void *user;
    // On each loop's thread, before it accepts. *ret_state is handed to the others.
    enum err_code (*loop_start)(struct http_loop *loop, void *user, void **ret_state,
                                struct err *e);
    // After the last request of the loop was answered.
    void (*loop_stop)(struct http_loop *loop, void *state);
    // Every request. It answers by http_job_send, at once or later.
    void (*handle)(struct http_job *job);
    // Every second, on each loop (may be NULL).
    void (*every_second)(struct http_loop *loop, void *state);
};

// Listens and serves until stop_fd becomes readable; then stops accepting, finishes what is in
// flight (at most HTTP_DRAIN_MS) and returns. ERR_CONFIG for a wrong or busy address.
ERR_MUST_CHECK enum err_code http_server_run(const struct http_server_options *o, int stop_fd,
                                             struct err *e);

#endif
