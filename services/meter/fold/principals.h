// Everybody the meter knows: by name (as in the database, without "User:") the borders of their
// grants and, where a line of theirs was read, the state of the counting rules. Entries are never
// freed one by one, so pointers to them hold until principals_done.
#ifndef WEIR_METER_FOLD_PRINCIPALS_H
#define WEIR_METER_FOLD_PRINCIPALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash_table.h"
#include "base/slice.h"
#include "core/usage/usage_state.h"
#include "meter/fold/borders.h"

enum {
    PRINCIPALS_MAX = 1 << 24,
    PRINCIPAL_NAME_MAX = 2048, // bytes; Kafka's principals are names, certificate subjects at most
    PRINCIPAL_NOWHERE = -1,
};

struct principal {
    struct slice name;         // owned
    uint64_t hash;             // of the name
    struct usage_state *state; // owned; NULL: nothing remembered
    int32_t partition;         // of the log, where the state lives; PRINCIPAL_NOWHERE without state
    bool stored;               // the database holds a state
    bool dirty;                // the open batch changed the state
    bool rests;                // nothing in the state waits for a fact, as of the last pruning
    bool unstorable;           // the database refuses it: forgotten when the batch is stored
    int64_t newest_us;         // latest usage in the open batch, INT64_MIN: none
    uint64_t settled_version;  // of the topic names at the last usage_fold_settle
    uint64_t batches_version;  // of produce_batches at the last usage_fold_hand_over
    int64_t pruned_us;         // horizon of the last usage_fold_prune, INT64_MIN: none
    struct borders borders;
};

struct principals {
    struct principal **list; // in the order they came
    size_t count;
    size_t cap;
    struct hash_table by_name; // index in the list
};

void principals_init(struct principals *p);
void principals_done(struct principals *p);
// "User:alice" and "alice" are the same; other types keep their prefix.
struct slice principals_bare_name(struct slice principal);
// Found or made; NULL if the table is full.
struct principal *principals_get(struct principals *p, struct slice name);
// NULL if not there.
struct principal *principals_find(const struct principals *p, struct slice name);
// Forgets state and marks, keeps name and borders.
void principals_forget(struct principal *p);

#endif
