#include "core/brokerlog/topic_names.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/array.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/hash_table.h"

static const uint32_t NO_TOPIC = UINT32_MAX;
static const int64_t CLOCKS_APART_US = 1000000; // what one broker made may be used at another

// One id under one name. An id has one name for ever; a name may have had several ids.
struct named_topic {
    uint8_t id[TOPIC_ID_LEN];
    struct slice name; // in the arena
    int64_t first_us;  // earliest and latest observation
    int64_t last_us;
    int64_t created_us; // INT64_MIN if not known
    int64_t deleted_us; // INT64_MAX if not known
    uint32_t next_of_name;
};

struct topic_names {
    struct arena text;
    struct named_topic *topics;
    uint32_t count;
    uint32_t cap;
    uint64_t version;
    struct hash_table by_id;   // hash, moved on by one past entries of other ids
    struct hash_table by_name; // likewise; the newest topic of the name
};

struct topic_names *topic_names_new(void) {
    struct topic_names *n = calloc(1, sizeof *n);
    check(n != NULL);
    arena_init(&n->text);
    hash_table_init(&n->by_id);
    hash_table_init(&n->by_name);
    return n;
}

void topic_names_free(struct topic_names *n) {
    if (n == NULL) {
        return;
    }
    arena_done(&n->text);
    hash_table_done(&n->by_id);
    hash_table_done(&n->by_name);
    free(n->topics);
    free(n);
}

// The topic of an id; *ret_key is the table key where it is or belongs.
static uint32_t find_id(const struct topic_names *n, const uint8_t id[TOPIC_ID_LEN],
                        uint64_t *ret_key) {
    uint64_t key = hash_bytes(id, TOPIC_ID_LEN, 1);
    uint32_t at;
    while (hash_table_get(&n->by_id, key, &at)) {
        if (memcmp(n->topics[at].id, id, TOPIC_ID_LEN) == 0) {
            break;
        }
        key++;
    }
    *ret_key = key;
    return hash_table_get(&n->by_id, key, &at) ? at : NO_TOPIC;
}

static uint32_t find_name(const struct topic_names *n, struct slice name, uint64_t *ret_key) {
    uint64_t key = hash_bytes(name.ptr, name.len, 2);
    uint32_t at;
    while (hash_table_get(&n->by_name, key, &at)) {
        if (slice_eq(n->topics[at].name, name)) {
            break;
        }
        key++;
    }
    *ret_key = key;
    return hash_table_get(&n->by_name, key, &at) ? at : NO_TOPIC;
}

static struct named_topic *add(struct topic_names *n, const struct topic_fact *fact,
                               uint64_t id_key, int64_t at_us) {
    if (n->count == TOPIC_NAMES_MAX) {
        return NULL;
    }
    n->topics = array_grow(n->topics, n->count, &n->cap, sizeof *n->topics);
    uint64_t name_key;
    uint32_t same_name = find_name(n, fact->name, &name_key);
    struct named_topic *t = &n->topics[n->count];
    *t = (struct named_topic){
        .name = slice_of(arena_str(&n->text, fact->name), fact->name.len),
        .first_us = at_us,
        .last_us = at_us,
        .created_us = INT64_MIN,
        .deleted_us = INT64_MAX,
        .next_of_name = same_name,
    };
    memcpy(t->id, fact->id, TOPIC_ID_LEN);
    hash_table_put(&n->by_id, id_key, n->count);
    hash_table_put(&n->by_name, name_key, n->count);
    n->count++;
    n->version++;
    return t;
}

bool topic_names_learn(struct topic_names *n, const struct topic_fact *fact, int64_t at_us) {
    uint64_t id_key;
    uint32_t at = find_id(n, fact->id, &id_key);
    struct named_topic *t = at == NO_TOPIC ? add(n, fact, id_key, at_us) : &n->topics[at];
    if (t == NULL) {
        return false;
    }
    if (at_us < t->first_us) {
        t->first_us = at_us;
    }
    if (at_us > t->last_us) {
        t->last_us = at_us;
    }
    // Several brokers may tell of it, or one again: the earliest is when it was.
    if (fact->event == TOPIC_CREATED && (t->created_us == INT64_MIN || at_us < t->created_us)) {
        t->created_us = at_us;
        n->version++;
    }
    if (fact->event == TOPIC_DELETED && at_us < t->deleted_us) {
        t->deleted_us = at_us;
        n->version++;
    }
    return true;
}

bool topic_names_learn_line(struct topic_names *n, const struct broker_line *l) {
    bool ok = true;
    for (uint32_t i = 0; i < l->fact_count; i++) {
        ok &= topic_names_learn(n, &l->facts[i], l->time_us);
    }
    return ok;
}

uint64_t topic_names_version(const struct topic_names *n) {
    return n->version;
}

struct slice topic_names_of_id(const struct topic_names *n, const uint8_t id[TOPIC_ID_LEN]) {
    uint64_t key;
    uint32_t at = find_id(n, id, &key);
    return at == NO_TOPIC ? slice_of("", 0) : n->topics[at].name;
}

// How far `us` lies outside the topic's life: [created or first seen, deleted or last seen].
// Between two lives both are far; a topic known to be created later, or deleted before, is farther
// than any other.
static uint64_t distance(const struct named_topic *t, int64_t us) {
    static const uint64_t DEAD = (uint64_t)1 << 63;
    if (us < t->created_us) {
        return DEAD | (uint64_t)(t->created_us - us);
    }
    if (us > t->deleted_us) {
        return DEAD | (uint64_t)(us - t->deleted_us);
    }
    if (us < t->first_us && t->created_us == INT64_MIN) {
        return (uint64_t)(t->first_us - us);
    }
    if (us > t->last_us && t->deleted_us == INT64_MAX) {
        return (uint64_t)(us - t->last_us);
    }
    return 0;
}

bool topic_names_id_at(const struct topic_names *n, struct slice name, int64_t at_us,
                       uint8_t ret_id[TOPIC_ID_LEN], int64_t *ret_since_us) {
    uint64_t key, best_distance = UINT64_MAX;
    uint32_t best = NO_TOPIC;
    for (uint32_t at = find_name(n, name, &key); at != NO_TOPIC; at = n->topics[at].next_of_name) {
        uint64_t d = distance(&n->topics[at], at_us);
        if (best == NO_TOPIC || d < best_distance) {
            best = at;
            best_distance = d;
        }
    }
    *ret_since_us = INT64_MIN;
    if (best == NO_TOPIC) {
        return false;
    }
    if (at_us > n->topics[best].deleted_us) {
        *ret_since_us = n->topics[best].deleted_us;
        return false;
    }
    if (n->topics[best].created_us != INT64_MIN &&
        at_us < n->topics[best].created_us - CLOCKS_APART_US) {
        return false;
    }
    memcpy(ret_id, n->topics[best].id, TOPIC_ID_LEN);
    return true;
}
