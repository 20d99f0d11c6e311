// Lines of one broker come in order, so what is known of its fetches when a fact comes is what was
// before the fact. Between brokers times decide, with a tolerance; there a fact may be read before
// the fetch it speaks of, so starts are kept for a while.
#include "core/usage/usage_claim.h"

#include <string.h>

#include "base/array.h"
#include "core/usage/usage_fetch.h"
#include "core/usage/usage_position.h"
#include "core/usage/usage_slot.h"
#include "core/usage/usage_word.h"

static bool within_claim(const struct usage_fetch *f, int64_t time_us) {
    return time_us - f->time_us <= USAGE_CLAIM_US;
}

static bool is_later(const struct usage_start *s, const struct usage_fetch *than) {
    return s->broker == than->broker ? s->order > than->order
                                     : s->time_us >= than->time_us - USAGE_TOLERANCE_US;
}

// Nothing closed it yet, or a later line of another broker that was read before.
static bool is_open_until(const struct usage_fetch *f, int64_t time_us) {
    return !usage_fetch_is_closed(f) || (f->claim == USAGE_BY_NEXT && time_us < f->by_us);
}

static struct usage_start *start_by(const struct usage_slot *slot, uint64_t by) {
    for (uint32_t i = 0; by != 0 && i < slot->start_count; i++) {
        if (slot->starts[i].serial + 1 == by) {
            return &slot->starts[i];
        }
    }
    return NULL;
}

static void match_start(struct usage_state *st, uint32_t slot, struct usage_start *s);
static void tell_read(struct usage_state *st, uint32_t slot, const struct usage_fetch *f,
                      int64_t time_us);

// The start that closed the fetch though it was later than `time_us`, when something else did, or
// earlier than the fetch, by the tolerance alone; NULL: none.
static struct usage_start *start_after(const struct usage_state *st, uint32_t slot,
                                       const struct usage_fetch *f, int64_t time_us) {
    bool wrongly = f->claim == USAGE_BY_NEXT && (time_us < f->by_us || f->by_us < f->time_us);
    return wrongly ? start_by(&st->slots[slot], f->by) : NULL;
}

// --- 3: read again -------------------------------------------------------------------------------

// Closes by its own word of before, or with nothing.
static void close_as_read_again(struct usage_state *st, uint32_t slot, struct usage_fetch *f,
                                int64_t time_us) {
    int64_t messages = usage_fetch_word(st, slot, f);
    f->by = 0;
    f->by_us = time_us;
    usage_fetch_set(st, slot, f, USAGE_BY_NEXT, messages);
    if (messages > 0) {
        tell_read(st, slot, f, time_us);
    }
}

// `f` was closed above where it began, at `time_us`: it read again what open fetches from before it
// had brought from there on.
static void tell_read(struct usage_state *st, uint32_t slot, const struct usage_fetch *f,
                      int64_t time_us) {
    // What is told may be one of those.
    const struct usage_fetch read = *f;
    struct usage_slot_walk walk = {0};
    for (struct usage_fetch *other; (other = usage_slot_next_fetch(st, slot, &walk)) != NULL;) {
        bool before = other->broker == read.broker
                          ? other->order < read.order
                          : read.time_us >= other->time_us - USAGE_TOLERANCE_US;
        if (other != f && before && is_open_until(other, time_us) && other->offset >= read.offset &&
            other->offset < read.offset + read.claimed && within_claim(other, time_us)) {
            // A start that had closed it looks for another.
            struct usage_start *s = start_after(st, slot, other, time_us);
            close_as_read_again(st, slot, other, time_us);
            match_start(st, slot, s);
        }
    }
}

// Closes the fetch by what was read, and with it those that it read again.
static void close(struct usage_state *st, uint32_t slot, struct usage_fetch *f,
                  enum usage_claim claim, int64_t messages, int64_t time_us) {
    usage_fetch_set(st, slot, f, claim, messages);
    if (messages > 0) {
        tell_read(st, slot, f, time_us);
    }
}

// --- 1, and 2 in the run -------------------------------------------------------------------------

void usage_claim_successor(struct usage_state *st, uint32_t position, int64_t offset, int64_t high,
                           int64_t time_us) {
    struct usage_position *p = &st->positions[position];
    struct usage_fetch *f = &p->fetch;
    p->unclosed = false;
    if (!within_claim(f, time_us)) {
        return;
    }
    int64_t end = high > f->high ? high : f->high;
    end = offset < end ? offset : end;
    int64_t messages = end > f->offset ? end - f->offset : 0;
    struct usage_start *s = start_after(st, p->slot, f, time_us);
    if (!usage_fetch_is_seek(st, p->slot, f, messages)) {
        close(st, p->slot, f, USAGE_BY_SUCCESSOR, messages, time_us);
        match_start(st, p->slot, s);
        return;
    }
    // What comes later may know better, but for the client's own word.
    f->seek = true;
    usage_fetch_derive(st, p->slot, f);
    usage_fetch_keep(st, p->slot, f);
}

void usage_claim_last_request(struct usage_state *st, uint32_t position, int64_t offset,
                              int64_t high, int64_t time_us) {
    struct usage_position *p = &st->positions[position];
    if (p->unclosed && offset > p->fetch.offset && is_open_until(&p->fetch, time_us)) {
        usage_claim_successor(st, position, offset, high, time_us);
    }
}

static bool closes_at_range(const struct usage_fetch *f, int64_t offset) {
    return f->claim < USAGE_BY_RANGE && f->offset >= 0 && offset > f->offset && offset <= f->high;
}

void usage_claim_out_of_range(struct usage_state *st, uint32_t position, int64_t offset,
                              int64_t time_us) {
    struct usage_position *p = &st->positions[position];
    if (p->unclosed && closes_at_range(&p->fetch, offset) && within_claim(&p->fetch, time_us)) {
        struct usage_start *s = start_after(st, p->slot, &p->fetch, time_us);
        close(st, p->slot, &p->fetch, USAGE_BY_RANGE, offset - p->fetch.offset, time_us);
        match_start(st, p->slot, s);
    }
}

// --- starts --------------------------------------------------------------------------------------

// A start so far ahead was led there by no reading of this fetch.
static bool is_too_far(const struct usage_state *st, uint32_t slot, const struct usage_fetch *f,
                       const struct usage_start *s) {
    int64_t messages = s->offset - f->offset;
    if (f->bytes < 0) {
        return false;
    }
    if (s->serial == f->serial) {
        return usage_fetch_is_seek(st, slot, f, messages);
    }
    bool known;
    bool above = usage_fetch_is_above(st, slot, f, messages, 4, &known);
    return known ? above : messages > f->bytes;
}

static bool closes_at_start(const struct usage_state *st, uint32_t slot,
                            const struct usage_fetch *f, const struct usage_start *s) {
    if (s->kind == USAGE_START_OUT_OF_RANGE) {
        return s->serial != f->serial && is_open_until(f, s->time_us) &&
               closes_at_range(f, s->offset);
    }
    int64_t end = f->high;
    if (s->serial == f->serial && s->high > end) {
        end = s->high;
    }
    return s->kind == USAGE_START && is_open_until(f, s->time_us) && f->offset >= 0 &&
           s->offset > f->offset && s->offset <= end && !is_too_far(st, slot, f, s);
}

static void close_at_start(struct usage_state *st, uint32_t slot, struct usage_fetch *f,
                           struct usage_start *s) {
    s->closed_us = f->time_us;
    f->by = s->serial + 1;
    f->by_us = s->time_us;
    close(st, slot, f, s->kind == USAGE_START_OUT_OF_RANGE ? USAGE_BY_RANGE : USAGE_BY_NEXT,
          s->offset - f->offset, s->time_us);
}

// By the clocks alone the start would be the earlier one; the tolerance makes it the later.
static bool is_by_tolerance(const struct usage_start *s, const struct usage_fetch *f) {
    return s->broker != f->broker && s->time_us < f->time_us;
}

// Whether `f` is for the start to close rather than `than`: the later one, tolerated ones last.
static bool goes_before(const struct usage_start *s, const struct usage_fetch *f,
                        const struct usage_fetch *than) {
    if (than == NULL || is_by_tolerance(s, f) != is_by_tolerance(s, than)) {
        return than == NULL || is_by_tolerance(s, than);
    }
    return f->broker == than->broker ? f->order > than->order : f->time_us > than->time_us;
}

// From the client's next start on, its word is no more of this fetch.
static void note_next(struct usage_state *st, uint32_t slot, struct usage_fetch *f,
                      const struct usage_start *s) {
    if (s->client == f->client && s->time_us < f->next_us) {
        f->next_us = s->time_us;
        if (f->claim == USAGE_BY_WORD) {
            usage_fetch_settle(st, slot, f);
        }
    }
}

// Closes the latest fetch that the start fits. One that a later start had closed leaves that to
// look for another, which is later still, so this ends.
static void match_start(struct usage_state *st, uint32_t slot_at, struct usage_start *s) {
    while (s != NULL) {
        struct usage_fetch *latest = NULL;
        struct usage_slot_walk walk = {0};
        s->closed_us = INT64_MIN;
        for (struct usage_fetch *f; (f = usage_slot_next_fetch(st, slot_at, &walk)) != NULL;) {
            if (!is_later(s, f)) {
                continue;
            }
            note_next(st, slot_at, f, s);
            if (within_claim(f, s->time_us) && closes_at_start(st, slot_at, f, s) &&
                goes_before(s, f, latest)) {
                latest = f;
            }
        }
        if (latest == NULL) {
            return;
        }
        struct usage_start *before = start_after(st, slot_at, latest, s->time_us);
        close_at_start(st, slot_at, latest, s);
        s = before;
    }
}

void usage_claim_start(struct usage_state *st, uint32_t slot_at, const struct usage_start *start) {
    struct usage_slot *slot = &st->slots[slot_at];
    if (slot->start_count == USAGE_STARTS_PER_SLOT_MAX) {
        memmove(slot->starts, slot->starts + 1, (slot->start_count - 1) * sizeof *slot->starts);
        slot->start_count--;
        st->start_total--;
    }
    slot->starts =
        array_grow(slot->starts, slot->start_count, &slot->start_cap, sizeof *slot->starts);
    slot->starts[slot->start_count++] = *start;
    st->start_total++;
    match_start(st, slot_at, &slot->starts[slot->start_count - 1]);
}

// --- a fetch that is read late -------------------------------------------------------------------

// The start closed an earlier fetch, where this one would have been the latest: that is open again.
static struct usage_fetch *take_from(struct usage_state *st, uint32_t slot,
                                     const struct usage_start *s) {
    struct usage_slot_walk walk = {0};
    for (struct usage_fetch *f; (f = usage_slot_next_fetch(st, slot, &walk)) != NULL;) {
        if (f->by == s->serial + 1 && f->time_us == s->closed_us && usage_fetch_is_closed(f)) {
            f->by = 0;
            usage_fetch_set(st, slot, f, USAGE_OPEN, 0);
            usage_fetch_settle(st, slot, f);
            return f;
        }
    }
    return NULL;
}

// How far the position's run has read.
static int64_t reach_of(const struct usage_position *p) {
    if (!p->unclosed) {
        return p->offset;
    }
    return p->fetch.offset + (usage_fetch_is_closed(&p->fetch) ? p->fetch.claimed : 0);
}

// When a run of another broker began to read what the fetch brought; INT64_MAX: none did.
static int64_t read_again_us(const struct usage_state *st, uint32_t slot,
                             const struct usage_fetch *f) {
    int64_t first_us = INT64_MAX;
    for (uint32_t i = st->slots[slot].positions; i != USAGE_NONE; i = st->positions[i].next) {
        const struct usage_position *p = &st->positions[i];
        if (p->running && p->run_us < first_us && p->run_offset <= f->offset &&
            reach_of(p) > f->offset && st->chains[p->chain].broker != f->broker &&
            p->run_us >= f->time_us - USAGE_TOLERANCE_US && within_claim(f, p->run_us)) {
            first_us = p->run_us;
        }
    }
    return first_us;
}

// The earliest start, of those already read, that the fetch fits.
static struct usage_start *earliest_start(struct usage_state *st, uint32_t slot_at,
                                          struct usage_fetch *f) {
    struct usage_slot *slot = &st->slots[slot_at];
    struct usage_start *first = NULL;
    for (uint32_t i = 0; i < slot->start_count; i++) {
        struct usage_start *s = &slot->starts[i];
        if (!is_later(s, f) || !within_claim(f, s->time_us)) {
            continue;
        }
        note_next(st, slot_at, f, s);
        bool tolerated = is_by_tolerance(s, f);
        // What it closed already is taken from nobody by the tolerance alone.
        bool free =
            s->closed_us == INT64_MIN || (s->closed_us < f->time_us && f->time_us < s->time_us);
        if (free && closes_at_start(st, slot_at, f, s) &&
            (first == NULL ||
             (tolerated == is_by_tolerance(first, f) ? s->time_us < first->time_us
                                                     : is_by_tolerance(first, f)))) {
            first = s;
        }
    }
    return first;
}

void usage_claim_fetch(struct usage_state *st, uint32_t slot, struct usage_fetch *f) {
    // The one a start is taken from looks for another; each is earlier than the one before.
    while (f != NULL) {
        struct usage_start *s = earliest_start(st, slot, f);
        int64_t again_us =
            st->slots[slot].start_count == 0 ? INT64_MAX : read_again_us(st, slot, f);
        struct usage_fetch *other = NULL;
        if (s != NULL && s->time_us <= again_us) {
            other = s->closed_us == INT64_MIN ? NULL : take_from(st, slot, s);
            close_at_start(st, slot, f, s);
        } else if (again_us != INT64_MAX) {
            close_as_read_again(st, slot, f, again_us);
        } else if (st->slots[slot].word_count > 0) {
            usage_fetch_settle(st, slot, f);
        }
        f = other;
    }
}

// --- 4 -------------------------------------------------------------------------------------------

void usage_claim_word(struct usage_state *st, uint32_t slot, const struct usage_word *word) {
    struct usage_slot_walk walk = {0};
    usage_word_add(st, slot, word);
    for (struct usage_fetch *f; (f = usage_slot_next_fetch(st, slot, &walk)) != NULL;) {
        if (usage_word_fits(st, f, word)) {
            usage_fetch_settle(st, slot, f);
        }
    }
}

// --- slots ---------------------------------------------------------------------------------------

void usage_claim_forget_facts(struct usage_state *st, uint32_t slot_at, int64_t before_us) {
    struct usage_slot *slot = &st->slots[slot_at];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < slot->start_count; i++) {
        if (slot->starts[i].time_us >= before_us) {
            slot->starts[kept++] = slot->starts[i];
        }
    }
    st->start_total -= slot->start_count - kept;
    slot->start_count = kept;
    usage_word_forget(st, slot_at, before_us);
}

void usage_claim_forget(struct usage_state *st, uint32_t slot_at, int64_t before_us) {
    usage_fetch_forget(st, slot_at, before_us - USAGE_CLAIM_US);
    // A name without id may turn out to be any topic's: then the facts of one meet the fetches of
    // the other, so both are kept.
    usage_claim_forget_facts(st, slot_at,
                             st->unresolved > 0 ? before_us - USAGE_CLAIM_US : before_us);
}

static void merge_positions(struct usage_state *st, uint32_t from_at, uint32_t to_at) {
    while (st->slots[from_at].positions != USAGE_NONE) {
        uint32_t old = st->slots[from_at].positions;
        struct usage_position moved = st->positions[old];
        usage_position_remove(st, old);
        if (usage_position_find(st, moved.chain, to_at) != USAGE_NONE) {
            // One connection that named the topic both ways: two runs.
            if (moved.unclosed) {
                usage_fetch_keep(st, to_at, &moved.fetch);
            }
            continue;
        }
        uint32_t at = usage_position_get(st, moved.chain, to_at);
        moved.slot = to_at;
        moved.next = st->positions[at].next;
        st->positions[at] = moved;
    }
}

void usage_claim_merge(struct usage_state *st, uint32_t from_at, uint32_t to_at) {
    // Closed fetches of both topics count for what the topic's fetches hold.
    struct usage_topic *from_topic = &st->topics[st->slots[from_at].topic];
    struct usage_topic *to_topic = &st->topics[st->slots[to_at].topic];
    to_topic->closed_bytes += from_topic->closed_bytes;
    to_topic->closed_messages += from_topic->closed_messages;
    from_topic->closed_bytes = from_topic->closed_messages = 0;
    // Fetches first: then each start and word meets those of both sides.
    merge_positions(st, from_at, to_at);
    struct usage_slot *from = &st->slots[from_at];
    for (uint32_t i = 0; i < from->left_count; i++) {
        usage_fetch_keep(st, to_at, &from->left[i]);
    }
    struct usage_slot_walk walk = {0};
    for (struct usage_fetch *f; (f = usage_slot_next_fetch(st, to_at, &walk)) != NULL;) {
        if (!usage_fetch_is_closed(f)) {
            usage_claim_fetch(st, to_at, f);
        }
    }
    for (uint32_t i = 0; i < from->start_count; i++) {
        usage_claim_start(st, to_at, &from->starts[i]);
    }
    for (uint32_t i = 0; i < from->word_count; i++) {
        usage_claim_word(st, to_at, &from->words[i]);
    }
    st->left_total -= from->left_count;
    st->start_total -= from->start_count;
    st->word_total -= from->word_count;
    from->left_count = from->start_count = from->word_count = 0;
    struct usage_slot *to = &st->slots[to_at];
    if (from->highest > to->highest) {
        to->highest = from->highest;
    }
    from->highest = -1;
}
