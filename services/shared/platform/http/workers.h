// A few threads for work that would hold up an event loop (password hashing), with a bounded queue.
#ifndef WEIR_PLATFORM_HTTP_WORKERS_H
#define WEIR_PLATFORM_HTTP_WORKERS_H

#include "base/err.h"

struct http_loop;
struct workers;

enum { WORKERS_MAX = 8 };

// `count` threads (1..WORKERS_MAX), at most `queue_max` jobs waiting.
struct workers *workers_new(unsigned count, unsigned queue_max);
// Waits for the jobs being run; those waiting are dropped (their `done` isn't called).
void workers_free(struct workers *w);
// `work` runs on a worker thread, then `done` on the loop's own, both with `user`, which must live
// until then. The loop is held open meanwhile. ERR_UNAVAILABLE if the queue is full.
ERR_MUST_CHECK enum err_code workers_submit(struct workers *w, struct http_loop *loop,
                                            void (*work)(void *user), void (*done)(void *user),
                                            void *user, struct err *e);

#endif
