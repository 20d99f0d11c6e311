// The answer of a request: rendering, problems, pages. What goes out goes out in request_send.
#include "api/request/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/dispatch/routes.h"
#include "api/request/api.h"
#include "api/request/constraint.h"
#include "api/request/request_internal.h"
#include "base/check.h"
#include "base/encoding.h"
#include "base/number.h"
#include "platform/http/http_form.h"
#include "platform/http/http_server.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"
#include "platform/program/metrics.h"

enum { CURSOR_TEXT_MAX = 400 };

static struct metric AGAIN =
    METRIC_COUNTER("weir_api_requests_run_again_total", "requests",
                   "Requests run again because their connection to the database died");

static const char JSON_TYPE[] = "application/json";
static const char PROBLEM_TYPE[] = "application/problem+json";

void request_register_metrics(void) {
    metrics_register(&AGAIN);
}

struct request *request_new(struct http_job *job, struct api_loop *loop) {
    struct request *r = arena_alloc(&job->arena, sizeof *r);
    r->job = job;
    r->arena = &job->arena;
    r->loop = loop;
    r->api = loop->api;
    r->scope_org = "";
    http_job_ref(job);
    http_loop_hold(job->loop);
    return r;
}

void request_release_body(struct request *r) {
    json_decref(r->body);
    r->body = NULL;
}

void request_send(struct request *r) {
    check(!r->busy && !r->tx_open);
    struct http_job *job = r->job;
    request_release_body(r);
    http_job_send(job, r->status, r->content_type, r->answer);
    http_loop_release(job->loop);
    http_job_unref(job);
}

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

void request_header(struct request *r, const char *name, const char *value) {
    http_job_header(r->job, name, slice_str(value));
}

void request_replay_instead(struct request *r, struct slice body) {
    r->replay = body;
}

// --- once more -----------------------------------------------------------------------------------
bool request_again(struct request *r) {
    struct http_job *job = r->job;
    int64_t age_us = clock_monotonic_us() - job->started_us;
    check(!r->busy);
    if (r->runs + 1 >= REQUEST_RUNS_MAX || age_us > API_QUEUE_WAIT_MS * 1000LL) {
        return false;
    }
    metric_add(&AGAIN, 1);
    request_abandon(r);
    request_release_body(r);
    job->header_count = 0;
    job->org = NULL;
    job->subject = NULL;
    struct request fresh = {
        .job = job,
        .arena = r->arena,
        .api = r->api,
        .loop = r->loop,
        .route = r->route,
        .scope_org = "",
        .start = r->start,
        .runs = r->runs + 1,
    };
    memcpy(fresh.params, r->params, sizeof fresh.params);
    *r = fresh;
    r->start(r);
    return true;
}

// --- problems ------------------------------------------------------------------------------------
static void send_problem(struct request *r, enum problem_kind kind, const struct err *e) {
    struct buf text;
    buf_init(&text, PROBLEM_TEXT_MAX);
    problem_render(&text, kind, e, r->job->request_id);
    struct slice body = slice_of(arena_str(r->arena, buf_slice(&text)), text.len);
    buf_done(&text);
    request_abandon(r);
    if (kind == PROBLEM_UNAVAILABLE) {
        request_header(r, "retry-after", "2");
    }
    if (kind == PROBLEM_IN_FLIGHT) {
        request_header(r, "retry-after", "1");
    }
    if (kind == PROBLEM_UNAUTHENTICATED) {
        request_header(r, "www-authenticate", "Bearer");
    }
    check(r->status == 0);
    r->status = problem_status(kind);
    r->content_type = PROBLEM_TYPE;
    r->answer = body;
    request_send(r);
}

// A cursor is ours, but it comes back by way of the caller: only the database reads its parts.
static void blame_cursor(struct request *r, struct err *e) {
    bool value = strncmp(e->sqlstate, "22", 2) == 0 && e->code == ERR_INVALID;
    if (value && form_find(r->job->query, "cursor").ptr != NULL) {
        (void)err_field(e, ERR_INVALID, "cursor", "cursor must be a next_cursor of this list");
    }
}

void request_fail(struct request *r, const struct err *e) {
    struct err shown = *e;
    constraint_explain(&shown);
    blame_cursor(r, &shown);
    enum problem_kind kind = problem_of(e->code);
    if (kind == PROBLEM_INTERNAL) {
        log_error("request failed", log_id("request_id", r->job->request_id),
                  log_str("operation", r->job->operation), log_err(e));
    } else if (kind == PROBLEM_UNAVAILABLE) {
        log_warn("request refused", log_id("request_id", r->job->request_id),
                 log_str("operation", r->job->operation), log_err(e));
    }
    problem_censor(&shown);
    send_problem(r, kind, &shown);
}

void request_problem(struct request *r, enum problem_kind kind, const char *field, const char *fmt,
                     ...) {
    struct err e;
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    err_field(&e, ERR_INVALID, field != NULL ? field : "", "%s", text);
    send_problem(r, kind, &e);
}

// --- rows ----------------------------------------------------------------------------------------
static struct slice kept(struct request *r, struct slice s) {
    return slice_of(arena_str(r->arena, s), s.len);
}

static int columns(const struct pg_rows *rows) {
    return pg_rows_columns(rows);
}

void request_reply_row(struct request *r, int status, struct pg_rows *rows) {
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "there is no such object, or not for you");
        return;
    }
    if (columns(rows) > 1 && !pg_rows_is_null(rows, 0, 1)) {
        const char *etag = arena_printf(r->arena, "\"%s\"", pg_rows_text(rows, 0, 1));
        request_header(r, "etag", etag);
        if (status == 200 && slice_eq_str(r->job->method, "GET") &&
            slice_eq_str(r->job->if_none_match, etag)) {
            set_answer(r, 304, NULL, (struct slice){NULL, 0});
            return;
        }
    }
    request_reply_json(r, status, kept(r, pg_rows_slice(rows, 0, 0)));
}

static void add_cursor(struct buf *out, const struct pg_rows *rows, int row) {
    char plain[CURSOR_TEXT_MAX];
    char encoded[CURSOR_TEXT_MAX * 2];
    int n = columns(rows) > 2 ? snprintf(plain, sizeof plain, "%s\n%s", pg_rows_text(rows, row, 1),
                                         pg_rows_text(rows, row, 2))
                              : snprintf(plain, sizeof plain, "%s", pg_rows_text(rows, row, 1));
    check(n >= 0 && (size_t)n < sizeof plain);
    buf_add_char(out, '"');
    buf_add(out, encoded, base64url_encode(encoded, plain, (size_t)n));
    buf_add_char(out, '"');
}

static void reply_rows(struct request *r, struct pg_rows *rows, int shown, bool cursor, bool more) {
    struct buf out;
    buf_init(&out, REQUEST_ANSWER_MAX);
    buf_add_str(&out, "{\"items\":[");
    for (int i = 0; i < shown; i++) {
        if (i > 0) {
            buf_add_char(&out, ',');
        }
        buf_add_slice(&out, pg_rows_slice(rows, i, 0));
    }
    buf_add_str(&out, "]");
    if (cursor) {
        buf_add_str(&out, ",\"next_cursor\":");
        if (more) {
            add_cursor(&out, rows, shown - 1);
        } else {
            buf_add_str(&out, "null");
        }
    }
    buf_add_char(&out, '}');
    bool overflow = out.overflow;
    struct slice body = overflow ? SLICE_LIT("") : kept(r, buf_slice(&out));
    buf_done(&out);
    if (overflow) {
        request_problem(r, PROBLEM_LIMIT, NULL, "the answer is too large; ask for fewer rows");
    } else {
        request_reply_json(r, 200, body);
    }
}

void request_reply_page(struct request *r, const struct page *page, struct pg_rows *rows) {
    int count = pg_rows_count(rows);
    bool more = count > page->limit;
    reply_rows(r, rows, more ? (int)page->limit : count, true, more);
}

void request_reply_user_page(struct request *r, struct pg_rows *rows) {
    request_reply_page(r, r->user, rows);
}

void request_reply_items(struct request *r, struct pg_rows *rows) {
    reply_rows(r, rows, pg_rows_count(rows), false, false);
}

bool request_version_matches(struct request *r, int64_t version) {
    struct slice given = r->job->if_match;
    char etag[32];
    snprintf(etag, sizeof etag, "\"%lld\"", (long long)version);
    if (given.ptr == NULL || slice_eq_str(given, etag) || slice_eq_str(given, "*")) {
        return true;
    }
    request_problem(r, PROBLEM_VERSION_MISMATCH, NULL,
                    "If-Match does not name the present version; read the object again");
    return false;
}
