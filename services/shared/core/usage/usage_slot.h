// Slots of a state: partitions of topics.
#ifndef WEIR_CORE_USAGE_USAGE_SLOT_H
#define WEIR_CORE_USAGE_USAGE_SLOT_H

#include "core/usage/usage_model.h"

// The slot, or USAGE_NONE.
uint32_t usage_slot_find(const struct usage_state *st, uint32_t home, int32_t partition);
// Found or added, and in use now.
uint32_t usage_slot_get(struct usage_state *st, uint32_t home, int32_t partition);

// The fetches of a slot, those of runs and those left, in no order:
//     for (struct usage_slot_walk w = {0}; (f = usage_slot_next_fetch(st, slot, &w)) != NULL;)
// Nothing may be added or removed on the way.
struct usage_slot_walk {
    bool begun;
    uint32_t position;
    uint32_t left;
};
struct usage_fetch *usage_slot_next_fetch(struct usage_state *st, uint32_t slot,
                                          struct usage_slot_walk *w);

// Nothing in it waits for a fact; only how far it was read is known.
bool usage_slot_rests(const struct usage_slot *slot);
// Forgets how far a slot that rests was read if no line named it since `before_us`. True if it did.
bool usage_slot_forget_idle(struct usage_state *st, uint32_t slot, int64_t before_us);

#endif
