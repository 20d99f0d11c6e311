#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <string.h>

#include "platform/http/http_loop_internal.h"
#include "platform/http/workers.h"

enum { WAIT_MS = 1000, SHARE_MAX = 2 };

static struct http_loop loop;
static sem_t begun, may_end;
static unsigned done;

static int set_up(void **state) {
    (void)state;
    static h2o_globalconf_t config;
    h2o_config_init(&config);
    h2o_config_register_host(&config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_context_init(&loop.ctx, h2o_evloop_create(), &config);
    http_loop_receive(&loop);
    return sem_init(&begun, 0, 0) != 0 || sem_init(&may_end, 0, 0) != 0;
}

static void work(void *user) {
    (void)user;
    sem_post(&begun);
    sem_wait(&may_end);
}

static void on_done(void *user) {
    (void)user;
    done++;
}

static enum err_code submit(struct workers *w, uint64_t share, struct err *e) {
    struct work one = {.work = work, .done = on_done, .share = share, .share_max = SHARE_MAX};
    return workers_submit(w, &loop, &one, e);
}

static void nobody__takes_more_than_his_share(void **state) {
    (void)state;
    struct err e;
    struct workers *w = workers_new(1, 3);
    assert_int_equal(submit(w, 1, &e), ERR_OK);
    sem_wait(&begun); // being run: it still counts
    assert_int_equal(submit(w, 1, &e), ERR_OK);
    assert_int_equal(submit(w, 1, &e), ERR_LIMIT);
    // Others have theirs, until the queue is full for all.
    assert_int_equal(submit(w, 2, &e), ERR_OK);
    assert_int_equal(submit(w, 3, &e), ERR_OK);
    assert_int_equal(submit(w, 4, &e), ERR_UNAVAILABLE);
    assert_int_equal(loop.holds, 4);
    // The first is done and the second begun.
    sem_post(&may_end);
    sem_wait(&begun);
    assert_int_equal(submit(w, 1, &e), ERR_OK);
    assert_int_equal(submit(w, 1, &e), ERR_LIMIT);
    for (int i = 0; i < 4; i++) {
        sem_post(&may_end);
    }
    while (done < 5) {
        h2o_evloop_run(loop.ctx.loop, WAIT_MS);
    }
    assert_int_equal(loop.holds, 0);
    workers_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody__takes_more_than_his_share),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
