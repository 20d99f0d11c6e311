// What machines ask about the program itself.
#include "api/api.h"
#include "api/handlers.h"
#include "api/openapi.h"
#include "api/request.h"
#include "platform/metrics.h"

void health_alive(struct request *r) {
    request_reply_json(r, 200, SLICE_LIT("{\"status\":\"alive\"}"));
}

void health_ready(struct request *r) {
    if (pg_pool_ready(r->loop->pool))
        request_reply_json(r, 200, SLICE_LIT("{\"status\":\"ready\"}"));
    else
        request_problem(r, PROBLEM_UNAVAILABLE, NULL, "the database is away");
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
