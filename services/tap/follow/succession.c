// From one file to the next; see the header.
#include "tap/follow/succession.h"

#include <stddef.h>

// No whole file has a place between the two.
static bool adjoins(const struct succession *s) {
    return s->adjoining || s->first_ms - s->last_ms <= SUCCESSION_SILENCE_MS ||
           (s->period_ms > 0 && s->first_ms / s->period_ms <= s->last_ms / s->period_ms + 1);
}

// A logger renames its file when it has the first line for the next one (log4j): the first file was
// the live one until then, however long the log was silent. Renaming shows in the file's times, but so
// do changes of its rights, and a job that makes some may run when a minute begins: then it is no proof.
static bool was_live_until(const struct succession *s) {
    enum { APART_MS = 1000, MINUTE_MS = 60 * 1000, JOBS_MS = 5000 };
    int64_t behind_ms = s->renamed_ms - s->first_ms;
    return s->renamed_ms > 0 && behind_ms >= -APART_MS && behind_ms <= APART_MS &&
           s->first_ms % MINUTE_MS >= JOBS_MS;
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
    return s->gone || s->lost || !(adjoins(s) || was_live_until(s)) ? "removed" : NULL;
}
