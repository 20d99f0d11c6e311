// Two queues and two sets of connections. What becomes free is handed out from pump(); a tick
// drives reconnecting and time limits.
#include "platform/pg/pg_pool.h"

#include <h2o.h>

#include "base/check.h"
#include "platform/pg/pg_error.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"
#include "platform/program/metrics.h"

const struct pg_statement pg_pool_begin = {.name = "pool_begin", .text = "begin"};
const struct pg_statement pg_pool_commit = {.name = "pool_commit", .text = "commit"};
const struct pg_statement pg_pool_rollback = {.name = "pool_rollback", .text = "rollback"};

static const struct pg_statement *const OWN[] = {&pg_pool_begin, &pg_pool_commit, &pg_pool_rollback,
                                                 NULL};

static struct metric REFUSED =
    METRIC_COUNTER_BY("weir_pg_pool_refused_total", "requests",
                      "Requests refused before they reached the database", "reason");
static struct metric UP =
    METRIC_GAUGE("weir_pg_pool_links_up", "connections", "Connections to the database in use");

struct writer {
    struct pg_link *link;
    struct pg_tx *tx; // who has it
    bool cleaning;    // a rollback is on its way
    struct pg_segment rollback;
    struct pg_command command;
};

struct pg_pool {
    struct pg_pool_options options;
    const struct pg_statement *const *tables[2];
    struct pg_link *readers[PG_POOL_LINKS_MAX];
    struct writer writers[PG_POOL_LINKS_MAX];
    struct pg_segment *read_head, **read_tail;
    unsigned read_waiting;
    struct pg_tx *write_head, **write_tail;
    unsigned write_waiting;
    h2o_timeout_t timeout;
    h2o_timeout_entry_t tick;
    h2o_timeout_t at_once;
    h2o_timeout_entry_t soon; // connect and pump in the loop's next round
    bool was_ready;           // as told to the group
    unsigned were_up;         // likewise
    bool pumping;
    bool freeing;
};

static void refuse(struct err *e, const char *reason, const char *text) {
    metric_add_in(metric_with(&REFUSED, reason), 1);
    err_set(e, ERR_UNAVAILABLE, "%s", text);
    err_hint(e, "try again in a moment");
}

static struct pg_link *best_reader(struct pg_pool *pool) {
    struct pg_link *best = NULL;
    size_t depth = pool->options.read_depth_max;
    for (unsigned i = 0; i < pool->options.read_links; i++) {
        struct pg_link *link = pool->readers[i];
        if (pg_link_ready(link) && pg_link_in_flight(link) < depth) {
            depth = pg_link_in_flight(link);
            best = link;
        }
    }
    return best;
}

static bool any_ready(const struct pg_pool *pool, bool writers) {
    unsigned n = writers ? pool->options.write_links : pool->options.read_links;
    for (unsigned i = 0; i < n; i++) {
        if (pg_link_ready(writers ? pool->writers[i].link : pool->readers[i])) {
            return true;
        }
    }
    return false;
}

static bool any_expected(const struct pg_pool *pool, bool writers) {
    unsigned n = writers ? pool->options.write_links : pool->options.read_links;
    for (unsigned i = 0; i < n; i++) {
        if (pg_link_expected(writers ? pool->writers[i].link : pool->readers[i])) {
            return true;
        }
    }
    return false;
}

static struct writer *free_writer(struct pg_pool *pool) {
    for (unsigned i = 0; i < pool->options.write_links; i++) {
        struct writer *w = &pool->writers[i];
        if (w->tx == NULL && !w->cleaning && pg_link_ready(w->link)) {
            return w;
        }
    }
    return NULL;
}

static void pump_reads(struct pg_pool *pool) {
    while (pool->read_head != NULL) {
        struct pg_link *link = best_reader(pool);
        if (link == NULL) {
            return;
        }
        struct pg_segment *segment = pool->read_head;
        pool->read_head = segment->next;
        if (pool->read_head == NULL) {
            pool->read_tail = &pool->read_head;
        }
        pool->read_waiting--;
        check(pg_link_send(link, segment));
    }
}

static void pump_writes(struct pg_pool *pool) {
    while (pool->write_head != NULL) {
        struct writer *w = free_writer(pool);
        if (w == NULL) {
            return;
        }
        struct pg_tx *tx = pool->write_head;
        pool->write_head = tx->next;
        if (pool->write_head == NULL) {
            pool->write_tail = &pool->write_head;
        }
        pool->write_waiting--;
        w->tx = tx;
        tx->link = w->link;
        tx->generation = pg_link_generation(w->link);
        tx->next = NULL;
        tx->opened(tx, NULL);
    }
}

static void pump(struct pg_pool *pool) {
    if (pool->pumping || pool->freeing) {
        return;
    }
    pool->pumping = true;
    pump_reads(pool);
    pump_writes(pool);
    pool->pumping = false;
}

static void drive_soon(struct pg_pool *pool) {
    if (!h2o_timeout_is_linked(&pool->soon)) {
        h2o_timeout_link(pool->options.loop, &pool->at_once, &pool->soon);
    }
}

static void note_state(struct pg_pool *pool) {
    struct pg_pool_group *group = pool->options.group;
    unsigned up = 0;
    for (unsigned i = 0; i < pool->options.read_links; i++) {
        up += pg_link_ready(pool->readers[i]);
    }
    for (unsigned i = 0; i < pool->options.write_links; i++) {
        up += pg_link_ready(pool->writers[i].link);
    }
    if (up != pool->were_up) {
        atomic_fetch_add(&group->links_up, up - pool->were_up);
        pool->were_up = up;
    }
    bool ready = !pool->freeing && pg_pool_ready(pool);
    if (ready == pool->was_ready) {
        return;
    }
    pool->was_ready = ready;
    atomic_fetch_add(&group->ready, ready ? 1 : -1U);
    if (ready) {
        log_info("database connected");
    } else if (!pool->freeing) {
        log_warn("database lost", log_err(pg_link_error(pool->readers[0])));
    }
}

static void on_change(void *user, struct pg_link *link) {
    struct pg_pool *pool = user;
    note_state(pool);
    if (!pg_link_ready(link)) {
        drive_soon(pool);
    }
    pump(pool);
}

static void refuse_waiting(const struct pg_pool *pool, bool writers, struct err *e) {
    if (pool->freeing) {
        refuse(e, "stopping", "shutting down");
    } else if (any_ready(pool, writers)) {
        refuse(e, "waited", "the database is too busy");
    } else {
        refuse(e, "away", "the database is away");
    }
}

// Ends waiting reads: all, or those older than `before_us`.
static void expire_reads(struct pg_pool *pool, int64_t before_us) {
    while (pool->read_head != NULL && pool->read_head->since_us < before_us) {
        struct pg_segment *segment = pool->read_head;
        pool->read_head = segment->next;
        if (pool->read_head == NULL) {
            pool->read_tail = &pool->read_head;
        }
        pool->read_waiting--;
        segment->next = NULL;
        struct err e;
        refuse_waiting(pool, false, &e);
        segment->done(segment, NULL, &e);
    }
}

static void expire_writes(struct pg_pool *pool, int64_t before_us) {
    while (pool->write_head != NULL && pool->write_head->since_us < before_us) {
        struct pg_tx *tx = pool->write_head;
        pool->write_head = tx->next;
        if (pool->write_head == NULL) {
            pool->write_tail = &pool->write_head;
        }
        pool->write_waiting--;
        tx->next = NULL;
        struct err e;
        refuse_waiting(pool, true, &e);
        tx->opened(tx, &e);
    }
}

// Connects what is down, ends what hangs or waited too long, hands out what is free.
static void drive(struct pg_pool *pool) {
    int64_t now_us = clock_monotonic_us();
    for (unsigned i = 0; i < pool->options.read_links; i++) {
        pg_link_tick(pool->readers[i], now_us);
    }
    for (unsigned i = 0; i < pool->options.write_links; i++) {
        pg_link_tick(pool->writers[i].link, now_us);
    }
    int64_t before_us = now_us - pool->options.queue_wait_ms * 1000LL;
    expire_reads(pool, before_us);
    expire_writes(pool, before_us);
    note_state(pool);
    pump(pool);
}

static void on_tick(h2o_timeout_entry_t *entry) {
    struct pg_pool *pool = H2O_STRUCT_FROM_MEMBER(struct pg_pool, tick, entry);
    h2o_timeout_link(pool->options.loop, &pool->timeout, &pool->tick);
    drive(pool);
    metric_set(&UP, atomic_load(&pool->options.group->links_up));
}

static void on_soon(h2o_timeout_entry_t *entry) {
    drive(H2O_STRUCT_FROM_MEMBER(struct pg_pool, soon, entry));
}

struct pg_pool *pg_pool_new(const struct pg_pool_options *o) {
    check(o->read_links >= 1 && o->read_links <= PG_POOL_LINKS_MAX);
    check(o->write_links >= 1 && o->write_links <= PG_POOL_LINKS_MAX);
    struct pg_pool *pool = calloc(1, sizeof *pool);
    check(pool != NULL);
    pool->options = *o;
    pool->tables[0] = OWN;
    pool->tables[1] = o->statements;
    pool->read_tail = &pool->read_head;
    pool->write_tail = &pool->write_head;
    struct pg_link_options link = {
        .loop = o->loop,
        .conninfo = o->conninfo,
        .application_name = o->application_name,
        .tables = pool->tables,
        .tables_count = 2,
        .statement_timeout_ms = o->statement_timeout_ms,
        .connects = &o->group->connects,
        .on_change = on_change,
        .user = pool,
    };
    struct pg_link_options listener = link;
    listener.listen = o->listen;
    listener.on_notify = o->on_notify;
    listener.notify_user = o->notify_user;
    for (unsigned i = 0; i < o->read_links; i++) {
        pool->readers[i] = pg_link_new(i == 0 ? &listener : &link);
    }
    for (unsigned i = 0; i < o->write_links; i++) {
        pool->writers[i].link = pg_link_new(&link);
    }
    metrics_register(&REFUSED);
    metrics_register(&UP);
    h2o_timeout_init(o->loop, &pool->timeout, PG_POOL_TICK_MS);
    h2o_timeout_init(o->loop, &pool->at_once, 0);
    pool->soon.cb = on_soon;
    pool->tick.cb = on_tick;
    h2o_timeout_link(o->loop, &pool->timeout, &pool->tick);
    return pool;
}

void pg_pool_free(struct pg_pool *pool) {
    if (pool == NULL) {
        return;
    }
    pool->freeing = true;
    h2o_timeout_unlink(&pool->tick);
    h2o_timeout_dispose(pool->options.loop, &pool->timeout);
    h2o_timeout_unlink(&pool->soon);
    h2o_timeout_dispose(pool->options.loop, &pool->at_once);
    note_state(pool);
    expire_reads(pool, INT64_MAX);
    expire_writes(pool, INT64_MAX);
    for (unsigned i = 0; i < pool->options.read_links; i++) {
        pg_link_free(pool->readers[i]);
    }
    for (unsigned i = 0; i < pool->options.write_links; i++) {
        pg_link_free(pool->writers[i].link);
    }
    free(pool);
}

bool pg_pool_group_ready(const struct pg_pool_group *group) {
    return atomic_load(&group->ready) == group->pools;
}

bool pg_pool_ready(const struct pg_pool *pool) {
    return any_ready(pool, false) && any_ready(pool, true);
}

enum err_code pg_pool_read(struct pg_pool *pool, struct pg_segment *segment, struct err *e) {
    if (!any_expected(pool, false)) {
        refuse(e, "away", "the database is away");
        return ERR_UNAVAILABLE;
    }
    if (pool->read_head == NULL) {
        struct pg_link *link = best_reader(pool);
        if (link != NULL && pg_link_send(link, segment)) {
            return ERR_OK;
        }
    }
    if (pool->read_waiting >= pool->options.queue_max) {
        refuse(e, "full", "the database is too busy");
        return ERR_UNAVAILABLE;
    }
    segment->since_us = clock_monotonic_us();
    segment->next = NULL;
    *pool->read_tail = segment;
    pool->read_tail = &segment->next;
    pool->read_waiting++;
    drive_soon(pool);
    return ERR_OK;
}

// --- exclusive connections -----------------------------------------------------------------------
enum err_code pg_tx_open(struct pg_pool *pool, struct pg_tx *tx, struct err *e) {
    if (!any_expected(pool, true)) {
        refuse(e, "away", "the database is away");
        return ERR_UNAVAILABLE;
    }
    if (pool->write_waiting >= pool->options.queue_max) {
        refuse(e, "full", "the database is too busy");
        return ERR_UNAVAILABLE;
    }
    tx->pool = pool;
    tx->link = NULL;
    tx->dirty = false;
    tx->since_us = clock_monotonic_us();
    tx->next = NULL;
    *pool->write_tail = tx;
    pool->write_tail = &tx->next;
    pool->write_waiting++;
    drive_soon(pool);
    return ERR_OK;
}

enum err_code pg_tx_send(struct pg_tx *tx, struct pg_segment *segment, struct err *e) {
    check(tx->link != NULL);
    tx->dirty = true;
    // Between two segments (a password is hashed) the connection may have been lost and made again:
    // without its BEGIN the rest would be committed piece by piece.
    if (tx->generation != pg_link_generation(tx->link) || !pg_link_send(tx->link, segment)) {
        return pg_error_set_lost(e, "the connection to the database was lost");
    }
    return ERR_OK;
}

void pg_tx_committed(struct pg_tx *tx) {
    tx->dirty = false;
}

static void on_rolled_back(struct pg_segment *segment, struct pg_rows *rows, const struct err *e) {
    (void)rows;
    struct writer *w = segment->user;
    w->cleaning = false;
    if (e != NULL) {
        log_debug("rollback failed", log_err(e));
    }
}

void pg_tx_close(struct pg_tx *tx) {
    struct pg_pool *pool = tx->pool;
    for (unsigned i = 0; i < pool->options.write_links; i++) {
        struct writer *w = &pool->writers[i];
        if (w->tx != tx) {
            continue;
        }
        w->tx = NULL;
        if (tx->dirty && pg_link_ready(w->link)) {
            w->command = (struct pg_command){.statement = &pg_pool_rollback};
            w->rollback = (struct pg_segment){
                .commands = &w->command, .count = 1, .done = on_rolled_back, .user = w};
            w->cleaning = pg_link_send(w->link, &w->rollback);
        }
    }
    tx->link = NULL;
    tx->dirty = false;
    pump(pool);
}
