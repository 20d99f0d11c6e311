// Answers that say yes: they commit what was written, then go out.
#include <stdio.h>

#include "api/request/request.h"
#include "api/request/request_internal.h"
#include "base/check.h"

enum { ETAG_MAX = 32 }; // a version in quotes

static const char JSON_TYPE[] = "application/json";

static void set_answer(struct request *r, int status, const char *content_type, struct slice body) {
    check(r->status == 0);
    r->status = status;
    r->content_type = content_type;
    r->answer = body;
    if (r->tx_open) {
        request_commit(r);
    } else {
        request_send(r);
    }
}

void request_reply_json(struct request *r, int status, struct slice body) {
    set_answer(r, status, JSON_TYPE, body);
}

void request_reply_bytes(struct request *r, int status, const char *content_type,
                         struct slice body) {
    set_answer(r, status, content_type, body);
}

void request_reply_empty(struct request *r) {
    set_answer(r, 204, NULL, (struct slice){NULL, 0});
}

void request_reply_jansson(struct request *r, int status, json_t *value) {
    const char *text = request_json_text(r, value);
    json_decref(value);
    request_reply_json(r, status, slice_str(text));
}

void request_replay_instead(struct request *r, struct slice body) {
    r->replay = body;
}

void request_reply_row(struct request *r, int status, struct pg_rows *rows) {
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "there is no such object, or not for you");
        return;
    }
    if (pg_rows_columns(rows) > 1 && !pg_rows_is_null(rows, 0, 1)) {
        const char *etag = arena_printf(r->arena, "\"%s\"", pg_rows_text(rows, 0, 1));
        request_header(r, "etag", etag);
        if (status == 200 && slice_eq_str(r->job->method, "GET") &&
            slice_eq_str(r->job->if_none_match, etag)) {
            set_answer(r, 304, NULL, (struct slice){NULL, 0});
            return;
        }
    }
    struct slice body = pg_rows_slice(rows, 0, 0);
    request_reply_json(r, status, slice_of(arena_str(r->arena, body), body.len));
}

bool request_version_matches(struct request *r, int64_t version) {
    struct slice given = r->job->if_match;
    char etag[ETAG_MAX];
    snprintf(etag, sizeof etag, "\"%lld\"", (long long)version);
    if (given.ptr == NULL || slice_eq_str(given, etag) || slice_eq_str(given, "*")) {
        return true;
    }
    request_problem(r, PROBLEM_VERSION_MISMATCH, NULL,
                    "If-Match does not name the present version; read the object again");
    return false;
}
