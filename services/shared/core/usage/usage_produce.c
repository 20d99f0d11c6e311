#include "core/usage/usage_produce.h"

#include <string.h>

#include "base/array.h"
#include "base/check.h"
#include "core/usage/usage_delta.h"
#include "core/usage/usage_slot.h"

// Index of the first batch at or above `base`.
static uint32_t lower_bound(const struct usage_slot *s, int64_t base) {
    uint32_t low = 0, high = s->batch_count;
    // Lines come nearly in order: the end is the likely place.
    if (high > 0 && s->batches[high - 1].base < base) {
        return high;
    }
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (s->batches[mid].base < base) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static void add_messages(struct usage_state *st, const struct usage_batch *b, int64_t messages) {
    struct usage_delta *d = usage_delta_of_producer(st, b->topic, b->producer, b->time_us);
    int64_t sum;
    if (__builtin_add_overflow(d->produced_messages, messages, &sum)) {
        usage_delta_flush(st);
        d = usage_delta_of_producer(st, b->topic, b->producer, b->time_us);
        sum = messages;
    }
    d->produced_messages = sum;
}

static void drop_lowest(struct usage_state *st, struct usage_slot *s, uint32_t count) {
    if (count == 0) {
        return;
    }
    s->batch_count -= count;
    st->batch_total -= count;
    s->batches_dropped = true;
    memmove(s->batches, s->batches + count, s->batch_count * sizeof *s->batches);
}

// Counts the distances that a batch at index `at` ends and begins; whether it is given its own. What
// comes late below the lowest that is left lies in what was given to those that were dropped.
static bool give(struct usage_state *st, const struct usage_slot *s, uint32_t at,
                 const struct usage_batch *b) {
    const struct usage_batch *next = at < s->batch_count ? &s->batches[at] : NULL;
    bool given = at > 0 ? s->batches[at - 1].given : !s->batches_dropped;
    if (at > 0 && (given || next == NULL)) {
        // The one below reaches to this one, no longer to the next.
        struct usage_batch *below = &s->batches[at - 1];
        add_messages(st, below, b->base - (next == NULL ? below->base : next->base));
        below->given = true;
    }
    if (given && next != NULL) {
        add_messages(st, b, next->base - b->base);
    }
    return given && next != NULL;
}

// False if the batch has been counted before.
static bool add_batch(struct usage_state *st, uint32_t slot, const struct usage_batch *b) {
    struct usage_slot *s = &st->slots[slot];
    uint32_t at = lower_bound(s, b->base);
    if (at < s->batch_count && s->batches[at].base == b->base) {
        int64_t apart = b->time_us - s->batches[at].time_us;
        return apart > USAGE_BATCH_US || apart < -USAGE_BATCH_US;
    }
    if (s->batch_count == USAGE_BATCHES_PER_SLOT_MAX) {
        uint32_t half = USAGE_BATCHES_PER_SLOT_MAX / 2;
        drop_lowest(st, s, half);
        at = at < half ? 0 : at - half;
    }
    s->batches = array_grow(s->batches, s->batch_count, &s->batch_cap, sizeof *s->batches);
    check(s->batches != NULL); // clang-tidy looks at one file at a time
    bool given = !s->handed_over && give(st, s, at, b);
    memmove(s->batches + at + 1, s->batches + at, (s->batch_count - at) * sizeof *s->batches);
    s->batches[at] = *b;
    s->batches[at].given = given;
    s->batch_count++;
    st->batch_total++;
    return true;
}

void usage_produce_forget(struct usage_state *st, uint32_t slot, int64_t before_us) {
    struct usage_slot *s = &st->slots[slot];
    uint32_t old = 0;
    // One old batch stays: those of the window are measured from it, also when they come late.
    while (old + 1 < s->batch_count && s->batches[old + 1].time_us < before_us) {
        old++;
    }
    drop_lowest(st, s, old);
}

// --- kept by the caller --------------------------------------------------------------------------

static void tell(struct usage_state *st, uint32_t slot, const struct usage_batch *b) {
    const struct usage_slot *s = &st->slots[slot];
    struct usage_appended appended = {.topic = usage_delta_topic(st, s->topic),
                                      .named = usage_delta_topic(st, b->topic),
                                      .partition = s->partition,
                                      .base = b->base,
                                      .bytes = b->bytes,
                                      .at_us = b->time_us};
    st->sink->appended(st->sink->ctx, &appended);
}

// What the batches of a slot were given among themselves.
static void take_back(struct usage_state *st, struct usage_slot *s) {
    for (uint32_t i = 0; i + 1 < s->batch_count; i++) {
        if (s->batches[i].given) {
            add_messages(st, &s->batches[i], s->batches[i].base - s->batches[i + 1].base);
            s->batches[i].given = false;
        }
    }
}

static void hand_over(struct usage_state *st, uint32_t slot) {
    struct usage_slot *s = &st->slots[slot];
    take_back(st, s);
    s->handed_over = true;
    for (uint32_t i = 0; i < s->batch_count; i++) {
        tell(st, slot, &s->batches[i]);
    }
}

void usage_produce_look(struct usage_state *st, uint32_t slot) {
    const struct usage_slot *s = &st->slots[slot];
    if (!s->used || s->handed_over || s->batch_count == 0 || st->sink->keeps == NULL) {
        return;
    }
    struct topic_key topic = usage_delta_topic(st, s->topic);
    if (st->sink->keeps(st->sink->ctx, &topic)) {
        hand_over(st, slot);
    }
}

void usage_produce_merge(struct usage_state *st, uint32_t from_at, uint32_t to_at) {
    struct usage_slot *from = &st->slots[from_at];
    if (from->handed_over && !st->slots[to_at].handed_over) {
        hand_over(st, to_at);
    }
    // What was told by the name, the caller knows to be of the id. What was not is counted anew.
    take_back(st, from);
    for (uint32_t i = 0; i < from->batch_count; i++) {
        if (!from->handed_over && st->slots[to_at].handed_over) {
            tell(st, to_at, &from->batches[i]);
        }
        (void)add_batch(st, to_at, &from->batches[i]);
    }
    st->batch_total -= from->batch_count;
    from->batch_count = 0;
    usage_produce_look(st, to_at);
}

static void count_bytes(struct usage_state *st, uint32_t topic, int64_t bytes, int64_t time_us) {
    struct usage_delta *d = usage_delta_of_producer(st, topic, st->producer, time_us);
    d->produced_bytes += (uint64_t)bytes;
    if (st->topics[topic].line != st->line) {
        st->topics[topic].line = st->line;
        d->lines = 1;
    }
}

// acks=0 is never answered: how much was asked is known, where it went is not.
static void count_unplaced(struct usage_line *l, const struct broker_line_part *asked) {
    struct usage_state *st = l->st;
    uint32_t topic = usage_line_get_topic(l, asked->topic);
    count_bytes(st, topic, asked->bytes, l->line->time_us);
    if (st->sink->keeps != NULL) {
        struct usage_appended appended = {.topic = usage_delta_topic(st, st->topics[topic].home),
                                          .named = usage_delta_topic(st, topic),
                                          .partition = asked->partition,
                                          .base = -1,
                                          .bytes = asked->bytes,
                                          .at_us = l->line->time_us};
        st->sink->appended(st->sink->ctx, &appended);
    }
}

void usage_produce_line(struct usage_line *l) {
    struct usage_state *st = l->st;
    const struct broker_line *line = l->line;
    for (uint32_t i = 0; i < line->asked.count; i++) {
        const struct broker_line_part *asked = &line->asked.items[i];
        if (asked->bytes <= 0) {
            continue;
        }
        if (!line->has_response) {
            // Another one without answer may not have been written.
            if (line->acks == 0) {
                count_unplaced(l, asked);
            }
            continue;
        }
        const struct broker_line_part *answer = usage_line_answer(l, asked);
        if (answer == NULL || answer->error != 0 || answer->offset < 0) {
            continue;
        }
        uint32_t topic = usage_line_get_topic(l, asked->topic);
        uint32_t slot = usage_slot_get(st, st->topics[topic].home, asked->partition);
        struct usage_batch b = {.base = answer->offset,
                                .bytes = asked->bytes,
                                .time_us = line->time_us,
                                .topic = topic,
                                .producer = st->producer};
        if (!add_batch(st, slot, &b)) {
            continue;
        }
        count_bytes(st, topic, asked->bytes, line->time_us);
        if (st->slots[slot].handed_over) {
            tell(st, slot, &b);
        } else {
            usage_produce_look(st, slot);
        }
    }
}
