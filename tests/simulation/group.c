#include "simulation/group.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "meter/consumer.h"
#include "simulation/block_topic.h"
#include "simulation/process.h"

enum { MEMBERS_MAX = 16, BLOCKS_A_POLL = 8, WAIT_MS = 250 };

// Stands for a consumer in the group, also after it was killed.
struct member {
    int id;                        // never used again
    const struct process *process; // NULL: it was killed
    int generation;                // that it has joined
};

struct consumer {
    struct consumer_events events;
    int member;
    bool waiting; // for its part
    bool assigned;
    bool rewind_due;
    bool owns[BLOCK_TOPIC_PARTITIONS_MAX];
    int64_t next[BLOCK_TOPIC_PARTITIONS_MAX];
    rd_kafka_message_t items[BLOCKS_A_POLL];
    rd_kafka_message_t *messages[BLOCKS_A_POLL];
};

static struct {
    struct chance *chance;
    struct member members[MEMBERS_MAX];
    int count;
    int last_id;
    int generation;
    int divided;                            // the generation that `owners` are of
    int owners[BLOCK_TOPIC_PARTITIONS_MAX]; // ids
} group;

void group_init(struct chance *chance) {
    memset(&group, 0, sizeof group);
    group.chance = chance;
}

void group_rebalance(void) {
    group.generation++;
}

static int join(void) {
    if (group.count == MEMBERS_MAX) {
        group_expel_ghosts();
    }
    check(group.count < MEMBERS_MAX);
    group.members[group.count++] =
        (struct member){.id = ++group.last_id, .process = process_that_runs()};
    group_rebalance();
    return group.last_id;
}

// NULL: expelled.
static struct member *find(int id) {
    for (int i = 0; i < group.count; i++) {
        if (group.members[i].id == id) {
            return &group.members[i];
        }
    }
    return NULL;
}

static void leave(struct member *m) {
    *m = group.members[--group.count];
    group_rebalance();
}

void group_expel(const struct process *p) {
    for (int i = 0; i < group.count; i++) {
        if (p != NULL && group.members[i].process == p) {
            leave(&group.members[i]);
            return;
        }
    }
}

void group_expel_ghosts(void) {
    for (int i = group.count - 1; i >= 0; i--) {
        if (group.members[i].process == NULL) {
            leave(&group.members[i]);
        }
    }
}

static void divide(void) {
    for (int i = 0; i < group.count; i++) {
        if (group.members[i].generation != group.generation) {
            return; // it hasn't given up yet what it has
        }
    }
    uint32_t first = chance_below(group.chance, (uint32_t)group.count);
    for (int32_t p = 0; p < block_topic.partitions; p++) {
        group.owners[p] = group.members[(first + (uint32_t)p) % (uint32_t)group.count].id;
    }
    group.divided = group.generation;
}

// --- meter/consumer ------------------------------------------------------------------------------

enum err_code consumer_new(const struct consumer_settings *s, const struct consumer_events *events,
                           struct consumer **ret, struct err *e) {
    (void)s;
    (void)e;
    struct consumer *c = calloc(1, sizeof *c);
    check(c != NULL);
    c->events = *events;
    for (int i = 0; i < BLOCKS_A_POLL; i++) {
        c->messages[i] = &c->items[i];
    }
    c->member = process_is_dead() ? 0 : join();
    *ret = c;
    return ERR_OK;
}

static void revoke(struct consumer *c, bool lost) {
    if (c->assigned) {
        c->events.revoked(c->events.ctx, lost);
        c->assigned = false;
    }
}

void consumer_free(struct consumer *c) {
    if (c == NULL) {
        return;
    }
    bool dead = process_is_dead();
    revoke(c, find(c->member) == NULL);
    struct member *m = find(c->member);
    if (m != NULL && (dead || process_is_dead())) {
        m->process = NULL;
    } else if (m != NULL) {
        leave(m);
    }
    free(c);
}

static enum err_code ask_offsets(struct consumer *c, struct err *e) {
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(block_topic.partitions);
    for (int32_t p = 0; p < block_topic.partitions; p++) {
        if (c->owns[p]) {
            (void)rd_kafka_topic_partition_list_add(list, "log", p);
        }
    }
    enum err_code code = c->events.assigned(c->events.ctx, list, e);
    for (int i = 0; code == ERR_OK && i < list->cnt; i++) {
        c->next[list->elems[i].partition] = list->elems[i].offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return code;
}

static void follow_group(struct consumer *c) {
    struct member *m = find(c->member);
    if (m == NULL) {
        revoke(c, true);
        if (!process_is_dead()) {
            c->member = join();
        }
        return;
    }
    if (m->generation != group.generation) {
        int seen = group.generation;
        revoke(c, false);
        m = find(c->member);
        if (m == NULL) {
            return;
        }
        m->generation = seen;
        c->waiting = true;
    }
    if (group.divided != group.generation && m->generation == group.generation) {
        divide();
    }
    if (c->waiting && group.divided == group.generation && m->generation == group.generation) {
        c->waiting = false;
        for (int32_t p = 0; p < block_topic.partitions; p++) {
            c->owns[p] = group.owners[p] == c->member;
        }
        struct err e = {0};
        c->assigned = true;
        c->assigned = ask_offsets(c, &e) == ERR_OK;
    }
}

enum err_code consumer_rewind(struct consumer *c, struct err *e) {
    c->rewind_due = false;
    if (!c->assigned) {
        return ERR_OK;
    }
    enum err_code code = ask_offsets(c, e);
    c->rewind_due = code != ERR_OK;
    return code;
}

static size_t take_messages(struct consumer *c) {
    int32_t p = (int32_t)chance_below(group.chance, (uint32_t)block_topic.partitions);
    if (!c->owns[p]) {
        return 0;
    }
    const struct block_topic_partition *part = &block_topic.parts[p];
    size_t wanted = 1 + chance_below(group.chance, BLOCKS_A_POLL), count = 0;
    for (; count < wanted && (size_t)c->next[p] < part->count; count++) {
        struct block_topic_block *b = &part->blocks[c->next[p]];
        c->items[count] = (rd_kafka_message_t){.partition = p,
                                               .offset = c->next[p]++,
                                               .payload = b->value,
                                               .len = b->len,
                                               ._private = b};
    }
    return count;
}

enum err_code consumer_poll(struct consumer *c, int timeout_ms, rd_kafka_message_t *const **ret,
                            size_t *ret_count, struct err *e) {
    *ret = c->messages;
    *ret_count = 0;
    if (!process_step()) {
        return ERR_OK;
    }
    follow_group(c);
    if (process_is_dead() || (c->rewind_due && consumer_rewind(c, e) != ERR_OK)) {
        return ERR_OK;
    }
    size_t count = c->assigned ? take_messages(c) : 0;
    if (count == 0) {
        int wait_ms = timeout_ms < WAIT_MS ? timeout_ms : WAIT_MS;
        (void)process_wait(process_now_us + (int64_t)wait_ms * 1000);
    }
    *ret_count = count;
    return ERR_OK;
}

bool consumer_assigned(const struct consumer *c) {
    return c->assigned;
}

void consumer_done_to(struct consumer *c, int32_t partition, int64_t offset) {
    (void)c;
    (void)partition;
    (void)offset;
}

void consumer_report(struct consumer *c) {
    (void)c;
}

int64_t consumer_lag(const struct consumer *c, int32_t partition, int64_t offset) {
    (void)c;
    return (int64_t)block_topic.parts[partition].count - offset;
}

// --- librdkafka: what a message tells ------------------------------------------------------------

rd_kafka_resp_err_t rd_kafka_message_headers(const rd_kafka_message_t *m,
                                             rd_kafka_headers_t **ret) {
    *ret = m->_private;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_header_get_all(const rd_kafka_headers_t *headers, size_t at,
                                            const char **ret_name, const void **ret_value,
                                            size_t *ret_size) {
    const struct block_topic_block *b = (const struct block_topic_block *)headers;
    const struct {
        const char *name, *value;
    } all[] = {{LOG_HEADER_BLOCK, b->block}, {LOG_HEADER_POS, b->pos}, {LOG_HEADER_PREV, b->prev}};
    if (at >= sizeof all / sizeof *all) {
        return RD_KAFKA_RESP_ERR__NOENT;
    }
    *ret_name = all[at].name;
    *ret_value = all[at].value;
    *ret_size = strlen(all[at].value);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

int64_t rd_kafka_message_timestamp(const rd_kafka_message_t *m, rd_kafka_timestamp_type_t *ret) {
    *ret = RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
    return ((const struct block_topic_block *)m->_private)->stored_ms;
}
