// Errors that a caller can act on. A fallible function returns enum err_code (0 is success),
// takes `struct err *e` last and fills it before it returns a code. `e` may be NULL where the
// text is of no interest. Errors travel up unchanged, with context added in front; the top logs
// once.
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

#include <stddef.h>

enum err_code {
    ERR_OK = 0,
    ERR_INVALID,   // input that can never be accepted: say what and where
    ERR_NOT_FOUND, // the object does not exist for this caller
    ERR_CONFLICT,  // true now, may be false later: version, state, unique key
    ERR_DENIED,    // identified, but not allowed
    ERR_UNAUTHENTICATED,
    ERR_LIMIT,       // larger or more than a stated maximum
    ERR_UNAVAILABLE, // a part we depend on is away: retry
    ERR_IO,          // a file or socket failed
    ERR_CONFIG,      // a setting is missing or wrong: programs exit with 2
    ERR_INTERNAL,    // a promise between our own parts is broken
};

enum { ERR_TEXT_MAX = 1024, ERR_HINT_MAX = 256, ERR_FIELD_MAX = 128, ERR_SQLSTATE_LEN = 5 };

struct err {
    enum err_code code;
    char sqlstate[ERR_SQLSTATE_LEN + 1]; // of PostgreSQL, or ""
    char field[ERR_FIELD_MAX];           // JSON pointer or setting at fault, or ""
    char text[ERR_TEXT_MAX];             // one impersonal sentence without a final dot
    char hint[ERR_HINT_MAX];             // what to do, or ""
};

#define ERR_MUST_CHECK __attribute__((warn_unused_result))

// Sets code and text (printf), clears field, hint and sqlstate. Returns `code`.
enum err_code err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
// As err_set, and names the field at fault.
enum err_code err_field(struct err *e, enum err_code code, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
// Adds the hint to an error that is set already. Returns its code (ERR_INTERNAL if e is NULL).
enum err_code err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Puts "context: " in front of the text. Returns e->code (ERR_INTERNAL if e is NULL).
enum err_code err_context(struct err *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
// A stable lower-case word for a code, e.g. "not_found".
const char *err_name(enum err_code code);

#endif
