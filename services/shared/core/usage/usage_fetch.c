#include "core/usage/usage_fetch.h"

#include <string.h>

#include "base/array.h"
#include "base/check.h"
#include "base/number.h"
#include "core/usage/usage_delta.h"
#include "core/usage/usage_slot.h"
#include "core/usage/usage_word.h"

// --- D -------------------------------------------------------------------------------------------

static const uint64_t SUM_MAX = (uint64_t)1 << 62;

static struct usage_topic *topic_of(const struct usage_state *st, uint32_t slot) {
    return &st->topics[st->slots[slot].topic];
}

static void add_closed(struct usage_topic *t, int64_t bytes, int64_t messages) {
    t->closed_bytes += (uint64_t)bytes;
    t->closed_messages += (uint64_t)messages;
    while (t->closed_bytes > SUM_MAX || t->closed_messages > SUM_MAX) {
        t->closed_bytes = t->closed_bytes / 2 + 1;
        t->closed_messages /= 2;
    }
}

static void take_closed(struct usage_topic *t, int64_t bytes, int64_t messages) {
    // Halved in between, they may be less.
    t->closed_bytes -= (uint64_t)bytes < t->closed_bytes ? (uint64_t)bytes : t->closed_bytes;
    t->closed_messages -=
        (uint64_t)messages < t->closed_messages ? (uint64_t)messages : t->closed_messages;
}

bool usage_fetch_is_above(const struct usage_state *st, uint32_t slot, const struct usage_fetch *f,
                          int64_t messages, unsigned times, bool *ret_known) {
    const struct usage_topic *t = topic_of(st, slot);
    *ret_known = t->closed_bytes > 0 && f->bytes >= 0;
    return *ret_known &&
           (u128)messages * t->closed_bytes > (u128)times * (uint64_t)f->bytes * t->closed_messages;
}

bool usage_fetch_is_seek(const struct usage_state *st, uint32_t slot, const struct usage_fetch *f,
                         int64_t messages) {
    bool known;
    bool above = usage_fetch_is_above(st, slot, f, messages, 4, &known);
    return f->bytes >= 0 && messages > f->bytes && (above || !known);
}

// Messages and bytes that D, or else the topic's production, is the ratio of.
static bool ratio_of(struct usage_state *st, uint32_t slot, uint64_t *ret_messages,
                     uint64_t *ret_bytes) {
    const struct usage_topic *t = topic_of(st, slot);
    if (t->closed_bytes > 0) {
        *ret_messages = t->closed_messages;
        *ret_bytes = t->closed_bytes;
        return true;
    }
    struct topic_key key = usage_delta_topic(st, st->slots[slot].topic);
    return st->sink->produced != NULL &&
           st->sink->produced(st->sink->ctx, &key, ret_bytes, ret_messages) && *ret_bytes > 0;
}

// --- claims --------------------------------------------------------------------------------------

static void raise_highest(struct usage_slot *slot, const struct usage_fetch *f, int64_t messages) {
    if (f->offset + messages > slot->highest) {
        slot->highest = f->offset + messages;
    }
}

void usage_fetch_set(struct usage_state *st, uint32_t slot, struct usage_fetch *f,
                     enum usage_claim claim, int64_t messages) {
    struct usage_topic *t = topic_of(st, slot);
    bool was_derived = f->claim == USAGE_DERIVED, is_derived = claim == USAGE_DERIVED;
    struct usage_closing c = {
        .messages = messages - f->claimed,
        .derived_messages = (is_derived ? messages : 0) - (was_derived ? f->claimed : 0),
        .open_fetches = (claim == USAGE_OPEN) - (f->claim == USAGE_OPEN),
        .derived_fetches = is_derived - was_derived,
    };
    if (c.messages != 0 || c.derived_messages != 0 || c.open_fetches != 0 ||
        c.derived_fetches != 0) {
        usage_delta_close(st, f->topic, f->delivery, f->at_us, &c);
    }
    if (usage_fetch_is_closed(f) && f->bytes > 0) {
        take_closed(t, f->bytes, f->claimed);
    }
    f->claim = (uint8_t)claim;
    f->claimed = messages;
    if (usage_fetch_is_closed(f) && f->bytes > 0) {
        add_closed(t, f->bytes, messages);
    }
    // Read again by another fetch, it stands for the client's own word at most.
    bool own_word = claim == USAGE_BY_NEXT && f->by == 0;
    if (usage_fetch_is_closed(f) && !own_word) {
        raise_highest(&st->slots[slot], f, messages);
    }
}

// R x messages / bytes, half up, at least 1; false if nothing is known of the topic.
static bool take_figure(struct usage_state *st, uint32_t slot, struct usage_fetch *f) {
    uint64_t messages, bytes;
    if (f->figure > 0) {
        return true;
    }
    if (f->bytes < 0 || !ratio_of(st, slot, &messages, &bytes)) {
        return false;
    }
    u128 exact = (u128)(uint64_t)f->bytes * messages;
    u128 figure = (2 * exact + bytes) / (2 * (u128)bytes);
    int64_t most = INT64_MAX - (f->offset > 0 ? f->offset : 0);
    f->figure = figure < 1 ? 1 : figure > (u128)most ? most : (int64_t)figure;
    f->figure_up = (u128)f->figure * bytes < exact;
    return true;
}

// Less than half of what fact 5 gave or would give.
static bool is_small(struct usage_state *st, uint32_t slot, const struct usage_fetch *f,
                     int64_t messages) {
    uint64_t of, bytes;
    if (f->figure > 0) {
        return 2 * (u128)messages < (u128)f->figure + f->figure_up;
    }
    return f->bytes >= 0 && ratio_of(st, slot, &of, &bytes) &&
           2 * (u128)messages * bytes < (u128)(uint64_t)f->bytes * of;
}

int64_t usage_fetch_word(struct usage_state *st, uint32_t slot, const struct usage_fetch *f) {
    if (f->offset < 0 || f->seek) {
        return 0;
    }
    int64_t messages = usage_word_largest(st, slot, f) - f->offset;
    return messages > 0 && !is_small(st, slot, f, messages) ? messages : 0;
}

void usage_fetch_settle(struct usage_state *st, uint32_t slot, struct usage_fetch *f) {
    if (usage_fetch_is_closed(f)) {
        return;
    }
    bool derived = f->due && take_figure(st, slot, f);
    int64_t messages = usage_fetch_word(st, slot, f);
    enum usage_claim claim = USAGE_BY_WORD;
    if (messages == 0) {
        claim = f->figure > 0 || derived ? USAGE_DERIVED : USAGE_OPEN;
        messages = claim == USAGE_DERIVED ? f->figure : 0;
    }
    st->waiting |= f->due && claim == USAGE_OPEN;
    if (f->claim != claim || f->claimed != messages) {
        usage_fetch_set(st, slot, f, claim, messages);
    }
}

void usage_fetch_derive(struct usage_state *st, uint32_t slot, struct usage_fetch *f) {
    f->due = true;
    usage_fetch_settle(st, slot, f);
}

static void note_due(struct usage_state *st, const struct usage_fetch *f) {
    st->waiting |= f->due && f->claim == USAGE_OPEN; // of a state that was stored
    if (!f->due && !usage_fetch_is_closed(f) && f->time_us + USAGE_DERIVE_US < st->due_us) {
        st->due_us = f->time_us + USAGE_DERIVE_US;
    }
}

// Nothing is done about a fetch after a day.
static void settle_in_time(struct usage_state *st, uint32_t slot, struct usage_fetch *f) {
    if (st->last_us - f->time_us <= USAGE_CLAIM_US) {
        usage_fetch_settle(st, slot, f);
    }
}

static void derive_if_due(struct usage_state *st, uint32_t slot, struct usage_fetch *f,
                          int64_t now_us) {
    if (!f->due && !usage_fetch_is_closed(f) && now_us - f->time_us >= USAGE_DERIVE_US) {
        // What was due before the day was over: nothing was learned in between.
        usage_fetch_derive(st, slot, f);
    }
    note_due(st, f);
}

void usage_fetch_derive_due(struct usage_state *st, int64_t now_us) {
    enum { FEW = 1024 };
    // A search of many isn't made for each line.
    if (st->waiting && (st->slot_count <= FEW || now_us >= st->searched_us + USAGE_TOLERANCE_US)) {
        st->searched_us = now_us;
        usage_fetch_derive_left(st);
    }
    if (now_us < st->due_us) {
        return;
    }
    st->due_us = INT64_MAX;
    for (uint32_t i = 0; i < st->slot_count; i++) {
        struct usage_slot_walk w = {0};
        for (struct usage_fetch *f;
             st->slots[i].used && (f = usage_slot_next_fetch(st, i, &w)) != NULL;) {
            derive_if_due(st, i, f, now_us);
        }
    }
    if (st->slot_count > FEW && st->due_us < now_us + USAGE_TOLERANCE_US) {
        st->due_us = now_us + USAGE_TOLERANCE_US;
    }
}

void usage_fetch_derive_left(struct usage_state *st) {
    st->waiting = false;
    for (uint32_t i = 0; i < st->slot_count; i++) {
        struct usage_slot_walk w = {0};
        for (struct usage_fetch *f;
             st->slots[i].used && (f = usage_slot_next_fetch(st, i, &w)) != NULL;) {
            settle_in_time(st, i, f);
        }
    }
}

// --- where they are ------------------------------------------------------------------------------

void usage_fetch_open(struct usage_state *st, uint32_t position, const struct usage_fetch *fetch) {
    struct usage_position *p = &st->positions[position];
    check(!p->unclosed);
    p->fetch = *fetch;
    p->unclosed = true;
    note_due(st, fetch);
}

static void remove_oldest_left(struct usage_state *st, struct usage_slot *s) {
    st->left_total--;
    s->left_count--;
    memmove(s->left, s->left + 1, s->left_count * sizeof *s->left);
}

void usage_fetch_keep(struct usage_state *st, uint32_t slot, const struct usage_fetch *fetch) {
    struct usage_slot *s = &st->slots[slot];
    if (s->left_count == USAGE_LEFT_PER_SLOT_MAX) {
        if (s->left[0].claim == USAGE_OPEN) {
            usage_fetch_derive(st, slot, &s->left[0]);
        }
        remove_oldest_left(st, s);
    }
    s->left = array_grow(s->left, s->left_count, &s->left_cap, sizeof *s->left);
    s->left[s->left_count++] = *fetch;
    st->left_total++;
    note_due(st, fetch);
}

void usage_fetch_leave(struct usage_state *st, uint32_t position) {
    struct usage_position *p = &st->positions[position];
    if (p->unclosed) {
        p->unclosed = false;
        usage_fetch_keep(st, p->slot, &p->fetch);
    }
}

void usage_fetch_forget(struct usage_state *st, uint32_t slot, int64_t before_us) {
    struct usage_slot *s = &st->slots[slot];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->left_count; i++) {
        if (s->left[i].time_us >= before_us) {
            s->left[kept++] = s->left[i];
        }
    }
    st->left_total -= s->left_count - kept;
    s->left_count = kept;
}

void usage_fetch_give_up(struct usage_state *st, uint32_t slot, int64_t until_us) {
    struct usage_slot *s = &st->slots[slot];
    for (uint32_t i = 0; i < s->left_count; i++) {
        if (s->left[i].time_us <= until_us && s->left[i].claim == USAGE_OPEN) {
            usage_fetch_derive(st, slot, &s->left[i]);
        }
    }
    usage_delta_flush(st);
    usage_fetch_forget(st, slot, until_us + 1);
}

void usage_fetch_limit(struct usage_state *st, uint32_t slot) {
    const struct usage_slot *s = &st->slots[slot];
    if (s->left_count + s->position_count <= USAGE_OPEN_PER_SLOT_MAX) {
        return;
    }
    uint32_t open = 0;
    struct usage_fetch *oldest = NULL, *f;
    for (struct usage_slot_walk w = {0}; (f = usage_slot_next_fetch(st, slot, &w)) != NULL;) {
        if (f->claim == USAGE_OPEN) {
            open++;
            oldest = oldest == NULL || f->order < oldest->order ? f : oldest;
        }
    }
    if (open > USAGE_OPEN_PER_SLOT_MAX) {
        usage_fetch_derive(st, slot, oldest);
    }
}
