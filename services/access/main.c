// weir-access makes the ACLs of one cluster equal to what the subscriptions say, and the topics that
// providers ask for. It wakes on NOTIFY weir_access, at the moment a grant begins or ends by itself, and
// every compare_every.
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "access/access_store.h"
#include "access/broker_link.h"
#include "access/reconcile.h"
#include "access/topics.h"
#include "platform/http/metrics_server.h"
#include "platform/program/log.h"
#include "platform/program/metrics.h"
#include "platform/program/program.h"

enum { STANDBY_MS = 2000, RETRY_MIN_MS = 500, RETRY_MAX_MS = 10000, STATEMENT_TIMEOUT_MS = 30000 };

static const struct config_row rows[] = {
    CONFIG_ROW_DATABASE,
    CONFIG_ROW_LOG_LEVEL,
    METRICS_SERVER_LISTEN_ROW("127.0.0.1:18084"),
    CONFIG_ROWS_KAFKA,
    {.name = "cluster",
     .type = CONFIG_TEXT,
     .required = true,
     .example = "local",
     .help = "name of the cluster, as it is registered in Weir"},
    {.name = "compare_every",
     .type = CONFIG_DURATION,
     .min = 1000,
     .max = 3600000,
     .fallback = "30s",
     .example = "10s",
     .help = "longest time between two full comparisons"},
};

static struct metric ACTIVE =
    METRIC_GAUGE("weir_access_active", "", "1 while this process is the active one of its cluster");

struct access {
    const char *cluster;
    int64_t compare_every_ms;
    struct pg *pg;
    struct broker_admin *broker;
    const struct kafka_settings *kafka;
    char cluster_id[ACCESS_UUID_TEXT];
    bool listening, registered, active;
    bool more;        // topics are left to be made
    int64_t retry_ms; // 0: the last comparison was complete
    _Atomic bool healthy;
    _Atomic bool stands_by; // another process is the active one
};

static bool is_ready(void *ctx, char *why, size_t why_size) {
    struct access *x = ctx;
    if (atomic_load(&x->healthy)) {
        if (atomic_load(&x->stands_by)) {
            (void)snprintf(why, why_size, "stands by, another weir-access is active");
        }
        return true;
    }
    (void)snprintf(why, why_size, "the last comparison failed or none is done yet");
    return false;
}

// Connected, listening, cluster known, lock held or not (x->active).
static enum err_code prepare(struct access *x, struct err *e) {
    if (!pg_alive(x->pg)) {
        x->listening = x->active = false;
        atomic_store(&x->healthy, false);
        enum err_code code = pg_reconnect(x->pg, program_keeps_running, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    if (!x->listening) {
        enum err_code code = pg_script(x->pg, "listen weir_access", "listen", e);
        if (code != ERR_OK) {
            return code;
        }
        x->listening = true;
    }
    if (!x->registered) {
        enum err_code code = access_store_cluster(x->pg, x->cluster, x->cluster_id, e);
        if (code == ERR_NOT_FOUND) {
            return err_set(e, code, "cluster \"%s\" is not registered in Weir yet", x->cluster);
        }
        if (code != ERR_OK) {
            return code;
        }
        x->registered = true;
    }
    if (!x->active) {
        enum err_code code = access_store_try_lock(x->pg, x->cluster, &x->active, e);
        if (code == ERR_OK && x->active) {
            log_info("active for the cluster", log_id("cluster", x->cluster));
        } else if (code == ERR_OK && !atomic_load(&x->stands_by)) {
            log_warn("not active, another weir-access holds the lock of the cluster",
                     log_id("cluster", x->cluster));
        }
        atomic_store(&x->stands_by, code == ERR_OK && !x->active);
        return code;
    }
    return ERR_OK;
}

static void failed(struct access *x, const struct err *e) {
    log_warn("the cluster is not as it should be", log_id("cluster", x->cluster), log_err(e));
    atomic_store(&x->healthy, false);
    x->retry_ms = x->retry_ms == 0                 ? RETRY_MIN_MS
                  : x->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS
                                                   : x->retry_ms * 2;
    if (x->registered && x->active && pg_usable(x->pg)) {
        struct err ignored;
        if (access_store_save_error(x->pg, x->cluster_id, e->text, &ignored) != ERR_OK) {
            log_warn("error not recorded", log_err(&ignored));
        }
    }
}

static enum err_code step(struct access *x, struct err *e) {
    enum err_code code = prepare(x, e);
    metric_set(&ACTIVE, x->active);
    if (code != ERR_OK || !x->active) {
        return code;
    }
    struct reconcile c = {.pg = x->pg,
                          .broker = x->broker,
                          .cluster = x->cluster,
                          .cluster_id = x->cluster_id,
                          .kafka = x->kafka};
    code = reconcile_once(&c, e);
    if (c.reconnected) {
        x->listening = x->active = false;
        return code;
    }
    if (code != ERR_OK) {
        return code;
    }
    struct topics t = {
        .pg = x->pg, .broker = x->broker, .cluster = x->cluster, .cluster_id = x->cluster_id};
    code = topics_round(&t, &x->more, e);
    if (code == ERR_OK && c.transactional.code != ERR_OK) {
        *e = c.transactional;
        code = e->code;
    }
    return code;
}

// How long to wait for a notification before the next step.
static int64_t pause_ms(struct access *x) {
    if (x->retry_ms > 0) {
        return x->retry_ms;
    }
    if (!x->active) {
        return STANDBY_MS;
    }
    if (x->more) {
        return 0;
    }
    int64_t border_ms = -1;
    struct err e;
    if (access_store_next_border_ms(x->pg, x->cluster_id, &border_ms, &e) != ERR_OK) {
        log_warn("next border of grants not known", log_err(&e));
        return RETRY_MIN_MS;
    }
    return border_ms >= 0 && border_ms < x->compare_every_ms ? border_ms : x->compare_every_ms;
}

static void loop(struct access *x) {
    while (!program_should_stop()) {
        struct err e;
        if (step(x, &e) == ERR_OK) {
            x->retry_ms = 0;
            atomic_store(&x->healthy, true);
        } else if (!program_should_stop()) {
            failed(x, &e);
        }
        if (!program_should_stop()) {
            (void)pg_wait_notify(x->pg, program_stop_fd(), (int)pause_ms(x));
        }
    }
}

static enum err_code run(const struct config *c, struct err *e) {
    struct access x = {.cluster = config_text(c, "cluster"),
                       .compare_every_ms = config_duration_ms(c, "compare_every")};
    struct kafka_settings kafka;
    enum err_code code = kafka_settings_read(c, &kafka, e);
    if (code != ERR_OK) {
        return code;
    }
    x.kafka = &kafka;
    const char *unsupported = broker_link_unsupported(&kafka);
    if (unsupported != NULL) {
        log_warn("producers get no transactional ids", log_str("reason", unsupported));
    }
    metrics_register(&ACTIVE);
    reconcile_register_metrics();
    topics_register_metrics();
    struct metrics_server *server = NULL;
    struct metrics_server_options options = {.listen = config_text(c, "metrics_listen"),
                                             .program = "weir-access",
                                             .ready = is_ready,
                                             .ctx = &x};
    code = metrics_server_start(&options, &server, e);
    if (code == ERR_OK) {
        code = broker_admin_open(&kafka, &x.broker, e);
    }
    struct pg_options pg = {.conninfo = config_secret(c, "database_url"),
                            .application_name = "weir-access",
                            .statement_timeout_ms = STATEMENT_TIMEOUT_MS};
    if (code == ERR_OK) {
        code = pg_open_wait(&pg, program_keeps_running, &x.pg, e);
    }
    if (code == ERR_OK) {
        loop(&x);
    } else if (program_should_stop()) {
        code = ERR_OK;
    }
    metrics_server_stop(server);
    broker_admin_close(x.broker);
    pg_close(x.pg);
    return code;
}

static const struct program ACCESS = {
    .config = {.name = "weir-access",
               .summary = "Makes the ACLs of one Kafka cluster equal to the subscriptions, and the "
                          "topics asked for.",
               .rows = rows,
               .rows_count = sizeof rows / sizeof *rows},
    .run = run,
};

int main(int argc, char **argv) {
    return program_main(&ACCESS, argc, argv);
}
