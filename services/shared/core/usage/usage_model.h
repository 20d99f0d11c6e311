// The inside of struct usage_state, for the modules of the fold only. Data; objects refer to each
// other by index, and each kind has its own file.
//
//   topic     as lines name it: by id or by name; a name points to the topic of its id once known
//   slot      one partition of a topic: what every chain of the principal shares
//   chain     one fetch session or one connection of a client with a broker
//   position  one slot of one chain: where it reads, its run, and the run's last fetch while that has
//             no successor
//   fetch     an answer that carried records, until nothing can close it better; one whose run ended
//             waits in its slot
#ifndef WEIR_CORE_USAGE_USAGE_MODEL_H
#define WEIR_CORE_USAGE_USAGE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash_table.h"
#include "core/brokerlog/topic.h"
#include "core/usage/usage_delta.h"
#include "core/usage/usage_state.h"

#define USAGE_NONE UINT32_MAX

static const int64_t USAGE_TOLERANCE_US = 1000000;            // between the clocks of two brokers
static const int64_t USAGE_CLAIM_US = 24LL * 3600000000;      // facts later than this close nothing
static const int64_t USAGE_DERIVE_US = 3600LL * 1000000;      // a fetch that nothing closed by then
static const int64_t USAGE_BATCH_US = 10LL * 60 * 1000000;    // window of duplicate produce batches
static const int64_t USAGE_IDLE_US = 400LL * 86400 * 1000000; // then what was read is forgotten
static const int64_t USAGE_PRUNE_US = 60LL * 1000000; // whole states are searched this often

struct usage_topic {
    char *name; // owned; NULL if known by id
    uint32_t name_len;
    uint8_t id[TOPIC_ID_LEN]; // zero for a name
    uint32_t home;            // topic whose slots are used: itself, or for a name that of its id
    bool unresolved;          // a name without id so far
    int64_t first_us;         // time of the first line that named it
    int64_t since_us; // of a name: when its bearer of before was deleted, INT64_MIN: unknown
    // Of a home: what the fetches closed by facts 1 to 3 brought (usage_fetch.h).
    uint64_t closed_bytes, closed_messages;
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
    uint32_t fulls; // full requests so far: one that leaves a partition out ends its run
    int64_t last_us;
    uint32_t first; // a guess: the position that its next line names first
};

// What closes a fetch, from weak to strong: the facts 5 to 1 of usage_fold.h.
enum usage_claim {
    USAGE_OPEN,
    USAGE_DERIVED,
    USAGE_BY_WORD,
    USAGE_BY_NEXT,
    USAGE_BY_RANGE,
    USAGE_BY_SUCCESSOR
};

// A fetch that carried records.
struct usage_fetch {
    int64_t offset;  // O; -1: no line showed it
    int64_t high;    // H
    int64_t bytes;   // R; -1: stored by a release that didn't keep it
    int64_t time_us; // when it was completed
    int64_t at_us;   // when its request arrived: the row it is counted in; never later
    uint64_t order;  // number of its line: order within a broker
    uint64_t serial; // of its chain
    int32_t broker;
    uint32_t topic; // as its line named it
    uint32_t client;
    uint8_t delivery;
    uint8_t claim;
    bool due;        // it is time for fact 5: an hour has passed, or its successor was a seek
    bool seek;       // its successor was one: no word of the client counts
    bool figure_up;  // figure was rounded down
    int64_t figure;  // what fact 5 gave, half up; 0: nothing yet
    int64_t claimed; // messages counted by the claim
    int64_t next_us; // start of the same client's next chain, INT64_MAX: none
    int64_t word;    // largest of the words no longer in the slot's list, O: none
    uint64_t by;     // BY_NEXT by a start: 1 + serial of its chain; else 0
    int64_t by_us;   // BY_NEXT: when that was
};

struct usage_position {
    uint32_t chain;
    uint32_t slot;
    uint32_t next; // in the slot's list; of a free one: the next free
    bool used;
    bool known;         // offset is what the chain reads at
    bool running;       // in a run
    bool reset;         // the next start follows an error 1
    bool unclosed;      // fetch is set, and waits for its successor
    uint32_t fulls;     // of the chain when it was named last
    int64_t offset;     // where the chain reads
    int64_t last;       // O of the run's last fetch that brought bytes, -1: none
    int64_t run_offset; // where the run began, and when
    int64_t run_us;
    uint64_t line;  // number of the last line that named it in its request
    uint32_t after; // a guess: the position that is named after it
    struct usage_fetch fetch;
};

enum usage_start_kind { USAGE_START, USAGE_START_RESET, USAGE_START_OUT_OF_RANGE };

// A run begins: kept for fetches of other brokers that are read later.
struct usage_start {
    uint64_t serial; // of its chain
    int32_t broker;
    uint32_t client;
    uint8_t kind;
    int64_t time_us;
    uint64_t order; // number of its line
    int64_t offset;
    int64_t high;      // of its own answer, -1: none
    int64_t closed_us; // time of the fetch that it closed, INT64_MIN: none
};

enum usage_word_kind { USAGE_WORD_COMMIT, USAGE_WORD_TXN_COMMIT, USAGE_WORD_REFUSED };

// An offset by the client's own word.
struct usage_word {
    int32_t broker;
    uint32_t client;
    uint8_t kind;
    int64_t time_us;
    int64_t offset;
};

struct usage_batch {
    int64_t base;
    int64_t bytes; // -1: stored by a release that didn't keep it
    int64_t time_us;
    uint32_t topic;
    uint32_t producer;
    bool given; // the distance to the next was counted for it
};

struct usage_slot {
    uint32_t topic; // a home
    int32_t partition;
    uint32_t positions; // first of the list
    uint32_t position_count;
    int64_t highest; // highest end that facts 1 to 3 gave, -1: none
    int64_t last_us;
    struct usage_fetch *left;   // fetches whose run has ended
    struct usage_start *starts; // in order of arrival
    struct usage_word *words;
    struct usage_batch *batches; // by base offset
    uint32_t left_count, left_cap, start_count, start_cap, word_count, word_cap, batch_count,
        batch_cap;
    bool batches_dropped; // below batches[0] offsets have been counted
    bool handed_over;     // its batches are the caller's: the distances are counted there
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
    uint32_t left_total, start_total, word_total; // of all slots
    uint64_t next_serial;
    uint32_t producer; // of the line being folded
    int64_t last_us;
    int64_t pruned_us;
    int64_t batches_from_us; // usage_state_hold_batches; not stored
    int64_t due_us; // not before then is a fetch an hour old that waits for it; INT64_MAX: none
    int64_t searched_us; // when was tried last
    bool waiting; // a fetch is due, and nothing was known of its topic when it was tried last
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
    struct hash_table answers; // hash of topic and partition: index of the answer
    struct usage_delta deltas[USAGE_PENDING_DELTAS];
    uint32_t delta_topics[USAGE_PENDING_DELTAS];
    uint32_t delta_count;
    const struct usage_sink *sink;
};

// A key of two indexes, or of an index and a partition.
static inline uint64_t usage_model_pair(uint32_t high, uint32_t low) {
    return (uint64_t)high << 32 | low;
}

#endif
