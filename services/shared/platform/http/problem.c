// The kinds of problems, and what of an error may be shown.
#include "platform/http/problem.h"

#include <stdio.h>
#include <string.h>

#include "platform/pg/pg_error.h"

static const struct {
    const char *name;
    int status;
    const char *title;
} KINDS[PROBLEM_KINDS] = {
    [PROBLEM_INVALID] = {"invalid", 400, "The request is not valid"},
    [PROBLEM_UNAUTHENTICATED] = {"unauthenticated", 401, "Sign in or present a token"},
    [PROBLEM_DENIED] = {"denied", 403, "Not allowed"},
    [PROBLEM_CROSS_SITE] = {"cross-site", 403, "The request does not come from this site"},
    [PROBLEM_NOT_FOUND] = {"not-found", 404, "Not found"},
    [PROBLEM_METHOD_NOT_ALLOWED] = {"method-not-allowed", 405, "The method is not allowed here"},
    [PROBLEM_CONFLICT] = {"conflict", 409, "In conflict with the present state"},
    [PROBLEM_IN_FLIGHT] = {"in-flight", 409, "The first request with this key is still running"},
    [PROBLEM_VERSION_MISMATCH] = {"version-mismatch", 412, "The object has changed meanwhile"},
    [PROBLEM_TOO_LARGE] = {"too-large", 413, "The body is too large"},
    [PROBLEM_MEDIA_TYPE] = {"media-type", 415, "The body has a media type that is not accepted"},
    [PROBLEM_IDEMPOTENCY_MISMATCH] = {"idempotency-mismatch", 422,
                                      "The idempotency key was used with another body"},
    [PROBLEM_LIMIT] = {"limit", 422, "A stated maximum is exceeded"},
    [PROBLEM_RATE_LIMITED] = {"rate-limited", 429, "Too many requests"},
    [PROBLEM_INTERNAL] = {"internal", 500, "Something went wrong on our side"},
    [PROBLEM_UNAVAILABLE] = {"unavailable", 503, "A part of the service is away"},
};

int problem_status(enum problem_kind kind) {
    return KINDS[kind].status;
}

enum problem_kind problem_of(enum err_code code) {
    switch (code) {
    case ERR_INVALID: return PROBLEM_INVALID;
    case ERR_NOT_FOUND: return PROBLEM_NOT_FOUND;
    case ERR_CONFLICT: return PROBLEM_CONFLICT;
    case ERR_DENIED: return PROBLEM_DENIED;
    case ERR_UNAUTHENTICATED: return PROBLEM_UNAUTHENTICATED;
    case ERR_LIMIT: return PROBLEM_LIMIT;
    case ERR_UNAVAILABLE: return PROBLEM_UNAVAILABLE;
    case ERR_OK:
    case ERR_IO:
    case ERR_CONFIG:
    case ERR_INTERNAL: break;
    }
    return PROBLEM_INTERNAL;
}

// PostgreSQL's own text names tables and statements; the constraint is all that helps a caller.
static void censor_sql(struct err *e) {
    char constraint[ERR_FIELD_MAX];
    snprintf(constraint, sizeof constraint, "%s", e->field);
    char sqlstate[ERR_SQLSTATE_LEN + 1];
    memcpy(sqlstate, e->sqlstate, sizeof sqlstate);
    enum err_code code = e->code;
    if (strcmp(sqlstate, "23505") == 0) {
        err_set(e, code, "exists already (%s)", constraint);
    } else if (strcmp(sqlstate, "23503") == 0) {
        err_set(e, code, "refers to something that does not exist (%s)", constraint);
    } else if (strcmp(sqlstate, "23514") == 0 && constraint[0] != '\0') {
        err_set(e, code, "a value is outside what is allowed (%s)", constraint);
    } else if (strcmp(sqlstate, "23P01") == 0) {
        err_set(e, code, "overlaps with something that exists (%s)", constraint);
    } else if (strncmp(sqlstate, "22", 2) == 0) {
        err_set(e, code, "a value is not of the form that is expected");
    } else if (strncmp(sqlstate, "23", 2) == 0) {
        e->field[0] = '\0'; // raised by our own triggers: the text says why
    } else if (code == ERR_UNAVAILABLE) {
        err_set(e, code, "the database is away or too busy");
    } else {
        err_set(e, code, "refused by the database");
    }
}

void problem_censor(struct err *e) {
    switch (e->code) {
    case ERR_OK:
    case ERR_IO:
    case ERR_CONFIG:
    case ERR_INTERNAL:
        err_set(e, ERR_INTERNAL, "an unexpected error; the log has it under the request id");
        return;
    default: break;
    }
    if (e->sqlstate[0] != '\0' && !pg_error_is_ours(e->sqlstate)) {
        censor_sql(e);
    }
}

static void member(struct buf *out, const char *name, const char *value) {
    buf_printf(out, ",\"%s\":", name);
    buf_add_json_string(out, slice_str(value));
}

void problem_render(struct buf *out, enum problem_kind kind, const struct err *e,
                    const char *request_id) {
    buf_printf(out, "{\"type\":\"/problems/%s\",\"title\":\"%s\",\"status\":%d", KINDS[kind].name,
               KINDS[kind].title, KINDS[kind].status);
    if (e != NULL && e->text[0] != '\0') {
        member(out, "detail", e->text);
    }
    if (e != NULL && e->field[0] != '\0') {
        member(out, "field", e->field);
    }
    if (e != NULL && e->hint[0] != '\0') {
        member(out, "hint", e->hint);
    }
    if (request_id != NULL) {
        member(out, "request_id", request_id);
    }
    buf_add_char(out, '}');
}
