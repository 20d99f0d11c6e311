// A fetch that brought records: what it stands for while it is open, closed or derived.
//
// D, what it is expected to hold: R x messages / bytes of the fetches of the topic that facts 1 to 3
// closed so far (usage_fold.h).
#ifndef WEIR_CORE_USAGE_USAGE_FETCH_H
#define WEIR_CORE_USAGE_USAGE_FETCH_H

#include "core/usage/usage_model.h"

static inline bool usage_fetch_is_closed(const struct usage_fetch *f) {
    return f->claim >= USAGE_BY_NEXT;
}

// Counts `messages` by `claim` in place of what the fetch stood for before. `f` is of slot `slot`.
void usage_fetch_set(struct usage_state *st, uint32_t slot, struct usage_fetch *f,
                     enum usage_claim claim, int64_t messages);
// Whether `messages` are more than `times` D. False where D or R is unknown: *ret_known says so.
bool usage_fetch_is_above(const struct usage_state *st, uint32_t slot, const struct usage_fetch *f,
                          int64_t messages, unsigned times, bool *ret_known);
// The advance to `messages` ahead was no reading but a seek: above R and above 4 D.
bool usage_fetch_is_seek(const struct usage_state *st, uint32_t slot, const struct usage_fetch *f,
                         int64_t messages);
// What its state says now: the client's own word, or derived if it is due.
void usage_fetch_settle(struct usage_state *st, uint32_t slot, struct usage_fetch *f);
// Messages by the owner's word, 0 without one that holds.
int64_t usage_fetch_word(struct usage_state *st, uint32_t slot, const struct usage_fetch *f);
// Fact 5 at once, whatever its age; it stays open if nothing is known of the topic.
void usage_fetch_derive(struct usage_state *st, uint32_t slot, struct usage_fetch *f);
// What is an hour old by now is derived.
void usage_fetch_derive_due(struct usage_state *st, int64_t now_us);
// Looks again at those that nothing closed: the topic may have become known, or a word be small.
void usage_fetch_derive_left(struct usage_state *st);

// A new fetch of the position, which has none.
void usage_fetch_open(struct usage_state *st, uint32_t position, const struct usage_fetch *fetch);
// The run of the position's fetch has ended: the fetch waits in the slot, `unclosed` is false.
void usage_fetch_leave(struct usage_state *st, uint32_t position);
// A fetch of no run, kept in its slot.
void usage_fetch_keep(struct usage_state *st, uint32_t slot, const struct usage_fetch *fetch);
// Lets go of the slot's fetches that are older than a claim may be.
void usage_fetch_forget(struct usage_state *st, uint32_t slot, int64_t before_us);
// Room is needed: those of no run and of `until_us` and before are derived and let go.
void usage_fetch_give_up(struct usage_state *st, uint32_t slot, int64_t until_us);

// Room for one more is looked after by deriving the oldest.
void usage_fetch_limit(struct usage_state *st, uint32_t slot);

#endif
