// Slots of a state: partitions of topics.
#ifndef WEIR_CORE_USAGE_USAGE_SLOT_H
#define WEIR_CORE_USAGE_USAGE_SLOT_H

#include "core/usage/usage_model.h"

// The slot, or USAGE_NONE.
uint32_t usage_slot_find(const struct usage_state *st, uint32_t home, int32_t partition);
// Found or added, and in use now.
uint32_t usage_slot_get(struct usage_state *st, uint32_t home, int32_t partition);

#endif
