// How a cluster is metered: `request_log` (exact, with evidence), `reported`, `committed`. A plan
// names the weakest class that it accepts.
#ifndef WEIR_CORE_RATING_METERING_CLASS_H
#define WEIR_CORE_RATING_METERING_CLASS_H

#include <stdbool.h>

// Whether usage metered as `x` is weaker evidence than `y`. A name nobody knows is weaker than all
// that are known.
bool metering_class_is_weaker(const char *x, const char *y);

#endif
