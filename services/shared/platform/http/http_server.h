// HTTP/1.1 on libh2o's event loop: N threads, each with its own loop and its own listening socket
// (SO_REUSEPORT), nothing shared and no locks. TLS and HTTP/2 end in a front proxy.
#ifndef WEIR_PLATFORM_HTTP_HTTP_SERVER_H
#define WEIR_PLATFORM_HTTP_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "platform/http/http_loop.h"

struct http_job;

enum {
    HTTP_THREADS_MAX = 64,
    HTTP_BODY_MAX = 1 << 20,         // bytes of a request's body; routes lower it
    HTTP_REQUEST_TIMEOUT_MS = 10000, // from the end of one request to the whole of the next
    HTTP_DRAIN_MS = 10000,           // for requests in flight, when stopping
};

// What clients may take of this process together. Each loop has its share.
struct http_server_limits {
    unsigned connections; // at once; fewer where the descriptors don't suffice
    unsigned connections_per_address;
    size_t bytes; // of requests and answers, in memory for clients that wait or are awaited
    size_t bytes_per_address;
    unsigned send_timeout_ms; // for a client to take its answer; a long one has more
};

struct http_server_options {
    const char *listen; // see listen.h
    unsigned threads;   // 1..HTTP_THREADS_MAX
    struct http_server_limits limits;
    // Requests that keep a room of their own: no others, however many, can take it. NULL: none.
    bool (*privileged)(struct slice path);
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
