// The meter's side of the database: loads what a fold remembers and commits its open batch. One
// connection, one thread.
#ifndef WEIR_METER_STORE_STORE_H
#define WEIR_METER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "meter/fold/fold.h"
#include "platform/pg/pg.h"

enum { STORE_UUID_MAX = 37, STORE_XID_MAX = 24, STORE_CLASS_MAX = 32, STORE_TOPIC_MAX = 250 };

struct store {
    struct pg *pg; // borrowed
    char cluster_id[STORE_UUID_MAX];
    char log_topic[STORE_TOPIC_MAX];
    char metering_class[STORE_CLASS_MAX];
    char grants_horizon
        [STORE_XID_MAX];   // what later transactions change isn't below it; "": none read
    uint64_t grants_stamp; // of the grants changed since the horizon, as last read
    char batches_horizon[STORE_XID_MAX]; // the same of topics whose batches are kept
    int64_t settle_to_us;                // readings up to then are being settled
    // Usage of these may have found an owner:
    bool bind_all;               // of everybody
    struct pg_array bind_of;     // of principals whose grants changed
    struct pg_array bind_topics; // of who reads topics whose names were learned, by their ids
};

// What a commit did, for the metrics.
struct store_outcome {
    i128 unbound_bytes;   // of usage in the batch that nobody owns yet
    int64_t dead_letters; // kept
    int64_t floods;       // dead letters that were only counted
    int64_t refused;      // by the database for their content: dead letters too
};

// For a new connection, before anything else.
ERR_MUST_CHECK enum err_code store_session(struct pg *pg, struct err *e);
// Finds the cluster by name. ERR_NOT_FOUND until it is registered.
ERR_MUST_CHECK enum err_code store_open(struct store *s, struct pg *pg, const char *cluster,
                                        struct err *e);
// Fills an empty fold, from one snapshot: these partitions (owned from now on, with the offset to
// read next), positions, states, topics, grants. ERR_INVALID for a state that can't be read.
ERR_MUST_CHECK enum err_code store_load(struct store *s, struct fold *f, const int32_t *numbers,
                                        size_t count, struct err *e);
// Commits the open batch, after fold_finish; the caller then calls fold_stored. ERR_CONFLICT: another meter was there
// first, or a grant changed so that the batch must be folded again: reset and load. What PostgreSQL
// refuses for its content is found by halving and becomes a dead letter, with an alarm in the log:
// it is no error. On any other error the fold is as it was and the call may be repeated; after a lost connection it is open
// whether the commit happened, and a repetition ends in ERR_CONFLICT if it did.
ERR_MUST_CHECK enum err_code store_commit(struct store *s, struct fold *f,
                                          struct store_outcome *ret, struct err *e);
// Looks for grants that changed, without a batch. ERR_CONFLICT as store_commit.
ERR_MUST_CHECK enum err_code store_refresh(struct store *s, struct fold *f, struct err *e);
// If grants or topics have changed, gives usage without an owner to whoever owns it now; *ret_bound
// rows. After an error the rest is still due.
ERR_MUST_CHECK enum err_code store_bind(struct store *s, int64_t *ret_bound, struct err *e);

// Loads what the fold wants to know of topics' production; nothing if it wants nothing.
ERR_MUST_CHECK enum err_code store_load_produced(struct store *s, struct fold *f, struct err *e);

// Topics whose batches are kept since the last look, by another meter's word or the operator's; how far
// all meters have read.
ERR_MUST_CHECK enum err_code store_refresh_written(struct store *s, struct fold *f, struct err *e);
// Settles the batches that are pending, also those that other meters wrote; `renamed`: and moves those
// of topics whose ids were learned. Safe to repeat.
ERR_MUST_CHECK enum err_code store_settle_batches(struct store *s, bool renamed, struct err *e);
// Settles what share groups were sent, as far as everybody has read (store_refresh_written).
ERR_MUST_CHECK enum err_code store_settle_readings(struct store *s, const struct fold *f,
                                                   struct err *e);
// Lets go of batches of before before_us, and of a topic with more than `most` of the oldest, some at a
// time: *ret_topics had any.
ERR_MUST_CHECK enum err_code store_prune_batches(struct store *s, int64_t before_us, int64_t most,
                                                 int64_t *ret_topics, struct err *e);

// Frees what store_open made.
void store_done(struct store *s);

// Between load.c and commit.c: applies the grants changed since the horizon.
ERR_MUST_CHECK enum err_code store_read_grants(struct store *s, struct fold *f, struct err *e);
// Of load.c: what is known of topics that are written.
ERR_MUST_CHECK enum err_code store_load_written(struct store *s, struct fold *f, struct err *e);
// Of them and of bind.c: what store_bind is to look at.
void store_bind_principal(struct store *s, struct slice name);
void store_bind_topic(struct store *s, struct slice id);

#endif
