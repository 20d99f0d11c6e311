// One connection: connect, prepare, then segments in order. Two rules keep callbacks safe: a
// segment leaves the list before its `done` runs, and a broken connection is torn down only after
// the whole list was moved aside.
#include "platform/pg/pg_link.h"

#include <h2o.h>
#include <libpq-fe.h>
#include <unistd.h>

#include "base/check.h"
#include "platform/pg/pg_error.h"
#include "platform/pg/pg_notice.h"
#include "platform/program/clock.h"

enum {
    CONNECT_TIMEOUT_MS = 5000,
    BACKOFF_MAX_MS = 1000,  // a request waits for it, so less than a background program takes
    HANG_GRACE_MS = 5000,   // past statement_timeout: the network, not the statement
    LOCK_TIMEOUT_MS = 4000, // below the statement_timeout of weir-api: the error names the lock
    OPTIONS_TEXT_MAX = 400,
};

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_PREPARING, LINK_READY };

struct pg_link {
    struct pg_link_options options;
    enum link_state state;
    PGconn *conn;
    h2o_socket_t *sock; // over a duplicate of libpq's descriptor
    struct pg_segment *head;
    struct pg_segment **tail;
    size_t in_flight;
    unsigned generation;
    int64_t since_us;    // of the state
    int64_t retry_us;    // when to connect again
    int64_t backoff_ms;  // next pause
    bool refused;        // the last attempt failed
    unsigned refused_at; // *connects when that attempt began
    unsigned attempt_at; // the same of the present attempt
    struct err error;
    bool reading; // inside the result loop: teardown is put off
    bool broken;
    bool freeing;
    bool doomed; // half a segment went out: the tick ends the connection
};

static void on_readable(h2o_socket_t *sock, const char *err);
static void on_connect_event(h2o_socket_t *sock, const char *err);

static void close_socket(struct pg_link *link) {
    if (link->sock != NULL) {
        h2o_socket_close(link->sock);
        link->sock = NULL;
    }
}

static unsigned connects(const struct pg_link *link) {
    return atomic_load(link->options.connects);
}

// A connection that held is made anew at once; one that didn't, or couldn't be made, after a pause.
static void plan_next(struct pg_link *link) {
    if (link->state != LINK_READY) {
        link->refused = true;
        link->refused_at = link->attempt_at;
    }
    link->state = LINK_DOWN;
    link->retry_us = link->since_us + link->backoff_ms * 1000;
    link->backoff_ms =
        link->backoff_ms * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : link->backoff_ms * 2;
}

// Ends the connection and fails what was in flight.
static void tear_down(struct pg_link *link) {
    link->broken = true;
    if (link->reading) {
        return;
    }
    close_socket(link);
    PQfinish(link->conn);
    link->conn = NULL;
    bool was_ready = link->state == LINK_READY;
    plan_next(link);
    struct pg_segment *list = link->head;
    link->head = NULL;
    link->tail = &link->head;
    link->in_flight = 0;
    while (list != NULL) {
        struct pg_segment *segment = list;
        list = segment->next;
        segment->next = NULL;
        pg_rows_clear(&segment->last);
        struct err error = segment->error.code != ERR_OK ? segment->error : link->error;
        segment->done(segment, NULL, &error);
    }
    if (was_ready && !link->freeing) {
        link->options.on_change(link->options.user, link);
    }
}

static void fail(struct pg_link *link, const char *what) {
    pg_error_from_connection(link->conn, what, &link->error);
    tear_down(link);
}

// libpq closes its own descriptor, h2o wants one to own: so h2o gets a duplicate.
static bool open_socket(struct pg_link *link) {
    close_socket(link);
    int fd = dup(PQsocket(link->conn));
    if (fd < 0) {
        err_set(&link->error, ERR_UNAVAILABLE, "no descriptor left for the database");
        return false;
    }
    link->sock = h2o_evloop_socket_create(link->options.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    link->sock->data = link;
    return true;
}

static void on_flushed(h2o_socket_t *sock, const char *err);

static void flush(struct pg_link *link) {
    int left = PQflush(link->conn);
    if (left < 0) {
        fail(link, "sending");
    } else if (left > 0 && !h2o_socket_is_writing(link->sock)) {
        h2o_socket_notify_write(link->sock, on_flushed);
    }
}

static void on_flushed(h2o_socket_t *sock, const char *err) {
    struct pg_link *link = sock->data;
    if (err != NULL) {
        fail(link, "sending");
    } else {
        flush(link);
    }
}

// --- connecting ----------------------------------------------------------------------------------
static void on_notice(void *ctx, const PGresult *notice) {
    const struct pg_link *link = ctx;
    pg_notice_log(notice, link->options.application_name);
}

static void begin_connect(struct pg_link *link) {
    char options[OPTIONS_TEXT_MAX];
    int len = snprintf(options, sizeof options,
                       PG_SESSION_OPTIONS " -c statement_timeout=%d -c lock_timeout=%d"
                                          " -c idle_in_transaction_session_timeout=15000",
                       link->options.statement_timeout_ms, LOCK_TIMEOUT_MS);
    check(len > 0 && (size_t)len < sizeof options);
    const char *keys[] = {"dbname", "application_name", "options", "client_encoding", NULL};
    const char *values[] = {link->options.conninfo.value, link->options.application_name, options,
                            "UTF8", NULL};
    link->broken = false;
    link->doomed = false;
    link->attempt_at = connects(link);
    link->conn = PQconnectStartParams(keys, values, 1);
    link->state = LINK_CONNECTING;
    link->since_us = clock_monotonic_us();
    if (link->conn == NULL || PQstatus(link->conn) == CONNECTION_BAD) {
        fail(link, "connecting");
        return;
    }
    PQsetNoticeReceiver(link->conn, on_notice, link);
    if (!open_socket(link)) {
        tear_down(link);
        return;
    }
    h2o_socket_notify_write(link->sock, on_connect_event);
}

static void ready(struct pg_link *link) {
    link->state = LINK_READY;
    link->generation++;
    link->since_us = clock_monotonic_us();
    link->backoff_ms = PG_BACKOFF_MIN_MS;
    link->refused = false;
    atomic_fetch_add(link->options.connects, 1);
    link->options.on_change(link->options.user, link);
}

// All statements go out at once; the answers are read like any others.
static void begin_prepare(struct pg_link *link) {
    link->state = LINK_PREPARING;
    link->since_us = clock_monotonic_us();
    if (PQsetnonblocking(link->conn, 1) != 0 || PQenterPipelineMode(link->conn) != 1 ||
        !open_socket(link)) {
        fail(link, "pipeline mode");
        return;
    }
    for (size_t t = 0; t < link->options.tables_count; t++) {
        const struct pg_statement *const *table = link->options.tables[t];
        for (size_t i = 0; table[i] != NULL; i++) {
            if (PQsendPrepare(link->conn, table[i]->name, table[i]->text, 0, NULL) != 1) {
                fail(link, table[i]->name);
                return;
            }
        }
    }
    if (link->options.listen != NULL &&
        PQsendQueryParams(link->conn, link->options.listen, 0, NULL, NULL, NULL, NULL, 0) != 1) {
        fail(link, "listening");
        return;
    }
    if (PQpipelineSync(link->conn) != 1) {
        fail(link, "preparing");
        return;
    }
    h2o_socket_read_start(link->sock, on_readable);
    flush(link);
}

static void on_connect_event(h2o_socket_t *sock, const char *err) {
    struct pg_link *link = sock->data;
    (void)err; // PQconnectPoll finds out and says it better
    PostgresPollingStatusType status = PQconnectPoll(link->conn);
    if (status == PGRES_POLLING_OK) {
        begin_prepare(link);
        return;
    }
    // libpq may have changed to another socket (next address).
    if (status == PGRES_POLLING_FAILED || !open_socket(link)) {
        fail(link, "connecting");
        return;
    }
    if (status == PGRES_POLLING_READING) {
        h2o_socket_read_start(link->sock, on_connect_event);
    } else {
        h2o_socket_notify_write(link->sock, on_connect_event);
    }
}

// --- results -------------------------------------------------------------------------------------
static void take_prepared(struct pg_link *link, PGresult *result) {
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_SYNC) {
        ready(link);
    } else if (status != PGRES_COMMAND_OK && status != PGRES_PIPELINE_ABORTED) {
        pg_error_from_result(result, "preparing statements", &link->error);
        link->broken = true;
    }
    PQclear(result);
}

static void finish_segment(struct pg_link *link) {
    struct pg_segment *segment = link->head;
    link->head = segment->next;
    if (link->head == NULL) {
        link->tail = &link->head;
    } else {
        link->head->since_us = clock_monotonic_us();
    }
    segment->next = NULL;
    link->in_flight--;
    bool failed = segment->error.code != ERR_OK;
    struct pg_rows rows = segment->last;
    segment->last.result = NULL;
    struct err error = segment->error;
    segment->done(segment, failed ? NULL : &rows, failed ? &error : NULL);
    pg_rows_clear(&rows);
    if (link->state == LINK_READY && !link->broken) {
        link->options.on_change(link->options.user, link);
    }
}

static void take_result(struct pg_link *link, PGresult *result) {
    struct pg_segment *segment = link->head;
    switch (PQresultStatus(result)) {
    case PGRES_TUPLES_OK:
    case PGRES_COMMAND_OK:
        pg_rows_clear(&segment->last);
        segment->last.result = result;
        segment->results++;
        return;
    case PGRES_PIPELINE_SYNC:
        PQclear(result);
        finish_segment(link);
        return;
    case PGRES_PIPELINE_ABORTED: segment->results++; break;
    default:
        if (segment->error.code == ERR_OK) {
            size_t at = segment->results < segment->count ? segment->results : segment->count - 1;
            pg_error_from_result(result, segment->commands[at].statement->name, &segment->error);
            segment->failed_at = at;
        }
        segment->results++;
        break;
    }
    PQclear(result);
}

static void take_notifications(struct pg_link *link) {
    bool any = false;
    PGnotify *note;
    while ((note = PQnotifies(link->conn)) != NULL) {
        any = true;
        PQfreemem(note);
    }
    if (any && link->options.on_notify != NULL) {
        link->options.on_notify(link->options.notify_user);
    }
}

static void on_readable(h2o_socket_t *sock, const char *err) {
    struct pg_link *link = sock->data;
    if (err != NULL || PQconsumeInput(link->conn) != 1) {
        fail(link, "receiving");
        return;
    }
    link->reading = true;
    // One NULL stands between two commands; two in a row mean that libpq has nothing more.
    int nulls = 0;
    while (nulls < 2 && !link->broken && (link->state == LINK_PREPARING || link->head != NULL) &&
           !PQisBusy(link->conn)) {
        PGresult *result = PQgetResult(link->conn);
        if (result == NULL) {
            if (PQstatus(link->conn) == CONNECTION_BAD) {
                pg_error_from_connection(link->conn, "receiving", &link->error);
                link->broken = true;
            }
            nulls++;
            continue;
        }
        nulls = 0;
        if (link->state == LINK_PREPARING) {
            take_prepared(link, result);
        } else {
            take_result(link, result);
        }
    }
    if (!link->broken) {
        take_notifications(link);
    }
    link->reading = false;
    if (PQstatus(link->conn) == CONNECTION_BAD && !link->broken) {
        pg_error_from_connection(link->conn, "receiving", &link->error);
        link->broken = true;
    }
    if (link->broken) {
        tear_down(link);
    } else {
        flush(link);
    }
}

// --- public --------------------------------------------------------------------------------------
struct pg_link *pg_link_new(const struct pg_link_options *o) {
    struct pg_link *link = calloc(1, sizeof *link);
    check(link != NULL);
    link->options = *o;
    link->tail = &link->head;
    link->backoff_ms = PG_BACKOFF_MIN_MS;
    err_set(&link->error, ERR_UNAVAILABLE, "the database is not connected yet");
    return link;
}

void pg_link_free(struct pg_link *link) {
    if (link == NULL) {
        return;
    }
    link->freeing = true;
    if (link->conn != NULL) {
        err_set(&link->error, ERR_UNAVAILABLE, "shutting down");
        tear_down(link);
    }
    free(link);
}

void pg_link_tick(struct pg_link *link, int64_t now_us) {
    switch (link->state) {
    case LINK_DOWN:
        if (now_us >= link->retry_us || (link->refused && link->refused_at != connects(link))) {
            begin_connect(link);
        }
        break;
    case LINK_CONNECTING:
    case LINK_PREPARING:
        if (now_us - link->since_us > CONNECT_TIMEOUT_MS * 1000LL) {
            err_set(&link->error, ERR_UNAVAILABLE, "the database does not answer");
            tear_down(link);
        }
        break;
    case LINK_READY:
        if (link->doomed) {
            pg_error_set_lost(&link->error, "the database can't be written to");
            tear_down(link);
        } else if (link->head != NULL &&
                   now_us - link->head->since_us >
                       (link->options.statement_timeout_ms * (int64_t)link->head->count +
                        HANG_GRACE_MS) *
                           1000) {
            pg_error_set_lost(&link->error, "the database stopped answering");
            tear_down(link);
        }
        break;
    }
}

bool pg_link_ready(const struct pg_link *link) {
    return link->state == LINK_READY && !link->broken && !link->doomed;
}

bool pg_link_expected(const struct pg_link *link) {
    return !link->refused || link->refused_at != connects(link);
}

size_t pg_link_in_flight(const struct pg_link *link) {
    return link->in_flight;
}

unsigned pg_link_generation(const struct pg_link *link) {
    return link->generation;
}

const struct err *pg_link_error(const struct pg_link *link) {
    return &link->error;
}

static bool send_command(struct pg_link *link, const struct pg_command *command) {
    const char *values[PG_PARAMS_MAX];
    int lengths[PG_PARAMS_MAX];
    int formats[PG_PARAMS_MAX];
    size_t n = command->params.count;
    check(n == (size_t)command->statement->params && n <= PG_PARAMS_MAX);
    for (size_t i = 0; i < n; i++) {
        const struct pg_param *p = &command->params.items[i];
        values[i] = p->value != NULL ? p->value : p->digits[0] != '\0' ? p->digits : NULL;
        lengths[i] = p->length;
        formats[i] = p->format;
    }
    return PQsendQueryPrepared(link->conn, command->statement->name, (int)n, values, lengths,
                               formats, 0) == 1;
}

bool pg_link_send(struct pg_link *link, struct pg_segment *segment) {
    if (!pg_link_ready(link)) {
        return false;
    }
    check(segment->count > 0);
    segment->next = NULL;
    segment->results = 0;
    segment->error.code = ERR_OK;
    segment->last.result = NULL;
    segment->since_us = clock_monotonic_us();
    *link->tail = segment;
    link->tail = &segment->next;
    link->in_flight++;
    for (size_t i = 0; i < segment->count; i++) {
        if (!send_command(link, &segment->commands[i])) {
            // Half a segment is out: the connection can't be used any more. The tick ends it, so
            // that `done` never runs inside this call.
            pg_error_from_connection(link->conn, segment->commands[i].statement->name,
                                     &segment->error);
            link->doomed = true;
            return true;
        }
    }
    if (PQpipelineSync(link->conn) != 1) {
        pg_error_from_connection(link->conn, "sync", &segment->error);
        link->doomed = true;
        return true;
    }
    int left = PQflush(link->conn);
    if (left < 0) {
        link->doomed = true;
    } else if (left > 0 && !h2o_socket_is_writing(link->sock)) {
        h2o_socket_notify_write(link->sock, on_flushed);
    }
    return true;
}

bool pg_segment_cut_short(const struct pg_segment *segment) {
    return segment->error.code != ERR_OK && segment->failed_at + 1 < segment->count &&
           pg_error_ended(&segment->error);
}

int pg_rows_columns(const struct pg_rows *rows) {
    return PQnfields(rows->result);
}

bool pg_rows_is_commit(const struct pg_rows *rows) {
    return strcmp(PQcmdStatus(rows->result), "COMMIT") == 0;
}
