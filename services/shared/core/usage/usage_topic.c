#include "core/usage/usage_topic.h"

#include <stdlib.h>
#include <string.h>

#include "base/array.h"
#include "base/check.h"
#include "base/hash.h"

enum { SEED_ID = 11, SEED_NAME = 12 }; // stored states don't hold these hashes

static bool topic_is(const struct usage_topic *t, const struct topic_key *key) {
    if (key->has_id) {
        return t->name == NULL && memcmp(t->id, key->id, TOPIC_ID_LEN) == 0;
    }
    return t->name != NULL && slice_eq(slice_of(t->name, t->name_len), key->name);
}

bool usage_topic_is(const struct usage_state *st, uint32_t at, const struct topic_key *key) {
    return at < st->topic_count && topic_is(&st->topics[at], key);
}

// The topic, or USAGE_NONE; *ret_key is the table key where it is or belongs.
static uint32_t find_topic(const struct usage_state *st, const struct topic_key *key,
                           uint64_t *ret_key) {
    uint64_t hash = key->has_id ? hash_bytes(key->id, TOPIC_ID_LEN, SEED_ID)
                                : hash_bytes(key->name.ptr, key->name.len, SEED_NAME);
    uint32_t at;
    for (; hash_table_get(&st->topic_by_key, hash, &at); hash++) {
        if (topic_is(&st->topics[at], key)) {
            *ret_key = hash;
            return at;
        }
    }
    *ret_key = hash;
    return USAGE_NONE;
}

uint32_t usage_topic_add(struct usage_state *st, const struct topic_key *key) {
    uint64_t hash;
    uint32_t at = find_topic(st, key, &hash);
    if (at != USAGE_NONE) {
        return at;
    }
    st->topics = array_grow(st->topics, st->topic_count, &st->topic_cap, sizeof *st->topics);
    at = st->topic_count++;
    struct usage_topic *t = &st->topics[at];
    *t = (struct usage_topic){.home = at, .unresolved = !key->has_id, .first_us = INT64_MAX};
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

uint32_t usage_topic_get(struct usage_state *st, const struct topic_key *key, int64_t time_us,
                         const struct topic_names *names) {
    uint32_t known = st->topic_count;
    uint32_t at = usage_topic_add(st, key);
    bool added = at == known;
    if (time_us < st->topics[at].first_us) {
        st->topics[at].first_us = time_us;
    }
    // A name that stayed unresolved has slots of its own, which usage_fold_settle moves.
    if (key->has_id || names == NULL || (st->topics[at].unresolved && !added)) {
        return at;
    }
    struct topic_key by_id = {.has_id = true};
    if (topic_names_id_at(names, key->name, time_us, by_id.id)) {
        uint32_t home = usage_topic_add(st, &by_id);
        st->topics[at].home = home;
        if (st->topics[at].unresolved) {
            st->unresolved--;
        }
        st->topics[at].unresolved = false;
    }
    return at;
}
