// From one file to the next; see the header.
#include "tap/follow/succession.h"

#include <stddef.h>

// No whole file has a place between the two.
static bool adjoins(const struct succession *s) {
    return s->adjoining || s->first_ms - s->last_ms <= SUCCESSION_SILENCE_MS ||
           (s->period_ms > 0 && s->first_ms / s->period_ms <= s->last_ms / s->period_ms + 1);
}

const char *succession_hole(const struct succession *s) {
    if (s->damaged) {
        return "damaged";
    }
    if (s->replaced || s->copied) {
        return "truncated";
    }
    // Watched, and the next one began at once: whatever else is in the folder, nothing lies between.
    if (s->seen_live_ms > 0 && s->first_ms - s->seen_live_ms <= SUCCESSION_SILENCE_MS) {
        return NULL;
    }
    if (s->unreadable) {
        return "damaged";
    }
    return s->gone || s->lost || !adjoins(s) ? "removed" : NULL;
}
