// The shipment; see the header. Blocks stand in a ring in the order they were begun, and so by the
// place of their first record; its head is the oldest one not acknowledged. librdkafka serves
// acknowledgements of one partition in order, so the last one acknowledged before the first failure
// is the partition's place without a gap.
#include "tap/ship/ship.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "core/brokerlog/log_block.h"
#include "core/brokerlog/log_pack.h"
#include "platform/program/clock.h"
#include "tap/ship/log_producer.h"

enum {
    WAIT_MS = 50,
    BLOCK_BYTES_MAX = 256 * 1024,
    BLOCK_BYTES_MIN = 4096,
    QUEUE_SHARE = 4, // blocks not yet full take a quarter of the queue at most
};
static const int64_t BLOCK_WAIT_US = 100000; // a block is sent so long after its first record

struct slot {
    struct ship_origin origin; // of its first record
    struct log_position pos;   // of the last that advances; `has_pos`: there is one
    int32_t partition;
    uint32_t records;
    uint32_t holes;
    bool has_pos;
    bool partial; // the position is reached with a later part
    bool open;    // still growing
    bool acked;
};

struct place {
    bool has_acked;
    bool has_sent;
    bool broken; // a delivery failed: later ones don't count
    bool open;
    struct log_position acked;
    struct log_position sent;
    // The block that grows.
    uint64_t number; // of its slot
    int64_t begun_us;
    bool has_prev;
    struct log_position prev;
    struct buf text;
};

struct ship {
    struct ship_options options;
    struct log_producer producer;
    struct log_packer *packer;
    int32_t partitions; // 0 until known
    struct place places[LOG_PARTITIONS_MAX];

    struct slot *slots; // SHIP_BLOCKS_MAX of them
    uint64_t head;      // numbers grow for ever; slot = number % SHIP_BLOCKS_MAX
    uint64_t tail;
    uint64_t closed;    // all blocks before it are on their way
    int64_t bytes;      // of blocks not acknowledged; packed, but for
    int64_t open_bytes; // those that grow
    size_t pending;     // records in the ring
    size_t holes;
    uint64_t acked_count;
    bool failed;
    struct err error;
};

struct ship *ship_new(const struct ship_options *o) {
    struct ship *s = calloc(1, sizeof *s);
    check(s != NULL);
    s->options = *o;
    s->slots = calloc(SHIP_BLOCKS_MAX, sizeof s->slots[0]);
    check(s->slots != NULL);
    s->packer = log_packer_new();
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

static struct slot *slot_of(const struct ship *s, uint64_t number) {
    return &s->slots[number % SHIP_BLOCKS_MAX];
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
    struct slot *slot = slot_of(s, number);
    struct place *place = &s->places[slot->partition];
    s->bytes -= (int64_t)m->len;
    if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        place->broken = true;
        fail(s, m->err, "delivery failed");
        return;
    }
    s->acked_count += slot->records;
    if (place->broken) {
        return; // it will be sent again: the reader takes it for a duplicate
    }
    slot->acked = true;
    if (slot->has_pos && !slot->partial) {
        place->has_acked = true;
        place->acked = slot->pos;
    }
    for (; s->head < s->tail && slot_of(s, s->head)->acked; s->head++) {
        s->holes -= slot_of(s, s->head)->holes;
        s->pending -= slot_of(s, s->head)->records;
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

static void drop_all(struct ship *s) {
    log_producer_drop(&s->producer);
    s->head = s->closed = s->tail;
    s->bytes = s->open_bytes = 0;
    s->pending = 0;
    s->holes = 0;
    s->failed = false;
    for (int32_t p = 0; p < LOG_PARTITIONS_MAX; p++) {
        struct place *place = &s->places[p];
        buf_clear(&place->text);
        place->open = false;
        place->broken = false;
        place->has_sent = place->has_acked;
        place->sent = place->acked;
    }
}

void ship_free(struct ship *s) {
    if (s == NULL) {
        return;
    }
    drop_all(s);
    for (int32_t p = 0; p < LOG_PARTITIONS_MAX; p++) {
        buf_done(&s->places[p].text);
    }
    log_packer_free(s->packer);
    free(s->slots);
    free(s);
}

enum err_code ship_reset(struct ship *s, struct err *e) {
    drop_all(s);
    const struct log_producer_options o = {.kafka = s->options.kafka,
                                           .topic = s->options.topic,
                                           .configure = s->options.configure,
                                           .on_delivery = on_delivery,
                                           .on_error = on_error,
                                           .opaque = s};
    int32_t count = 0;
    enum err_code rc = log_producer_new(&o, &s->producer, e);
    if (rc == ERR_OK) {
        rc = log_producer_partitions(&s->producer, &count, e);
    }
    if (rc != ERR_OK) {
        return rc;
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

int32_t ship_partitions(const struct ship *s) {
    return s->partitions;
}

// --- blocks on their way -------------------------------------------------------------------------

static size_t block_bytes(const struct ship *s) {
    int64_t share = s->options.queue_bytes / (QUEUE_SHARE * (int64_t)s->partitions);
    return share < BLOCK_BYTES_MIN   ? BLOCK_BYTES_MIN
           : share > BLOCK_BYTES_MAX ? BLOCK_BYTES_MAX
                                     : (size_t)share;
}

// Takes the frame over where it succeeds.
static rd_kafka_resp_err_t produce(struct ship *s, const struct place *place, int32_t partition,
                                   struct slice frame) {
    const struct slot *slot = slot_of(s, place->number);
    struct log_position last = {.broker = s->options.broker};
    if (slot->has_pos || place->has_prev) {
        last = slot->has_pos ? slot->pos : place->prev;
    }
    char pos[LOG_POSITION_TEXT_MAX], prev[LOG_POSITION_TEXT_MAX] = "";
    size_t pos_len = log_position_format(pos, &last);
    size_t prev_len = place->has_prev ? log_position_format(prev, &place->prev) : 0;
    void *value = (void *)(uintptr_t)frame.ptr;
    void *number = (void *)(uintptr_t)place->number;
    return rd_kafka_producev(
        s->producer.kafka, RD_KAFKA_V_RKT(s->producer.topic), RD_KAFKA_V_PARTITION(partition),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_FREE), RD_KAFKA_V_VALUE(value, frame.len),
        RD_KAFKA_V_OPAQUE(number),
        RD_KAFKA_V_HEADER(LOG_HEADER_BLOCK, LOG_BLOCK_VERSION, sizeof LOG_BLOCK_VERSION - 1),
        RD_KAFKA_V_HEADER(LOG_HEADER_POS, pos, (ssize_t)pos_len),
        RD_KAFKA_V_HEADER(LOG_HEADER_PREV, prev, (ssize_t)prev_len), RD_KAFKA_V_END);
}

// Sends the block that grows. False: failed.
static bool close_block(struct ship *s, int32_t partition) {
    struct place *place = &s->places[partition];
    if (s->failed) {
        return false;
    }
    struct slice frame = log_packer_pack(s->packer, buf_slice(&place->text));
    rd_kafka_resp_err_t code;
    while ((code = produce(s, place, partition, frame)) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_poll(s->producer.kafka, WAIT_MS);
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        free((void *)(uintptr_t)frame.ptr);
        place->broken = true;
        fail(s, code, "block can't be queued");
        return false;
    }
    s->open_bytes -= (int64_t)place->text.len;
    s->bytes -= (int64_t)place->text.len - (int64_t)frame.len;
    if (place->text.cap > 4 * block_bytes(s)) {
        buf_done(&place->text); // after a long line
    }
    buf_clear(&place->text);
    place->open = false;
    slot_of(s, place->number)->open = false;
    return true;
}

// Sends the blocks begun up to `until_us`.
static void close_blocks(struct ship *s, int64_t until_us) {
    for (; !s->failed && s->closed < s->tail; s->closed++) {
        const struct slot *slot = slot_of(s, s->closed);
        if (slot->open &&
            (s->places[slot->partition].begun_us > until_us || !close_block(s, slot->partition))) {
            return;
        }
    }
}

static void close_due(struct ship *s) {
    if (s->closed < s->tail) {
        close_blocks(s, clock_monotonic_us() - BLOCK_WAIT_US);
    }
}

// --- records -------------------------------------------------------------------------------------

static bool wait_for_room(struct ship *s, size_t len) {
    while (!s->failed && (s->tail - s->head == SHIP_BLOCKS_MAX ||
                          (s->bytes > 0 && s->bytes + (int64_t)len > s->options.queue_bytes))) {
        if (s->options.stopping()) {
            return false;
        }
        if (s->bytes == s->open_bytes) {
            close_blocks(s, INT64_MAX); // nothing else will make room
        } else {
            close_due(s);
        }
        rd_kafka_poll(s->producer.kafka, WAIT_MS);
    }
    return !s->failed;
}

static void begin_block(struct ship *s, int32_t partition, struct ship_origin origin) {
    struct place *place = &s->places[partition];
    place->number = s->tail++;
    place->begun_us = clock_monotonic_us();
    place->open = true;
    place->has_prev = place->has_sent;
    place->prev = place->sent;
    place->text.max = LOG_BLOCK_TEXT_MAX;
    *slot_of(s, place->number) =
        (struct slot){.origin = origin, .partition = partition, .open = true};
}

// Into the partition's block, or a new one where it doesn't fit. A part stands alone.
static bool add(struct ship *s, int32_t partition, struct ship_origin origin,
                const struct broker_record *r, struct slice text) {
    check(s->producer.kafka != NULL && text.len <= BROKER_RECORD_VALUE_MAX);
    struct place *place = &s->places[partition];
    if (!wait_for_room(s, text.len + LOG_BLOCK_HEAD_MAX)) {
        return false;
    }
    bool advances = broker_record_kind_advances(r->kind);
    if (place->open) {
        const struct slot *slot = slot_of(s, place->number);
        bool other = slot->has_pos && advances && slot->pos.generation != r->pos.generation;
        if ((other || r->line_bytes > 0 ||
             place->text.len + text.len + LOG_BLOCK_HEAD_MAX > block_bytes(s)) &&
            !close_block(s, partition)) {
            return false;
        }
    }
    if (!place->open) {
        begin_block(s, partition, origin);
    }
    struct slot *slot = slot_of(s, place->number);
    size_t before = place->text.len;
    log_block_add(&place->text, r, text);
    check(!place->text.overflow);
    s->bytes += (int64_t)(place->text.len - before);
    s->open_bytes += (int64_t)(place->text.len - before);
    slot->holes += r->kind == BROKER_RECORD_HOLE;
    s->holes += r->kind == BROKER_RECORD_HOLE;
    if (advances) {
        slot->has_pos = true;
        slot->pos = r->pos;
    }
    if (r->part_from + text.len < r->line_bytes) {
        slot->partial = true;
        return close_block(s, partition);
    }
    slot->records++;
    s->pending++;
    if (advances) {
        place->has_sent = true;
        place->sent = r->pos;
    }
    return r->line_bytes > 0 || place->text.len >= block_bytes(s) ? close_block(s, partition)
                                                                  : true;
}

static bool add_line(struct ship *s, int32_t partition, struct ship_origin origin,
                     struct broker_record *r, struct slice text) {
    const struct place *place = &s->places[partition];
    // Also after going back: what this partition acknowledged need not go again.
    if (place->has_sent && log_position_cmp(&r->pos, &place->sent) <= 0) {
        return !s->failed;
    }
    if (r->kind != BROKER_RECORD_LINE || text.len <= LOG_PART_MAX) {
        return add(s, partition, origin, r, text);
    }
    r->line_bytes = text.len;
    for (size_t from = 0; from < text.len; from += LOG_PART_MAX) {
        size_t left = text.len - from;
        struct slice part = slice_of(text.ptr + from, left < LOG_PART_MAX ? left : LOG_PART_MAX);
        r->part_from = from;
        if (!add(s, partition, origin, r, part)) {
            return false;
        }
    }
    return true;
}

bool ship_line(struct ship *s, enum broker_record_kind kind, struct ship_origin origin,
               uint64_t offset, struct slice key, struct slice value) {
    check(broker_record_kind_advances(kind));
    struct broker_record r = {.kind = kind, .pos = {s->options.broker, origin.generation, offset}};
    return add_line(s, broker_record_partition(key, s->partitions), origin, &r, value);
}

bool ship_everywhere(struct ship *s, enum broker_record_kind kind, struct ship_origin origin,
                     uint64_t offset, struct slice value) {
    check(broker_record_kind_advances(kind));
    for (int32_t p = 0; p < s->partitions; p++) {
        struct broker_record r = {.kind = kind,
                                  .pos = {s->options.broker, origin.generation, offset}};
        if (!add_line(s, p, origin, &r, value)) {
            return false;
        }
    }
    return true;
}

bool ship_notice(struct ship *s, enum broker_record_kind kind, struct ship_origin origin,
                 struct slice value) {
    check(!broker_record_kind_advances(kind));
    for (int32_t p = 0; p < s->partitions; p++) {
        const struct broker_record r = {.kind = kind};
        if (!add(s, p, origin, &r, value)) {
            return false;
        }
    }
    return true;
}

bool ship_notice_to(struct ship *s, enum broker_record_kind kind, struct ship_origin origin,
                    struct slice key, struct slice value) {
    check(!broker_record_kind_advances(kind));
    const struct broker_record r = {.kind = kind};
    return add(s, broker_record_partition(key, s->partitions), origin, &r, value);
}

// --- what has arrived ----------------------------------------------------------------------------

void ship_poll(struct ship *s, int timeout_ms) {
    if (s->producer.kafka != NULL) {
        close_due(s);
        rd_kafka_poll(s->producer.kafka, timeout_ms);
    }
}

bool ship_flush(struct ship *s, int64_t timeout_ms) {
    int64_t end = clock_monotonic_us() + timeout_ms * 1000;
    close_blocks(s, INT64_MAX);
    while (s->producer.kafka != NULL && !s->failed && s->head < s->tail &&
           clock_monotonic_us() < end) {
        // rd_kafka_flush also sends at once what lingers.
        (void)rd_kafka_flush(s->producer.kafka, WAIT_MS);
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
    *ret = slot_of(s, s->head)->origin;
    return true;
}

bool ship_hole_pending(const struct ship *s) {
    return s->holes > 0;
}

size_t ship_pending(const struct ship *s) {
    return s->pending;
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
