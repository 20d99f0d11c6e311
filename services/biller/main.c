// weir-biller: billing runs in the main thread, running charges in a second one, each with a
// connection of its own, so that a long run never makes charges stale.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "biller/run.h"
#include "biller/watch.h"
#include "platform/http/metrics_server.h"
#include "platform/program/log.h"
#include "platform/program/program.h"

enum { STATEMENT_TIMEOUT_MS = 600000, STANDBY_MS = 2000, RETRY_MS = 1000 };

static const struct config_row rows[] = {
    CONFIG_ROW_DATABASE,
    CONFIG_ROW_LOG_LEVEL,
    METRICS_SERVER_LISTEN_ROW("127.0.0.1:18083"),
    {.name = "poll_every",
     .type = CONFIG_DURATION,
     .min = 20,
     .max = 600000,
     .fallback = "1s",
     .example = "500ms",
     .help = "how often billing runs are looked for"},
    {.name = "watch_every",
     .type = CONFIG_DURATION,
     .min = 20,
     .max = 600000,
     .fallback = "1s",
     .example = "500ms",
     .help = "how often subscriptions whose usage changed are looked for"},
    {.name = "late_months",
     .type = CONFIG_INT,
     .min = 0,
     .max = 24,
     .fallback = "3",
     .example = "12",
     .help = "billed months before the period that are rated again for late usage"},
    {.name = "invoice_prefix",
     .type = CONFIG_TEXT,
     .fallback = "INV-",
     .example = "INV-",
     .help = "begins invoice numbers; the year follows, as INV-2026-000001"},
    {.name = "statement_prefix",
     .type = CONFIG_TEXT,
     .fallback = "ST-",
     .example = "ST-",
     .help = "begins statement numbers; the year follows, as ST-2026-000001"},
};

// Why the program is not ready, or NULL.
static _Atomic(const char *) trouble = "not connected to the database yet";
// The same of running charges.
static _Atomic(const char *) watch_trouble = "running charges have not been looked at yet";
static _Atomic bool watch_stands_by;

static bool is_ready(void *ctx, char *why, size_t why_size) {
    (void)ctx;
    const char *text = atomic_load(&trouble);
    if (text == NULL) {
        text = atomic_load(&watch_trouble);
    }
    if (text != NULL) {
        (void)snprintf(why, why_size, "%s", text);
    } else if (atomic_load(&watch_stands_by)) {
        (void)snprintf(why, why_size, "another weir-biller watches running charges");
    }
    return text == NULL;
}

static struct pg_options database(const struct config *c, const char *name) {
    return (struct pg_options){.conninfo = config_secret(c, "database_url"),
                               .application_name = name,
                               .statement_timeout_ms = STATEMENT_TIMEOUT_MS};
}

// --- running charges -----------------------------------------------------------------------------

static void watch_loop(struct watch *w, int64_t every_ms) {
    while (!program_should_stop()) {
        struct err e;
        int rated = 0;
        if (!pg_alive(w->pg)) {
            w->active = false;
            atomic_store(&watch_trouble, "the database is away for running charges");
            if (pg_reconnect(w->pg, program_keeps_running, &e) != ERR_OK) {
                continue;
            }
        }
        int64_t pause_ms = every_ms;
        if (watch_look(w, &rated, &e) != ERR_OK) {
            log_error("running charges not looked at", log_err(&e));
            atomic_store(&watch_trouble, "the last look at running charges failed");
            pause_ms = RETRY_MS;
        } else {
            atomic_store(&watch_trouble, NULL);
            atomic_store(&watch_stands_by, !w->active);
            pause_ms = w->active ? every_ms : STANDBY_MS;
        }
        if (rated < WATCH_BATCH) {
            (void)program_sleep_ms(pause_ms);
        }
    }
}

static void *watch_main(void *ctx) {
    const struct config *c = ctx;
    struct pg_options options = database(c, "weir-biller watch");
    struct watch w = {0};
    struct err e;
    if (pg_open_wait(&options, program_keeps_running, &w.pg, &e) != ERR_OK) {
        if (!program_should_stop()) {
            log_error("no connection for running charges", log_err(&e));
            program_stop();
        }
        return NULL;
    }
    watch_loop(&w, config_duration_ms(c, "watch_every"));
    pg_close(w.pg);
    return NULL;
}

// --- billing runs --------------------------------------------------------------------------------

static void run_loop(struct pg *pg, const struct run_settings *s, int64_t every_ms) {
    while (!program_should_stop()) {
        struct err e;
        if (!pg_alive(pg)) {
            atomic_store(&trouble, "the database is away");
            if (pg_reconnect(pg, program_keeps_running, &e) != ERR_OK) {
                continue;
            }
        }
        bool worked = false;
        if (run_all(pg, s, &worked, &e) != ERR_OK) {
            log_error("billing runs not looked at", log_err(&e));
            atomic_store(&trouble, "the last look at billing runs failed");
            (void)program_sleep_ms(RETRY_MS);
            continue;
        }
        atomic_store(&trouble, NULL);
        if (!worked) {
            (void)program_sleep_ms(every_ms);
        }
    }
}

static enum err_code work(const struct config *c, struct err *e) {
    struct pg *pg = NULL;
    struct pg_options options = database(c, "weir-biller");
    enum err_code code = pg_open_wait(&options, program_keeps_running, &pg, e);
    if (code != ERR_OK) {
        return program_should_stop() ? ERR_OK : code;
    }
    pthread_t watcher;
    check(pthread_create(&watcher, NULL, watch_main, (void *)c) == 0);
    struct run_settings settings = {
        .invoice_prefix = config_text(c, "invoice_prefix"),
        .statement_prefix = config_text(c, "statement_prefix"),
        .months_back = config_int(c, "late_months"),
    };
    run_loop(pg, &settings, config_duration_ms(c, "poll_every"));
    check(pthread_join(watcher, NULL) == 0);
    pg_close(pg);
    return ERR_OK;
}

static enum err_code check_prefix(const struct config *c, const char *name, struct err *e) {
    const char *prefix = config_text(c, name);
    size_t length = strlen(prefix); // a series' prefix holds the year as well: at most 12 in all
    if (length < 1 || length > 7 ||
        strspn(prefix, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != length) {
        return err_field(e, ERR_CONFIG, name,
                         "must be 1 to 7 of A-Z, 0-9 and - but is \"%s\" (example: INV-)", prefix);
    }
    return ERR_OK;
}

static enum err_code run(const struct config *c, struct err *e) {
    enum err_code code = check_prefix(c, "invoice_prefix", e);
    if (code == ERR_OK) {
        code = check_prefix(c, "statement_prefix", e);
    }
    if (code != ERR_OK) {
        return code;
    }
    run_register_metrics();
    watch_register_metrics();
    struct metrics_server *server = NULL;
    struct metrics_server_options options = {
        .listen = config_text(c, "metrics_listen"), .program = "weir-biller", .ready = is_ready};
    code = metrics_server_start(&options, &server, e);
    if (code == ERR_OK) {
        code = work(c, e);
    }
    metrics_server_stop(server);
    return code;
}

static const struct program BILLER = {
    .config = {.name = "weir-biller",
               .summary = "Rates usage, keeps running charges, issues invoices and statements.",
               .rows = rows,
               .rows_count = sizeof rows / sizeof *rows},
    .run = run,
};

int main(int argc, char **argv) {
    return program_main(&BILLER, argc, argv);
}
