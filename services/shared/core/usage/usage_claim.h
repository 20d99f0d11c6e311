// What closes a fetch: facts 1 to 4 of usage_fold.h.
#ifndef WEIR_CORE_USAGE_USAGE_CLAIM_H
#define WEIR_CORE_USAGE_USAGE_CLAIM_H

#include "core/usage/usage_model.h"

// Fact 1: the next request of the position's run is at `offset`, above its fetch's, and its answer
// has the watermark `high` (-1: none). The position has no unclosed fetch afterwards.
void usage_claim_successor(struct usage_state *st, uint32_t position, int64_t offset, int64_t high,
                           int64_t time_us);
// The same of a request that gives the chain's session up. It was broken off before, so where the
// client began elsewhere meanwhile and that closed the fetch, this closes nothing.
void usage_claim_last_request(struct usage_state *st, uint32_t position, int64_t offset,
                              int64_t high, int64_t time_us);
// Fact 2 in the run: the position's fetch (if it has one) is followed by a request at `offset`
// that the broker found outside the log.
void usage_claim_out_of_range(struct usage_state *st, uint32_t position, int64_t offset,
                              int64_t time_us);
// Facts 2 and 3: a run begins, or a chain's first request is out of range. Told to the fetches of
// the slot, and kept for those of other brokers that are read later.
void usage_claim_start(struct usage_state *st, uint32_t slot, const struct usage_start *start);
// Fact 4: told to the open fetches of the slot, and kept for those that are read later.
void usage_claim_word(struct usage_state *st, uint32_t slot, const struct usage_word *word);
// A new fetch: what starts and words already seen say about it.
void usage_claim_fetch(struct usage_state *st, uint32_t slot, struct usage_fetch *fetch);
// Moves everything of one slot to another: two names of one partition.
void usage_claim_merge(struct usage_state *st, uint32_t from, uint32_t to);
// Forgets starts and words of before `before_us`, and fetches that nothing can close any more.
void usage_claim_forget(struct usage_state *st, uint32_t slot, int64_t before_us);
// The starts and words alone.
void usage_claim_forget_facts(struct usage_state *st, uint32_t slot, int64_t before_us);

#endif
