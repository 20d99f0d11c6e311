// Read, fold, commit, in one thread. What is in memory is a copy of the database plus the open
// batch, so every trouble has the same answer: drop it, load, read again from the stored offsets.
// While the database is away nothing is read (librdkafka's queue fills up and it stops fetching).
#include "meter/meter.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "core/brokerlog/log_block.h"
#include "core/brokerlog/log_pack.h"
#include "meter/consumer.h"
#include "meter/fold/fold.h"
#include "meter/meter_log.h"
#include "meter/meter_metrics.h"
#include "meter/pace.h"
#include "meter/store/store.h"
#include "platform/http/metrics_server.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"
#include "platform/program/program.h"

enum {
    IDLE_MS = 1000,             // longest wait for a message
    HOUSEKEEPING_MS = 3000,     // grants, gauges, report to Kafka
    RETRY_MS = 500,             // after a refused statement
    PRUNE_MS = 600000,          // between two prunings of kept batches
    PRODUCED_FRESH_MS = 600000, // how long what topics' production was is believed
    CLUSTER_RETRY_MS = 1000,    // until the cluster is registered
    STATEMENT_TIMEOUT_MS = 60000,
    LOG_EVERY_MS = 10000, // of errors that repeat
    TOPIC_TEXT_MAX = 320,
};

struct meter {
    struct pg *pg;
    struct store store;
    struct fold fold;
    struct consumer *consumer;
    struct log_unpacker *unpacker;
    int64_t batch_ms;
    int64_t batches_us;   // how long produce batches are kept
    int64_t batches_most; // of one topic
    int64_t next_prune_ms;
    int64_t batch_began_ms;
    int64_t next_housekeeping_ms;
    int64_t next_log_ms;
    int64_t produced_ms; // when what was known of production was dropped last
    uint64_t silent;     // of meter_log_silent
    bool rewind;         // memory was dropped: load and read again from the stored offsets
    _Atomic bool database_ok;
    _Atomic bool reading;
};

static int64_t now_ms(void) {
    return clock_monotonic_us() / 1000;
}

// Errors that repeat are logged now and then.
static void complain(struct meter *m, const char *event, const struct err *e) {
    int64_t now = now_ms();
    if (now >= m->next_log_ms) {
        m->next_log_ms = now + LOG_EVERY_MS;
        log_warn(event, log_err(e));
    }
}

// --- database ------------------------------------------------------------------------------------

static enum err_code reconnect(struct meter *m, struct err *e) {
    enum err_code code = pg_reconnect(m->pg, program_keeps_running, e);
    if (code == ERR_OK) {
        code = store_session(m->pg, e);
    }
    if (code == ERR_OK) {
        meter_metrics_reconnect();
        log_info("connected to the database again");
    }
    return code;
}

// Before work that follows a pause: a connection that died meanwhile is made anew, and no error.
// What fails here is met again by the work itself.
static void look_at_connection(struct meter *m) {
    if (!pg_alive(m->pg)) {
        struct err e;
        m->database_ok = false;
        (void)reconnect(m, &e);
    }
}

// After an error: makes the connection anew if it is gone, else pauses. False: stop.
static bool recover(struct meter *m, const char *event, struct err *e) {
    m->database_ok = false;
    complain(m, event, e);
    return (!pg_usable(m->pg) && reconnect(m, e) == ERR_OK) || program_sleep_ms(RETRY_MS);
}

// What the batch told of produce batches, settled at once: else somebody's housekeeping does it.
static void settle_batches(struct meter *m) {
    if (m->fold.batches.count == 0 && m->fold.fact_count == 0) {
        return;
    }
    struct err e = {0};
    if (store_settle_batches(&m->store, m->fold.fact_count > 0, &e) != ERR_OK) {
        complain(m, "produce batches can't be settled yet", &e);
    }
}

static void commit_done(struct meter *m, const struct store_outcome *outcome, int64_t began_us) {
    m->database_ok = true;
    meter_metrics_batch(&m->fold, outcome, clock_monotonic_us() - began_us, clock_system_us());
    meter_log_batch(&m->fold);
    for (size_t i = 0; i < m->fold.partitions.cap; i++) {
        const struct log_partition *p = m->fold.partitions.by_number[i];
        if (p != NULL && p->touched) {
            consumer_done_to(m->consumer, p->number, p->next_offset);
        }
    }
    settle_batches(m);
    fold_stored(&m->fold);
}

static void drop_memory(struct meter *m, const struct err *why) {
    log_warn("batch dropped, to be folded again", log_err(why));
    meter_metrics_conflict();
    fold_reset(&m->fold);
    m->rewind = true;
}

// Commits the open batch; waits while the database is away, unless `once`. Afterwards the batch is
// empty: committed, dropped, or (program stops, `once`) left for whoever reads next.
static void commit(struct meter *m, bool once) {
    if (fold_empty(&m->fold)) {
        return;
    }
    if (!once) {
        look_at_connection(m);
    }
    fold_finish(&m->fold, clock_system_us());
    meter_metrics_silent(meter_log_silent(&m->fold, &m->silent));
    while (!fold_empty(&m->fold)) {
        struct err e = {0};
        struct store_outcome outcome = {0};
        int64_t began_us = clock_monotonic_us();
        enum err_code code = store_commit(&m->store, &m->fold, &outcome, &e);
        if (code == ERR_OK) {
            commit_done(m, &outcome, began_us);
            return;
        }
        if (code == ERR_CONFLICT) {
            drop_memory(m, &e);
            return;
        }
        if (once || !recover(m, "batch can't be committed yet", &e)) {
            fold_reset(&m->fold);
            m->rewind = true;
            return;
        }
    }
}

// --- events of the consumer ----------------------------------------------------------------------

static enum err_code on_assigned(void *ctx, rd_kafka_topic_partition_list_t *list, struct err *e) {
    struct meter *m = ctx;
    if (list->cnt > LOG_PARTITIONS_MAX) {
        return err_set(e, ERR_LIMIT, "the log topic has more than %d partitions",
                       LOG_PARTITIONS_MAX);
    }
    int32_t numbers[LOG_PARTITIONS_MAX];
    for (int i = 0; i < list->cnt; i++) {
        numbers[i] = list->elems[i].partition;
    }
    m->rewind = false;
    for (;;) {
        fold_reset(&m->fold);
        enum err_code code = store_load(&m->store, &m->fold, numbers, (size_t)list->cnt, e);
        if (code == ERR_OK) {
            break;
        }
        if (code == ERR_INVALID || !recover(m, "positions can't be loaded yet", e)) {
            return code;
        }
    }
    for (int i = 0; i < list->cnt; i++) {
        struct log_partition *p = log_partitions_find(&m->fold.partitions, numbers[i]);
        check(p != NULL);
        log_partitions_begin(p, p->next_offset);
        list->elems[i].offset = p->read_offset;
    }
    meter_log_loaded(&m->fold);
    m->next_housekeeping_ms = 0; // what the gauges show is another meter's
    m->database_ok = true;
    m->reading = true;
    return ERR_OK;
}

static void on_revoked(void *ctx, bool lost) {
    struct meter *m = ctx;
    m->reading = false;
    if (!lost) {
        commit(m, true);
    }
    fold_reset(&m->fold);
    m->rewind = false;
}

static void on_expired(void *ctx, int32_t partition, int64_t offset) {
    struct meter *m = ctx;
    log_error("the log topic doesn't hold what comes next: reading goes on at its start",
              log_int("partition", partition), log_int("offset", offset));
    struct log_partition *p = log_partitions_find(&m->fold.partitions, partition);
    if (p != NULL) {
        log_partitions_expire(p, offset);
    }
}

static int64_t on_next(void *ctx, int32_t partition) {
    struct meter *m = ctx;
    const struct log_partition *p = log_partitions_find(&m->fold.partitions, partition);
    check(p != NULL);
    return p->read_offset;
}

// --- records -------------------------------------------------------------------------------------

static struct log_block_headers headers_of(const rd_kafka_message_t *message) {
    struct log_block_headers ret = {0};
    const struct {
        const char *name;
        struct slice *text;
    } known[] = {{LOG_HEADER_BLOCK, &ret.block},
                 {LOG_HEADER_KIND, &ret.kind},
                 {LOG_HEADER_POS, &ret.pos},
                 {LOG_HEADER_PREV, &ret.prev}};
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return ret;
    }
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    for (size_t i = 0;
         rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
            if (strcmp(name, known[k].name) == 0) {
                *known[k].text = slice_of(value, size);
            }
        }
    }
    return ret;
}

static enum err_code open_block(struct meter *m, const rd_kafka_message_t *message,
                                struct log_block *ret, struct err *e) {
    const struct log_block_headers headers = headers_of(message);
    struct slice text = slice_of(message->payload, message->len);
    enum err_code code =
        log_block_is_packed(&headers) ? log_unpacker_unpack(m->unpacker, text, &text, e) : ERR_OK;
    return code == ERR_OK ? log_block_open(&headers, text, ret, e) : code;
}

// Folds one block. A batch that is full on the way is committed with the block as what is next: where
// it is read again, what was taken of it are duplicates. Stops where memory was dropped.
static void take(struct meter *m, const rd_kafka_message_t *message) {
    struct log_partition *p = log_partitions_find(&m->fold.partitions, message->partition);
    if (p == NULL || message->offset < p->read_offset) {
        return; // of an assignment that is over
    }
    log_partitions_begin(p, message->offset);
    struct log_block block;
    struct err e = {0};
    if (open_block(m, message, &block, &e) != ERR_OK) {
        complain(m, "record of the log topic that no tap wrote", &e);
        fold_foreign(&m->fold, p);
        log_partitions_end(p);
        return;
    }
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    struct broker_record record;
    struct slice text;
    while (log_block_next(&block, &record, &text)) {
        if (fold_full(&m->fold)) {
            commit(m, false);
            if (m->rewind) {
                return;
            }
            m->batch_began_ms = now_ms();
        }
        fold_record(&m->fold, p, &record, text, timestamp_ms < 0 ? -1 : timestamp_ms * 1000);
    }
    log_partitions_end(p);
}

static void read_some(struct meter *m, int timeout_ms, struct err *e, enum err_code *ret_code) {
    rd_kafka_message_t *const *messages = NULL;
    size_t count = 0;
    *ret_code = consumer_poll(m->consumer, timeout_ms, &messages, &count, e);
    bool began = fold_empty(&m->fold);
    for (size_t i = 0; i < count && !m->rewind; i++) {
        take(m, messages[i]);
    }
    if (began) {
        m->batch_began_ms = now_ms();
    }
}

// --- loop ----------------------------------------------------------------------------------------

static void measure(struct meter *m) {
    int64_t lag = 0;
    for (size_t i = 0; i < m->fold.partitions.cap; i++) {
        const struct log_partition *p = m->fold.partitions.by_number[i];
        int64_t part = p == NULL ? 0 : consumer_lag(m->consumer, p->number, p->stored_offset);
        lag += part > 0 ? part : 0;
    }
    meter_metrics_standing(m->fold.partitions.owned, log_partitions_open_gaps(&m->fold.partitions),
                           lag, m->fold.principals.count);
}

static enum err_code keep_batches(struct meter *m, struct err *e) {
    enum err_code code = store_refresh_written(&m->store, &m->fold, e);
    if (code == ERR_OK) {
        code = store_settle_batches(&m->store, true, e);
    }
    if (code == ERR_OK) {
        code = store_settle_readings(&m->store, &m->fold, e);
    }
    // By the brokers' time, as far as everybody has read.
    if (code != ERR_OK || now_ms() < m->next_prune_ms || m->fold.read_by_all_us == 0) {
        return code;
    }
    int64_t topics = 0;
    code = store_prune_batches(&m->store, m->fold.read_by_all_us - m->batches_us, m->batches_most,
                               &topics, e);
    m->next_prune_ms = now_ms() + (topics > 0 ? HOUSEKEEPING_MS : PRUNE_MS);
    return code;
}

static void keep_house(struct meter *m) {
    if (now_ms() < m->next_housekeeping_ms) {
        return;
    }
    m->next_housekeeping_ms = now_ms() + HOUSEKEEPING_MS;
    measure(m);
    consumer_report(m->consumer);
    if (!m->reading || m->rewind) {
        return;
    }
    look_at_connection(m);
    struct err e = {0};
    int64_t bound = 0;
    enum err_code code = store_refresh(&m->store, &m->fold, &e);
    if (code == ERR_CONFLICT) {
        drop_memory(m, &e);
        return;
    }
    if (code == ERR_OK) {
        code = store_bind(&m->store, &bound, &e);
    }
    if (code == ERR_OK && now_ms() - m->produced_ms > PRODUCED_FRESH_MS) {
        produced_forget(&m->fold.produced);
        m->produced_ms = now_ms();
    }
    if (code == ERR_OK) {
        code = store_load_produced(&m->store, &m->fold, &e);
    }
    if (code == ERR_OK) {
        code = keep_batches(m, &e);
    }
    if (code != ERR_OK) {
        (void)recover(m, "grants can't be read yet", &e);
        return;
    }
    m->database_ok = true;
    meter_metrics_bound(bound);
}

static enum err_code loop(struct meter *m, struct err *e) {
    while (!program_should_stop()) {
        int64_t wait_ms = IDLE_MS;
        if (!fold_empty(&m->fold)) {
            wait_ms = pace_due_ms(now_ms() - m->batch_began_ms, m->batch_ms, m->fold.rows.count,
                                  m->fold.counts.lines);
            if (wait_ms == 0) {
                commit(m, false);
                keep_house(m);
                wait_ms = IDLE_MS;
            }
        } else {
            keep_house(m);
        }
        if (m->rewind && consumer_assigned(m->consumer)) {
            enum err_code code = consumer_rewind(m->consumer, e);
            if (code != ERR_OK) {
                return program_should_stop() ? ERR_OK : code;
            }
        }
        enum err_code code = ERR_OK;
        read_some(m, (int)(wait_ms < IDLE_MS ? wait_ms : IDLE_MS), e, &code);
        if (code == ERR_INTERNAL) {
            return code;
        }
        if (code != ERR_OK) {
            meter_metrics_kafka_error();
            complain(m, "the log topic can't be read yet", e);
        }
    }
    return ERR_OK;
}

// --- start ---------------------------------------------------------------------------------------

static bool ready(void *ctx, char *why, size_t why_size) {
    const struct meter *m = ctx;
    if (m->database_ok && m->reading) {
        return true;
    }
    (void)snprintf(why, why_size, "%s",
                   m->database_ok ? "no partitions of the log assigned" : "database is away");
    return false;
}

static enum err_code find_cluster(struct meter *m, const char *cluster, struct err *e) {
    for (;;) {
        enum err_code code = store_open(&m->store, m->pg, cluster, e);
        if (code == ERR_OK) {
            m->database_ok = true;
            return ERR_OK;
        }
        if (code == ERR_NOT_FOUND) {
            (void)err_set(e, ERR_NOT_FOUND, "cluster \"%s\" is not registered yet", cluster);
            complain(m, "waiting", e);
            if (!program_sleep_ms(CLUSTER_RETRY_MS)) {
                return code;
            }
        } else if (!recover(m, "cluster can't be read yet", e)) {
            return code;
        }
    }
}

static enum err_code run_with_database(struct meter *m, const struct config *config,
                                       struct consumer_settings *settings, struct err *e) {
    enum err_code code = find_cluster(m, config_text(config, "cluster"), e);
    if (code != ERR_OK) {
        return program_should_stop() ? ERR_OK : code;
    }
    const char *topic = config_text(config, "log_topic");
    settings->topic = topic == NULL ? m->store.log_topic : topic;
    struct consumer_events events = {.assigned = on_assigned,
                                     .revoked = on_revoked,
                                     .expired = on_expired,
                                     .next = on_next,
                                     .ctx = m};
    code = consumer_new(settings, &events, &m->consumer, e);
    if (code != ERR_OK) {
        store_done(&m->store);
        return code;
    }
    log_info("reading", log_str("topic", settings->topic), log_str("group", settings->group));
    code = loop(m, e);
    if (code == ERR_OK) {
        commit(m, true);
    }
    consumer_report(m->consumer);
    consumer_free(m->consumer);
    store_done(&m->store);
    return code;
}

enum err_code meter_run(const struct config *config, struct err *e) {
    struct consumer_settings settings = {
        .group = config_text(config, "group_id"),
        .instance = config_text(config, "instance"),
        .queue_bytes = config_bytes(config, "queue_size"),
        .session_timeout_ms = config_duration_ms(config, "session_timeout"),
    };
    enum err_code code = kafka_settings_read(config, &settings.kafka, e);
    if (code != ERR_OK) {
        return code;
    }
    struct meter *m = calloc(1, sizeof *m);
    check(m != NULL);
    m->batch_ms = config_int(config, "batch_ms");
    m->batches_us = config_duration_ms(config, "batches_keep") * 1000;
    m->batches_most = config_int(config, "batches_most");
    fold_init(&m->fold);
    m->unpacker = log_unpacker_new();
    meter_metrics_register();
    struct metrics_server_options server = {.listen = config_text(config, "metrics_listen"),
                                            .program = "weir-meter",
                                            .ready = ready,
                                            .ctx = m};
    struct metrics_server *metrics = NULL;
    code = metrics_server_start(&server, &metrics, e);
    struct pg_options database = {.conninfo = config_secret(config, "database_url"),
                                  .application_name = "weir-meter",
                                  .statement_timeout_ms = STATEMENT_TIMEOUT_MS};
    if (code == ERR_OK) {
        code = pg_open_wait(&database, program_keeps_running, &m->pg, e);
        if (code == ERR_OK) {
            code = store_session(m->pg, e);
        }
        if (code == ERR_OK) {
            code = run_with_database(m, config, &settings, e);
        } else if (program_should_stop()) {
            code = ERR_OK;
        }
        pg_close(m->pg);
    }
    metrics_server_stop(metrics);
    fold_done(&m->fold);
    log_unpacker_free(m->unpacker);
    free(m);
    return code;
}
