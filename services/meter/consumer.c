// librdkafka 2.0.2 by its batch interface. Two traps shape this file. rd_kafka_consume_batch_queue
// waits until the batch is full or the time is over, so the first message is waited for alone and
// the rest taken without waiting. And a rebalance callback may run inside that call, after it has
// put messages of the old assignment into the array: whenever that happens the array is thrown away
// and reading begins again at the offsets in force.
#include "meter/consumer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "platform/program/log.h"

enum {
    NUMBER_TEXT_MAX = 24,
    CLOSE_TIMEOUT_MS = 5000,
    WATERMARK_TIMEOUT_MS = 5000,
    // A member hears by its heartbeat that the group is dividing the partitions anew, and the others
    // wait for it: however long a session is, nobody waits longer than this.
    HEARTBEAT_MS = 500,
};

struct consumer {
    struct consumer_events events;
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    char *topic;
    rd_kafka_topic_partition_list_t *assignment; // NULL: none
    rd_kafka_topic_partition_list_t *done;       // offsets to report
    uint64_t epoch;                              // grows with each rebalance
    bool rewind_due;                             // a partition's start could not be found
    bool resume_due;                             // a partition goes on at its start
    bool broken;                                 // a fatal error of the client
    rd_kafka_message_t *messages[CONSUMER_MESSAGES_MAX];
    size_t count;
};

static enum err_code assign(struct consumer *c, rd_kafka_topic_partition_list_t *list,
                            struct err *e) {
    enum err_code code = c->events.assigned(c->events.ctx, list, e);
    if (code == ERR_OK) {
        rd_kafka_resp_err_t failed = rd_kafka_assign(c->client, list);
        code = failed == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK : kafka_error_set(failed, "assign", e);
    }
    return code;
}

static void drop_assignment(struct consumer *c) {
    if (c->assignment != NULL) {
        rd_kafka_topic_partition_list_destroy(c->assignment);
        c->assignment = NULL;
    }
}

static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t what,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque) {
    struct consumer *c = opaque;
    c->epoch++;
    c->rewind_due = false;
    c->resume_due = false;
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        log_info("partitions assigned", log_int("partitions", partitions->cnt));
        drop_assignment(c);
        c->assignment = rd_kafka_topic_partition_list_copy(partitions);
        struct err e = {0};
        if (assign(c, c->assignment, &e) == ERR_OK) {
            return;
        }
        log_error("partitions can't be read", log_err(&e));
        drop_assignment(c);
    } else if (c->assignment != NULL) {
        bool lost = rd_kafka_assignment_lost(client) == 1;
        log_info("partitions revoked", log_bool("lost", lost));
        c->events.revoked(c->events.ctx, lost);
        drop_assignment(c);
    }
    (void)rd_kafka_assign(client, NULL);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque) {
    struct consumer *c = opaque;
    char text[512];
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        (void)rd_kafka_fatal_error(client, text, sizeof text);
        log_error("the consumer can't go on", log_str("text", text));
        c->broken = true;
        return;
    }
    // Connections come and go; librdkafka goes on trying by itself.
    log_warn("kafka", log_str("text", reason),
             log_str("name", rd_kafka_err2name((rd_kafka_resp_err_t)code)));
}

static enum err_code set_int(rd_kafka_conf_t *conf, const char *name, int64_t value,
                             struct err *e) {
    char text[NUMBER_TEXT_MAX];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    return kafka_conf_set(conf, name, text, e);
}

static enum err_code set_all(rd_kafka_conf_t *conf, const struct consumer_settings *s,
                             struct err *e) {
    const struct {
        const char *name;
        const char *value;
    } texts[] = {
        {"group.id", s->group},
        {"group.instance.id", s->instance},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"}, // see `expired`
        {"partition.assignment.strategy", "range"},
    };
    const struct {
        const char *name;
        int64_t value;
    } numbers[] = {
        {"session.timeout.ms", s->session_timeout_ms},
        {"heartbeat.interval.ms", HEARTBEAT_MS},
        // While the database is away nothing is polled; then another member may try.
        {"max.poll.interval.ms", s->session_timeout_ms > 60000 ? s->session_timeout_ms : 60000},
        {"fetch.wait.max.ms", 1000}, // answered at once when there is data
        {"fetch.message.max.bytes", 4 * 1024 * 1024},
        {"queued.min.messages", 10000000}, // the bound is in bytes
        {"queued.max.messages.kbytes", s->queue_bytes / 1024},
        {"topic.metadata.refresh.interval.ms", 30000},
    };
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < sizeof texts / sizeof *texts; i++) {
        if (texts[i].value != NULL) {
            code = kafka_conf_set(conf, texts[i].name, texts[i].value, e);
        }
    }
    for (size_t i = 0; code == ERR_OK && i < sizeof numbers / sizeof *numbers; i++) {
        code = set_int(conf, numbers[i].name, numbers[i].value, e);
    }
    return code;
}

static enum err_code subscribe(struct consumer *c, struct err *e) {
    rd_kafka_resp_err_t failed = rd_kafka_poll_set_consumer(c->client);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        c->queue = rd_kafka_queue_get_consumer(c->client);
        rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
        rd_kafka_topic_partition_list_add(topics, c->topic, RD_KAFKA_PARTITION_UA);
        failed = rd_kafka_subscribe(c->client, topics);
        rd_kafka_topic_partition_list_destroy(topics);
    }
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK : kafka_error_set(failed, "subscribe", e);
}

enum err_code consumer_new(const struct consumer_settings *s, const struct consumer_events *events,
                           struct consumer **ret, struct err *e) {
    rd_kafka_conf_t *conf = NULL;
    enum err_code code = kafka_conf_new(&s->kafka, "weir-meter", &conf, e);
    if (code != ERR_OK) {
        return code;
    }
    code = set_all(conf, s, e);
    if (code != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return code;
    }
    struct consumer *c = calloc(1, sizeof *c);
    check(c != NULL);
    c->events = *events;
    c->topic = strdup(s->topic);
    check(c->topic != NULL);
    c->done = rd_kafka_topic_partition_list_new(16);
    rd_kafka_conf_set_opaque(conf, c);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_error_cb(conf, on_error);
    code = kafka_client_new(RD_KAFKA_CONSUMER, conf, &c->client, e);
    if (code == ERR_OK) {
        code = subscribe(c, e);
    }
    if (code != ERR_OK) {
        consumer_free(c);
        return code;
    }
    *ret = c;
    return ERR_OK;
}

static void free_messages(struct consumer *c) {
    for (size_t i = 0; i < c->count; i++) {
        if (c->messages[i] != NULL) {
            rd_kafka_message_destroy(c->messages[i]);
        }
    }
    c->count = 0;
}

void consumer_free(struct consumer *c) {
    if (c == NULL) {
        return;
    }
    free_messages(c);
    if (c->client != NULL) {
        (void)rd_kafka_consumer_close(c->client); // calls on_rebalance
        if (c->queue != NULL) {
            rd_kafka_queue_destroy(c->queue);
        }
        rd_kafka_destroy(c->client);
    }
    drop_assignment(c);
    rd_kafka_topic_partition_list_destroy(c->done);
    free(c->topic);
    free(c);
}

bool consumer_assigned(const struct consumer *c) {
    return c->assignment != NULL;
}

enum err_code consumer_rewind(struct consumer *c, struct err *e) {
    free_messages(c);
    c->rewind_due = false;
    c->resume_due = false;
    if (c->assignment == NULL) {
        return ERR_OK;
    }
    // Unassigned first, so that nothing fetched before can be taken for what comes after.
    (void)rd_kafka_assign(c->client, NULL);
    enum err_code code = assign(c, c->assignment, e);
    c->rewind_due = code != ERR_OK;
    return code;
}

// The partition begins again at what the topic still holds. librdkafka gives it up with this error
// (a seek is refused), so it takes an assignment to read on: at the next poll, when what was read
// before has been taken.
static enum err_code begin_at_start(struct consumer *c, int32_t partition, struct err *e) {
    int64_t low = 0;
    int64_t high = 0;
    rd_kafka_resp_err_t failed = rd_kafka_query_watermark_offsets(
        c->client, c->topic, partition, &low, &high, WATERMARK_TIMEOUT_MS);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
        c->rewind_due = true; // then all is asked for again
        return kafka_error_set(failed, "start of the partition", e);
    }
    c->events.expired(c->events.ctx, partition, low);
    c->resume_due = true;
    return ERR_OK;
}

// All partitions again, each from where it is.
static enum err_code resume(struct consumer *c, struct err *e) {
    c->resume_due = false;
    if (c->assignment == NULL) {
        return ERR_OK;
    }
    for (int i = 0; i < c->assignment->cnt; i++) {
        rd_kafka_topic_partition_t *p = &c->assignment->elems[i];
        p->offset = c->events.next(c->events.ctx, p->partition);
    }
    (void)rd_kafka_assign(c->client, NULL);
    rd_kafka_resp_err_t failed = rd_kafka_assign(c->client, c->assignment);
    c->rewind_due = failed != RD_KAFKA_RESP_ERR_NO_ERROR;
    return c->rewind_due ? kafka_error_set(failed, "assign", e) : ERR_OK;
}

static enum err_code answer_of(struct consumer *c, const rd_kafka_message_t *m, struct err *e) {
    if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        return begin_at_start(c, m->partition, e);
    }
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        return ERR_OK;
    }
    return err_set(e, kafka_error_code(m->err), "log topic: %s", rd_kafka_message_errstr(m));
}

enum err_code consumer_poll(struct consumer *c, int timeout_ms, rd_kafka_message_t *const **ret,
                            size_t *ret_count, struct err *e) {
    free_messages(c);
    *ret_count = 0;
    enum err_code resumed = c->resume_due ? resume(c, e) : ERR_OK;
    if (resumed != ERR_OK) {
        return resumed;
    }
    uint64_t epoch = c->epoch;
    rd_kafka_message_t *first = rd_kafka_consume_queue(c->queue, timeout_ms);
    if (first != NULL) {
        c->messages[c->count++] = first;
        ssize_t more =
            rd_kafka_consume_batch_queue(c->queue, 0, c->messages + 1, CONSUMER_MESSAGES_MAX - 1);
        c->count += more > 0 ? (size_t)more : 0;
    }
    if (c->broken) {
        return err_set(e, ERR_INTERNAL, "the Kafka client has failed for good");
    }
    if ((c->epoch != epoch && c->count > 0) || c->rewind_due) {
        return consumer_rewind(c, e);
    }
    enum err_code code = ERR_OK;
    size_t kept = 0;
    for (size_t i = 0; i < c->count; i++) {
        rd_kafka_message_t *m = c->messages[i];
        if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            c->messages[kept++] = m;
            continue;
        }
        enum err_code answer = answer_of(c, m, e);
        code = answer != ERR_OK ? answer : code;
        rd_kafka_message_destroy(m);
    }
    c->count = kept;
    *ret = c->messages;
    *ret_count = kept;
    return code;
}

void consumer_done_to(struct consumer *c, int32_t partition, int64_t offset) {
    rd_kafka_topic_partition_t *p =
        rd_kafka_topic_partition_list_find(c->done, c->topic, partition);
    if (p == NULL) {
        p = rd_kafka_topic_partition_list_add(c->done, c->topic, partition);
    }
    p->offset = offset;
}

void consumer_report(struct consumer *c) {
    if (c->done->cnt == 0) {
        return;
    }
    // For displays only: a failure is of no interest, and the next report says it again.
    (void)rd_kafka_commit(c->client, c->done, 1);
    rd_kafka_topic_partition_list_destroy(c->done);
    c->done = rd_kafka_topic_partition_list_new(16);
}

int64_t consumer_lag(const struct consumer *c, int32_t partition, int64_t offset) {
    int64_t low = 0;
    int64_t high = 0;
    if (rd_kafka_get_watermark_offsets(c->client, c->topic, partition, &low, &high) !=
            RD_KAFKA_RESP_ERR_NO_ERROR ||
        high < 0) {
        return -1;
    }
    return high > offset ? high - offset : 0;
}
