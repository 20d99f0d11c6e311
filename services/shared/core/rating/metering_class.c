#include "core/rating/metering_class.h"

#include <stddef.h>
#include <string.h>

// From 1, the weakest; 0: not known.
static int rank(const char *name) {
    static const char *const CLASSES[] = {"committed", "reported", "request_log"};
    for (size_t i = 0; i < sizeof CLASSES / sizeof *CLASSES; i++) {
        if (strcmp(name, CLASSES[i]) == 0) {
            return (int)i + 1;
        }
    }
    return 0;
}

bool metering_class_is_weaker(const char *x, const char *y) {
    return rank(x) < rank(y);
}
