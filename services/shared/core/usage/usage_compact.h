// Letting go of what nothing points to, and of idle things where a principal has too many.
#ifndef WEIR_CORE_USAGE_USAGE_COMPACT_H
#define WEIR_CORE_USAGE_USAGE_COMPACT_H

#include "core/usage/usage_model.h"

// Drops what nothing points to and gives the rest new indexes.
void usage_compact(struct usage_state *st);
// Makes room if a kind is above its maximum: lets go of the longest idle half.
void usage_compact_make_room(struct usage_state *st);

#endif
