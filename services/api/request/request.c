// A request from its beginning to its end, and the problems that end it early. What goes out goes
// out in request_send.
#include "api/request/request.h"

#include <stdarg.h>
#include <stdio.h>

#include "api/request/api.h"
#include "api/request/constraint.h"
#include "api/request/request_internal.h"
#include "base/check.h"
#include "base/instant.h"
#include "platform/http/http_form.h"
#include "platform/http/http_loop.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"
#include "platform/program/metrics.h"

static struct metric AGAIN =
    METRIC_COUNTER("weir_api_requests_run_again_total", "requests",
                   "Requests run again because their connection to the database died");

static const char PROBLEM_TYPE[] = "application/problem+json";

void request_register_metrics(void) {
    metrics_register(&AGAIN);
}

// The address the request counts for.
static void find_client(struct request *r) {
    struct http_job *job = r->job;
    struct ip peer = {0};
    (void)ip_parse(slice_str(job->peer), &peer);
    r->ip = client_ip(&peer, job->forwarded_for, limits_proxies(r->api->limits));
    _Static_assert((int)IP_TEXT_MAX <= (int)HTTP_ADDRESS_MAX, "an address fits");
    ip_format(&r->ip, job->client);
}

struct request *request_new(struct http_job *job, struct api_loop *loop) {
    struct request *r = arena_alloc(&job->arena, sizeof *r);
    r->job = job;
    r->arena = &job->arena;
    r->loop = loop;
    r->api = loop->api;
    r->scope_org = "";
    find_client(r);
    http_job_ref(job);
    http_loop_hold(job->loop);
    return r;
}

void request_abandon(struct request *r) {
    if (r->tx_open) {
        r->tx_open = false;
        pg_tx_close(&r->tx);
    }
}

void request_prepared(struct request *r) {
    r->prepared(r);
}

// draft-ietf-httpapi-ratelimit-headers-11, of the limit that was looked at last: `t` says when the
// whole quota is there again.
static void add_limit_headers(struct request *r) {
    const struct charges *c = &r->charges;
    if (!c->shown) {
        return;
    }
    const char *policy = limits_policy(c->limit);
    struct rate rate = limits_rate(r->api->limits, c->limit);
    long long whole_s = (c->left.whole_us + US_PER_SECOND - 1) / US_PER_SECOND;
    request_header(r, "ratelimit-policy",
                   arena_printf(r->arena, "\"%s\";q=%lld;w=%lld", policy, (long long)rate.quota,
                                (long long)(rate.window_us / US_PER_SECOND)));
    request_header(
        r, "ratelimit",
        arena_printf(r->arena, "\"%s\";r=%lld;t=%lld", policy, (long long)c->left.count, whole_s));
}

void request_send(struct request *r) {
    check(!r->busy && !r->tx_open);
    struct http_job *job = r->job;
    limits_settle(r->api->limits, &r->charges, r->status);
    add_limit_headers(r);
    json_decref(r->body);
    r->body = NULL;
    http_job_send(job, r->status, r->content_type, r->answer);
    http_loop_release(job->loop);
    http_job_unref(job);
}

void request_header(struct request *r, const char *name, const char *value) {
    http_job_header(r->job, name, slice_str(value));
}

// --- once more -----------------------------------------------------------------------------------
bool request_again(struct request *r) {
    struct http_job *job = r->job;
    int64_t age_us = clock_monotonic_us() - job->started_us;
    check(!r->busy);
    if (r->runs + 1 >= REQUEST_RUNS_MAX || age_us > API_QUEUE_WAIT_US) {
        return false;
    }
    metric_add(&AGAIN, 1);
    request_abandon(r);
    limits_give_back(r->api->limits, &r->charges);
    json_decref(r->body);
    job->header_count = 0;
    job->org = NULL;
    job->subject = NULL;
    struct request fresh = {
        .job = job,
        .arena = r->arena,
        .api = r->api,
        .loop = r->loop,
        .route = r->route,
        .ip = r->ip,
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
// Denials, and tokens that open nothing. Who comes with nothing at all isn't told of.
static void tally_refusal(struct request *r, enum problem_kind kind) {
    const char *id = r->params[0].ptr != NULL ? arena_str(r->arena, r->params[0]) : "*";
    if (r->route == NULL) {
        return;
    }
    if (kind == PROBLEM_DENIED || kind == PROBLEM_CROSS_SITE) {
        request_tally(r, TALLY_DENIAL, r->who.actor == ACTOR_NOBODY ? NULL : r->who.org,
                      r->route->operation, id);
    } else if (kind == PROBLEM_UNAUTHENTICATED && r->job->authorization.ptr != NULL) {
        request_tally(r, TALLY_TOKEN, r->who.actor == ACTOR_NOBODY ? NULL : r->who.org,
                      r->route->operation, id);
    }
}

static void send_problem(struct request *r, enum problem_kind kind, const struct err *e) {
    struct buf text;
    buf_init(&text, PROBLEM_TEXT_MAX);
    problem_render(&text, kind, e, r->job->request_id);
    struct slice body = slice_of(arena_str(r->arena, buf_slice(&text)), text.len);
    buf_done(&text);
    request_abandon(r);
    tally_refusal(r, kind);
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
    if (value && http_form_find(r->job->query, "cursor").ptr != NULL) {
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
