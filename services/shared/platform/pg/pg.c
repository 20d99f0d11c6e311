// The connection itself: opening, statements, transactions. One thread per struct pg.
#include "platform/pg/pg.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "base/check.h"
#include "base/hash_table.h"
#include "platform/pg/pg_error.h"
#include "platform/pg/pg_notice.h"

enum {
    LOCK_TIMEOUT_MS = 30000, // far longer than any lock of ours is held
    SESSION_TEXT_MAX = 400,
    HANG_UP_MS = 1000,
}; // from a server's last word to the end of the connection

struct pg {
    struct pg_options options;
    PGconn *connection;         // NULL after a failed reconnect
    bool ending;                // the server has said that it hangs up
    struct hash_table prepared; // addresses of the statements that the connection knows
};

static const struct pg_statement SQL_SET_ORG = {
    .name = "pg_set_org", .text = "select set_config('weir.org', $1, true)", .params = 1};

// --- connection ----------------------------------------------------------------------------------

static void on_notice(void *ctx, const PGresult *notice) {
    struct pg *pg = ctx;
    pg->ending = pg->ending || pg_notice_is_last(notice);
    pg_notice_log(notice, pg->options.application_name);
}

// Settings of every session, also those that a role may set for itself and for good (ALTER ROLE):
// what is said at the connection stands above. A name in the conninfo given by the operator stays
// in force.
static PGconn *connect_once(const struct pg_options *o) {
    char timeout[16];
    (void)snprintf(timeout, sizeof timeout, "%d", PG_CONNECT_TIMEOUT_S);
    char session[SESSION_TEXT_MAX];
    int len = snprintf(session, sizeof session,
                       PG_SESSION_OPTIONS " -c statement_timeout=%d -c lock_timeout=%d",
                       o->statement_timeout_ms, LOCK_TIMEOUT_MS);
    check(len > 0 && (size_t)len < sizeof session);
    const char *const names[] = {"connect_timeout", "application_name", "options",
                                 "client_encoding", "dbname",           NULL};
    const char *const values[] = {timeout, o->application_name, session,
                                  "UTF8",  o->conninfo.value,   NULL};
    return PQconnectdbParams(names, values, 1);
}

// libpq gives no SQLSTATE for a failed connection, so what the server said is told by its text.
static enum err_code connect_error(PGconn *connection, struct err *e) {
    enum err_code code = pg_error_from_connection(connection, "database", e);
    const char *text = PQerrorMessage(connection);
    if (strstr(text, "authentication failed") != NULL || strstr(text, "role \"") != NULL ||
        strstr(text, "no pg_hba.conf entry") != NULL ||
        strstr(text, "no password supplied") != NULL) {
        code = ERR_DENIED;
    } else if (strstr(text, "does not exist") != NULL || // the database
               strstr(text, "invalid integer value") != NULL ||
               strstr(text, "invalid port number") != NULL) {
        code = ERR_CONFIG;
    }
    if (e != NULL) {
        e->code = code;
    }
    return code;
}

static enum err_code establish(struct pg *pg, struct err *e) {
    PQfinish(pg->connection);
    hash_table_clear(&pg->prepared);
    pg->ending = false;
    pg->connection = connect_once(&pg->options);
    check(pg->connection != NULL);
    if (PQstatus(pg->connection) == CONNECTION_OK) {
        PQsetNoticeReceiver(pg->connection, on_notice, pg);
        return ERR_OK;
    }
    enum err_code code = connect_error(pg->connection, e);
    PQfinish(pg->connection);
    pg->connection = NULL;
    return code;
}

static bool goes_on(bool (*keep_going)(void)) {
    return keep_going == NULL || keep_going();
}

// In small pieces, so that a wish to stop is seen soon.
static bool pause_ms(int ms, bool (*keep_going)(void)) {
    for (int done = 0; done < ms && goes_on(keep_going); done += PG_BACKOFF_MIN_MS) {
        struct timespec ts = {.tv_nsec = PG_BACKOFF_MIN_MS * 1000000L};
        (void)nanosleep(&ts, NULL);
    }
    return goes_on(keep_going);
}

static enum err_code establish_wait(struct pg *pg, bool (*keep_going)(void), struct err *e) {
    int pause = PG_BACKOFF_MIN_MS;
    for (;;) {
        enum err_code code = establish(pg, e);
        if (code != ERR_UNAVAILABLE || !pause_ms(pause, keep_going)) {
            return code;
        }
        pause = pause * 2 > PG_BACKOFF_MAX_MS ? PG_BACKOFF_MAX_MS : pause * 2;
    }
}

// libpq's own text about a malformed string may repeat a password, so it isn't used.
static enum err_code check_conninfo(struct secret_text conninfo, struct err *e) {
    PQconninfoOption *options =
        conninfo.value == NULL ? NULL : PQconninfoParse(conninfo.value, NULL);
    if (options != NULL) {
        PQconninfoFree(options);
        return ERR_OK;
    }
    (void)err_field(e, ERR_CONFIG, "database_url",
                    conninfo.value == NULL ? "is not set" : "is no connection string of libpq");
    return e == NULL ? ERR_CONFIG
                     : err_hint(e, "example: database_url = "
                                   "postgresql://weir_api@127.0.0.1:5432/weir");
}

static enum err_code open_with(const struct pg_options *o, bool wait, bool (*keep_going)(void),
                               struct pg **ret, struct err *e) {
    enum err_code code = check_conninfo(o->conninfo, e);
    if (code != ERR_OK) {
        return code;
    }
    struct pg *pg = calloc(1, sizeof *pg);
    check(pg != NULL);
    pg->options = *o;
    code = wait ? establish_wait(pg, keep_going, e) : establish(pg, e);
    if (code != ERR_OK) {
        pg_close(pg);
        return code;
    }
    *ret = pg;
    return ERR_OK;
}

enum err_code pg_open(const struct pg_options *o, struct pg **ret, struct err *e) {
    return open_with(o, false, NULL, ret, e);
}

enum err_code pg_open_wait(const struct pg_options *o, bool (*keep_going)(void), struct pg **ret,
                           struct err *e) {
    return open_with(o, true, keep_going, ret, e);
}

void pg_close(struct pg *pg) {
    if (pg != NULL) {
        PQfinish(pg->connection);
        hash_table_done(&pg->prepared);
        free(pg);
    }
}

bool pg_usable(const struct pg *pg) {
    return pg->connection != NULL && PQstatus(pg->connection) == CONNECTION_OK;
}

static bool readable(const struct pg *pg, int timeout_ms) {
    struct pollfd fd = {.fd = PQsocket(pg->connection), .events = POLLIN};
    return poll(&fd, 1, timeout_ms) > 0;
}

// After its last word a server process still holds its locks; when it has hung up, they are free.
bool pg_alive(struct pg *pg) {
    while (pg_usable(pg) && readable(pg, pg->ending ? HANG_UP_MS : 0) &&
           PQconsumeInput(pg->connection) == 1) {
        (void)PQisBusy(pg->connection); // for its side: it reads notices and keeps notifications
    }
    if (pg->ending) {
        PQfinish(pg->connection);
        pg->connection = NULL;
    }
    return pg_usable(pg);
}

enum err_code pg_reconnect(struct pg *pg, bool (*keep_going)(void), struct err *e) {
    return establish_wait(pg, keep_going, e);
}

// --- statements ----------------------------------------------------------------------------------

static enum err_code need_connection(const struct pg *pg, const char *what, struct err *e) {
    return pg_usable(pg) ? ERR_OK
                         : err_set(e, ERR_UNAVAILABLE, "%s: the database connection is lost", what);
}

// Takes `result`: an error, or ERR_OK with the result in `ret` (or freed).
static enum err_code finish(struct pg *pg, PGresult *result, const char *what, struct pg_rows *ret,
                            struct err *e) {
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
        enum err_code code = result == NULL ? pg_error_from_connection(pg->connection, what, e)
                                            : pg_error_from_result(result, what, e);
        PQclear(result);
        return code;
    }
    if (ret == NULL) {
        PQclear(result);
        return ERR_OK;
    }
    pg_rows_clear(ret);
    ret->result = result;
    return ERR_OK;
}

enum err_code pg_prepare(struct pg *pg, const struct pg_statement *st, struct err *e) {
    enum err_code code = need_connection(pg, st->name, e);
    if (code != ERR_OK) {
        return code;
    }
    uint32_t known;
    if (hash_table_get(&pg->prepared, (uintptr_t)st, &known)) {
        return ERR_OK;
    }
    PGresult *result = PQprepare(pg->connection, st->name, st->text, 0, NULL);
    code = finish(pg, result, st->name, NULL, e);
    if (code == ERR_OK) {
        hash_table_put(&pg->prepared, (uintptr_t)st, 0);
    }
    return code;
}

enum err_code pg_run(struct pg *pg, const struct pg_statement *st, struct pg_params params,
                     struct pg_rows *ret, struct err *e) {
    check(params.count == (size_t)st->params && params.count <= PG_PARAMS_MAX);
    const char *values[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    for (size_t i = 0; i < params.count; i++) {
        const struct pg_param *p = &params.items[i];
        if (p->length < 0) {
            return err_set(e, ERR_LIMIT, "%s: parameter %zu is larger than its maximum", st->name,
                           i + 1);
        }
        values[i] = p->value == NULL && p->digits[0] != '\0' ? p->digits : p->value;
        lengths[i] = p->length;
        formats[i] = p->format;
    }
    enum err_code code = pg_prepare(pg, st, e);
    if (code != ERR_OK) {
        return code;
    }
    PGresult *result =
        PQexecPrepared(pg->connection, st->name, (int)params.count, values, lengths, formats, 0);
    return finish(pg, result, st->name, ret, e);
}

enum err_code pg_run_one(struct pg *pg, const struct pg_statement *st, struct pg_params params,
                         struct pg_rows *ret, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run(pg, st, params, &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    int64_t n = PQresultStatus(rows.result) == PGRES_TUPLES_OK ? pg_rows_count(&rows)
                                                               : pg_rows_affected(&rows);
    if (n == 0) {
        return err_set(e, ERR_NOT_FOUND, "%s: no row", st->name);
    }
    if (n > 1) {
        return err_set(e, ERR_INTERNAL, "%s: %lld rows where one was expected", st->name,
                       (long long)n);
    }
    if (ret != NULL) {
        pg_rows_clear(ret);
        *ret = rows;
        rows.result = NULL;
    }
    return ERR_OK;
}

enum err_code pg_script(struct pg *pg, const char *text, const char *what, struct err *e) {
    enum err_code code = need_connection(pg, what, e);
    return code != ERR_OK ? code : finish(pg, PQexec(pg->connection, text), what, NULL, e);
}

// --- transactions --------------------------------------------------------------------------------

enum err_code pg_begin(struct pg *pg, enum pg_isolation isolation, struct err *e) {
    static const char *const BEGIN[] = {
        [PG_READ_COMMITTED] = "begin isolation level read committed",
        [PG_REPEATABLE_READ] = "begin isolation level repeatable read",
        [PG_SERIALIZABLE] = "begin isolation level serializable",
    };
    check(!pg_in_transaction(pg));
    return pg_script(pg, BEGIN[isolation], "begin", e);
}

enum err_code pg_commit(struct pg *pg, struct err *e) {
    enum err_code code = need_connection(pg, "commit", e);
    if (code != ERR_OK) {
        return code;
    }
    PG_ROWS_AUTO struct pg_rows rows = {0};
    code = finish(pg, PQexec(pg->connection, "commit"), "commit", &rows, e);
    // A transaction that had failed answers a commit with "ROLLBACK", which is no error to libpq.
    if (code == ERR_OK && strcmp(PQcmdStatus(rows.result), "COMMIT") != 0) {
        return err_set(e, ERR_INTERNAL, "commit: the transaction had failed and was rolled back");
    }
    return code;
}

void pg_rollback(struct pg *pg) {
    if (!pg_usable(pg) || !pg_in_transaction(pg)) {
        return;
    }
    if (pg_script(pg, "rollback", "rollback", NULL) != ERR_OK) {
        PQfinish(pg->connection);
        pg->connection = NULL;
    }
}

bool pg_in_transaction(const struct pg *pg) {
    return pg_usable(pg) && PQtransactionStatus(pg->connection) != PQTRANS_IDLE;
}

enum err_code pg_savepoint(struct pg *pg, struct err *e) {
    return pg_script(pg, "savepoint part", "savepoint", e);
}

enum err_code pg_savepoint_keep(struct pg *pg, struct err *e) {
    return pg_script(pg, "release savepoint part", "savepoint", e);
}

enum err_code pg_savepoint_undo(struct pg *pg, struct err *e) {
    return pg_script(pg, "rollback to savepoint part; release savepoint part", "savepoint", e);
}

enum err_code pg_set_org(struct pg *pg, const char *org_uuid, struct err *e) {
    check(pg_in_transaction(pg)); // outside of one the setting would be gone at once
    return pg_run(pg, &SQL_SET_ORG, PG_PARAMS(pg_text(org_uuid)), NULL, e);
}

// --- waiting -------------------------------------------------------------------------------------

static bool take_notifications(struct pg *pg) {
    bool any = false;
    for (PGnotify *n = NULL; (n = PQnotifies(pg->connection)) != NULL;) {
        PQfreemem(n);
        any = true;
    }
    return any;
}

bool pg_wait_notify(struct pg *pg, int stop_fd, int timeout_ms) {
    if (pg_usable(pg) && take_notifications(pg)) {
        return true;
    }
    struct pollfd fds[2] = {
        {.fd = stop_fd, .events = POLLIN},
        {.fd = pg_usable(pg) ? PQsocket(pg->connection) : -1, .events = POLLIN},
    };
    if (poll(fds, 2, timeout_ms) <= 0 || (fds[1].revents & (POLLIN | POLLHUP | POLLERR)) == 0) {
        return false;
    }
    return PQconsumeInput(pg->connection) == 1 && take_notifications(pg);
}
