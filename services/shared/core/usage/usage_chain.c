#include "core/usage/usage_chain.h"

#include "base/array.h"

static uint64_t session_key(int32_t broker, uint64_t key) {
    return usage_model_pair((uint32_t)broker, (uint32_t)key);
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
    st->chains = array_grow(st->chains, st->chain_count, &st->chain_cap, sizeof *st->chains);
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
