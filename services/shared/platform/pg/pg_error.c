#include "platform/pg/pg_error.h"

#include <stddef.h>
#include <string.h>

#include <libpq-fe.h>

// connection_failure; libpq itself gives no state.
#define LOST_STATE "08006"

struct row {
    const char *prefix; // a whole SQLSTATE or its first characters; the first match counts
    enum err_code code;
    bool retriable;
};

// Classes: PostgreSQL manual, appendix A.
static const struct row TABLE[] = {
    {"WI", ERR_INVALID, false}, // raised by Weir's own SQL
    {"WN", ERR_NOT_FOUND, false},     {"WC", ERR_CONFLICT, false},   {"WD", ERR_DENIED, false},
    {"WL", ERR_LIMIT, false},         {"08", ERR_UNAVAILABLE, true}, // connection exception
    {"0A000", ERR_INTERNAL, false},   // feature not supported, e.g. cached plan changed
    {"22P02", ERR_INVALID, false},    // invalid text representation
    {"22003", ERR_INVALID, false},    // numeric value out of range
    {"22001", ERR_INVALID, false},    // string too long
    {"22007", ERR_INVALID, false},    // datetime format
    {"22008", ERR_INVALID, false},    // datetime overflow
    {"22021", ERR_INVALID, false},    // not in the encoding
    {"22P05", ERR_INVALID, false},    // untranslatable character
    {"23502", ERR_INVALID, false},    // not null
    {"23503", ERR_CONFLICT, false},   // foreign key
    {"23505", ERR_CONFLICT, false},   // unique
    {"23514", ERR_INVALID, false},    // check
    {"23P01", ERR_CONFLICT, false},   // exclusion
    {"23000", ERR_CONFLICT, false},   // raised by triggers that keep rows as they are
    {"25006", ERR_UNAVAILABLE, true}, // read-only: connected to a standby
    {"28", ERR_DENIED, false},        // authentication
    {"3D000", ERR_CONFIG, false},     // no such database
    {"40", ERR_UNAVAILABLE, true},    // serialization failure, deadlock, statement unknown
    {"42501", ERR_DENIED, false},     // insufficient privilege, row-level security
    {"53", ERR_UNAVAILABLE, true},    // out of memory, disk, connections
    {"54", ERR_LIMIT, false},         // statement too complex
    {"55P03", ERR_UNAVAILABLE, true}, // lock not available
    {"55006", ERR_UNAVAILABLE, true}, // object in use
    {"55000", ERR_CONFLICT, false},   // not in the state it needs
    {"57014", ERR_UNAVAILABLE, true}, // cancelled: statement_timeout
    {"57P0", ERR_UNAVAILABLE, true},  // shutting down, crashed, can't connect now
    {"58", ERR_UNAVAILABLE, true},    // system error: I/O
    {"P0001", ERR_CONFLICT, false},   // raise exception without a code
    {"P0002", ERR_NOT_FOUND, false},  // no data found
};

static const struct row *find(const char *sqlstate) {
    for (size_t i = 0; sqlstate != NULL && i < sizeof TABLE / sizeof *TABLE; i++) {
        if (strncmp(sqlstate, TABLE[i].prefix, strlen(TABLE[i].prefix)) == 0) {
            return &TABLE[i];
        }
    }
    return NULL;
}

enum err_code pg_error_code(const char *sqlstate) {
    const struct row *row = find(sqlstate);
    return row == NULL ? ERR_INTERNAL : row->code;
}

bool pg_error_retriable(const char *sqlstate) {
    const struct row *row = find(sqlstate);
    return row != NULL && row->retriable;
}

bool pg_error_ended(const struct err *e) {
    return strncmp(e->sqlstate, "57P", 3) == 0;
}

bool pg_error_lost(const struct err *e) {
    return strncmp(e->sqlstate, "08", 2) == 0 || pg_error_ended(e);
}

static enum err_code mark_lost(struct err *e) {
    if (e != NULL) {
        memcpy(e->sqlstate, LOST_STATE, sizeof LOST_STATE);
    }
    return ERR_UNAVAILABLE;
}

enum err_code pg_error_set_lost(struct err *e, const char *text) {
    (void)err_set(e, ERR_UNAVAILABLE, "%s", text);
    return mark_lost(e);
}

bool pg_error_is_ours(const char *sqlstate) {
    return sqlstate != NULL && sqlstate[0] == 'W';
}

// The server's messages end with a newline when libpq made them.
static int line_length(const char *text) {
    return (int)strcspn(text, "\n");
}

static const char *part(const struct pg_result *result, int field) {
    const char *text = PQresultErrorField(result, field);
    return text == NULL ? "" : text;
}

enum err_code pg_error_from_result(const struct pg_result *result, const char *what,
                                   struct err *e) {
    const char *sqlstate = part(result, PG_DIAG_SQLSTATE);
    const char *message = part(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *hint = part(result, PG_DIAG_MESSAGE_HINT);
    const char *constraint = part(result, PG_DIAG_CONSTRAINT_NAME);
    if (sqlstate[0] == '\0') { // made by libpq itself: the connection broke
        const char *text = result == NULL ? "no answer" : PQresultErrorMessage(result);
        (void)err_set(e, ERR_UNAVAILABLE, "%s: %.*s", what, line_length(text), text);
        return mark_lost(e);
    }
    enum err_code code =
        pg_error_is_ours(sqlstate)
            ? err_field(e, pg_error_code(sqlstate), constraint, "%s", message)
            : err_field(e, pg_error_code(sqlstate), constraint, "%s: %s", what, message);
    if (e != NULL) {
        memcpy(e->sqlstate, sqlstate, strnlen(sqlstate, ERR_SQLSTATE_LEN));
        (void)err_hint(e, "%s", hint);
    }
    return code;
}

enum err_code pg_error_from_connection(const struct pg_conn *connection, const char *what,
                                       struct err *e) {
    const char *text = PQerrorMessage(connection);
    (void)err_set(e, ERR_UNAVAILABLE, "%s: %.*s", what, line_length(text), text);
    return mark_lost(e);
}
