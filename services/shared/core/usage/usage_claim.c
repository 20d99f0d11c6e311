// What closes the last fetch of a chain while it has no successor: (1) the start of a later chain,
// (2) a commit. Every fact is told to every fetch it fits, whichever of the two comes first, and
// the fetch keeps the earliest start and the largest commit: minimum and maximum don't depend on
// the order.
#include "core/usage/usage_claim.h"

#include <string.h>

#include "base/array.h"
#include "core/usage/usage_delta.h"
#include "core/usage/usage_position.h"

// True if a fact of `time_us` at `broker` is not earlier than the fetch. One broker has one clock.
static bool not_earlier(const struct usage_state *st, const struct usage_position *p,
                        int32_t broker, int64_t time_us) {
    int64_t from = p->fetch.time_us;
    if (st->chains[p->chain].broker != broker) {
        from -= USAGE_TOLERANCE_US;
    }
    return time_us >= from;
}

static bool within_claim(const struct usage_fetch *f, int64_t time_us) {
    return time_us - f->time_us <= USAGE_CLAIM_US;
}

static bool closes(const struct usage_fetch *f, int64_t offset) {
    return offset > f->offset && offset <= f->high;
}

static void raise_highest(struct usage_state *st, const struct usage_position *p,
                          int64_t messages) {
    struct usage_slot *slot = &st->slots[p->slot];
    if (messages > 0 && p->fetch.offset + messages > slot->highest) {
        slot->highest = p->fetch.offset + messages;
    }
}

// Counts what the fetch now stands for in place of what it stood for before.
static void set_claim(struct usage_state *st, struct usage_position *p, enum usage_claim claim,
                      int64_t messages) {
    struct usage_fetch *f = &p->fetch;
    int open = (claim == USAGE_OPEN) - (f->claim == USAGE_OPEN);
    if (messages != f->claimed || open != 0) {
        usage_delta_add_messages(st, f->topic, f->delivery, f->time_us, messages - f->claimed,
                                 open);
    }
    f->claim = (uint8_t)claim;
    f->claimed = messages;
    raise_highest(st, p, messages);
}

static bool commit_fits(const struct usage_state *st, const struct usage_position *p,
                        const struct usage_commit *c) {
    const struct usage_fetch *f = &p->fetch;
    return c->client == f->client && closes(f, c->offset) &&
           not_earlier(st, p, c->broker, c->time_us) && within_claim(f, c->time_us) &&
           c->time_us <= f->next_us;
}

static int64_t largest_commit(const struct usage_state *st, const struct usage_position *p) {
    const struct usage_slot *slot = &st->slots[p->slot];
    int64_t largest = p->fetch.commit;
    for (uint32_t i = 0; i < slot->commit_count; i++) {
        if (slot->commits[i].offset > largest && commit_fits(st, p, &slot->commits[i])) {
            largest = slot->commits[i].offset;
        }
    }
    return largest;
}

static void settle_claim(struct usage_state *st, struct usage_position *p) {
    struct usage_fetch *f = &p->fetch;
    if (f->same_us != INT64_MAX) {
        set_claim(st, p, USAGE_BY_SAME_START, f->same_offset - f->offset);
    } else if (f->other_us != INT64_MAX) {
        set_claim(st, p, USAGE_BY_OTHER_START, f->other_offset - f->offset);
    } else {
        int64_t commit = largest_commit(st, p);
        set_claim(st, p, commit > f->offset ? USAGE_BY_COMMIT : USAGE_OPEN, commit - f->offset);
    }
}

// Earlier wins; at the same time the nearer offset.
static void take_start(int64_t *us, int64_t *offset, const struct usage_start *s) {
    if (s->time_us < *us || (s->time_us == *us && s->offset < *offset)) {
        *us = s->time_us;
        *offset = s->offset;
    }
}

// Returns whether the start told the fetch something.
static bool note_start(const struct usage_state *st, struct usage_position *p,
                       const struct usage_start *s) {
    struct usage_fetch *f = &p->fetch;
    if (st->chains[p->chain].serial == s->serial || !not_earlier(st, p, s->broker, s->time_us) ||
        !within_claim(f, s->time_us)) {
        return false;
    }
    bool told = false;
    if (s->client == f->client && s->time_us < f->next_us) {
        f->next_us = s->time_us;
        told = true;
    }
    if (closes(f, s->offset)) {
        if (st->clients[s->client].id == st->clients[f->client].id) {
            take_start(&f->same_us, &f->same_offset, s);
        } else {
            take_start(&f->other_us, &f->other_offset, s);
        }
        told = true;
    }
    return told;
}

void usage_claim_start(struct usage_state *st, uint32_t slot_at, const struct usage_start *start) {
    struct usage_slot *slot = &st->slots[slot_at];
    for (uint32_t i = slot->positions; i != USAGE_NONE; i = st->positions[i].next) {
        struct usage_position *p = &st->positions[i];
        if (p->unclosed && note_start(st, p, start)) {
            settle_claim(st, p);
        }
    }
    if (slot->start_count == USAGE_STARTS_PER_SLOT_MAX) {
        memmove(slot->starts, slot->starts + 1, (slot->start_count - 1) * sizeof *slot->starts);
        slot->start_count--;
    }
    slot->starts =
        array_grow(slot->starts, slot->start_count, &slot->start_cap, sizeof *slot->starts);
    slot->starts[slot->start_count++] = *start;
}

// Writes the word of the first `count` commits into the fetches they fit, and forgets them.
static void drop_commits(struct usage_state *st, uint32_t slot_at, uint32_t count) {
    struct usage_slot *slot = &st->slots[slot_at];
    for (uint32_t i = slot->positions; i != USAGE_NONE; i = st->positions[i].next) {
        struct usage_position *p = &st->positions[i];
        for (uint32_t k = 0; p->unclosed && k < count; k++) {
            if (slot->commits[k].offset > p->fetch.commit &&
                commit_fits(st, p, &slot->commits[k])) {
                p->fetch.commit = slot->commits[k].offset;
            }
        }
    }
    slot->commit_count -= count;
    memmove(slot->commits, slot->commits + count, slot->commit_count * sizeof *slot->commits);
}

void usage_claim_commit(struct usage_state *st, uint32_t slot_at,
                        const struct usage_commit *commit) {
    struct usage_slot *slot = &st->slots[slot_at];
    if (slot->commit_count == USAGE_COMMITS_PER_SLOT_MAX) {
        drop_commits(st, slot_at, USAGE_COMMITS_PER_SLOT_MAX / 2);
    }
    slot->commits =
        array_grow(slot->commits, slot->commit_count, &slot->commit_cap, sizeof *slot->commits);
    slot->commits[slot->commit_count++] = *commit;
    for (uint32_t i = slot->positions; i != USAGE_NONE; i = st->positions[i].next) {
        struct usage_position *p = &st->positions[i];
        if (p->unclosed && commit_fits(st, p, commit)) {
            settle_claim(st, p);
        }
    }
}

void usage_claim_fetch(struct usage_state *st, uint32_t position) {
    struct usage_position *p = &st->positions[position];
    const struct usage_slot *slot = &st->slots[p->slot];
    bool told = slot->commit_count > 0;
    for (uint32_t i = 0; i < slot->start_count; i++) {
        told |= note_start(st, p, &slot->starts[i]);
    }
    if (told) {
        settle_claim(st, p);
    }
}

void usage_claim_successor(struct usage_state *st, uint32_t position, int64_t offset) {
    struct usage_position *p = &st->positions[position];
    // Not bounded by the answer's high watermark: the broker reads it before the records, so it can
    // lie below what it sent. An offset beyond the log's end is refused as out of range and closes
    // nothing.
    int64_t end = offset;
    int64_t messages = end > p->fetch.offset ? end - p->fetch.offset : 0;
    // Any claim but OPEN: the strongest one, for what is counted matters and not by what.
    set_claim(st, p, USAGE_BY_SAME_START, messages);
    p->unclosed = false;
}

void usage_claim_forget(struct usage_state *st, uint32_t slot_at, int64_t before_us) {
    struct usage_slot *slot = &st->slots[slot_at];
    // A name without id may turn out to be any topic's: then the facts of one meet the fetches of
    // the other, so both are kept.
    if (st->unresolved > 0) {
        before_us -= USAGE_CLAIM_US;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < slot->start_count; i++) {
        if (slot->starts[i].time_us >= before_us) {
            slot->starts[kept++] = slot->starts[i];
        }
    }
    slot->start_count = kept;

    // The old ones to the front, where drop_commits takes them.
    uint32_t old = 0;
    for (uint32_t i = 0; i < slot->commit_count; i++) {
        if (slot->commits[i].time_us < before_us) {
            struct usage_commit c = slot->commits[i];
            slot->commits[i] = slot->commits[old];
            slot->commits[old++] = c;
        }
    }
    if (old > 0) {
        drop_commits(st, slot_at, old);
    }
}

void usage_claim_merge(struct usage_state *st, uint32_t from_at, uint32_t to_at) {
    struct usage_slot *from = &st->slots[from_at];
    // Positions first: then each start and commit meets the fetches of both sides.
    uint32_t first_moved = USAGE_NONE;
    while (from->positions != USAGE_NONE) {
        struct usage_position moved = st->positions[from->positions];
        usage_position_remove(st, from->positions);
        if (usage_position_find(st, moved.chain, to_at) != USAGE_NONE) {
            continue; // one connection that named the topic both ways
        }
        uint32_t at = usage_position_get(st, moved.chain, to_at);
        moved.slot = to_at;
        moved.next = st->positions[at].next;
        st->positions[at] = moved;
        first_moved = at;
    }
    if (first_moved != USAGE_NONE) {
        for (uint32_t i = st->slots[to_at].positions; i != USAGE_NONE; i = st->positions[i].next) {
            if (st->positions[i].unclosed) {
                usage_claim_fetch(st, i);
            }
        }
    }
    from = &st->slots[from_at];
    for (uint32_t i = 0; i < from->start_count; i++) {
        usage_claim_start(st, to_at, &from->starts[i]);
    }
    for (uint32_t i = 0; i < from->commit_count; i++) {
        usage_claim_commit(st, to_at, &from->commits[i]);
    }
    from->start_count = from->commit_count = 0;
    struct usage_slot *to = &st->slots[to_at];
    if (from->highest > to->highest) {
        to->highest = from->highest;
    }
    from->highest = -1;
}
