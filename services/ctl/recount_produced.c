#include "ctl/recount_produced.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/instant.h"

void recount_produced_done(struct recount_produced *p) {
    free(p->days);
    *p = (struct recount_produced){0};
}

void recount_produced_add(struct recount_produced *p, const struct topic_key *topic,
                          int64_t time_us, uint64_t bytes, int64_t messages) {
    int64_t day = time_us / US_PER_DAY;
    struct recount_produced_day *d = NULL;
    // Topics and days are few, and the last is the likely one.
    for (uint32_t i = p->count; i-- > 0 && d == NULL;) {
        if (p->days[i].day == day && topic_key_eq(&p->days[i].topic, topic)) {
            d = &p->days[i];
        }
    }
    if (d == NULL) {
        p->days = array_grow(p->days, p->count, &p->cap, sizeof *p->days);
        d = &p->days[p->count++];
        *d = (struct recount_produced_day){.topic = *topic, .first_us = time_us, .day = day};
    }
    d->bytes += bytes;
    d->messages += messages;
}

static bool is_of(const struct recount_produced_day *d, const struct topic_names *names,
                  const struct topic_key *topic) {
    struct topic_key key = {.has_id = true};
    int64_t since_us;
    if (topic_key_eq(&d->topic, topic)) {
        return true;
    }
    return topic->has_id && !d->topic.has_id &&
           topic_names_id_at(names, d->topic.name, d->first_us, key.id, &since_us) &&
           topic_key_eq(&key, topic);
}

bool recount_produced_latest(const struct recount_produced *p, const struct topic_names *names,
                             const struct topic_key *topic, uint64_t *ret_bytes,
                             uint64_t *ret_messages) {
    int64_t latest = INT64_MIN;
    for (bool again = true; again;) {
        // The latest day below the one that had not both.
        int64_t day = INT64_MIN;
        u128 bytes = 0;
        i128 messages = 0;
        for (uint32_t i = 0; i < p->count; i++) {
            const struct recount_produced_day *d = &p->days[i];
            bool sooner = latest == INT64_MIN || d->day < latest;
            if (!sooner || d->day < day || !is_of(d, names, topic)) {
                continue;
            }
            if (d->day > day) {
                day = d->day;
                bytes = 0;
                messages = 0;
            }
            bytes += d->bytes;
            messages += d->messages;
        }
        if (bytes > 0 && messages > 0 && bytes <= UINT64_MAX && messages <= (i128)UINT64_MAX) {
            *ret_bytes = (uint64_t)bytes;
            *ret_messages = (uint64_t)messages;
            return true;
        }
        latest = day;
        again = day != INT64_MIN;
    }
    return false;
}
