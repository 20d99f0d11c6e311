#include "base/rate.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/instant.h"
#include "base/number.h"

enum { WAYS = 8 }; // slots of a set

bool rate_parse(struct slice text, struct rate *ret) {
    const char *slash = text.len > 0 ? memchr(text.ptr, '/', text.len) : NULL;
    if (slash == NULL || text.ptr + text.len - slash < 3) {
        return false;
    }
    int64_t quota, count;
    size_t at = (size_t)(slash - text.ptr);
    struct slice per = slice_of(slash + 1, text.len - at - 2);
    int64_t unit_us;
    switch (text.ptr[text.len - 1]) {
    case 's': unit_us = US_PER_SECOND; break;
    case 'm': unit_us = 60 * US_PER_SECOND; break;
    case 'h': unit_us = 3600 * US_PER_SECOND; break;
    case 'd': unit_us = US_PER_DAY; break;
    default: return false;
    }
    if (!number_parse_i64(slice_of(text.ptr, at), &quota) || quota < 1 || quota > RATE_QUOTA_MAX ||
        !number_parse_i64(per, &count) || count < 1 || count > 31 * US_PER_DAY / unit_us) {
        return false;
    }
    *ret = (struct rate){.quota = quota, .window_us = count * unit_us};
    return true;
}

void rate_table_init(struct rate_table *t, struct rate rate, size_t slots) {
    *t = (struct rate_table){.rate = rate, .step_us = rate.window_us / rate.quota, .sets = 1};
    check(t->step_us >= 1);
    while (t->sets * WAYS < slots) {
        t->sets *= 2;
    }
    t->slots = calloc(t->sets * WAYS, sizeof *t->slots);
    check(t->slots != NULL);
}

void rate_table_done(struct rate_table *t) {
    free(t->slots);
    t->slots = NULL;
}

static struct rate_slot *set_of(const struct rate_table *t, uint64_t key) {
    return &t->slots[(key & (t->sets - 1)) * WAYS];
}

static struct rate_slot *find(const struct rate_table *t, uint64_t key) {
    struct rate_slot *set = set_of(t, key);
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].key == key) {
            return &set[i];
        }
    }
    return NULL;
}

static struct rate_slot *least_used(const struct rate_table *t, uint64_t key) {
    struct rate_slot *set = set_of(t, key), *least = set;
    for (size_t i = 1; i < WAYS; i++) {
        if (set[i].whole_at_us < least->whole_at_us) {
            least = &set[i];
        }
    }
    return least;
}

bool rate_table_take(struct rate_table *t, uint64_t key, int64_t now_us, struct rate_left *ret) {
    struct rate_slot *slot = find(t, key);
    if (slot == NULL) {
        slot = least_used(t, key);
        *slot = (struct rate_slot){.key = key};
    }
    int64_t used_us = slot->whole_at_us > now_us ? slot->whole_at_us - now_us : 0;
    int64_t room_us = t->step_us * t->rate.quota - used_us;
    bool fits = room_us >= t->step_us;
    if (fits) {
        used_us += t->step_us;
        room_us -= t->step_us;
        slot->whole_at_us = now_us + used_us;
    }
    *ret = (struct rate_left){
        .count = room_us > 0 ? room_us / t->step_us : 0,
        .wait_us = room_us >= t->step_us ? 0 : t->step_us - room_us,
        .whole_us = used_us,
    };
    return fits;
}

void rate_table_give_back(struct rate_table *t, uint64_t key) {
    struct rate_slot *slot = find(t, key);
    if (slot != NULL) {
        slot->whole_at_us -= t->step_us;
    }
}
