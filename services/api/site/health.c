// What machines ask about the program itself.
#include "api/request/api.h"
#include "api/request/request.h"
#include "api/site/openapi.h"
#include "platform/program/clock.h"
#include "platform/program/metrics.h"

static void health_alive(struct request *r) {
    request_reply_json(r, 200, SLICE_LIT("{\"status\":\"alive\"}"));
}

static bool all_sign(const struct api *api) {
    int64_t now_s = clock_system_us() / US_PER_SECOND;
    for (unsigned i = 0; i < api->loops_count; i++) {
        if (api->loops[i]->signs_from_s > now_s) {
            return false;
        }
    }
    return true;
}

// For all loops: the next request may meet any of them.
static void health_ready(struct request *r) {
    if (!pg_pool_group_ready(&r->api->database)) {
        request_problem(r, PROBLEM_UNAVAILABLE, NULL, "the database is away");
    } else if (!all_sign(r->api)) {
        // Without a key to sign with no client gets in, so copies without one get no traffic.
        request_problem(r, PROBLEM_UNAVAILABLE, NULL, "no signing key is known yet");
    } else {
        request_reply_json(r, 200, SLICE_LIT("{\"status\":\"ready\"}"));
    }
}

static void health_metrics(struct request *r) {
    struct buf out;
    buf_init(&out, METRICS_TEXT_MAX);
    metrics_render(&out, "weir-api");
    bool overflow = out.overflow;
    struct slice body = slice_of(arena_str(r->arena, buf_slice(&out)), out.len);
    buf_done(&out);
    if (overflow) {
        request_problem(r, PROBLEM_INTERNAL, NULL, "more metrics than %d bytes", METRICS_TEXT_MAX);
        return;
    }
    request_reply_bytes(r, 200, "text/plain; version=0.0.4; charset=utf-8", body);
}

static void health_openapi(struct request *r) {
    request_header(r, "cache-control", "no-cache");
    request_reply_json(r, 200, openapi_document());
}

static const struct route ROWS[] = {
    {"GET", "/healthz", "getHealth", ROUTE_PUBLIC, .limit = ROUTE_LIMIT_OWN,
     .handler = health_alive},
    {"GET", "/readyz", "getReadiness", ROUTE_PUBLIC, .limit = ROUTE_LIMIT_OWN,
     .handler = health_ready},
    {"GET", "/metrics", "getMetrics", ROUTE_PUBLIC, .limit = ROUTE_LIMIT_OWN,
     .handler = health_metrics},
    {"GET", "/openapi.json", "getOpenapi", ROUTE_PUBLIC, .handler = health_openapi},
};
const struct route_table health_routes = ROUTE_TABLE(ROWS);
