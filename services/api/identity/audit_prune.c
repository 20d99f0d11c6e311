// A transaction of its own, so that nothing that is to be written waits for it or fails with it.
#include "api/identity/audit_prune.h"

#include <stdlib.h>

#include "api_sql.h"
#include "base/check.h"
#include "platform/pg/pg_pool.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"

enum {
    EVERY_S = 60,
    // At a time; more than the tallies of two loops write in a minute (request/tally.h).
    ROWS = 10000,
    COMMANDS = 3,
};

struct audit_prune {
    int64_t months;
    int64_t next_us; // clock_monotonic_us
    struct pg_tx tx;
    struct pg_segment segment;
    struct pg_command commands[COMMANDS];
    struct pg_param params[2];
    bool busy;
};

struct audit_prune *audit_prune_new(const struct config *c) {
    struct audit_prune *p = calloc(1, sizeof *p);
    check(p != NULL);
    p->months = config_int(c, "audit_counted_months");
    return p;
}

void audit_prune_free(struct audit_prune *p) {
    free(p);
}

static void end(struct audit_prune *p, const struct err *e) {
    if (e != NULL) {
        log_warn("old rows of the audit log not removed", log_err(e));
    }
    p->busy = false;
}

static void on_removed(struct pg_segment *segment, struct pg_rows *rows, const struct err *e) {
    struct audit_prune *p = segment->user;
    (void)rows;
    if (e == NULL) {
        pg_tx_committed(&p->tx);
    }
    pg_tx_close(&p->tx);
    end(p, e);
}

static void on_opened(struct pg_tx *tx, const struct err *e) {
    struct audit_prune *p = tx->user;
    struct err error;
    if (e != NULL) {
        end(p, e);
    } else if (pg_tx_send(&p->tx, &p->segment, &error) != ERR_OK) {
        pg_tx_close(&p->tx);
        end(p, &error);
    }
}

void audit_prune_tick(struct audit_prune *p, struct pg_pool *pool) {
    struct err e;
    int64_t now_us = clock_monotonic_us();
    if (p->busy || now_us < p->next_us || !pg_pool_ready(pool)) {
        return;
    }
    p->next_us = now_us + EVERY_S * US_PER_SECOND;
    p->params[0] = pg_int8(p->months);
    p->params[1] = pg_int8(ROWS);
    p->commands[0] = (struct pg_command){.statement = &pg_pool_begin};
    p->commands[1] = (struct pg_command){&api_sql_audit_prune, {p->params, 2}};
    p->commands[2] = (struct pg_command){.statement = &pg_pool_commit};
    p->segment = (struct pg_segment){
        .commands = p->commands, .count = COMMANDS, .done = on_removed, .user = p};
    p->tx = (struct pg_tx){.opened = on_opened, .user = p};
    p->busy = true;
    if (pg_tx_open(pool, &p->tx, &e) != ERR_OK) {
        end(p, &e);
    }
}
