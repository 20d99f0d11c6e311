// One request and its answer. The job is counted: the server holds it until the connection is done
// with it, and whoever waits for something (a query, a worker) holds it meanwhile. So a request may
// die before its query; nothing but the job ever points at libh2o's request.
#ifndef WEIR_PLATFORM_HTTP_HTTP_JOB_H
#define WEIR_PLATFORM_HTTP_HTTP_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/slice.h"

struct http_connection;
struct http_loop;

enum { HTTP_REQUEST_ID_MAX = 64, HTTP_ADDRESS_MAX = 64, HTTP_HEADERS_MAX = 16 };

struct http_header {
    const char *name; // lower case
    struct slice value;
};

struct http_job {
    struct http_loop *loop;
    struct arena arena; // lives as long as the job
    // The request; {NULL, 0} where absent. All borrowed from the arena.
    struct slice method;
    struct slice path; // as sent, without query
    struct slice query;
    struct slice body;
    struct slice authorization, cookie, origin, content_type, idempotency_key, if_match,
        if_none_match;
    struct slice forwarded_for; // X-Forwarded-For, all lines joined by commas; anybody's word
    char request_id[HTTP_REQUEST_ID_MAX + 1]; // X-Request-Id, given or made
    char peer[HTTP_ADDRESS_MAX];              // numeric address
    char client[HTTP_ADDRESS_MAX];            // the same, until the router knows a proxy's client
    int64_t started_us;                       // monotonic
    // For metrics and the access log: set by the router.
    const char *operation;
    const char *org;
    const char *subject;
    bool answered;
    // The job's own.
    void *req;
    struct http_connection *connection; // while there is `req`
    unsigned refs;
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
};

void http_job_ref(struct http_job *job);
void http_job_unref(struct http_job *job);
// `name` is a lower-case literal; `value` is copied. More than HTTP_HEADERS_MAX is a bug.
void http_job_header(struct http_job *job, const char *name, struct slice value);
// Sends the answer, once. `body` must live as long as the job (its arena, or constant). Sets
// content-length, x-request-id and the security headers. HEAD gets no body.
void http_job_send(struct http_job *job, int status, const char *content_type, struct slice body);

#endif
