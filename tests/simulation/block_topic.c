#include "simulation/block_topic.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "base/check.h"
#include "simulation/fault.h"
#include "simulation/process.h"
#include "tap/ship/log_producer.h"

struct block_topic block_topic;

// Of a block that was handed over.
enum fate { ON_ITS_WAY, STORED, LOST, STORED_AND_CALLED_LOST };

struct sent {
    struct sent *next;
    struct block_topic_block block; // its value is the topic's once it is stored
    size_t len;
    int32_t partition;
    void *opaque;
    enum fate fate;
};

struct producer {
    struct producer *next;
    bool gone; // its tap has dropped it
    void (*on_delivery)(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque);
    void *opaque;
    struct sent *first; // in the order they were handed over
    struct sent **end;
    size_t count;
};

enum { QUEUE_MAX = 40 }; // blocks of a producer: then it is full

static struct producer *producers;

void block_topic_init(struct chance *chance, int32_t partitions) {
    check(partitions <= BLOCK_TOPIC_PARTITIONS_MAX);
    block_topic = (struct block_topic){.partitions = partitions, .chance = chance};
}

static void free_producer(struct producer *p) {
    while (p->first != NULL) {
        struct sent *s = p->first;
        p->first = s->next;
        free(s->block.value);
        free(s);
    }
    free(p);
}

void block_topic_done(void) {
    while (producers != NULL) {
        struct producer *p = producers;
        producers = p->next;
        free_producer(p);
    }
    for (int32_t i = 0; i < block_topic.partitions; i++) {
        struct block_topic_partition *part = &block_topic.parts[i];
        for (size_t k = 0; k < part->count; k++) {
            free(part->blocks[k].value);
        }
        free(part->blocks);
    }
    block_topic = (struct block_topic){0};
}

// --- arriving ------------------------------------------------------------------------------------

static void store(struct sent *s) {
    struct block_topic_partition *part = &block_topic.parts[s->partition];
    if (part->count == part->cap) {
        part->cap = part->cap == 0 ? 64 : part->cap * 2;
        part->blocks = realloc(part->blocks, part->cap * sizeof *part->blocks);
        check(part->blocks != NULL);
    }
    s->block.stored_ms = process_now_us / 1000;
    part->blocks[part->count++] = s->block;
    s->block.value = NULL;
}

static void arrive(struct producer *p, struct sent *s) {
    struct chance *r = block_topic.chance;
    bool fails = block_topic.fails_once_in > 0 && chance_once_in(r, block_topic.fails_once_in);
    bool stored = !fails || chance_once_in(r, 2);
    s->fate = !fails ? STORED : stored ? STORED_AND_CALLED_LOST : LOST;
    block_topic.failures += fails && !p->gone;
    block_topic.late += stored && p->gone;
    if (stored && !(fault_planted == FAULT_LOSE_PARTS && chance_once_in(r, 10))) {
        store(s);
    }
}

// The first block of some partition that is on its way.
static struct sent *next_of(const struct producer *p) {
    int32_t wanted = (int32_t)chance_below(block_topic.chance, (uint32_t)block_topic.partitions);
    struct sent *any = NULL;
    for (struct sent *s = p->first; s != NULL; s = s->next) {
        if (s->fate == ON_ITS_WAY && s->partition == wanted) {
            return s;
        }
        any = any == NULL && s->fate == ON_ITS_WAY ? s : any;
    }
    return any;
}

static void remove_told(struct producer *p, struct sent **at) {
    struct sent *s = *at;
    *at = s->next;
    if (*at == NULL) {
        p->end = at;
    }
    p->count--;
    free(s->block.value);
    free(s);
}

static void remove_gone(void) {
    for (struct producer **at = &producers; *at != NULL;) {
        struct producer *p = *at;
        if (p->gone && next_of(p) == NULL) {
            *at = p->next;
            free_producer(p);
        } else {
            at = &p->next;
        }
    }
}

bool block_topic_deliver(void) {
    if (block_topic.away) {
        return false;
    }
    uint32_t count = 0;
    for (struct producer *p = producers; p != NULL; p = p->next) {
        count += next_of(p) != NULL ? 1 : 0;
    }
    if (count == 0) {
        return false;
    }
    uint32_t wanted = chance_below(block_topic.chance, count);
    for (struct producer *p = producers; p != NULL; p = p->next) {
        struct sent *s = next_of(p);
        if (s != NULL && wanted-- == 0) {
            arrive(p, s);
            break;
        }
    }
    remove_gone();
    return true;
}

void block_topic_settle(void) {
    for (struct producer *p = producers; p != NULL; p = p->next) {
        for (struct sent *s = p->first; p->gone && s != NULL; s = s->next) {
            if (s->fate == ON_ITS_WAY && chance_once_in(block_topic.chance, 2)) {
                arrive(p, s);
            }
            s->fate = LOST;
        }
    }
    remove_gone();
}

// --- tap/ship/log_producer -----------------------------------------------------------------------

static struct producer *of(rd_kafka_t *kafka) {
    return (struct producer *)kafka;
}

enum err_code log_producer_new(const struct log_producer_options *o, struct log_producer *ret,
                               struct err *e) {
    *ret = (struct log_producer){0};
    if (!process_step()) {
        return err_set(e, ERR_UNAVAILABLE, "killed");
    }
    struct producer *p = calloc(1, sizeof *p);
    check(p != NULL);
    *p = (struct producer){.on_delivery = o->on_delivery, .opaque = o->opaque, .next = producers};
    p->end = &p->first;
    producers = p;
    ret->kafka = (rd_kafka_t *)p;
    return ERR_OK;
}

static void tell(struct producer *p, struct sent **at) {
    struct sent *s = *at;
    const rd_kafka_message_t m = {.err = s->fate == STORED ? RD_KAFKA_RESP_ERR_NO_ERROR
                                                           : RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,
                                  .len = s->len,
                                  ._private = s->opaque};
    p->on_delivery((rd_kafka_t *)p, &m, p->opaque);
    remove_told(p, at);
}

// Of each partition what is known up to the first block that is still on its way.
static void tell_some(struct producer *p) {
    bool waits[BLOCK_TOPIC_PARTITIONS_MAX] = {false};
    for (struct sent **at = &p->first; *at != NULL;) {
        struct sent *s = *at;
        if (s->fate == ON_ITS_WAY || waits[s->partition] || chance_once_in(block_topic.chance, 4)) {
            waits[s->partition] = true;
            at = &s->next;
        } else {
            tell(p, at);
        }
    }
}

void log_producer_drop(struct log_producer *drop) {
    struct producer *p = of(drop->kafka);
    *drop = (struct log_producer){0};
    if (p == NULL) {
        return;
    }
    if (chance_once_in(block_topic.chance, 2)) {
        tell_some(p);
    }
    p->gone = true;
    for (struct sent *s = p->first; s != NULL; s = s->next) {
        if (s->fate == ON_ITS_WAY && chance_once_in(block_topic.chance, 2)) {
            s->fate = LOST; // never left this process
        }
    }
    remove_gone();
}

enum err_code log_producer_partitions(const struct log_producer *p, int32_t *ret, struct err *e) {
    (void)p;
    if (!process_step() || (block_topic.away && chance_once_in(block_topic.chance, 2))) {
        return err_set(e, ERR_UNAVAILABLE, "brokers don't answer");
    }
    *ret = block_topic.partitions;
    return ERR_OK;
}

// --- librdkafka ----------------------------------------------------------------------------------

static void set_header(struct block_topic_block *b, const char *name, const char *value,
                       ssize_t len) {
    char *out = strcmp(name, LOG_HEADER_BLOCK) == 0 ? b->block
                : strcmp(name, LOG_HEADER_POS) == 0 ? b->pos
                                                    : b->prev;
    check((size_t)len < (out == b->block ? sizeof b->block : sizeof b->pos));
    memcpy(out, value, (size_t)len);
    out[len] = '\0';
}

static void read_arguments(struct sent *s, va_list ap) {
    for (;;) {
        switch (va_arg(ap, rd_kafka_vtype_t)) {
        case RD_KAFKA_VTYPE_RKT: (void)va_arg(ap, rd_kafka_topic_t *); break;
        case RD_KAFKA_VTYPE_PARTITION: s->partition = va_arg(ap, int32_t); break;
        case RD_KAFKA_VTYPE_MSGFLAGS: (void)va_arg(ap, int); break;
        case RD_KAFKA_VTYPE_OPAQUE: s->opaque = va_arg(ap, void *); break;
        case RD_KAFKA_VTYPE_VALUE:
            s->block.value = va_arg(ap, void *);
            s->block.len = s->len = va_arg(ap, size_t);
            break;
        case RD_KAFKA_VTYPE_HEADER: {
            const char *name = va_arg(ap, const char *);
            const char *value = va_arg(ap, const void *);
            set_header(&s->block, name, value, va_arg(ap, ssize_t));
            break;
        }
        default: return; // RD_KAFKA_VTYPE_END
        }
    }
}

rd_kafka_resp_err_t rd_kafka_producev(rd_kafka_t *kafka, ...) {
    struct producer *p = of(kafka);
    if (!process_long_step(block_topic.chance)) {
        return RD_KAFKA_RESP_ERR__DESTROY;
    }
    if (p->count >= QUEUE_MAX) {
        return RD_KAFKA_RESP_ERR__QUEUE_FULL;
    }
    struct sent *s = calloc(1, sizeof *s);
    check(s != NULL);
    va_list ap;
    va_start(ap, kafka);
    read_arguments(s, ap);
    va_end(ap);
    *p->end = s;
    p->end = &s->next;
    p->count++;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

int rd_kafka_poll(rd_kafka_t *kafka, int timeout_ms) {
    bool alive = timeout_ms == 0 ? process_step()
                                 : process_wait(process_now_us + (int64_t)timeout_ms * 1000);
    if (alive && !block_topic.away) {
        tell_some(of(kafka));
    }
    return 0;
}

rd_kafka_resp_err_t rd_kafka_flush(rd_kafka_t *kafka, int timeout_ms) {
    (void)rd_kafka_poll(kafka, timeout_ms);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}
