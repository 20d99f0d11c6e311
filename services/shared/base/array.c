#include "base/array.h"

#include <stdlib.h>

#include "base/check.h"

enum { CAP_MIN = 4 };

void *array_enlarge(void *items, uint32_t *cap, size_t size) {
    uint32_t more = *cap == 0 ? CAP_MIN : *cap * 2;
    void *grown = realloc(items, more * size);
    check(grown != NULL);
    *cap = more;
    return grown;
}
