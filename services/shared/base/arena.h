// Memory with one lifetime: many small allocations, freed whole. Allocation failure aborts (check):
// a service out of memory restarts from its stored position. Not for threads to share.
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include <stddef.h>

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; // newest first
    size_t used_bytes;          // handed out since the last reset
};

void arena_init(struct arena *a);
// Frees everything. The arena is as after arena_init.
void arena_done(struct arena *a);
// Frees all but one block and starts again.
void arena_reset(struct arena *a);
// Zeroed memory, aligned for any type; size 0 gives a valid pointer.
void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, returns_nonnull));
// `count` zeroed elements; an overflow of count * size aborts.
void *arena_array(struct arena *a, size_t count, size_t size)
    __attribute__((malloc, returns_nonnull));
// NUL-terminated copy.
char *arena_str(struct arena *a, struct slice s) __attribute__((returns_nonnull));
char *arena_printf(struct arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));

#endif
