#include "meter/fold/usage_rows.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

enum { FIRST_ROWS = 1024 };

void usage_rows_init(struct usage_rows *r) {
    *r = (struct usage_rows){0};
    hash_table_init(&r->by_key);
    arena_init(&r->arena);
}

void usage_rows_done(struct usage_rows *r) {
    free(r->items);
    hash_table_done(&r->by_key);
    arena_done(&r->arena);
    *r = (struct usage_rows){0};
}

void usage_rows_clear(struct usage_rows *r) {
    hash_table_clear(&r->by_key);
    r->count = 0;
    r->evidence_count = 0;
    arena_reset(&r->arena);
}

static uint64_t key_hash(const struct principal *p, const struct topic_key *topic,
                         enum usage_delivery delivery, int64_t from_us) {
    uint64_t seed = hash_mix(p->hash ^ (uint64_t)from_us) ^ (uint64_t)delivery;
    return topic->has_id ? hash_bytes(topic->id, sizeof topic->id, seed)
                         : hash_bytes(topic->name.ptr, topic->name.len, seed);
}

static bool is_kafka_name(struct slice name) {
    for (size_t i = 0; i < name.len; i++) {
        if (!topic_name_char(name.ptr[i])) {
            return false;
        }
    }
    return true;
}

// No topic has another name, so nothing is ever replaced; but what PostgreSQL doesn't take as text
// must not stop a whole batch.
static struct slice plain_name(struct usage_rows *r, struct slice name) {
    if (is_kafka_name(name)) {
        return name;
    }
    char *copy = arena_str(&r->arena, name);
    for (size_t i = 0; i < name.len; i++) {
        if (!topic_name_char(copy[i])) {
            copy[i] = '?';
        }
    }
    return slice_of(copy, name.len);
}

static struct usage_row *add(struct usage_rows *r) {
    if (r->count == r->cap) {
        r->cap = r->cap == 0 ? FIRST_ROWS : r->cap * 2;
        r->items = realloc(r->items, r->cap * sizeof *r->items);
        check(r->items != NULL);
    }
    return &r->items[r->count++];
}

static struct usage_row *get(struct usage_rows *r, const struct principal *p,
                             const struct usage_delta *d) {
    struct topic_key topic = d->topic;
    if (!topic.has_id) {
        topic.name = plain_name(r, topic.name);
    }
    int64_t from_us = borders_quarter_from(&p->borders, d->at_us);
    uint64_t key = key_hash(p, &topic, d->delivery, from_us);
    uint32_t at;
    for (; hash_table_get(&r->by_key, key, &at); key++) {
        struct usage_row *row = &r->items[at];
        if (row->principal == p && row->from_us == from_us && row->delivery == d->delivery &&
            topic_key_eq(&row->topic, &topic)) {
            return row;
        }
    }
    hash_table_put(&r->by_key, key, (uint32_t)r->count);
    struct usage_row *row = add(r);
    *row = (struct usage_row){.principal = p,
                              .topic = topic,
                              .delivery = d->delivery,
                              .from_us = from_us,
                              .day_from_us = borders_day_from(&p->borders, d->at_us)};
    if (!topic.has_id) {
        row->topic.name = slice_of(arena_str(&r->arena, topic.name), topic.name.len);
    }
    return row;
}

static void add_evidence(struct usage_rows *r, struct usage_row *row, const struct log_position *at,
                         uint32_t lines) {
    struct usage_evidence *e = row->evidence;
    while (e != NULL && e->first.broker != at->broker) {
        e = e->next;
    }
    if (e == NULL) {
        e = arena_alloc(&r->arena, sizeof *e);
        *e = (struct usage_evidence){.next = row->evidence, .first = *at, .last = *at};
        row->evidence = e;
        r->evidence_count++;
    }
    if (log_position_cmp(at, &e->first) < 0) {
        e->first = *at;
    }
    if (log_position_cmp(at, &e->last) > 0) {
        e->last = *at;
    }
    e->lines += lines;
}

void usage_rows_add(struct usage_rows *r, const struct principal *p, const struct log_position *at,
                    const struct usage_delta *d) {
    struct usage_row *row = get(r, p, d);
    row->bytes += d->bytes;
    row->messages += d->messages;
    row->fetches += d->fetches;
    row->open_fetches += d->open_fetches;
    row->share_messages += d->share_messages;
    row->produced_bytes += d->produced_bytes;
    row->produced_messages += d->produced_messages;
    row->derived_messages += d->derived_messages;
    row->derived_fetches += d->derived_fetches;
    row->share_unknown += d->share_unknown;
    if (d->lines > 0) {
        add_evidence(r, row, at, d->lines);
    }
}
