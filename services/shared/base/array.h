// Arrays that grow.
#ifndef WEIR_BASE_ARRAY_H
#define WEIR_BASE_ARRAY_H

#include <stddef.h>
#include <stdint.h>

// As array_grow, of an array that is full.
void *array_enlarge(void *items, uint32_t *cap, size_t size);

// `items`, `count` of them of `size` bytes each, with room for one more: moved and *cap doubled where
// it is full. The caller owns the memory (free). Allocation failure aborts (check).
static inline void *array_grow(void *items, uint32_t count, uint32_t *cap, size_t size) {
    return count < *cap ? items : array_enlarge(items, cap, size);
}

#endif
