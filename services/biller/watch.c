#include "biller/watch.h"

#include <stdlib.h>

#include "base/check.h"
#include "biller/month_store.h"
#include "biller_sql.h"
#include "core/json/json_write.h"
#include "core/rating/rating_json.h"
#include "platform/pg/pg_error.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"
#include "platform/program/metrics.h"
#include "platform/program/program.h"

enum { TURNED_EVERY_MS = 15000 };

static struct metric RATED =
    METRIC_COUNTER("weir_biller_watch_rated_total", "subscriptions", "Running charges computed");
static struct metric FAILED = METRIC_COUNTER("weir_biller_watch_failed_total", "subscriptions",
                                             "Running charges that could not be computed");
static struct metric BEHIND = METRIC_GAUGE("weir_biller_watch_behind_seconds", "seconds",
                                           "Age of the oldest change of usage not rated yet");

void watch_register_metrics(void) {
    metrics_register(&RATED);
    metrics_register(&FAILED);
    metrics_register(&BEHIND);
}

static enum err_code save(struct pg *pg, struct arena *a, const struct month *u,
                          const struct pg_param *touched_at, struct err *e) {
    return pg_run(pg, &biller_sql_watch_save,
                  PG_PARAMS(pg_text(u->subscription), pg_instant(u->from_us), pg_instant(u->to_us),
                            pg_text(u->plan.currency->code),
                            pg_text(currency_text(a, u->plan.currency, u->rated.amount, NULL)),
                            pg_text(json_write_text(a, rating_result_json(a, &u->rated))),
                            *touched_at),
                  NULL, e);
}

// The month as it would be billed if it ended now: fees in full, minimums included, nothing taken
// off for what a period closed early has billed already.
static enum err_code rate_in(struct pg *pg, struct arena *a, const char *subscription,
                             const struct pg_param *touched_at, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(pg, &biller_sql_watch_subscription, PG_PARAMS(pg_text(subscription)), &rows, e);
    if (code != ERR_OK || pg_rows_count(&rows) == 0) {
        return code;
    }
    struct month u = {
        .subscription = subscription,
        .open_fetches = "0",
        .derived_messages = "0",
        .share_messages = "0",
        .share_bytes = "0",
        .from_us = pg_rows_instant_us(&rows, 0, BILLER_WATCH_SUBSCRIPTION_PERIOD_FROM),
        .to_us = pg_rows_instant_us(&rows, 0, BILLER_WATCH_SUBSCRIPTION_PERIOD_TO),
        .period = {
            .from_day = pg_rows_int8(&rows, 0, BILLER_WATCH_SUBSCRIPTION_FIRST_DAY),
            .to_day = pg_rows_int8(&rows, 0, BILLER_WATCH_SUBSCRIPTION_NEXT_MONTH_DAY),
            .service_from_day = pg_rows_int8(&rows, 0, BILLER_WATCH_SUBSCRIPTION_SERVICE_FIRST_DAY),
            .service_to_day = pg_rows_int8(&rows, 0, BILLER_WATCH_SUBSCRIPTION_SERVICE_END_DAY),
            .final = true}};
    code = plan_parse_text(a, pg_rows_slice(&rows, 0, BILLER_WATCH_SUBSCRIPTION_PLAN), &u.plan, e);
    if (code == ERR_OK) {
        code = month_store_read_usage(pg, a, &u, e);
    }
    struct rating_input input = {
        .period = u.period, .usage = u.usage, .usage_count = u.usage_count};
    if (code == ERR_OK) {
        code = rating_run(a, &u.plan, &input, &u.rated, e);
    }
    return code == ERR_OK ? save(pg, a, &u, touched_at, e) : code;
}

// A subscription that can't be rated must not stop the others: said, counted, left. One that met a
// lock or a full server is looked at again: its touch stays.
static enum err_code rate(struct watch *w, const char *subscription,
                          const struct pg_param *touched_at, struct err *e) {
    struct arena a;
    arena_init(&a);
    enum err_code code = rate_in(w->pg, &a, subscription, touched_at, e);
    arena_done(&a);
    if (code != ERR_OK && pg_usable(w->pg) && !pg_error_retriable(e->sqlstate)) {
        log_error("running charge not computed", log_id("subscription", subscription), log_err(e));
        metric_add(&FAILED, 1);
        return ERR_OK;
    }
    metric_add(&RATED, code == ERR_OK);
    return code;
}

static enum err_code look_touched(struct watch *w, int *ret_rated, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(w->pg, &biller_sql_watch_touched, PG_PARAMS(pg_int8(WATCH_BATCH)), &rows, e);
    int count = code == ERR_OK ? pg_rows_count(&rows) : 0;
    int64_t oldest_us = count > 0 ? pg_rows_instant_us(&rows, 0, 1) : 0;
    for (int i = 0; code == ERR_OK && i < count && !program_should_stop(); i++) {
        const char *subscription = pg_rows_text(&rows, i, 0);
        struct pg_param touched_at = pg_instant(pg_rows_instant_us(&rows, i, 1));
        code = rate(w, subscription, &touched_at, e);
        if (code == ERR_OK) {
            code = pg_run(w->pg, &biller_sql_watch_done,
                          PG_PARAMS(pg_text(subscription), touched_at), NULL, e);
        }
        ++*ret_rated;
    }
    if (code == ERR_OK) {
        metric_set(&BEHIND, count == 0 ? 0 : (clock_system_us() - oldest_us) / US_PER_SECOND);
    }
    return code;
}

static enum err_code look_turned(struct watch *w, int *ret_rated, struct err *e) {
    int64_t now_us = clock_monotonic_us();
    if (w->turned_us != 0 && now_us - w->turned_us < TURNED_EVERY_MS * 1000LL) {
        return ERR_OK;
    }
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(w->pg, &biller_sql_watch_turned, PG_PARAMS(pg_int8(WATCH_BATCH)), &rows, e);
    struct pg_param none = pg_null();
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows) && !program_should_stop(); i++) {
        code = rate(w, pg_rows_text(&rows, i, 0), &none, e);
        ++*ret_rated;
    }
    if (code == ERR_OK && pg_rows_count(&rows) < WATCH_BATCH) {
        w->turned_us = now_us;
    }
    return code;
}

enum err_code watch_look(struct watch *w, int *ret_rated, struct err *e) {
    *ret_rated = 0;
    if (!w->active) {
        PG_ROWS_AUTO struct pg_rows rows = {0};
        enum err_code code = pg_run_one(w->pg, &biller_sql_watch_lock, PG_NO_PARAMS, &rows, e);
        if (code != ERR_OK) {
            return code;
        }
        if (!pg_rows_bool(&rows, 0, 0)) {
            if (!w->stands_by) {
                log_warn("not watching running charges, another weir-biller holds the lock");
            }
            w->stands_by = true;
            return ERR_OK;
        }
        w->active = true;
        w->stands_by = false;
        log_info("watching running charges");
    }
    enum err_code code = look_touched(w, ret_rated, e);
    return code == ERR_OK ? look_turned(w, ret_rated, e) : code;
}
