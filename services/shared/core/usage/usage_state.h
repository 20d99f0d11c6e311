// What is remembered of one principal between lines: fetch chains, their unclosed fetches, recent
// commits and starts, the highest position read, recent produce batches. One object per (log
// partition, principal); usage_blob.h writes it as compact bytes and reads it back.
#ifndef WEIR_CORE_USAGE_USAGE_STATE_H
#define WEIR_CORE_USAGE_USAGE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Most of each kind that one principal may have; above, the longest idle is let go
// (usage_compact.h). What was counted stays counted, an open fetch stays open.
enum {
    USAGE_TOPICS_MAX = 16384,
    USAGE_CLIENTS_MAX = 8192, // pairs of client id and address
    USAGE_CHAINS_MAX = 16384,
    USAGE_SLOTS_MAX = 65536,      // partitions
    USAGE_POSITIONS_MAX = 131072, // partitions of chains
    USAGE_POSITIONS_PER_SLOT_MAX = 256,
    USAGE_OPEN_PER_SLOT_MAX = 64, // open fetches: the oldest is derived at once
    USAGE_LEFT_PER_SLOT_MAX = 256,
    USAGE_STARTS_PER_SLOT_MAX = 64,
    USAGE_WORDS_PER_SLOT_MAX = 64,
    USAGE_LEFT_MAX = 131072, // of all partitions together
    USAGE_STARTS_MAX = 131072,
    USAGE_WORDS_MAX = 131072,
    USAGE_BATCHES_PER_SLOT_MAX = 65536, // produce batches within the window of duplicates
    USAGE_BATCHES_MAX = 262144,         // of all partitions together
};

struct usage_state;

struct usage_state *usage_state_new(void);
void usage_state_free(struct usage_state *st);
// Whose PRODUCE lines follow, in deltas of what they wrote; 0 at first. One state for the lines of
// all producers of a topic knows where the batches of each end; one for each knows it while that one
// alone writes the partition.
void usage_state_set_producer(struct usage_state *st, uint32_t producer);
// Other producers' lines from `from_us` on may still be read by others: batches of this principal's
// from then on (less the window of duplicates) stay in memory, up to its maxima. INT64_MAX at first;
// 0 is the earliest.
void usage_state_hold_batches(struct usage_state *st, int64_t from_us);
// True if a later topic fact can change something: a topic by name whose id is not known.
bool usage_state_has_unresolved(const struct usage_state *st);
// Nothing left worth keeping.
bool usage_state_empty(const struct usage_state *st);
// Nothing waits for a fact: all that is known is how far partitions were read.
bool usage_state_rests(const struct usage_state *st);
// Not before then is a fetch an hour old that usage_fold_derive would derive; INT64_MAX: none.
int64_t usage_state_due_us(const struct usage_state *st);
// Roughly what it occupies, in bytes.
size_t usage_state_memory(const struct usage_state *st);

#endif
