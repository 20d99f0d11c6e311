// What closes the last fetch of a chain while it has no successor, rules (1) and (2) of usage_fold.h.
#ifndef WEIR_CORE_USAGE_USAGE_CLAIM_H
#define WEIR_CORE_USAGE_USAGE_CLAIM_H

#include "core/usage/usage_model.h"

// A chain began to read the slot at `offset`: told to every unclosed fetch of the other chains.
void usage_claim_start(struct usage_state *st, uint32_t slot, const struct usage_start *start);
void usage_claim_commit(struct usage_state *st, uint32_t slot, const struct usage_commit *commit);
// A new unclosed fetch: what starts and commits already seen say about it.
void usage_claim_fetch(struct usage_state *st, uint32_t position);
// The next fetch of the chain is at `offset`: the final word.
void usage_claim_successor(struct usage_state *st, uint32_t position, int64_t offset);
// Moves everything of one slot to another: two names of one partition.
void usage_claim_merge(struct usage_state *st, uint32_t from, uint32_t to);
// Forgets starts and commits of before `before_us`, when their word is written into the fetches.
void usage_claim_forget(struct usage_state *st, uint32_t slot, int64_t before_us);

#endif
