// Finding and adding the objects of a state, and letting go of idle ones.
#include "core/usage/usage_state.h"

#include <stdlib.h>

#include "base/check.h"
#include "core/usage/usage_model.h"

enum { SEED_ID = 11, SEED_NAME, SEED_CLIENT, SEED_ADDRESS };

void *usage_grow(void *items, uint32_t count, uint32_t *cap, size_t size) {
    if (count < *cap) {
        return items;
    }
    uint32_t more = *cap == 0 ? 4 : *cap * 2;
    void *grown = realloc(items, more * size);
    check(grown != NULL);
    *cap = more;
    return grown;
}

struct usage_state *usage_state_new(void) {
    struct usage_state *st = calloc(1, sizeof *st);
    check(st != NULL);
    st->free_position = USAGE_NONE;
    st->last_us = INT64_MIN;
    st->pruned_us = INT64_MIN;
    return st;
}

static void done(struct usage_state *st) {
    for (uint32_t i = 0; i < st->topic_count; i++) {
        free(st->topics[i].name);
    }
    for (uint32_t i = 0; i < st->slot_count; i++) {
        free(st->slots[i].starts);
        free(st->slots[i].commits);
        free(st->slots[i].batches);
    }
    free(st->topics);
    free(st->clients);
    free(st->chains);
    free(st->slots);
    free(st->positions);
    hash_table_done(&st->topic_by_key);
    hash_table_done(&st->client_by_key);
    hash_table_done(&st->chain_by_session);
    hash_table_done(&st->chain_by_connection);
    hash_table_done(&st->slot_by_key);
    hash_table_done(&st->position_by_key);
    hash_table_done(&st->errors);
}

void usage_state_free(struct usage_state *st) {
    if (st == NULL) {
        return;
    }
    done(st);
    free(st);
}

// --- topics --------------------------------------------------------------------------------------

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
    st->topics = usage_grow(st->topics, st->topic_count, &st->topic_cap, sizeof *st->topics);
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

// --- clients and chains --------------------------------------------------------------------------

uint32_t usage_client_add(struct usage_state *st, struct usage_client c) {
    uint64_t key = hash_bytes(&c, sizeof c, 0);
    uint32_t at;
    if (hash_table_get(&st->client_by_key, key, &at)) {
        return at;
    }
    st->clients = usage_grow(st->clients, st->client_count, &st->client_cap, sizeof *st->clients);
    at = st->client_count++;
    st->clients[at] = c;
    hash_table_put(&st->client_by_key, key, at);
    return at;
}

uint32_t usage_client_get(struct usage_state *st, struct slice id, struct slice address) {
    struct usage_client c = {hash_bytes(id.ptr, id.len, SEED_CLIENT),
                             hash_bytes(address.ptr, address.len, SEED_ADDRESS)};
    return usage_client_add(st, c);
}

static uint64_t session_key(int32_t broker, uint64_t key) {
    return usage_pair((uint32_t)broker, (uint32_t)key);
}

static uint64_t connection_key(int32_t broker, uint64_t key) {
    return key + (uint64_t)(uint32_t)broker;
}

uint32_t usage_chain_find(const struct usage_state *st, int32_t broker, bool session,
                          uint64_t key) {
    uint32_t at;
    bool found = session
                     ? hash_table_get(&st->chain_by_session, session_key(broker, key), &at)
                     : hash_table_get(&st->chain_by_connection, connection_key(broker, key), &at);
    return found ? at : USAGE_NONE;
}

uint32_t usage_chain_add(struct usage_state *st, int32_t broker, bool session, uint64_t key,
                         uint32_t client) {
    uint32_t old = usage_chain_find(st, broker, session, key);
    if (old != USAGE_NONE) {
        usage_chain_kill(st, old);
    }
    return usage_chain_restore(st, &(struct usage_chain){
                                       .serial = st->next_serial++,
                                       .key = key,
                                       .broker = broker,
                                       .session = session,
                                       .client = client,
                                       .last_us = INT64_MIN,
                                   });
}

uint32_t usage_chain_restore(struct usage_state *st, const struct usage_chain *c) {
    st->chains = usage_grow(st->chains, st->chain_count, &st->chain_cap, sizeof *st->chains);
    uint32_t at = st->chain_count++;
    st->chains[at] = *c;
    if (c->dead) {
        return at;
    }
    if (c->session) {
        hash_table_put(&st->chain_by_session, session_key(c->broker, c->key), at);
    } else {
        hash_table_put(&st->chain_by_connection, connection_key(c->broker, c->key), at);
    }
    return at;
}

void usage_chain_kill(struct usage_state *st, uint32_t chain) {
    struct usage_chain *c = &st->chains[chain];
    if (c->dead) {
        return;
    }
    c->dead = true;
    if (c->session) {
        hash_table_remove(&st->chain_by_session, session_key(c->broker, c->key));
    } else {
        hash_table_remove(&st->chain_by_connection, connection_key(c->broker, c->key));
    }
}

// --- slots and positions -------------------------------------------------------------------------

uint32_t usage_slot_find(const struct usage_state *st, uint32_t home, int32_t partition) {
    uint32_t at;
    return hash_table_get(&st->slot_by_key, usage_pair(home, (uint32_t)partition), &at)
               ? at
               : USAGE_NONE;
}

uint32_t usage_slot_get(struct usage_state *st, uint32_t home, int32_t partition) {
    uint32_t at = usage_slot_find(st, home, partition);
    if (at == USAGE_NONE) {
        st->slots = usage_grow(st->slots, st->slot_count, &st->slot_cap, sizeof *st->slots);
        at = st->slot_count++;
        st->slots[at] = (struct usage_slot){
            .topic = home,
            .partition = partition,
            .positions = USAGE_NONE,
            .highest = -1,
            .used = true,
        };
        hash_table_put(&st->slot_by_key, usage_pair(home, (uint32_t)partition), at);
    }
    st->slots[at].last_us = st->last_us;
    return at;
}

uint32_t usage_position_find(const struct usage_state *st, uint32_t chain, uint32_t slot) {
    uint32_t at;
    return hash_table_get(&st->position_by_key, usage_pair(chain, slot), &at) ? at : USAGE_NONE;
}

// The position of the slot whose chain has been idle longest, a closed or claimed one first.
static uint32_t idlest_position(const struct usage_state *st, const struct usage_slot *slot) {
    uint32_t idlest = USAGE_NONE;
    int64_t idle_us = 0;
    for (uint32_t i = slot->positions; i != USAGE_NONE; i = st->positions[i].next) {
        const struct usage_chain *c = &st->chains[st->positions[i].chain];
        if (idlest == USAGE_NONE || c->last_us < idle_us) {
            idlest = i;
            idle_us = c->last_us;
        }
    }
    return idlest;
}

uint32_t usage_position_get(struct usage_state *st, uint32_t chain, uint32_t slot) {
    uint32_t at = usage_position_find(st, chain, slot);
    if (at != USAGE_NONE) {
        return at;
    }
    if (st->slots[slot].position_count >= USAGE_POSITIONS_PER_SLOT_MAX) {
        usage_position_remove(st, idlest_position(st, &st->slots[slot]));
    }
    if (st->free_position != USAGE_NONE) {
        at = st->free_position;
        st->free_position = st->positions[at].next;
    } else {
        st->positions =
            usage_grow(st->positions, st->position_count, &st->position_cap, sizeof *st->positions);
        at = st->position_count++;
    }
    st->positions[at] = (struct usage_position){
        .chain = chain,
        .slot = slot,
        .next = st->slots[slot].positions,
        .used = true,
    };
    st->slots[slot].positions = at;
    st->slots[slot].position_count++;
    hash_table_put(&st->position_by_key, usage_pair(chain, slot), at);
    return at;
}

void usage_position_remove(struct usage_state *st, uint32_t position) {
    struct usage_position *p = &st->positions[position];
    struct usage_slot *slot = &st->slots[p->slot];
    uint32_t *link = &slot->positions;
    while (*link != position) {
        link = &st->positions[*link].next;
    }
    *link = p->next;
    slot->position_count--;
    hash_table_remove(&st->position_by_key, usage_pair(p->chain, p->slot));
    *p = (struct usage_position){.next = st->free_position};
    st->free_position = position;
}

// --- letting go ----------------------------------------------------------------------------------

void usage_state_compact(struct usage_state *st) {
    struct buf blob;
    struct usage_state *fresh = NULL;
    buf_init(&blob, USAGE_BLOB_MAX);
    usage_state_encode(st, &blob);
    check(!blob.overflow);
    check(usage_state_decode(buf_slice(&blob), &fresh, NULL) == ERR_OK);
    buf_done(&blob);
    fresh->names_version = st->names_version;
    fresh->line = st->line;
    done(st);
    *st = *fresh;
    free(fresh);
}

static int compare_times(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// The time that half of the `count` values lie below.
static int64_t median(int64_t *times, uint32_t count) {
    qsort(times, count, sizeof *times, compare_times);
    return times[count / 2];
}

static void drop_idle_positions(struct usage_state *st) {
    int64_t *times = malloc((st->position_count + 1) * sizeof *times);
    check(times != NULL);
    uint32_t count = 0;
    for (uint32_t i = 0; i < st->position_count; i++) {
        if (st->positions[i].used) {
            times[count++] = st->chains[st->positions[i].chain].last_us;
        }
    }
    int64_t limit = count == 0 ? 0 : median(times, count);
    // Half of them even if all are equally old.
    uint32_t drop = count / 2;
    for (uint32_t i = 0; i < st->position_count && drop > 0; i++) {
        if (st->positions[i].used && st->chains[st->positions[i].chain].last_us <= limit) {
            usage_position_remove(st, i);
            drop--;
        }
    }
    free(times);
}

static void drop_idle_slots(struct usage_state *st) {
    int64_t *times = malloc((st->slot_count + 1) * sizeof *times);
    check(times != NULL);
    for (uint32_t i = 0; i < st->slot_count; i++) {
        times[i] = st->slots[i].last_us;
    }
    int64_t limit = st->slot_count == 0 ? 0 : median(times, st->slot_count);
    uint32_t drop = st->slot_count / 2;
    free(times);
    for (uint32_t i = 0; i < st->slot_count && drop > 0; i++) {
        struct usage_slot *s = &st->slots[i];
        if (s->last_us > limit) {
            continue;
        }
        while (s->positions != USAGE_NONE) {
            usage_position_remove(st, s->positions);
        }
        st->batch_total -= s->batch_count;
        s->batch_count = s->start_count = s->commit_count = 0;
        s->highest = -1;
        drop--;
    }
}

void usage_state_make_room(struct usage_state *st) {
    bool crowded = st->position_count >= USAGE_POSITIONS_MAX ||
                   st->chain_count >= USAGE_CHAINS_MAX || st->slot_count >= USAGE_SLOTS_MAX ||
                   st->topic_count >= USAGE_TOPICS_MAX || st->client_count >= USAGE_CLIENTS_MAX ||
                   st->batch_total >= USAGE_BATCHES_MAX;
    if (!crowded) {
        return;
    }
    usage_state_compact(st);
    if (st->slot_count >= USAGE_SLOTS_MAX / 2 || st->topic_count >= USAGE_TOPICS_MAX / 2 ||
        st->batch_total >= USAGE_BATCHES_MAX / 2) {
        drop_idle_slots(st);
    }
    if (st->position_count >= USAGE_POSITIONS_MAX / 2 || st->chain_count >= USAGE_CHAINS_MAX / 2 ||
        st->client_count >= USAGE_CLIENTS_MAX / 2) {
        drop_idle_positions(st);
    }
    usage_state_compact(st);
}

// --- questions -----------------------------------------------------------------------------------

int64_t usage_state_last_us(const struct usage_state *st) {
    return st->last_us;
}

bool usage_state_has_unresolved(const struct usage_state *st) {
    return st->unresolved > 0;
}

bool usage_state_empty(const struct usage_state *st) {
    for (uint32_t i = 0; i < st->slot_count; i++) {
        const struct usage_slot *s = &st->slots[i];
        if (s->highest >= 0 || s->positions != USAGE_NONE || s->start_count > 0 ||
            s->commit_count > 0 || s->batch_count > 0) {
            return false;
        }
    }
    return true;
}

size_t usage_state_memory(const struct usage_state *st) {
    size_t tables = st->topic_by_key.cap + st->client_by_key.cap + st->chain_by_session.cap +
                    st->chain_by_connection.cap + st->slot_by_key.cap + st->position_by_key.cap;
    size_t size = sizeof *st + tables * sizeof(struct hash_table_entry) +
                  st->topic_cap * (sizeof *st->topics + 32) + st->client_cap * sizeof *st->clients +
                  st->chain_cap * sizeof *st->chains + st->slot_cap * sizeof *st->slots +
                  st->position_cap * sizeof *st->positions;
    for (uint32_t i = 0; i < st->slot_count; i++) {
        const struct usage_slot *s = &st->slots[i];
        size += s->start_cap * sizeof *s->starts + s->commit_cap * sizeof *s->commits +
                s->batch_cap * sizeof *s->batches;
    }
    return size;
}
