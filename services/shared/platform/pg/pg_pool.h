// The connections of one event loop: some shared ones, pipelined, for reads; some exclusive ones
// for writes, for a lock wait in a pipeline stalls what is behind it. Bounded queues in front of
// both: full, too long waited or database away is ERR_UNAVAILABLE. No locks: loop thread only.
//
// Away means that an attempt to connect failed and nobody got through since. While a connection is
// just being made anew, or another loop's pool has one, requests wait in the queue instead: so once
// anybody was served, nobody is refused for the old outage.
#ifndef WEIR_PLATFORM_PG_PG_POOL_H
#define WEIR_PLATFORM_PG_PG_POOL_H

#include <stdatomic.h>

#include "platform/pg/pg_link.h"

enum { PG_POOL_LINKS_MAX = 16, PG_POOL_TICK_MS = 100 };

struct pg_pool;

// What the pools of all loops know of the server together. Zeroed but for `pools`; outlives them.
struct pg_pool_group {
    unsigned pools;       // how many there are to be
    atomic_uint ready;    // pools with a connection of each kind
    atomic_uint links_up; // connections in use
    atomic_uint connects; // connections ever made
};

// Every pool is ready. From any thread.
bool pg_pool_group_ready(const struct pg_pool_group *group);

struct pg_pool_options {
    struct st_h2o_evloop_t *loop;
    struct pg_pool_group *group;
    struct secret_text conninfo;
    const char *application_name;
    const struct pg_statement *const *statements; // NULL-terminated
    unsigned read_links;                          // 1..PG_POOL_LINKS_MAX
    unsigned write_links;
    unsigned read_depth_max; // segments in flight per shared connection
    unsigned queue_max;      // waiting, of each kind
    int queue_wait_ms;       // then ERR_UNAVAILABLE
    int statement_timeout_ms;
    const char *listen; // "listen channel" on one connection, or NULL
    void (*on_notify)(void *user);
    void *notify_user;
};

// Begins to connect; never fails. The tick begins with it.
struct pg_pool *pg_pool_new(const struct pg_pool_options *o);
// Ends what is in flight or waiting with ERR_UNAVAILABLE.
void pg_pool_free(struct pg_pool *pool);

// At least one connection of each kind is up.
bool pg_pool_ready(const struct pg_pool *pool);

// Reads: the commands run in one implicit transaction. segment->done is called once, never from
// inside this call. ERR_UNAVAILABLE (and no call) if the queue is full or the database away.
ERR_MUST_CHECK enum err_code pg_pool_read(struct pg_pool *pool, struct pg_segment *segment,
                                          struct err *e);

// Statements without parameters for transactions, prepared on every connection.
extern const struct pg_statement pg_pool_begin;
extern const struct pg_statement pg_pool_commit;
extern const struct pg_statement pg_pool_rollback;

// Exclusive use of a connection, embedded by its user. Zeroed before the first use.
struct pg_tx {
    // Called once after pg_tx_open, never from inside it: e is NULL when the connection is there.
    // After an error the tx is closed already.
    void (*opened)(struct pg_tx *tx, const struct err *e);
    void *user;
    // The pool's own.
    struct pg_pool *pool;
    struct pg_link *link;
    struct pg_tx *next;
    int64_t since_us;
    bool dirty;          // a transaction may be open at the server
    unsigned generation; // of the connection that it was opened on
};

ERR_MUST_CHECK enum err_code pg_tx_open(struct pg_pool *pool, struct pg_tx *tx, struct err *e);
// One segment at a time. The first holds pg_pool_begin; after pg_pool_commit's success call
// pg_tx_committed. ERR_UNAVAILABLE and lost (and no call of done) if the connection broke.
ERR_MUST_CHECK enum err_code pg_tx_send(struct pg_tx *tx, struct pg_segment *segment,
                                        struct err *e);
void pg_tx_committed(struct pg_tx *tx);
// Gives the connection back; rolls back what was not committed. Not while a segment is in flight.
void pg_tx_close(struct pg_tx *tx);

#endif
