// From a job to its handler: match, authenticate, check the body, look the Idempotency-Key up.
#include "api/dispatch/routes.h"

#include <stdio.h>

#include "api/identity/auth.h"
#include "api/request/api.h"
#include "api/request/request_internal.h"
#include "api/site/portal.h"
#include "platform/http/http_form.h"
#include "platform/http/http_server.h"

enum { JSON_DEPTH_MAX = 32, IDEMPOTENCY_KEY_MAX = 255, ALLOW_MAX = 128 };

// --- matching ------------------------------------------------------------------------------------

// Cuts the next segment ("/v1/x" gives "v1") off; false at the end.
static bool next_segment(struct slice *path, struct slice *ret) {
    if (path->len == 0 || path->ptr[0] != '/') {
        return false;
    }
    const char *start = path->ptr + 1;
    size_t left = path->len - 1;
    const char *slash = memchr(start, '/', left);
    size_t len = slash != NULL ? (size_t)(slash - start) : left;
    *ret = slice_of(start, len);
    *path = slice_of(start + len, left - len);
    return true;
}

static bool is_param(struct slice segment) {
    return segment.len > 2 && segment.ptr[0] == '{' && segment.ptr[segment.len - 1] == '}';
}

// Names that end in "id" are uuids: anything else is no path of ours, so a malformed id is a 404
// and never reaches the database.
static bool fits(struct slice name, struct slice value) {
    bool id = name.len >= 2 && memcmp(name.ptr + name.len - 2, "id", 2) == 0;
    return id ? request_uuid_valid(value) : value.len > 0 && value.len <= 200;
}

static bool matches(const struct route *route, struct slice path, struct slice *params) {
    struct slice template = slice_str(route->path), want, have;
    size_t n = 0;
    while (next_segment(&template, &want)) {
        if (!next_segment(&path, &have)) {
            return false;
        }
        if (!is_param(want)) {
            if (!slice_eq(want, have)) {
                return false;
            }
        } else if (n < REQUEST_PATH_PARAMS_MAX &&
                   fits(slice_of(want.ptr + 1, want.len - 2), have)) {
            params[n++] = have;
        } else {
            return false;
        }
    }
    return path.len == 0;
}

struct slice route_param_name(const struct route *route, size_t i) {
    struct slice template = slice_str(route->path), segment;
    size_t n = 0;
    while (next_segment(&template, &segment)) {
        if (is_param(segment) && n++ == i) {
            return slice_of(segment.ptr + 1, segment.len - 2);
        }
    }
    return (struct slice){NULL, 0};
}

const struct route *route_find(struct slice method, struct slice path, struct slice *params,
                               struct buf *allow) {
    if (slice_eq_str(method, "HEAD")) {
        method = SLICE_LIT("GET");
    }
    for (size_t i = 0; i < ROUTES_COUNT; i++) {
        if (!matches(&ROUTES[i], path, params)) {
            continue;
        }
        if (slice_eq_str(method, ROUTES[i].method)) {
            return &ROUTES[i];
        }
        buf_printf(allow, "%s%s", allow->len > 0 ? ", " : "", ROUTES[i].method);
    }
    return NULL;
}

// --- the body ------------------------------------------------------------------------------------

// jansson goes 2,048 deep by recursion; no body of ours needs more than a few levels.
static bool too_deep(struct slice body) {
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < body.len; i++) {
        char c = body.ptr[i];
        if (quoted) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                quoted = false;
            }
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX) {
                return true;
            }
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

static bool is_json_type(struct slice type) {
    static const char JSON[] = "application/json";
    size_t n = sizeof JSON - 1;
    return type.len >= n && strncasecmp(type.ptr, JSON, n) == 0 &&
           (type.len == n || type.ptr[n] == ';' || type.ptr[n] == ' ');
}

static bool parse_body(struct request *r) {
    struct slice body = r->job->body;
    json_error_t error;
    if (body.len == 0 && !slice_eq_str(r->job->method, "POST")) {
        request_problem(r, PROBLEM_INVALID, NULL, "the body is missing: say what to change");
        return false;
    }
    if (body.len == 0) {
        // A POST whose fields are all optional may come without a body.
        r->body = json_object();
        return true;
    }
    if (!is_json_type(r->job->content_type)) {
        request_problem(r, PROBLEM_MEDIA_TYPE, NULL, "Content-Type must be application/json");
        return false;
    }
    if (too_deep(body)) {
        request_problem(r, PROBLEM_INVALID, NULL, "the body is nested deeper than %d levels",
                        JSON_DEPTH_MAX);
        return false;
    }
    r->body = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &error);
    if (r->body == NULL) {
        request_problem(r, PROBLEM_INVALID, NULL, "the body is not JSON: line %d column %d: %s",
                        error.line, error.column, error.text);
        return false;
    }
    return true;
}

// --- calling -------------------------------------------------------------------------------------
static void call(struct request *r) {
    struct slice key = r->job->idempotency_key;
    r->handler = r->route->handler;
    if (r->route->body == BODY_JSON && !parse_body(r)) {
        return;
    }
    if (key.ptr == NULL || !slice_eq_str(r->job->method, "POST") || r->route->no_idempotency) {
        r->handler(r);
    } else if (key.len == 0 || key.len > IDEMPOTENCY_KEY_MAX) {
        request_problem(r, PROBLEM_INVALID, "Idempotency-Key",
                        "Idempotency-Key must have 1 to %d characters", IDEMPOTENCY_KEY_MAX);
    } else {
        request_begin_idempotent(r);
    }
}

static void on_identified(struct request *r) {
    if (r->route->operator_only && !r->who.is_operator) {
        request_problem(r, PROBLEM_DENIED, NULL, "this is for the marketplace's operator");
    } else if ((r->route->roles & r->who.role) == 0) {
        request_problem(r, PROBLEM_DENIED, NULL, "the role %s does not allow this",
                        role_name(r->who.role));
    } else {
        call(r);
    }
}

static void dispatch(struct request *r) {
    struct http_job *job = r->job;
    const struct route *route = r->route;
    if (!form_valid(r->arena, job->query)) {
        request_problem(r, PROBLEM_INVALID, NULL, "a query parameter is malformed or too long");
    } else if (route->body != BODY_NONE && job->body.len > route->body_max) {
        request_problem(r, PROBLEM_TOO_LARGE, NULL, "the body may have %zu bytes", route->body_max);
    } else if (route->auth != AUTH_PUBLIC) {
        auth_identify(r, on_identified);
    } else if (auth_same_site(r)) {
        call(r);
    }
}

static bool for_portal(const struct http_job *job) {
    return (slice_eq_str(job->method, "GET") || slice_eq_str(job->method, "HEAD")) &&
           !slice_starts_with(job->path, SLICE_LIT("/v1/")) &&
           !slice_starts_with(job->path, SLICE_LIT("/oauth/")) &&
           !slice_starts_with(job->path, SLICE_LIT("/.well-known/"));
}

void routes_handle(struct http_job *job) {
    struct request *r = request_new(job, http_loop_state(job->loop));
    struct buf allow;
    buf_init(&allow, ALLOW_MAX);
    r->route = route_find(job->method, job->path, r->params, &allow);
    if (r->route != NULL) {
        job->operation = r->route->operation;
        r->start = dispatch;
        dispatch(r);
    } else if (allow.len > 0) {
        request_header(r, "allow", arena_str(r->arena, buf_slice(&allow)));
        request_problem(r, PROBLEM_METHOD_NOT_ALLOWED, NULL, "%s is not a method of this path",
                        arena_str(r->arena, job->method));
    } else if (for_portal(job)) {
        job->operation = "portal";
        portal_serve(r);
    } else {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "there is no such path");
    }
    buf_done(&allow);
}
