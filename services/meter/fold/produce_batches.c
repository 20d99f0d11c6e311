#include "meter/fold/produce_batches.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/check.h"
#include "base/hash.h"

static const int64_t UNPLACED_EVERY_US = 60LL * 1000000;

void produce_batches_init(struct produce_batches *b) {
    *b = (struct produce_batches){0};
    hash_table_init(&b->by_name);
    arena_init(&b->arena);
}

void produce_batches_done(struct produce_batches *b) {
    for (size_t i = 0; i < b->topic_count; i++) {
        free((char *)b->topics[i].name.ptr);
        free((char *)b->topics[i].writer.ptr);
    }
    free(b->topics);
    free(b->rows);
    free(b->readings);
    hash_table_done(&b->by_name);
    arena_done(&b->arena);
    *b = (struct produce_batches){0};
}

void produce_batches_clear(struct produce_batches *b) {
    for (size_t i = 0; i < b->topic_count && b->untold > 0; i++) {
        b->untold -= !b->topics[i].told;
        b->topics[i].told = true;
    }
    b->count = b->reading_count = 0;
    arena_reset(&b->arena);
}

// An owned copy; of an empty text nothing.
static struct slice copy_of(struct slice text) {
    if (text.len == 0) {
        return (struct slice){0};
    }
    char *copy = malloc(text.len);
    check(copy != NULL);
    memcpy(copy, text.ptr, text.len);
    return slice_of(copy, text.len);
}

// Its id as text, in `text`, or its name.
static struct slice text_of(const struct topic_key *topic, char text[TOPIC_ID_TEXT_LEN]) {
    if (!topic->has_id) {
        return topic->name;
    }
    topic_id_format(text, topic->id);
    return slice_of(text, TOPIC_ID_TEXT_LEN);
}

// Found or added.
static struct written_topic *get(struct produce_batches *b, struct slice name) {
    uint64_t key = hash_bytes(name.ptr, name.len, 0);
    uint32_t at;
    for (; hash_table_get(&b->by_name, key, &at); key++) {
        if (slice_eq(b->topics[at].name, name)) {
            return &b->topics[at];
        }
    }
    b->topics = array_grow(b->topics, b->topic_count, &b->topic_cap, sizeof *b->topics);
    hash_table_put(&b->by_name, key, b->topic_count);
    struct written_topic *t = &b->topics[b->topic_count++];
    *t = (struct written_topic){.name = copy_of(name),
                                .unplaced_from_us = INT64_MAX,
                                .unplaced_to_us = INT64_MIN,
                                .told = true};
    return t;
}

static void keep(struct produce_batches *b, struct written_topic *t) {
    if (!t->kept) {
        t->kept = true;
        b->version++;
    }
}

static void tell(struct produce_batches *b, struct written_topic *t) {
    b->untold += t->told;
    t->told = false;
}

bool produce_batches_written(struct produce_batches *b, const struct topic_key *topic,
                             struct slice principal) {
    char text[TOPIC_ID_TEXT_LEN];
    struct written_topic *t = get(b, text_of(topic, text));
    if (t->writer.len == 0) {
        t->writer = copy_of(principal);
        tell(b, t);
    } else if (!t->several && !slice_eq(t->writer, principal)) {
        t->several = true;
        keep(b, t);
        tell(b, t);
    }
    return t->kept;
}

void produce_batches_learn(struct produce_batches *b, struct slice topic, struct slice writer,
                           bool kept) {
    struct written_topic *t = get(b, topic);
    if (t->writer.len == 0) {
        t->writer = copy_of(writer);
    } else if (writer.len > 0 && !slice_eq(t->writer, writer)) {
        t->several = true; // another meter's principal came first
        keep(b, t);
        tell(b, t);
    }
    if (kept) {
        keep(b, t);
    }
}

static struct slice kept_text(struct produce_batches *b, const struct topic_key *topic) {
    char text[TOPIC_ID_TEXT_LEN];
    struct slice name = text_of(topic, text);
    return slice_of(arena_str(&b->arena, name), name.len);
}

void produce_batches_unplaced(struct produce_batches *b, const struct topic_key *topic,
                              int64_t at_us) {
    char text[TOPIC_ID_TEXT_LEN];
    struct written_topic *t = get(b, text_of(topic, text));
    bool earlier = at_us < t->unplaced_from_us;
    if (earlier) {
        t->unplaced_from_us = at_us;
    }
    if (t->unplaced_to_us == INT64_MIN || at_us - t->unplaced_to_us > UNPLACED_EVERY_US) {
        t->unplaced_to_us = at_us;
    } else if (!earlier) {
        return;
    }
    tell(b, t);
}

void produce_batches_read(struct produce_batches *b, const struct principal *p,
                          const struct usage_shared *r) {
    char text[TOPIC_ID_TEXT_LEN];
    struct written_topic *t = get(b, text_of(&r->topic, text));
    if (!t->shared) {
        t->shared = true;
        keep(b, t);
        tell(b, t);
    }
    b->readings = array_grow(b->readings, b->reading_count, &b->reading_cap, sizeof *b->readings);
    b->readings[b->reading_count++] = (struct produce_reading){
        .principal = p,
        .topic = kept_text(b, &r->topic),
        .named = kept_text(b, &r->named),
        .of = *r,
        .from_us = borders_quarter_from(&p->borders, r->at_us),
        .day_from_us = borders_day_from(&p->borders, r->at_us),
    };
}

void produce_batches_add(struct produce_batches *b, const struct principal *p,
                         const struct usage_appended *batch) {
    b->rows = array_grow(b->rows, b->count, &b->cap, sizeof *b->rows);
    b->rows[b->count++] = (struct produce_batch){
        .principal = p,
        .topic = kept_text(b, &batch->topic),
        .named = kept_text(b, &batch->named),
        .partition = batch->partition,
        .base = batch->base,
        .bytes = batch->bytes,
        .at_us = batch->at_us,
        .from_us = borders_quarter_from(&p->borders, batch->at_us),
        .day_from_us = borders_day_from(&p->borders, batch->at_us),
    };
}
