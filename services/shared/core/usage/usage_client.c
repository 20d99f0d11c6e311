#include "core/usage/usage_client.h"

#include "base/array.h"
#include "base/hash.h"

enum { SEED_CLIENT = 13, SEED_ADDRESS = 14 }; // for ever: stored states hold these hashes

uint32_t usage_client_add(struct usage_state *st, struct usage_client c) {
    uint64_t key = hash_bytes(&c, sizeof c, 0);
    uint32_t at;
    if (hash_table_get(&st->client_by_key, key, &at)) {
        return at;
    }
    st->clients = array_grow(st->clients, st->client_count, &st->client_cap, sizeof *st->clients);
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
