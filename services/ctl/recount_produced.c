#include "ctl/recount_produced.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/instant.h"

void recount_produced_done(struct recount_produced *p) {
    free(p->days);
    *p = (struct recount_produced){0};
}

void recount_produced_add(struct recount_produced *p, struct slice topic, int64_t time_us,
                          uint64_t bytes, int64_t messages) {
    int64_t day = time_us / US_PER_DAY;
    struct recount_produced_day *d = NULL;
    // Topics and days are few, and the last is the likely one.
    for (uint32_t i = p->count; i-- > 0 && d == NULL;) {
        if (p->days[i].day == day && slice_eq(p->days[i].topic, topic)) {
            d = &p->days[i];
        }
    }
    if (d == NULL) {
        p->days = array_grow(p->days, p->count, &p->cap, sizeof *p->days);
        d = &p->days[p->count++];
        *d = (struct recount_produced_day){.topic = topic, .day = day};
    }
    d->bytes += bytes;
    d->messages += messages;
}

bool recount_produced_latest(const struct recount_produced *p, struct slice topic,
                             uint64_t *ret_bytes, uint64_t *ret_messages) {
    const struct recount_produced_day *latest = NULL;
    for (uint32_t i = 0; i < p->count; i++) {
        const struct recount_produced_day *d = &p->days[i];
        if (d->bytes > 0 && d->messages > 0 && slice_eq(d->topic, topic) &&
            (latest == NULL || d->day > latest->day)) {
            latest = d;
        }
    }
    if (latest == NULL || latest->bytes > UINT64_MAX || latest->messages > (i128)UINT64_MAX) {
        return false;
    }
    *ret_bytes = (uint64_t)latest->bytes;
    *ret_messages = (uint64_t)latest->messages;
    return true;
}
