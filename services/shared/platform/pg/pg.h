// One synchronous connection to PostgreSQL, for one thread: meter, biller, access, ctl.
// (weir-api has its own pool, platform/pg_pool.h.) Sessions run in UTC with ISO dates.
//
//     PG_ROWS_AUTO struct pg_rows rows = {0};
//     code = pg_run(pg, &meter_sql_positions, PG_PARAMS(pg_text(cluster), pg_int8(1)), &rows, e);
//     for (int i = 0; i < pg_rows_count(&rows); i++) { ... pg_rows_int8(&rows, i, 0) ... }
#ifndef WEIR_PLATFORM_PG_PG_H
#define WEIR_PLATFORM_PG_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/number.h"
#include "base/slice.h"
#include "platform/pg/pg_statement.h"
#include "platform/program/config.h"

struct pg;
struct pg_result;

enum {
    PG_PARAMS_MAX = 64,
    PG_CONNECT_TIMEOUT_S = 10,
    PG_BACKOFF_MIN_MS = 100,
    PG_BACKOFF_MAX_MS = 5000,
    PG_UUID_TEXT = 37, // a uuid as text, with its NUL
};

// Settings of every session, whatever a role has set for itself (ALTER ROLE ... SET).
#define PG_SESSION_OPTIONS                                                                         \
    "-c timezone=UTC -c datestyle=ISO -c bytea_output=hex -c search_path=public "                  \
    "-c default_transaction_read_only=off -c default_transaction_isolation=read\\ committed "      \
    "-c row_security=on -c transform_null_equals=off -c idle_session_timeout=0"

struct pg_options {
    struct secret_text conninfo;
    const char *application_name; // shown in pg_stat_activity; borrowed while the pg lives
    int statement_timeout_ms;     // 0: none
};

// Connects once. ERR_UNAVAILABLE if the server is away, ERR_CONFIG if the conninfo is malformed,
// ERR_DENIED if the server refuses the user.
ERR_MUST_CHECK enum err_code pg_open(const struct pg_options *o, struct pg **ret, struct err *e);
// As pg_open, but keeps trying with growing pauses while the server is away and keep_going says
// so (NULL: for good); ERR_UNAVAILABLE once it says no.
ERR_MUST_CHECK enum err_code pg_open_wait(const struct pg_options *o, bool (*keep_going)(void),
                                          struct pg **ret, struct err *e);
void pg_close(struct pg *pg);
// False once the connection broke: every call then fails with ERR_UNAVAILABLE until reconnected.
bool pg_usable(const struct pg *pg);
// As pg_usable, but looks first whether the server has hung up since the last call: to be asked
// before work that follows a pause. What belonged to the session (locks, LISTEN) went with it.
bool pg_alive(struct pg *pg);
// Drops the connection (an open transaction is lost) and makes a new one, with pauses as
// pg_open_wait. All pg_rows remain valid.
ERR_MUST_CHECK enum err_code pg_reconnect(struct pg *pg, bool (*keep_going)(void), struct err *e);

// --- parameters ----------------------------------------------------------------------------------

// Values are borrowed until the call returns.
struct pg_param {
    const char *value; // NULL: null, unless `digits` is used
    int length;
    int format; // 0 text, 1 binary
    char digits[I128_TEXT_MAX];
};

struct pg_params {
    const struct pg_param *items;
    size_t count;
};

#define PG_PARAMS(...)                                                                             \
    ((struct pg_params){(const struct pg_param[]){__VA_ARGS__},                                    \
                        sizeof((const struct pg_param[]){__VA_ARGS__}) / sizeof(struct pg_param)})
#define PG_NO_PARAMS ((struct pg_params){NULL, 0})

// Also uuid, numeric, date, enum: whatever PostgreSQL reads from text. NULL is null.
struct pg_param pg_text(const char *value);
// A copy in the arena, for slices without a NUL behind them. May not hold NUL bytes (check);
// {NULL, 0} is null.
struct pg_param pg_slice_in(struct arena *a, struct slice value);
struct pg_param pg_int8(int64_t value);
struct pg_param pg_i128(i128 value); // numeric
struct pg_param pg_bool(bool value);
struct pg_param pg_instant(int64_t us); // timestamptz; the text is kept in the parameter
struct pg_param pg_bytea(const void *data, size_t len);
struct pg_param pg_null(void);

// Arrays for unnest, in the binary format; the statement must cast the parameter ($1::int8[]).
enum pg_array_type { PG_INT8, PG_TEXT, PG_BYTEA, PG_BOOL, PG_UUID, PG_TIMESTAMPTZ, PG_NUMERIC };

struct pg_array {
    enum pg_array_type type;
    uint32_t count;
    bool has_null;
    struct buf bytes;
};

void pg_array_init(struct pg_array *a, enum pg_array_type type, size_t max_bytes);
void pg_array_done(struct pg_array *a);
void pg_array_clear(struct pg_array *a);
// Each must match the type of the array (check). Past max_bytes the array overflows and the
// statement that uses it fails with ERR_LIMIT.
void pg_array_add_int8(struct pg_array *a, int64_t value);
void pg_array_add_bytes(struct pg_array *a, struct slice value); // PG_TEXT, PG_BYTEA
void pg_array_add_bool(struct pg_array *a, bool value);
void pg_array_add_uuid(struct pg_array *a, struct slice text); // 36 characters; else check fails
void pg_array_add_instant(struct pg_array *a, int64_t us);
void pg_array_add_i128(struct pg_array *a, i128 value); // PG_NUMERIC
void pg_array_add_u128(struct pg_array *a, u128 value); // PG_NUMERIC
void pg_array_add_null(struct pg_array *a);
struct pg_param pg_array(struct pg_array *a); // finishes the header; add no more before clear

// --- statements ----------------------------------------------------------------------------------
struct pg_rows {
    struct pg_result *result; // owned
};

void pg_rows_clear(struct pg_rows *rows);
#define PG_ROWS_AUTO __attribute__((cleanup(pg_rows_clear)))

// Prepares the statement on first use and runs it. `ret` may be NULL; a result in it is replaced.
// The count of parameters must be that of the statement (check).
ERR_MUST_CHECK enum err_code pg_run(struct pg *pg, const struct pg_statement *st,
                                    struct pg_params params, struct pg_rows *ret, struct err *e);
// As pg_run; exactly one row must come back or be affected: ERR_NOT_FOUND for none, ERR_INTERNAL
// for more.
ERR_MUST_CHECK enum err_code pg_run_one(struct pg *pg, const struct pg_statement *st,
                                        struct pg_params params, struct pg_rows *ret,
                                        struct err *e);
// Several statements in one text, without parameters (migrations).
ERR_MUST_CHECK enum err_code pg_script(struct pg *pg, const char *text, const char *what,
                                       struct err *e);
// Prepares without running, for the check of all statements.
ERR_MUST_CHECK enum err_code pg_prepare(struct pg *pg, const struct pg_statement *st,
                                        struct err *e);

int pg_rows_count(const struct pg_rows *rows);
int64_t pg_rows_affected(const struct pg_rows *rows); // of insert, update, delete
// Column by position; a row or column outside, or a value that isn't of the type, is a bug (check).
bool pg_rows_is_null(const struct pg_rows *rows, int row, int column);
const char *pg_rows_text(const struct pg_rows *rows, int row, int column);   // "" if null
struct slice pg_rows_slice(const struct pg_rows *rows, int row, int column); // {NULL,0} if null
int64_t pg_rows_int8(const struct pg_rows *rows, int row, int column);       // 0 if null
i128 pg_rows_i128(const struct pg_rows *rows, int row, int column); // whole numeric; 0 if null
bool pg_rows_bool(const struct pg_rows *rows, int row, int column); // false if null
int64_t pg_rows_instant_us(const struct pg_rows *rows, int row, int column); // timestamptz; 0: null
// The instants of a list that array_to_string has made with ",", one after the other; *at begins at
// 0. False at its end.
bool pg_rows_next_instant_us(const struct pg_rows *rows, int row, int column, size_t *at,
                             int64_t *ret_us);
struct slice pg_rows_bytea(const struct pg_rows *rows, int row, int column, struct arena *a);

// --- transactions --------------------------------------------------------------------------------
enum pg_isolation { PG_READ_COMMITTED, PG_REPEATABLE_READ, PG_SERIALIZABLE };

ERR_MUST_CHECK enum err_code pg_begin(struct pg *pg, enum pg_isolation isolation, struct err *e);
// An answer lost on the way leaves it open whether the commit happened: ERR_UNAVAILABLE.
ERR_MUST_CHECK enum err_code pg_commit(struct pg *pg, struct err *e);
// Never fails: a connection that can't roll back is dropped. Fine outside a transaction.
void pg_rollback(struct pg *pg);
bool pg_in_transaction(const struct pg *pg);
// Inside a transaction: what follows can be undone alone, after an error too. They nest; keep and
// undo end the innermost.
ERR_MUST_CHECK enum err_code pg_savepoint(struct pg *pg, struct err *e);
ERR_MUST_CHECK enum err_code pg_savepoint_keep(struct pg *pg, struct err *e);
ERR_MUST_CHECK enum err_code pg_savepoint_undo(struct pg *pg, struct err *e);
// Row-level security: whose rows this transaction sees (set_config('weir.org', ..., true)).
ERR_MUST_CHECK enum err_code pg_set_org(struct pg *pg, const char *org_uuid, struct err *e);

// --- waiting for news ----------------------------------------------------------------------------

// Waits up to timeout_ms for a NOTIFY on a channel listened to (pg_script "listen x") and for
// stop_fd (-1: none) to become readable. True if a notification came.
bool pg_wait_notify(struct pg *pg, int stop_fd, int timeout_ms);

#endif
