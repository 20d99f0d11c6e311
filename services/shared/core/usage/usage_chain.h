// Chains of a state: one fetch session, or one connection, of a client with a broker.
#ifndef WEIR_CORE_USAGE_USAGE_CHAIN_H
#define WEIR_CORE_USAGE_USAGE_CHAIN_H

#include "core/usage/usage_model.h"

// The chain, or USAGE_NONE.
uint32_t usage_chain_find(const struct usage_state *st, int32_t broker, bool session, uint64_t key);
// A new chain; one with the same key is replaced.
uint32_t usage_chain_add(struct usage_state *st, int32_t broker, bool session, uint64_t key,
                         uint32_t client);
// A chain as it was stored.
uint32_t usage_chain_restore(struct usage_state *st, const struct usage_chain *chain);
// No line will find it any more.
void usage_chain_kill(struct usage_state *st, uint32_t chain);

#endif
