// One asynchronous connection to PostgreSQL on an event loop, always in pipeline mode. Statements
// are prepared at connect; what is sent is a segment: some commands and one Sync, so one implicit
// transaction unless a command says BEGIN. Loop thread only. Users take platform/pg_pool.h.
#ifndef WEIR_PLATFORM_PG_PG_LINK_H
#define WEIR_PLATFORM_PG_PG_LINK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "platform/pg/pg.h"
#include "platform/pg/pg_statement.h"
#include "platform/program/config.h"

struct st_h2o_evloop_t;
struct pg_link;

struct pg_command {
    const struct pg_statement *statement;
    struct pg_params params;
};

// Embedded by its user, who keeps it and everything it points to alive until `done` was called.
struct pg_segment {
    const struct pg_command *commands;
    size_t count; // at least 1
    // Called exactly once: with the rows of the last command (valid during the call, unless the
    // callee takes rows->result), or with the first error (pg_error_lost: with the connection).
    void (*done)(struct pg_segment *segment, struct pg_rows *rows, const struct err *e);
    void *user;
    // The link's and pool's own.
    struct pg_segment *next;
    int64_t since_us;
    struct pg_rows last;
    struct err error;
    size_t results;
    size_t failed_at; // the command that `error` answered
};

// In `done`, after an error: the server itself ended the connection before it came to the last
// command, so that one was not run.
bool pg_segment_cut_short(const struct pg_segment *segment);

struct pg_link_options {
    struct st_h2o_evloop_t *loop;
    struct secret_text conninfo;
    const char *application_name;
    const struct pg_statement *const *const *tables; // NULL-terminated lists, to be prepared
    size_t tables_count;
    int statement_timeout_ms;
    atomic_uint *connects; // counts connections made by all links to the server, of all threads
    // News: it became ready, went down, or finished a segment. Never called from inside a call to
    // the link but pg_link_tick.
    void (*on_change)(void *user, struct pg_link *link);
    void *user;
    // LISTEN, sent with the statements to be prepared; NULL: none. on_notify says that at least one
    // notification came; some may be lost while the connection is away.
    const char *listen;
    void (*on_notify)(void *user);
    void *notify_user;
};

// Begins to connect at the next tick. `o` is copied, what it points to is borrowed.
struct pg_link *pg_link_new(const struct pg_link_options *o);
// Fails whatever is in flight (ERR_UNAVAILABLE), then closes.
void pg_link_free(struct pg_link *link);
// Every 100 ms or so: connects again with growing pauses, ends what hangs.
void pg_link_tick(struct pg_link *link, int64_t now_us);

bool pg_link_ready(const struct pg_link *link);
// Ready, or soon to be as far as is known: waiting for it makes sense. False once an attempt to
// connect failed, until some link, of whatever thread, got through after that attempt's beginning.
bool pg_link_expected(const struct pg_link *link);
size_t pg_link_in_flight(const struct pg_link *link);
// Rises with each connection: what was begun on an earlier one is gone.
unsigned pg_link_generation(const struct pg_link *link);
// False if the link isn't ready: the segment is untouched then and `done` isn't called.
bool pg_link_send(struct pg_link *link, struct pg_segment *segment);
// Why it isn't ready.
const struct err *pg_link_error(const struct pg_link *link);

int pg_rows_columns(const struct pg_rows *rows);
// COMMIT of a failed transaction succeeds as ROLLBACK: the command's tag tells them apart.
bool pg_rows_is_commit(const struct pg_rows *rows);

#endif
