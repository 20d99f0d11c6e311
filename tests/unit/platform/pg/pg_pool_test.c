// Who waits for a server and who is refused, without one: connecting fails at once.
// With one it is tests/stack/database_back_test.py.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <h2o.h>

#include "platform/pg/pg_error.h"
#include "platform/pg/pg_pool.h"

static const struct pg_statement ONE = {.name = "one", .text = "select 1"};
static const struct pg_statement *const STATEMENTS[] = {&ONE, NULL};
static const struct pg_command COMMAND = {.statement = &ONE};

static struct pg_pool_group group;
static h2o_loop_t *loop;
static struct pg_pool *pool;
static int ended;

static int open_pool(void **state) {
    (void)state;
    group = (struct pg_pool_group){.pools = 2};
    ended = 0;
    loop = h2o_evloop_create();
    struct pg_pool_options o = {
        .loop = loop,
        .group = &group,
        .conninfo = {"host=/nowhere"},
        .application_name = "test",
        .statements = STATEMENTS,
        .read_links = 2,
        .write_links = 2,
        .read_depth_max = 4,
        .queue_max = 100,
        .queue_wait_ms = 1000000,
        .statement_timeout_ms = 1000,
    };
    pool = pg_pool_new(&o);
    return 0;
}

static int destroy_loop(void **state) {
    (void)state;
    h2o_evloop_destroy(loop);
    return 0;
}

static void read_ended(struct pg_segment *segment, struct pg_rows *rows, const struct err *e) {
    (void)segment;
    assert_null(rows);
    assert_int_equal(e->code, ERR_UNAVAILABLE);
    assert_false(pg_error_lost(e)); // it was never sent
    ended++;
}

static void write_ended(struct pg_tx *tx, const struct err *e) {
    (void)tx;
    assert_int_equal(e->code, ERR_UNAVAILABLE);
    ended++;
}

static bool read_waits(struct pg_segment *segment) {
    struct err e;
    *segment = (struct pg_segment){.commands = &COMMAND, .count = 1, .done = read_ended};
    return pg_pool_read(pool, segment, &e) == ERR_OK;
}

static bool write_waits(struct pg_tx *tx) {
    struct err e;
    *tx = (struct pg_tx){.opened = write_ended};
    return pg_tx_open(pool, tx, &e) == ERR_OK;
}

// Each round may queue one more; they end with the pool.
static void run_until_refused(struct pg_segment *reads, struct pg_tx *writes, int max) {
    int waiting_reads = 0;
    int waiting_writes = 0;
    while (waiting_reads < max && read_waits(&reads[waiting_reads])) {
        waiting_reads++;
        h2o_evloop_run(loop, 10);
    }
    while (waiting_writes < max && write_waits(&writes[waiting_writes])) {
        waiting_writes++;
        h2o_evloop_run(loop, 10);
    }
    assert_true(waiting_reads > 0 && waiting_reads < max);
    assert_true(waiting_writes < max);
}

static void server_away__refuses_until_any_pool_has_got_through(void **state) {
    (void)state;
    enum { MAX = 40 };
    struct pg_segment reads[2][MAX];
    struct pg_tx writes[2][MAX];
    run_until_refused(reads[0], writes[0], MAX);
    assert_int_equal(ended, 0);
    assert_false(pg_pool_group_ready(&group));
    atomic_fetch_add(&group.connects, 1); // as another loop's pool does
    struct pg_tx write;
    assert_true(write_waits(&write));
    run_until_refused(reads[1], writes[1], MAX); // it was a mistake
    assert_int_equal(ended, 0);
    pg_pool_free(pool);
    assert_true(ended >= 3);
}

static void group__is_ready_when_all_are(void **state) {
    (void)state;
    assert_false(pg_pool_group_ready(&group));
    atomic_fetch_add(&group.ready, 1);
    assert_false(pg_pool_group_ready(&group));
    atomic_fetch_add(&group.ready, 1);
    assert_true(pg_pool_group_ready(&group));
    pg_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(server_away__refuses_until_any_pool_has_got_through,
                                        open_pool, destroy_loop),
        cmocka_unit_test_setup_teardown(group__is_ready_when_all_are, open_pool, destroy_loop),
    };
    return cmocka_run_group_tests_name("platform/pg_pool", tests, NULL, NULL);
}
