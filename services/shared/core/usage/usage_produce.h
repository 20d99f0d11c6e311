// PRODUCE: bytes once per batch, messages from the distances of sorted base offsets.
#ifndef WEIR_CORE_USAGE_USAGE_PRODUCE_H
#define WEIR_CORE_USAGE_USAGE_PRODUCE_H

#include "core/usage/usage_line.h"

void usage_produce_line(struct usage_line *l);
// Hands over the batches of the slot if the sink keeps those of its topic by now: what was counted of
// them is taken back.
void usage_produce_look(struct usage_state *st, uint32_t slot);
// Forgets batches of before `before_us`; the highest stays.
void usage_produce_forget(struct usage_state *st, uint32_t slot, int64_t before_us);
// Moves everything of one slot to another: two names of one partition.
void usage_produce_merge(struct usage_state *st, uint32_t from, uint32_t to);

#endif
