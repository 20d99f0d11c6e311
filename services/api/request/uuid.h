// Ids of rows as text (RFC 9562).
#ifndef WEIR_API_REQUEST_UUID_H
#define WEIR_API_REQUEST_UUID_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"

enum { UUID_CHARS = 36, UUID_BYTES = 16 };

// 36 characters: hex digits of either case, dashes in their places.
bool uuid_valid(struct slice s);
// A random one (version 4), in the arena, for a row whose id must be known before it is written.
const char *uuid_new(struct arena *arena);

#endif
