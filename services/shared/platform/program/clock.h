// The machine's clocks, for programs; core takes a struct clock as an argument.
#ifndef WEIR_PLATFORM_PROGRAM_CLOCK_H
#define WEIR_PLATFORM_PROGRAM_CLOCK_H

#include <stdint.h>

#include "base/instant.h"

// Wall clock (UTC).
extern const struct clock clock_system;

int64_t clock_system_us(void);
// Never goes back; for durations and deadlines only.
int64_t clock_monotonic_us(void);

#endif
