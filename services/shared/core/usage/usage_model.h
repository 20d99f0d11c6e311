// The inside of struct usage_state, for the modules of the fold only (usage_state, usage_blob,
// usage_claim, usage_produce, usage_fold). Objects refer to each other by index.
//
//   topic     as lines name it: by id or by name; a name points to the topic of its id once known
//   slot      one partition of a topic: what every chain of the principal shares
//   chain     one fetch session or one connection of a client with a broker
//   position  one slot of one chain: where it reads, and its last fetch while that is not closed
#ifndef WEIR_CORE_USAGE_USAGE_MODEL_H
#define WEIR_CORE_USAGE_USAGE_MODEL_H

#include "base/hash.h"
#include "base/hash_table.h"
#include "core/usage/usage_fold.h"

#define USAGE_NONE UINT32_MAX

static const int64_t USAGE_TOLERANCE_US = 1000000;         // between the clocks of two brokers
static const int64_t USAGE_CLAIM_US = 24LL * 3600000000;   // facts later than this close nothing
static const int64_t USAGE_BATCH_US = 10LL * 60 * 1000000; // window of duplicate produce batches
static const int64_t USAGE_PRUNE_US = 60LL * 1000000;      // whole states are searched this often

struct usage_topic {
    char *name; // owned; NULL if known by id
    uint32_t name_len;
    uint8_t id[TOPIC_ID_LEN]; // zero for a name
    uint32_t home;            // topic whose slots are used: itself, or for a name that of its id
    bool unresolved;          // a name without id so far
    int64_t first_us;         // time of the first line that named it
    // Of the line being folded:
    uint64_t line;  // its number, for the next
    uint32_t group; // index of the topic's sums
    uint32_t after; // a guess: the topic that is named after it
};

// Client id and address as hashes: they are compared, never shown.
struct usage_client {
    uint64_t id;
    uint64_t address;
};

struct usage_chain {
    uint64_t serial; // never used again
    uint64_t key;    // session id, or hash of the connection
    int32_t broker;
    bool session;
    bool dead; // replaced or closed: no line will find it
    uint32_t client;
    int64_t last_us;
    uint32_t first; // a guess: the position that its next line names first
};

// What closes a fetch, from weak to strong; a successor removes it from the state instead.
enum usage_claim { USAGE_OPEN, USAGE_BY_COMMIT, USAGE_BY_OTHER_START, USAGE_BY_SAME_START };

// A fetch that carried records and has no successor yet.
struct usage_fetch {
    int64_t offset; // O
    int64_t high;   // H
    int64_t time_us;
    uint32_t topic; // as its line named it
    uint32_t client;
    uint8_t delivery;
    uint8_t claim;
    int64_t claimed; // messages counted by the claim
    // Earliest start of a later chain with O < S <= H, by clients with the same id and by others.
    int64_t same_us, same_offset; // same_us INT64_MAX: none
    int64_t other_us, other_offset;
    int64_t next_us; // start of the same client's next chain, INT64_MAX: none
    int64_t commit;  // largest of the commits no longer in the slot's list, O: none
};

struct usage_position {
    uint32_t chain;
    uint32_t slot;
    uint32_t next; // in the slot's list; of a free one: the next free
    bool used;
    bool known;    // offset is what the chain reads at
    bool started;  // its start has been told to the others
    bool unclosed; // fetch is set
    int64_t offset;
    uint64_t line;  // number of the last line that named it in its request
    uint32_t after; // a guess: the position that is named after it
    struct usage_fetch fetch;
};

struct usage_start {
    uint64_t serial; // of its chain
    int32_t broker;
    uint32_t client;
    int64_t time_us;
    int64_t offset;
};

struct usage_commit {
    int32_t broker;
    uint32_t client;
    int64_t time_us;
    int64_t offset;
};

struct usage_batch {
    int64_t base;
    int64_t time_us;
    uint32_t topic;
};

struct usage_slot {
    uint32_t topic; // a home
    int32_t partition;
    uint32_t positions; // first of the list
    uint32_t position_count;
    int64_t highest; // highest closed position, -1: none
    int64_t last_us;
    struct usage_start *starts; // in order of arrival
    struct usage_commit *commits;
    struct usage_batch *batches; // by base offset
    uint32_t start_count, start_cap, commit_count, commit_cap, batch_count, batch_cap;
    bool batches_dropped; // below batches[0] offsets have been counted
    bool used;
};

enum { USAGE_PENDING_DELTAS = 16 };

struct usage_state {
    struct usage_topic *topics;
    struct usage_client *clients;
    struct usage_chain *chains;
    struct usage_slot *slots;
    struct usage_position *positions;
    uint32_t topic_count, topic_cap, client_count, client_cap, chain_count, chain_cap, slot_count,
        slot_cap, position_count, position_cap;
    uint32_t free_position;
    uint32_t unresolved; // topics
    uint64_t batch_total;
    uint64_t next_serial;
    int64_t last_us;
    int64_t pruned_us;
    uint64_t names_version; // of the facts when unresolved names were last tried

    struct hash_table topic_by_key; // hash of id or name
    struct hash_table client_by_key;
    struct hash_table chain_by_session;
    struct hash_table chain_by_connection;
    struct hash_table slot_by_key;     // topic << 32 | partition
    struct hash_table position_by_key; // chain << 32 | slot

    // Lines of a principal are alike: what was named after the last thing is tried first. Guesses
    // are verified before they are used, and not stored.
    uint32_t first_topic;

    // Of the line being folded:
    uint64_t line;
    struct hash_table errors; // topic << 32 | partition of answers
    struct usage_delta deltas[USAGE_PENDING_DELTAS];
    uint32_t delta_topics[USAGE_PENDING_DELTAS];
    uint32_t delta_count;
    const struct usage_sink *sink;
};

// --- usage_state.c: finding and adding -----------------------------------------------------------
uint32_t usage_topic_get(struct usage_state *st, const struct topic_key *key, int64_t time_us,
                         const struct topic_names *names);
// Whether topic `at` is the one that the key names.
bool usage_topic_is(const struct usage_state *st, uint32_t at, const struct topic_key *key);
uint32_t usage_topic_add(struct usage_state *st, const struct topic_key *key);
uint32_t usage_client_add(struct usage_state *st, struct usage_client client);
uint32_t usage_client_get(struct usage_state *st, struct slice id, struct slice address);
// The chain, or USAGE_NONE.
uint32_t usage_chain_find(const struct usage_state *st, int32_t broker, bool session, uint64_t key);
uint32_t usage_chain_add(struct usage_state *st, int32_t broker, bool session, uint64_t key,
                         uint32_t client);
uint32_t usage_chain_restore(struct usage_state *st, const struct usage_chain *chain);
void usage_chain_kill(struct usage_state *st, uint32_t chain);
uint32_t usage_slot_find(const struct usage_state *st, uint32_t home, int32_t partition);
uint32_t usage_slot_get(struct usage_state *st, uint32_t home, int32_t partition);
uint32_t usage_position_find(const struct usage_state *st, uint32_t chain, uint32_t slot);
uint32_t usage_position_get(struct usage_state *st, uint32_t chain, uint32_t slot);
// Whether `position` is that of the partition in the chain.
static inline bool usage_position_is(const struct usage_state *st, uint32_t position,
                                     uint32_t chain, uint32_t home, int32_t partition) {
    if (position >= st->position_count)
        return false;
    const struct usage_position *p = &st->positions[position];
    return p->used && p->chain == chain && st->slots[p->slot].topic == home &&
           st->slots[p->slot].partition == partition && st->slots[p->slot].used;
}
void usage_position_remove(struct usage_state *st, uint32_t position);
// Drops what nothing points to and gives the rest new indexes.
void usage_state_compact(struct usage_state *st);
// Makes room if a kind is above its maximum: lets go of the longest idle half.
void usage_state_make_room(struct usage_state *st);
// Array of `size` bytes each with room for one more.
void *usage_grow(void *items, uint32_t count, uint32_t *cap, size_t size);
static inline uint64_t usage_pair(uint32_t high, uint32_t low) {
    return (uint64_t)high << 32 | low;
}

// --- usage_claim.c: rules (1) and (2) ------------------------------------------------------------

// A chain began to read the slot at `offset`: told to every unclosed fetch of the other chains.
void usage_claim_start(struct usage_state *st, uint32_t slot, const struct usage_start *start);
void usage_claim_commit(struct usage_state *st, uint32_t slot, const struct usage_commit *commit);
// A new unclosed fetch: what starts and commits already seen say about it.
void usage_claim_fetch(struct usage_state *st, uint32_t position);
// The next fetch of the chain is at `offset`: the final word.
void usage_claim_successor(struct usage_state *st, uint32_t position, int64_t offset);
// Moves everything of one slot to another: two names of one partition.
void usage_claim_merge(struct usage_state *st, uint32_t from, uint32_t to);
// Forgets starts and commits of before `before_us`, when their word is written into the fetches.
void usage_claim_forget(struct usage_state *st, uint32_t slot, int64_t before_us);

// --- usage_produce.c -----------------------------------------------------------------------------
void usage_produce_line(struct usage_state *st, const struct broker_line *line,
                        const uint32_t *topics);
void usage_produce_forget(struct usage_state *st, uint32_t slot, int64_t before_us);
void usage_produce_merge(struct usage_state *st, uint32_t from, uint32_t to);

// --- usage_fold.c --------------------------------------------------------------------------------

// Adds to the delta of (topic as named, delivery, quarter hour of time_us) of the current line.
struct usage_delta *usage_delta(struct usage_state *st, uint32_t topic, unsigned delivery,
                                int64_t time_us);
// The same for messages and open fetches; sums beyond int64 become several deltas.
void usage_add_messages(struct usage_state *st, uint32_t topic, unsigned delivery, int64_t time_us,
                        int64_t messages, int64_t open_fetches);
void usage_flush(struct usage_state *st);

#endif
