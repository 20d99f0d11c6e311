// What reaches a loop from elsewhere: messages of other threads, and the count that keeps it alive.
#include "platform/http/http_loop.h"

#include <stdlib.h>

#include "base/check.h"
#include "platform/http/http_loop_internal.h"

struct posted {
    h2o_multithread_message_t super;
    struct http_message *message;
};

unsigned http_loop_index(const struct http_loop *loop) {
    return loop->index;
}

void *http_loop_state(const struct http_loop *loop) {
    return loop->state;
}

struct st_h2o_evloop_t *http_loop_evloop(const struct http_loop *loop) {
    return loop->ctx.loop;
}

void http_loop_hold(struct http_loop *loop) {
    loop->holds++;
}

void http_loop_release(struct http_loop *loop) {
    check(loop->holds > 0);
    loop->holds--;
}

void http_loop_post(struct http_loop *loop, struct http_message *m) {
    struct posted *posted = calloc(1, sizeof *posted);
    check(posted != NULL);
    posted->message = m;
    h2o_multithread_send_message(&loop->receiver, &posted->super);
}

static void on_posted(h2o_multithread_receiver_t *receiver, h2o_linklist_t *messages) {
    struct http_loop *loop = H2O_STRUCT_FROM_MEMBER(struct http_loop, receiver, receiver);
    h2o_linklist_t *next = NULL;
    for (h2o_linklist_t *link = messages->next; link != messages; link = next) {
        next = link->next;
        struct posted *posted = H2O_STRUCT_FROM_MEMBER(struct posted, super.link, link);
        h2o_linklist_unlink(&posted->super.link);
        struct http_message *m = posted->message;
        free(posted);
        m->run(loop, m);
    }
}

void http_loop_receive(struct http_loop *loop) {
    h2o_multithread_register_receiver(loop->ctx.queue, &loop->receiver, on_posted);
}
