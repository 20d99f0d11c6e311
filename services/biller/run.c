#include "biller/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "biller/account.h"
#include "biller/completeness.h"
#include "biller/issue.h"
#include "biller/statement.h"
#include "biller_sql.h"
#include "platform/pg/pg_error.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"
#include "platform/program/metrics.h"
#include "platform/program/program.h"

enum { ACCOUNTS_BYTES_MAX = 64 << 20, PROGRESS_EVERY_MS = 250 };

static struct metric ACCOUNTS =
    METRIC_COUNTER("weir_biller_accounts_total", "accounts", "Accounts rated in billing runs");
static struct metric DOCUMENTS =
    METRIC_COUNTER("weir_biller_documents_issued_total", "documents", "Invoices and statements");
static struct metric BLOCKED = METRIC_COUNTER("weir_biller_drafts_blocked_total", "documents",
                                              "Drafts that could not be issued");
static struct metric RETRIES = METRIC_COUNTER("weir_biller_retries_total", "transactions",
                                              "Transactions done again after a collision");
static struct metric ENDED =
    METRIC_COUNTER_BY("weir_biller_runs_total", "runs", "Billing runs ended", "state");
static struct metric WAITING =
    METRIC_GAUGE("weir_biller_runs_waiting", "runs", "Billing runs that wait for something");
static struct metric ACCOUNT_TOOK =
    METRIC_DURATION("weir_biller_account_seconds", "One account: rated, drafted and issued");

void run_register_metrics(void) {
    struct metric *const all[] = {&ACCOUNTS, &DOCUMENTS, &BLOCKED,     &RETRIES,
                                  &ENDED,    &WAITING,   &ACCOUNT_TOOK};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        metrics_register(all[i]);
    }
}

struct run {
    struct pg *pg;
    const struct run_settings *settings;
    const char *id;
    int64_t progress_us; // when progress was last written (monotonic); 0: not yet
};

static enum err_code end_run(struct run *r, const char *state, const char *error, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(r->pg, &biller_sql_run_end,
               PG_PARAMS(pg_text(r->id), pg_text(state), pg_text(error)), &rows, e);
    if (code == ERR_OK && pg_rows_affected(&rows) > 0) { // not ended by another biller before
        metric_add_in(metric_with(&ENDED, state), 1);
        log_info("billing run ended", log_id("run", r->id), log_str("state", state));
    }
    return code;
}

// --- planning ------------------------------------------------------------------------------------

struct planning {
    struct run *run;
    char month[16];
    bool close_early, override;
    int64_t usage_end_us;
    json_t *missing;
    struct pg_array accounts;
    size_t account_count;
    bool began, waits;
};

static void add_zone(struct planning *p, const struct pg_rows *rows, int i) {
    char text[256];
    (void)snprintf(text, sizeof text, "the period %s has not ended: in %s it ends at %s", p->month,
                   pg_rows_text(rows, i, BILLER_RUN_ACCOUNTS_TIME_ZONE),
                   pg_rows_text(rows, i, BILLER_RUN_ACCOUNTS_ENDS_AT_TEXT));
    for (size_t k = 0; k < json_array_size(p->missing); k++) {
        if (strcmp(json_string_value(json_array_get(p->missing, k)), text) == 0) {
            return;
        }
    }
    check(json_array_append_new(p->missing, json_string(text)) == 0);
}

// Accounts, and the usage end: the last end of the month in their zones, or now for a period that
// is closed early.
static enum err_code plan_accounts(struct planning *p, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(p->run->pg, &biller_sql_run_accounts,
               PG_PARAMS(pg_text(p->month), pg_int8(p->run->settings->months_back)), &rows, e);
    int64_t last_us = INT64_MIN;
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows); i++) {
        pg_array_add_uuid(&p->accounts, pg_rows_slice(&rows, i, BILLER_RUN_ACCOUNTS_ORG_ID));
        p->account_count++;
        int64_t ends_us = pg_rows_instant_us(&rows, i, BILLER_RUN_ACCOUNTS_PERIOD_TO);
        last_us = ends_us > last_us ? ends_us : last_us;
        if (!p->close_early && pg_rows_bool(&rows, i, BILLER_RUN_ACCOUNTS_IS_OPEN)) {
            add_zone(p, &rows, i);
        }
    }
    if (code == ERR_OK && p->account_count > 0 && (!p->close_early || p->usage_end_us > last_us)) {
        p->usage_end_us = last_us;
    }
    return code;
}

static enum err_code plan_missing(struct planning *p, struct err *e) {
    enum err_code code = plan_accounts(p, e);
    if (code == ERR_OK && p->account_count > 0 && !p->override) {
        code = completeness_brokers(p->run->pg, p->month, p->usage_end_us, p->missing, e);
    }
    PG_ROWS_AUTO struct pg_rows entity = {0};
    if (code == ERR_OK) {
        code = pg_run(p->run->pg, &biller_sql_run_entity, PG_NO_PARAMS, &entity, e);
    }
    if (code == ERR_OK && pg_rows_count(&entity) == 0) {
        check(json_array_append_new(
                  p->missing, json_string("no issuing entity is set up (weirctl bootstrap)")) == 0);
    }
    return code;
}

static enum err_code plan_in(struct planning *p, struct err *e) {
    struct run *r = p->run;
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run(r->pg, &biller_sql_run_lock, PG_PARAMS(pg_text(r->id)), &rows, e);
    if (code != ERR_OK || pg_rows_count(&rows) == 0) {
        return code; // another biller plans it: nothing of it can be seen yet
    }
    (void)snprintf(p->month, sizeof p->month, "%s", pg_rows_text(&rows, 0, BILLER_RUN_LOCK_PERIOD));
    p->close_early = pg_rows_bool(&rows, 0, BILLER_RUN_LOCK_CLOSE_EARLY);
    p->usage_end_us = pg_rows_instant_us(&rows, 0, BILLER_RUN_LOCK_USAGE_END);
    p->override = pg_rows_bool(&rows, 0, BILLER_RUN_LOCK_OVERRIDE);
    code = plan_missing(p, e);
    if (code != ERR_OK) {
        return code;
    }
    p->waits = json_array_size(p->missing) > 0;
    if (p->waits) {
        char *text = json_dumps(p->missing, JSON_COMPACT);
        check(text != NULL);
        code =
            pg_run(r->pg, &biller_sql_run_wait,
                   PG_PARAMS(pg_text(r->id), pg_text(text), pg_instant(p->usage_end_us)), NULL, e);
        free(text);
    } else {
        code = pg_run(r->pg, &biller_sql_run_begin,
                      PG_PARAMS(pg_text(r->id), pg_array(&p->accounts), pg_instant(p->usage_end_us),
                                pg_text(p->month)),
                      NULL, e);
    }
    code = code == ERR_OK ? pg_commit(r->pg, e) : code;
    p->began = code == ERR_OK && !p->waits;
    return code;
}

static enum err_code plan(struct run *r, bool *ret_began, bool *ret_waits, struct err *e) {
    enum err_code code = pg_begin(r->pg, PG_READ_COMMITTED, e);
    if (code != ERR_OK) {
        return code;
    }
    struct planning p = {.run = r, .missing = json_array()};
    check(p.missing != NULL);
    pg_array_init(&p.accounts, PG_UUID, ACCOUNTS_BYTES_MAX);
    code = plan_in(&p, e);
    pg_array_done(&p.accounts);
    json_decref(p.missing);
    pg_rollback(r->pg);
    *ret_began = p.began;
    *ret_waits = p.waits;
    return code;
}

// --- accounts ------------------------------------------------------------------------------------

// Two that wanted the same thing at once: done again, it finds what the other has written.
static bool collided(enum err_code code, const struct err *e) {
    return code == ERR_CONFLICT || pg_error_retriable(e->sqlstate);
}

static bool try_again(struct run *r, enum err_code code, const struct err *e, int *tries) {
    if (!collided(code, e) || !pg_usable(r->pg) || ++*tries > RUN_RETRIES_MAX) {
        return false;
    }
    metric_add(&RETRIES, 1);
    return program_sleep_ms((int64_t)RUN_RETRY_PAUSE_MS * *tries);
}

static enum err_code issue(struct run *r, const char *org_id, bool *ret_claimed, struct err *e) {
    struct issue_result result;
    enum err_code code = ERR_OK;
    int tries = 0;
    do {
        code = issue_account(r->pg, r->id, org_id, r->settings->invoice_prefix, &result, e);
    } while (code != ERR_OK && try_again(r, code, e, &tries));
    *ret_claimed = result.claimed;
    if (code == ERR_OK) {
        metric_add(&DOCUMENTS, (uint64_t)result.documents);
        return ERR_OK;
    }
    if (!result.claimed || !pg_usable(r->pg) || program_should_stop()) {
        return code;
    }
    log_error("issuing failed", log_id("run", r->id), log_id("org", result.org_id), log_err(e));
    struct err cause = *e;
    return account_fail(r->pg, r->id, result.org_id, cause.text, e);
}

// One account: drafted, then issued.
static enum err_code work_account(struct run *r, bool *ret_claimed, struct err *e) {
    int64_t began_us = clock_monotonic_us();
    struct account_result result;
    enum err_code code = ERR_OK;
    int tries = 0;
    do {
        code = account_draft(r->pg, r->id, r->settings->months_back, &result, e);
    } while (code != ERR_OK && try_again(r, code, e, &tries));
    *ret_claimed = result.claimed;
    if (code != ERR_OK) {
        if (!result.claimed || !pg_usable(r->pg) || program_should_stop()) {
            return code;
        }
        log_error("account not billed", log_id("run", r->id), log_id("org", result.org_id),
                  log_err(e));
        struct err cause = *e;
        return account_fail(r->pg, r->id, result.org_id, cause.text, e);
    }
    if (result.claimed) {
        metric_add(&ACCOUNTS, 1);
        metric_add(&BLOCKED, (uint64_t)result.blocked);
        bool issued = false;
        code = issue(r, result.org_id, &issued, e);
        metric_observe(&ACCOUNT_TOOK, clock_monotonic_us() - began_us);
    }
    return code;
}

// Shown to people: counting all accounts after each of them would cost more than the accounts.
static enum err_code progress(struct run *r, struct err *e) {
    int64_t now_us = clock_monotonic_us();
    if (r->progress_us != 0 && now_us - r->progress_us < PROGRESS_EVERY_MS * 1000LL) {
        return ERR_OK;
    }
    r->progress_us = now_us;
    return pg_run(r->pg, &biller_sql_run_progress, PG_PARAMS(pg_text(r->id)), NULL, e);
}

// When no account is left open: statements, then the end.
static enum err_code finish(struct run *r, bool *ret_worked, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run_one(r->pg, &biller_sql_run_left, PG_PARAMS(pg_text(r->id)), &rows, e);
    if (code != ERR_OK || pg_rows_int8(&rows, 0, BILLER_RUN_LEFT_OPEN) > 0) {
        return code; // another biller is at work
    }
    *ret_worked = true;
    int statements = 0;
    code = statement_issue_all(r->pg, r->id, r->settings->statement_prefix, &statements, e);
    if (code != ERR_OK) {
        return code;
    }
    metric_add(&DOCUMENTS, (uint64_t)statements);
    int64_t failed = pg_rows_int8(&rows, 0, BILLER_RUN_LEFT_FAILED);
    if (failed == 0) {
        return end_run(r, "done", NULL, e);
    }
    char text[ERR_TEXT_MAX];
    (void)snprintf(text, sizeof text, "%lld of %lld accounts were not billed; the first: %s",
                   (long long)failed, (long long)pg_rows_int8(&rows, 0, BILLER_RUN_LEFT_ACCOUNTS),
                   pg_rows_text(&rows, 0, BILLER_RUN_LEFT_FIRST_NOTE));
    return end_run(r, "failed", text, e);
}

static enum err_code work(struct run *r, bool *ret_worked, struct err *e) {
    bool claimed = true;
    enum err_code code = ERR_OK;
    while (code == ERR_OK && claimed && !program_should_stop()) { // what a killed biller left
        code = issue(r, NULL, &claimed, e);
    }
    claimed = true;
    while (code == ERR_OK && claimed && !program_should_stop()) {
        code = work_account(r, &claimed, e);
        if (code == ERR_OK && claimed) {
            *ret_worked = true;
            code = progress(r, e);
        }
    }
    return code == ERR_OK && !program_should_stop() ? finish(r, ret_worked, e) : code;
}

static enum err_code step(struct run *r, bool running, bool *ret_worked, bool *ret_waits,
                          struct err *e) {
    if (!running) {
        bool began = false;
        enum err_code code = plan(r, &began, ret_waits, e);
        if (code != ERR_OK || !began) {
            return code;
        }
        *ret_worked = true;
    }
    return work(r, ret_worked, e);
}

enum err_code run_all(struct pg *pg, const struct run_settings *s, bool *ret_worked,
                      struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run(pg, &biller_sql_runs_open, PG_NO_PARAMS, &rows, e);
    int64_t waiting = 0;
    *ret_worked = false;
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows) && !program_should_stop(); i++) {
        struct run r = {.pg = pg, .settings = s, .id = pg_rows_text(&rows, i, 0)};
        bool waits = false;
        code = step(&r, strcmp(pg_rows_text(&rows, i, 1), "running") == 0, ret_worked, &waits, e);
        waiting += waits;
        if (code != ERR_OK && pg_usable(pg) && !collided(code, e)) {
            log_error("billing run failed", log_id("run", r.id), log_err(e));
            struct err cause = *e;
            code = end_run(&r, "failed", cause.text, e);
        }
    }
    metric_set(&WAITING, waiting);
    return code;
}
