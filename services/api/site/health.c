// What machines ask about the program itself.
#include "api/dispatch/handlers.h"
#include "api/request/api.h"
#include "api/request/request.h"
#include "api/site/openapi.h"
#include "platform/program/clock.h"
#include "platform/program/metrics.h"

void health_alive(struct request *r) {
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
void health_ready(struct request *r) {
    if (!pg_pool_group_ready(&r->api->database)) {
        request_problem(r, PROBLEM_UNAVAILABLE, NULL, "the database is away");
    } else if (!all_sign(r->api)) {
        // Without a key to sign with no client gets in, so copies without one get no traffic.
        request_problem(r, PROBLEM_UNAVAILABLE, NULL, "no signing key is known yet");
    } else {
        request_reply_json(r, 200, SLICE_LIT("{\"status\":\"ready\"}"));
    }
}

void health_metrics(struct request *r) {
    struct buf out;
    buf_init(&out, METRICS_TEXT_MAX);
    metrics_render(&out, "weir-api");
    struct slice body = slice_of(arena_str(r->arena, buf_slice(&out)), out.len);
    buf_done(&out);
    request_reply_bytes(r, 200, "text/plain; version=0.0.4; charset=utf-8", body);
}

void health_openapi(struct request *r) {
    request_header(r, "cache-control", "no-cache");
    request_reply_json(r, 200, openapi_document());
}
