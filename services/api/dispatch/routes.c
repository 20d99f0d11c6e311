// From a job to its handler: match, authenticate, check the body, look the Idempotency-Key up.
#include "api/dispatch/routes.h"

#include "api/identity/auth.h"
#include "api/request/api.h"
#include "api/request/request_internal.h"
#include "api/site/portal.h"
#include "platform/http/http_form.h"

enum {
    IDEMPOTENCY_KEY_MAX = 255, // bytes
    ALLOW_MAX = 128,           // bytes of the header Allow
};

// The tables of routes, a line each, as they stand at the end of each resource's file. Order is
// that of the documentation; matching doesn't depend on it.
#define TABLES(X)                                                                                  \
    X(health_routes)                                                                               \
    X(oauth_routes)                                                                                \
    X(session_routes)                                                                              \
    X(person_routes)                                                                               \
    X(audit_routes)                                                                                \
    X(product_routes)                                                                              \
    X(plan_routes)                                                                                 \
    X(topic_routes)                                                                                \
    X(subscription_routes)                                                                         \
    X(usage_routes)                                                                                \
    X(document_routes)                                                                             \
    X(export_routes)                                                                               \
    X(billing_run_routes)                                                                          \
    X(ledger_routes)                                                                               \
    X(operation_routes)                                                                            \
    X(organisation_routes)                                                                         \
    X(suspension_routes)                                                                           \
    X(cluster_routes)                                                                              \
    X(application_routes)

#define DECLARED(table) extern const struct route_table table;
#define LISTED(table) &(table),
TABLES(DECLARED)
static const struct route_table *const ALL[] = {TABLES(LISTED)};

const struct route *routes_at(size_t i) {
    for (size_t t = 0; t < sizeof ALL / sizeof *ALL; t++) {
        if (i < ALL[t]->count) {
            return &ALL[t]->rows[i];
        }
        i -= ALL[t]->count;
    }
    return NULL;
}

const struct route *routes_find(struct slice method, struct slice path, struct slice *params,
                                struct buf *allow) {
    if (slice_eq_str(method, "HEAD")) {
        method = SLICE_LIT("GET");
    }
    for (size_t t = 0; t < sizeof ALL / sizeof *ALL; t++) {
        for (const struct route *at = ALL[t]->rows; at < ALL[t]->rows + ALL[t]->count; at++) {
            if (!route_matches(at, path, params)) {
                continue;
            }
            if (slice_eq_str(method, at->method)) {
                return at;
            }
            buf_printf(allow, "%s%s", allow->len > 0 ? ", " : "", at->method);
        }
    }
    return NULL;
}

// --- calling -------------------------------------------------------------------------------------
static void run(struct request *r) {
    struct slice key = r->job->idempotency_key;
    r->handler = r->route->handler != NULL ? r->route->handler : read_run;
    if (r->route->quota != QUOTA_NONE) {
        r->handler = quota_run;
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

static void call(struct request *r) {
    if (r->route->body == BODY_JSON && !request_parse_body(r)) {
        return;
    }
    if (r->route->prepare != NULL) {
        r->prepared = run;
        r->route->prepare(r);
    } else {
        run(r);
    }
}

// --- limits --------------------------------------------------------------------------------------
// False: answered.
static bool admit_stranger(struct request *r) {
    switch (r->route->limit) {
    case ROUTE_LIMIT_OWN: return true;
    case ROUTE_LIMIT_USUAL: return request_limit_address(r, LIMIT_PUBLIC);
    case ROUTE_LIMIT_SIGN_UP: break;
    }
    return request_limit_address(r, LIMIT_PUBLIC) && request_limit_address(r, LIMIT_SIGN_UP) &&
           request_limit_for(r, LIMIT_SIGN_UP_ALL, SLICE_LIT("all"));
}

static bool admit_organisation(struct request *r) {
    enum limit limit = slice_eq_str(r->job->method, "GET") || slice_eq_str(r->job->method, "HEAD")
                           ? LIMIT_READ
                           : LIMIT_WRITE;
    return request_limit_for(r, limit, slice_str(r->who.org));
}

static void on_identified(struct request *r) {
    if (!admit_organisation(r)) {
        return;
    }
    if (r->route->operator_only && !r->who.is_operator) {
        request_problem(r, PROBLEM_DENIED, NULL, "this is for the marketplace's operator");
    } else if ((r->route->roles & r->who.role) == 0) {
        request_problem(r, PROBLEM_DENIED, NULL, "the role %s does not allow this",
                        role_name(r->who.role));
    } else {
        if (r->who.is_operator && route_reads(r->route) && !r->route->own) {
            request_tally(r, TALLY_READ, NULL, r->route->operation,
                          r->params[0].ptr != NULL ? arena_str(r->arena, r->params[0]) : "*");
        }
        call(r);
    }
}

static void dispatch(struct request *r) {
    struct http_job *job = r->job;
    const struct route *route = r->route;
    if (!http_form_valid(r->arena, job->query)) {
        request_problem(r, PROBLEM_INVALID, NULL, "a query parameter is malformed or too long");
    } else if (route->body != BODY_NONE && job->body.len > route->body_max) {
        request_problem(r, PROBLEM_TOO_LARGE, NULL, "the body may have %zu bytes", route->body_max);
    } else if (route->auth != AUTH_PUBLIC) {
        if (request_limit_address(r, LIMIT_IDENTIFY)) {
            auth_identify(r, on_identified);
        }
    } else if (admit_stranger(r) && auth_same_site(r)) {
        call(r);
    }
}

bool routes_privileged(struct slice path) {
    return slice_eq_str(path, "/oauth/token") ||
           slice_starts_with(path, SLICE_LIT("/.well-known/"));
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
    r->route = routes_find(job->method, job->path, r->params, &allow);
    if (r->route != NULL) {
        job->operation = r->route->operation;
        r->start = dispatch;
        dispatch(r);
    } else if (!request_limit_address(r, LIMIT_PUBLIC)) {
        // answered
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
