#include "core/usage/usage_topic.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/check.h"
#include "base/hash.h"

enum { SEED_ID = 11, SEED_NAME = 12 }; // stored states don't hold these hashes

static bool topic_is(const struct usage_topic *t, const struct topic_key *key, int64_t since_us) {
    if (key->has_id) {
        return t->name == NULL && memcmp(t->id, key->id, TOPIC_ID_LEN) == 0;
    }
    return t->name != NULL && t->since_us == since_us &&
           slice_eq(slice_of(t->name, t->name_len), key->name);
}

bool usage_topic_is(const struct usage_state *st, uint32_t at, const struct topic_key *key) {
    return at < st->topic_count && topic_is(&st->topics[at], key, INT64_MIN);
}

// The topic, or USAGE_NONE; *ret_key is the table key where it is or belongs.
static uint32_t find_topic(const struct usage_state *st, const struct topic_key *key,
                           int64_t since_us, uint64_t *ret_key) {
    uint64_t hash = key->has_id
                        ? hash_bytes(key->id, TOPIC_ID_LEN, SEED_ID)
                        : hash_bytes(key->name.ptr, key->name.len, SEED_NAME + (uint64_t)since_us);
    uint32_t at;
    for (; hash_table_get(&st->topic_by_key, hash, &at); hash++) {
        if (topic_is(&st->topics[at], key, since_us)) {
            *ret_key = hash;
            return at;
        }
    }
    *ret_key = hash;
    return USAGE_NONE;
}

uint32_t usage_topic_add(struct usage_state *st, const struct topic_key *key, int64_t since_us) {
    uint64_t hash;
    uint32_t at = find_topic(st, key, since_us, &hash);
    if (at != USAGE_NONE) {
        return at;
    }
    st->topics = array_grow(st->topics, st->topic_count, &st->topic_cap, sizeof *st->topics);
    at = st->topic_count++;
    struct usage_topic *t = &st->topics[at];
    *t = (struct usage_topic){
        .home = at, .unresolved = !key->has_id, .first_us = INT64_MAX, .since_us = since_us};
    if (key->has_id) {
        memcpy(t->id, key->id, TOPIC_ID_LEN);
    } else {
        t->name = malloc(key->name.len + 1);
        check(t->name != NULL);
        memcpy(t->name, key->name.ptr, key->name.len);
        t->name[key->name.len] = '\0';
        t->name_len = (uint32_t)key->name.len;
        st->unresolved++;
    }
    hash_table_put(&st->topic_by_key, hash, at);
    return at;
}

// The id that the name had at `time_us`, and the deletion after which the name is another topic's.
static bool id_of(const struct topic_key *key, int64_t time_us, const struct topic_names *names,
                  struct topic_key *ret_by_id, int64_t *ret_since_us) {
    *ret_by_id = (struct topic_key){.has_id = true};
    *ret_since_us = INT64_MIN;
    return !key->has_id && names != NULL &&
           topic_names_id_at(names, key->name, time_us, ret_by_id->id, ret_since_us);
}

// A name that stayed unresolved has slots of its own, which usage_fold_settle moves.
static void settle_home(struct usage_state *st, uint32_t at, const struct topic_key *by_id) {
    uint32_t home = usage_topic_add(st, by_id, INT64_MIN);
    st->topics[at].home = home;
    if (st->topics[at].unresolved) {
        st->unresolved--;
    }
    st->topics[at].unresolved = false;
}

uint32_t usage_topic_find(struct usage_state *st, const struct topic_key *key, int64_t time_us,
                          const struct topic_names *names) {
    struct topic_key by_id;
    int64_t since_us;
    uint64_t hash;
    bool known = id_of(key, time_us, names, &by_id, &since_us);
    uint32_t at = find_topic(st, key, since_us, &hash);
    if (at != USAGE_NONE && known && !st->topics[at].unresolved) {
        settle_home(st, at, &by_id);
    }
    // A name not met before may be of a topic that is known by its id.
    return at == USAGE_NONE && known ? find_topic(st, &by_id, INT64_MIN, &hash) : at;
}

uint32_t usage_topic_get(struct usage_state *st, const struct topic_key *key, int64_t time_us,
                         const struct topic_names *names) {
    struct topic_key by_id;
    int64_t since_us;
    uint32_t count = st->topic_count;
    bool known = id_of(key, time_us, names, &by_id, &since_us);
    uint32_t at = usage_topic_add(st, key, since_us);
    if (known && (at == count || !st->topics[at].unresolved)) {
        settle_home(st, at, &by_id);
    }
    return at;
}
