// Positions of a state: one slot of one chain.
#ifndef WEIR_CORE_USAGE_USAGE_POSITION_H
#define WEIR_CORE_USAGE_USAGE_POSITION_H

#include "core/usage/usage_model.h"

// The position, or USAGE_NONE.
uint32_t usage_position_find(const struct usage_state *st, uint32_t chain, uint32_t slot);
// Found or added; where the slot has too many, the one of the longest idle chain goes.
uint32_t usage_position_get(struct usage_state *st, uint32_t chain, uint32_t slot);
// Whether `position` is that of the partition in the chain.
static inline bool usage_position_is(const struct usage_state *st, uint32_t position,
                                     uint32_t chain, uint32_t home, int32_t partition) {
    if (position >= st->position_count) {
        return false;
    }
    const struct usage_position *p = &st->positions[position];
    return p->used && p->chain == chain && st->slots[p->slot].topic == home &&
           st->slots[p->slot].partition == partition && st->slots[p->slot].used;
}
void usage_position_remove(struct usage_state *st, uint32_t position);

#endif
