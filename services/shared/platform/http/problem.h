// RFC 9457 problem documents. A kind is a row: stable name (the type URI is /problems/<name>),
// status and title; detail, field and hint come from struct err.
#ifndef WEIR_PLATFORM_HTTP_PROBLEM_H
#define WEIR_PLATFORM_HTTP_PROBLEM_H

#include "base/buf.h"
#include "base/err.h"

enum problem_kind {
    PROBLEM_INVALID,              // 400
    PROBLEM_UNAUTHENTICATED,      // 401
    PROBLEM_DENIED,               // 403
    PROBLEM_CROSS_SITE,           // 403
    PROBLEM_NOT_FOUND,            // 404
    PROBLEM_METHOD_NOT_ALLOWED,   // 405
    PROBLEM_CONFLICT,             // 409
    PROBLEM_IN_FLIGHT,            // 409
    PROBLEM_VERSION_MISMATCH,     // 412
    PROBLEM_TOO_LARGE,            // 413
    PROBLEM_MEDIA_TYPE,           // 415
    PROBLEM_IDEMPOTENCY_MISMATCH, // 422
    PROBLEM_LIMIT,                // 422
    PROBLEM_RATE_LIMITED,         // 429
    PROBLEM_INTERNAL,             // 500
    PROBLEM_UNAVAILABLE,          // 503
    PROBLEM_KINDS,
};

// Bytes of a document: each text of struct err can grow sixfold by its escapes.
enum { PROBLEM_TEXT_MAX = 16384 };

int problem_status(enum problem_kind kind);
// The kind of an error that nobody mapped more precisely.
enum problem_kind problem_of(enum err_code code);
// What may be shown of an error: those of our own parts (internal, io, and PostgreSQL's words that
// were not written for the caller) are replaced by a neutral sentence; they belong in the log.
void problem_censor(struct err *e);
// Appends the document. `e` (censored) may be NULL.
void problem_render(struct buf *out, enum problem_kind kind, const struct err *e,
                    const char *request_id);

#endif
