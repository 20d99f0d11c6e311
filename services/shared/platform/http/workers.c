// The queue of jobs and the threads that take from it; what is done goes back to its loop.
#include "platform/http/workers.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/check.h"
#include "platform/http/http_loop.h"

struct work_item {
    struct http_message message; // first: posted back to the loop
    struct http_loop *loop;
    struct work todo;
    struct work_item *next;
};

struct workers {
    pthread_t threads[WORKERS_MAX];
    unsigned count;
    unsigned queue_max;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct work_item *head, **tail;
    unsigned waiting;
    struct {
        bool busy;
        uint64_t share;
    } running[WORKERS_MAX]; // per thread
    unsigned started;       // threads
    bool stopping;
};

static void on_done(struct http_loop *loop, struct http_message *m) {
    struct work_item *item = (struct work_item *)m;
    struct work todo = item->todo;
    free(item);
    todo.done(todo.user);
    http_loop_release(loop);
}

static struct work_item *take(struct workers *w, unsigned thread) {
    pthread_mutex_lock(&w->mutex);
    w->running[thread].busy = false;
    while (w->head == NULL && !w->stopping) {
        pthread_cond_wait(&w->wake, &w->mutex);
    }
    struct work_item *item = w->stopping ? NULL : w->head;
    if (item != NULL) {
        w->head = item->next;
        if (w->head == NULL) {
            w->tail = &w->head;
        }
        w->waiting--;
        w->running[thread].busy = true;
        w->running[thread].share = item->todo.share;
    }
    pthread_mutex_unlock(&w->mutex);
    return item;
}

static void *worker_main(void *arg) {
    struct workers *w = arg;
    struct work_item *item;
    pthread_mutex_lock(&w->mutex);
    unsigned thread = w->started++;
    pthread_mutex_unlock(&w->mutex);
    while ((item = take(w, thread)) != NULL) {
        item->todo.work(item->todo.user);
        item->message.run = on_done;
        http_loop_post(item->loop, &item->message);
    }
    return NULL;
}

struct workers *workers_new(unsigned count, unsigned queue_max) {
    check(count >= 1 && count <= WORKERS_MAX);
    struct workers *w = calloc(1, sizeof *w);
    check(w != NULL);
    w->count = count;
    w->queue_max = queue_max;
    w->tail = &w->head;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->wake, NULL);
    for (unsigned i = 0; i < count; i++) {
        check(pthread_create(&w->threads[i], NULL, worker_main, w) == 0);
    }
    return w;
}

void workers_free(struct workers *w) {
    if (w == NULL) {
        return;
    }
    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    pthread_cond_broadcast(&w->wake);
    pthread_mutex_unlock(&w->mutex);
    for (unsigned i = 0; i < w->count; i++) {
        pthread_join(w->threads[i], NULL);
    }
    while (w->head != NULL) {
        struct work_item *item = w->head;
        w->head = item->next;
        free(item);
    }
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

// The queue is short: it is walked.
static unsigned share_used(const struct workers *w, uint64_t share) {
    unsigned used = 0;
    for (const struct work_item *item = w->head; item != NULL; item = item->next) {
        used += item->todo.share == share;
    }
    for (unsigned i = 0; i < w->count; i++) {
        used += w->running[i].busy && w->running[i].share == share;
    }
    return used;
}

enum err_code workers_submit(struct workers *w, struct http_loop *loop, const struct work *work,
                             struct err *e) {
    struct work_item *item = calloc(1, sizeof *item);
    check(item != NULL);
    *item = (struct work_item){.loop = loop, .todo = *work};
    pthread_mutex_lock(&w->mutex);
    bool room = w->waiting < w->queue_max && !w->stopping;
    bool in_share = share_used(w, work->share) < work->share_max;
    if (room && in_share) {
        *w->tail = item;
        w->tail = &item->next;
        w->waiting++;
        pthread_cond_signal(&w->wake);
    }
    pthread_mutex_unlock(&w->mutex);
    if (room && in_share) {
        http_loop_hold(loop);
        return ERR_OK;
    }
    free(item);
    if (!in_share) {
        return err_set(e, ERR_LIMIT, "too many sign-ins at once from here");
    }
    err_set(e, ERR_UNAVAILABLE, "too many sign-ins at once");
    return err_hint(e, "try again in a moment");
}
