// A few threads for work that would hold up an event loop (password hashing), with a bounded queue.
#ifndef WEIR_PLATFORM_HTTP_WORKERS_H
#define WEIR_PLATFORM_HTTP_WORKERS_H

#include <stdint.h>

#include "base/err.h"

struct http_loop;
struct workers;

enum { WORKERS_MAX = 8 };

// `count` threads (1..WORKERS_MAX), at most `queue_max` jobs waiting.
struct workers *workers_new(unsigned count, unsigned queue_max);
// Waits for the jobs being run; those waiting are dropped (their `done` isn't called).
void workers_free(struct workers *w);
// What is to be done, and for whom.
struct work {
    void (*work)(void *user); // on a worker thread
    void (*done)(void *user); // then on the loop's own
    void *user;               // must live until then
    // Whoever has the same `share` has at most share_max jobs here at a time, waiting or being run,
    // so that nobody fills the queue alone.
    uint64_t share;
    unsigned share_max;
};
// The loop is held open meanwhile. ERR_UNAVAILABLE if the queue is full, ERR_LIMIT if the share is.
ERR_MUST_CHECK enum err_code workers_submit(struct workers *w, struct http_loop *loop,
                                            const struct work *work, struct err *e);

#endif
