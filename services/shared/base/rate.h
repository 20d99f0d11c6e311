// How often something may happen: a quota per window, counted for each of many keys by the generic
// cell rate algorithm (GCRA: a leaky bucket that is one instant). A key may use its whole quota at
// once and then gets it back evenly, one every window/quota. No clock and no lock here: both are
// the caller's.
//
// Memory is bounded: the table has as many slots as it was made with, in small sets chosen by the
// key. A key that finds its set full takes the slot of the one that has used least; one whose quota
// is whole again loses nothing by that. To have his own slot forgotten, somebody must use more of
// the quota under every other key of his set; if keys are hashes under a secret seed, he can't know
// which keys those are and has to use up the whole table.
#ifndef WEIR_BASE_RATE_H
#define WEIR_BASE_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

static const int64_t RATE_QUOTA_MAX = 1000000;

struct rate {
    int64_t quota; // 1..RATE_QUOTA_MAX
    int64_t window_us;
};

// What a setting must be: "10/15m", "3000/1m", "100/1h".
#define RATE_FORM "a number per time, like 10/15m (s, m, h, d)"
bool rate_parse(struct slice text, struct rate *ret);

// What a key has left after it was asked for.
struct rate_left {
    int64_t count;    // that may still happen now
    int64_t wait_us;  // until one more may; 0 if it may now
    int64_t whole_us; // until the whole quota is there again
};

struct rate_slot {
    uint64_t key;
    int64_t whole_at_us; // past: nothing is used
};

struct rate_table {
    struct rate rate;
    int64_t step_us;         // one of the quota
    struct rate_slot *slots; // owned
    size_t sets;             // a power of two
};

// `slots`: how many keys are told apart at most, rounded up to a power of two (at least a set).
void rate_table_init(struct rate_table *t, struct rate rate, size_t slots);
void rate_table_done(struct rate_table *t);
// Takes one of the key's quota at `now_us` (any clock that is positive and doesn't go back). False,
// and nothing taken, if none is left.
bool rate_table_take(struct rate_table *t, uint64_t key, int64_t now_us, struct rate_left *ret);
// What was taken didn't count after all.
void rate_table_give_back(struct rate_table *t, uint64_t key);

#endif
