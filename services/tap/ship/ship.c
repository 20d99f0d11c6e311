// The producer; see the header. Records stand in a ring in the order they were given; its head is
// the oldest one not acknowledged. librdkafka serves acknowledgements of one partition in order, so
// the last one acknowledged before the first failure is the partition's place without a gap.
#include "tap/ship/ship.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "platform/program/clock.h"

enum {
    WAIT_MS = 50,
    METADATA_MS = 5000,
    MESSAGE_MAX = BROKER_RECORD_VALUE_MAX + 40000, // value, key and headers
};

struct slot {
    struct ship_origin origin;
    struct log_position pos;
    int32_t partition;
    enum broker_record_kind kind;
    bool acked;
};

struct place {
    bool has_acked;
    bool has_sent;
    bool broken; // a delivery failed: later ones don't count
    struct log_position acked;
    struct log_position sent;
};

struct ship {
    struct ship_options options;
    rd_kafka_t *kafka;
    rd_kafka_topic_t *topic;
    int32_t partitions; // 0 until known
    struct place places[LOG_PARTITIONS_MAX];

    struct slot *slots; // SHIP_RECORDS_MAX of them
    uint64_t head;      // numbers grow for ever; slot = number % SHIP_RECORDS_MAX
    uint64_t tail;
    int64_t bytes; // queued in librdkafka, values only
    size_t holes;
    uint64_t acked_count;
    bool failed;
    struct err error;
};

struct ship *ship_new(const struct ship_options *o) {
    struct ship *s = calloc(1, sizeof *s);
    check(s != NULL);
    s->options = *o;
    s->slots = calloc(SHIP_RECORDS_MAX, sizeof s->slots[0]);
    check(s->slots != NULL);
    if (o->state != NULL) {
        s->partitions = o->state->partitions;
        for (int32_t p = 0; p < s->partitions; p++) {
            s->places[p].has_acked = o->state->acked[p].has;
            s->places[p].acked = o->state->acked[p].pos;
        }
    }
    s->options.state = NULL;
    return s;
}

// --- acknowledgements ----------------------------------------------------------------------------

static void fail(struct ship *s, rd_kafka_resp_err_t code, const char *what) {
    if (!s->failed) {
        s->failed = true;
        (void)kafka_error_set(code, what, &s->error);
    }
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
    (void)rk;
    struct ship *s = opaque;
    uint64_t number = (uint64_t)(uintptr_t)m->_private;
    check(number >= s->head && number < s->tail);
    struct slot *slot = &s->slots[number % SHIP_RECORDS_MAX];
    struct place *place = &s->places[slot->partition];
    s->bytes -= (int64_t)m->len;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        place->broken = true;
        fail(s, m->err, "delivery failed");
        return;
    }
    s->acked_count++;
    if (place->broken) {
        return; // it will be sent again: the reader takes it for a duplicate
    }
    slot->acked = true;
    if (broker_record_kind_advances(slot->kind)) {
        place->has_acked = true;
        place->acked = slot->pos;
    }
    while (s->head < s->tail && s->slots[s->head % SHIP_RECORDS_MAX].acked) {
        s->holes -= s->slots[s->head % SHIP_RECORDS_MAX].kind == BROKER_RECORD_HOLE;
        s->head++;
    }
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque) {
    (void)reason;
    char text[512];
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        fail(opaque, rd_kafka_fatal_error(rk, text, sizeof text), "producer failed for good");
    }
}

// --- the producer --------------------------------------------------------------------------------

static void drop_producer(struct ship *s) {
    if (s->kafka != NULL) {
        rd_kafka_purge(s->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        for (int64_t end = clock_monotonic_us() + 2 * US_PER_SECOND;
             rd_kafka_outq_len(s->kafka) > 0 && clock_monotonic_us() < end;) {
            rd_kafka_poll(s->kafka, 10);
        }
        if (s->topic != NULL) {
            rd_kafka_topic_destroy(s->topic);
        }
        // Not waiting for what a broker that hangs still owes: its callbacks are not served.
        rd_kafka_destroy_flags(s->kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    s->kafka = NULL;
    s->topic = NULL;
    s->head = s->tail;
    s->bytes = 0;
    s->holes = 0;
    s->failed = false;
    for (int32_t p = 0; p < LOG_PARTITIONS_MAX; p++) {
        s->places[p].broken = false;
        s->places[p].has_sent = s->places[p].has_acked;
        s->places[p].sent = s->places[p].acked;
    }
}

void ship_free(struct ship *s) {
    if (s == NULL) {
        return;
    }
    drop_producer(s);
    free(s->slots);
    free(s);
}

static enum err_code configure(struct ship *s, rd_kafka_conf_t **ret, struct err *e) {
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"compression.codec", "zstd"},
        {"linger.ms", "20"},
        // A record waits for its broker as long as it takes; only this process may give up on it.
        {"message.timeout.ms", "0"},
        {"queue.buffering.max.messages", "100000"},
        {"queue.buffering.max.kbytes", "1048576"},
        {"reconnect.backoff.max.ms", "2000"},
        {"delivery.report.only.error", "false"},
    };
    rd_kafka_conf_t *conf;
    enum err_code rc = kafka_conf_new(s->options.kafka, "weir-tap", &conf, e);
    if (rc != ERR_OK) {
        return rc;
    }
    for (size_t i = 0; rc == ERR_OK && i < sizeof rows / sizeof rows[0]; i++) {
        rc = kafka_conf_set(conf, rows[i].name, rows[i].value, e);
    }
    char max[16];
    snprintf(max, sizeof max, "%d", MESSAGE_MAX);
    if (rc == ERR_OK) {
        rc = kafka_conf_set(conf, "message.max.bytes", max, e);
    }
    if (rc != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rd_kafka_conf_set_opaque(conf, s);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    if (s->options.configure != NULL) {
        s->options.configure(conf);
    }
    *ret = conf;
    return ERR_OK;
}

static enum err_code learn_partitions(struct ship *s, struct err *e) {
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t code = rd_kafka_metadata(s->kafka, 0, s->topic, &md, METADATA_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)kafka_error_set(code, "brokers don't answer", e);
        return e == NULL ? ERR_UNAVAILABLE : (e->code = ERR_UNAVAILABLE);
    }
    int32_t count = 0;
    rd_kafka_resp_err_t topic_code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (md->topic_cnt == 1) {
        count = md->topics[0].partition_cnt;
        topic_code = md->topics[0].err;
    }
    rd_kafka_metadata_destroy(md);
    if (topic_code != RD_KAFKA_RESP_ERR_NO_ERROR || count == 0) {
        return err_set(e, ERR_UNAVAILABLE, "topic %s: %s", s->options.topic,
                       rd_kafka_err2str(topic_code));
    }
    if (count > LOG_PARTITIONS_MAX) {
        return err_field(e, ERR_CONFIG, "log_topic",
                         "topic %s has %d partitions, at most %d are possible", s->options.topic,
                         count, LOG_PARTITIONS_MAX);
    }
    if (s->partitions != 0 && s->partitions != count) {
        return err_field(
            e, ERR_CONFIG, "log_topic",
            "topic %s has %d partitions but had %d: their number is fixed at creation, "
            "a cut-over needs a new topic",
            s->options.topic, count, s->partitions);
    }
    s->partitions = count;
    return ERR_OK;
}

enum err_code ship_reset(struct ship *s, struct err *e) {
    drop_producer(s);
    rd_kafka_conf_t *conf;
    enum err_code rc = configure(s, &conf, e);
    if (rc == ERR_OK) {
        rc = kafka_client_new(RD_KAFKA_PRODUCER, conf, &s->kafka, e);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    s->topic = rd_kafka_topic_new(s->kafka, s->options.topic, NULL);
    if (s->topic == NULL) {
        return kafka_error_set(rd_kafka_last_error(), "topic handle can't be made", e);
    }
    return learn_partitions(s, e);
}

int32_t ship_partitions(const struct ship *s) {
    return s->partitions;
}

// --- sending -------------------------------------------------------------------------------------

static bool wait_for_room(struct ship *s, size_t len) {
    while (!s->failed && (s->tail - s->head == SHIP_RECORDS_MAX ||
                          (s->bytes > 0 && s->bytes + (int64_t)len > s->options.queue_bytes))) {
        if (s->options.stopping()) {
            return false;
        }
        rd_kafka_poll(s->kafka, WAIT_MS);
    }
    return !s->failed;
}

static rd_kafka_resp_err_t produce(struct ship *s, const struct slot *slot, struct slice prev,
                                   struct slice key, struct slice value) {
    char pos[LOG_POSITION_TEXT_MAX];
    size_t pos_len = log_position_format(pos, &slot->pos);
    const char *kind = broker_record_kind_name(slot->kind);
    const char *key_ptr = key.len > 0 ? key.ptr : NULL;
    void *value_ptr = (void *)(uintptr_t)value.ptr;
    void *number = (void *)(uintptr_t)s->tail;
    return rd_kafka_producev(
        s->kafka, RD_KAFKA_V_RKT(s->topic), RD_KAFKA_V_PARTITION(slot->partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key_ptr, key.len),
        RD_KAFKA_V_VALUE(value_ptr, value.len), RD_KAFKA_V_OPAQUE(number),
        RD_KAFKA_V_HEADER(LOG_HEADER_KIND, kind, (ssize_t)strlen(kind)),
        RD_KAFKA_V_HEADER(LOG_HEADER_POS, pos, (ssize_t)pos_len),
        RD_KAFKA_V_HEADER(LOG_HEADER_PREV, prev.ptr, (ssize_t)prev.len), RD_KAFKA_V_END);
}

static bool enqueue(struct ship *s, const struct slot *slot, struct slice key, struct slice value) {
    struct place *place = &s->places[slot->partition];
    char text[LOG_POSITION_TEXT_MAX] = "";
    size_t n = place->has_sent ? log_position_format(text, &place->sent) : 0;
    check(s->kafka != NULL && value.len <= BROKER_RECORD_VALUE_MAX);
    rd_kafka_resp_err_t code;
    do {
        if (!wait_for_room(s, value.len)) {
            return false;
        }
        s->slots[s->tail % SHIP_RECORDS_MAX] = *slot;
        code = produce(s, slot, slice_of(text, n), key, value);
        if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            rd_kafka_poll(s->kafka, WAIT_MS);
        }
    } while (code == RD_KAFKA_RESP_ERR__QUEUE_FULL);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        place->broken = true;
        fail(s, code, "record can't be queued");
        return false;
    }
    s->tail++;
    s->bytes += (int64_t)value.len;
    s->holes += slot->kind == BROKER_RECORD_HOLE;
    if (broker_record_kind_advances(slot->kind)) {
        place->has_sent = true;
        place->sent = slot->pos;
    }
    return true;
}

static bool send_line(struct ship *s, const struct slot *slot, struct slice key,
                      struct slice value) {
    const struct place *place = &s->places[slot->partition];
    // Also after going back: what this partition acknowledged need not go again.
    if (place->has_sent && log_position_cmp(&slot->pos, &place->sent) <= 0) {
        return !s->failed;
    }
    return enqueue(s, slot, key, value);
}

bool ship_line(struct ship *s, enum broker_record_kind kind, struct ship_origin origin,
               uint64_t offset, struct slice key, struct slice value) {
    check(broker_record_kind_advances(kind));
    struct slot slot = {origin,
                        {s->options.broker, origin.generation, offset},
                        broker_record_partition(key, s->partitions),
                        kind,
                        false};
    return send_line(s, &slot, key, value);
}

bool ship_everywhere(struct ship *s, enum broker_record_kind kind, struct ship_origin origin,
                     uint64_t offset, struct slice value) {
    check(broker_record_kind_advances(kind));
    for (int32_t p = 0; p < s->partitions; p++) {
        struct slot slot = {origin, {s->options.broker, origin.generation, offset}, p, kind, false};
        if (!send_line(s, &slot, (struct slice){0}, value)) {
            return false;
        }
    }
    return true;
}

bool ship_notice(struct ship *s, enum broker_record_kind kind, struct ship_origin origin,
                 struct slice value) {
    check(!broker_record_kind_advances(kind));
    for (int32_t p = 0; p < s->partitions; p++) {
        struct slot slot = {origin, {s->options.broker, 0, 0}, p, kind, false};
        if (s->places[p].has_sent) {
            slot.pos = s->places[p].sent;
        }
        if (!enqueue(s, &slot, (struct slice){0}, value)) {
            return false;
        }
    }
    return true;
}

void ship_poll(struct ship *s, int timeout_ms) {
    if (s->kafka != NULL) {
        rd_kafka_poll(s->kafka, timeout_ms);
    }
}

bool ship_flush(struct ship *s, int64_t timeout_ms) {
    int64_t end = clock_monotonic_us() + timeout_ms * 1000;
    while (s->kafka != NULL && !s->failed && s->head < s->tail && clock_monotonic_us() < end) {
        // rd_kafka_flush also sends at once what lingers.
        (void)rd_kafka_flush(s->kafka, WAIT_MS);
    }
    return !s->failed && s->head == s->tail;
}

bool ship_failed(const struct ship *s, struct err *ret) {
    if (s->failed && ret != NULL) {
        *ret = s->error;
    }
    return s->failed;
}

bool ship_resume(const struct ship *s, struct ship_origin *ret) {
    if (s->head == s->tail) {
        return false;
    }
    *ret = s->slots[s->head % SHIP_RECORDS_MAX].origin;
    return true;
}

bool ship_hole_pending(const struct ship *s) {
    return s->holes > 0;
}

size_t ship_pending(const struct ship *s) {
    return (size_t)(s->tail - s->head);
}

uint64_t ship_sequence(const struct ship *s) {
    return s->tail;
}

bool ship_is_settled(const struct ship *s, uint64_t sequence) {
    return s->head >= sequence;
}

uint64_t ship_acked_count(const struct ship *s) {
    return s->acked_count;
}

void ship_save(const struct ship *s, struct state *ret) {
    ret->broker = s->options.broker;
    ret->partitions = s->partitions;
    for (int32_t p = 0; p < s->partitions; p++) {
        ret->acked[p].has = s->places[p].has_acked;
        ret->acked[p].pos = s->places[p].acked;
    }
}
