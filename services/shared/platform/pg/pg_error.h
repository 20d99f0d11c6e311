// The one translation of PostgreSQL's SQLSTATE into err_code, for every kind of connection.
#ifndef WEIR_PLATFORM_PG_PG_ERROR_H
#define WEIR_PLATFORM_PG_PG_ERROR_H

#include <stdbool.h>

#include "base/err.h"

struct pg_result; // PGresult
struct pg_conn;   // PGconn

// SQLSTATEs raised by our own functions and triggers:
//   WI000 invalid   WN000 not found   WC000 conflict   WD000 denied   WL000 limit
// (raise exception using errcode = 'WC000', message = ..., hint = ...). Their message and hint are
// written for the person who asked and may be shown; those of all other classes are for the log.
enum err_code pg_error_code(const char *sqlstate);
// The same statement may succeed if the transaction is run again (serialization failure, deadlock,
// lock or connection trouble).
bool pg_error_retriable(const char *sqlstate);
// The connection is gone, rather than the statement refused: what had no effect yet may be sent on
// another one.
bool pg_error_lost(const struct err *e);
// Lost by the server's own word, the last that it sent.
bool pg_error_ended(const struct err *e);
// An error that pg_error_lost knows, for what was given up without a word from the server.
enum err_code pg_error_set_lost(struct err *e, const char *text);
// Raised on purpose by Weir's own SQL (class W), so the text is fit for the caller of an API.
bool pg_error_is_ours(const char *sqlstate);

// Fills `e` from a failed result (NULL: no answer): code, sqlstate, text, hint;
// `field` holds the name of the violated constraint, if any. `what` names the statement and stands
// in front of the text, unless the error is ours.
enum err_code pg_error_from_result(const struct pg_result *result, const char *what, struct err *e);
// Fills `e` from the connection's own message (no result): ERR_UNAVAILABLE, and lost.
enum err_code pg_error_from_connection(const struct pg_conn *connection, const char *what,
                                       struct err *e);

#endif
