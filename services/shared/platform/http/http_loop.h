// One event loop of the server, with what other modules may do to it: post work, keep it alive.
#ifndef WEIR_PLATFORM_HTTP_HTTP_LOOP_H
#define WEIR_PLATFORM_HTTP_HTTP_LOOP_H

struct http_loop; // one per thread
struct st_h2o_evloop_t;

unsigned http_loop_index(const struct http_loop *loop); // 0..threads-1
// What loop_start of the server's options made.
void *http_loop_state(const struct http_loop *loop);
struct st_h2o_evloop_t *http_loop_evloop(const struct http_loop *loop);

// Calls m->run on the loop's thread, soon. From any thread while the loop runs; `m` belongs to the
// callee from then on.
struct http_message {
    void (*run)(struct http_loop *loop, struct http_message *m);
};
void http_loop_post(struct http_loop *loop, struct http_message *m);

// Work that keeps the loop alive when stopping although no request shows it (a count).
void http_loop_hold(struct http_loop *loop);
void http_loop_release(struct http_loop *loop);

#endif
