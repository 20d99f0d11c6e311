// The border to libh2o for one request: copies what handlers read, sends what they answer, and
// keeps the count that lets a request die early.
#include "platform/http/http_job.h"

#include <h2o.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/encoding.h"
#include "platform/http/http_connection.h"
#include "platform/http/http_job_internal.h"
#include "platform/http/http_loop.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"
#include "platform/program/metrics.h"
#include "platform/secret/secret.h"

enum { REQUEST_ID_BYTES = 15 }; // of an id that is made here: 24 characters

static struct metric DURATION =
    METRIC_DURATION("weir_http_request_duration_seconds",
                    "From the request's last byte to its answer", "operation", "status");

void http_job_metrics_register(void) {
    metrics_register(&DURATION);
}

// The h2o request's own hold on the job, in its memory pool.
struct hold {
    struct http_job *job;
};

static void on_request_disposed(void *data) {
    struct hold *hold = data;
    hold->job->req = NULL;
    http_connection_idle(hold->job->connection);
    http_loop_release(hold->job->loop);
    http_job_unref(hold->job);
}

static struct slice copied(struct http_job *job, const char *base, size_t len) {
    if (base == NULL) {
        return (struct slice){NULL, 0};
    }
    return slice_of(arena_str(&job->arena, slice_of(base, len)), len);
}

static void take_header(struct http_job *job, const h2o_header_t *header) {
    static const struct {
        const char *name;
        size_t offset;
    } WANTED[] = {
        {"authorization", offsetof(struct http_job, authorization)},
        {"cookie", offsetof(struct http_job, cookie)},
        {"origin", offsetof(struct http_job, origin)},
        {"content-type", offsetof(struct http_job, content_type)},
        {"idempotency-key", offsetof(struct http_job, idempotency_key)},
        {"if-match", offsetof(struct http_job, if_match)},
        {"if-none-match", offsetof(struct http_job, if_none_match)},
    };
    struct slice name = slice_of(header->name->base, header->name->len);
    for (size_t i = 0; i < sizeof WANTED / sizeof *WANTED; i++) {
        if (!slice_eq_str(name, WANTED[i].name)) {
            continue;
        }
        struct slice *at = (struct slice *)((char *)job + WANTED[i].offset);
        // The first one counts; two cookie headers don't occur in HTTP/1.1 (RFC 6265 5.4).
        if (at->ptr == NULL) {
            *at = copied(job, header->value.base, header->value.len);
        }
    }
}

// Each line is what the proxies before it had said.
static void take_forwarded(struct http_job *job, const h2o_req_t *req) {
    ssize_t at = -1;
    while ((at = h2o_find_header_by_str(&req->headers, H2O_STRLIT("x-forwarded-for"), at)) != -1) {
        h2o_iovec_t value = req->headers.entries[at].value;
        const char *joined =
            arena_printf(&job->arena, "%.*s%s%.*s", SLICE_ARG(job->forwarded_for),
                         job->forwarded_for.len > 0 ? "," : "", (int)value.len, value.base);
        job->forwarded_for = slice_str(joined);
    }
}

// A caller's id is taken if it is harmless in a log and a header, else one is made.
static void take_request_id(struct http_job *job, const h2o_req_t *req) {
    ssize_t at = h2o_find_header_by_str(&req->headers, H2O_STRLIT("x-request-id"), -1);
    if (at != -1) {
        h2o_iovec_t value = req->headers.entries[at].value;
        bool fine = value.len > 0 && value.len <= HTTP_REQUEST_ID_MAX;
        for (size_t i = 0; fine && i < value.len; i++) {
            char c = value.base[i];
            fine = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                   c == '-' || c == '_' || c == '.';
        }
        if (fine) {
            memcpy(job->request_id, value.base, value.len);
            job->request_id[value.len] = '\0';
            return;
        }
    }
    unsigned char random[REQUEST_ID_BYTES];
    secret_random(random, sizeof random);
    job->request_id[base32_encode(job->request_id, random, sizeof random)] = '\0';
}

static void take_peer(struct http_job *job, h2o_req_t *req) {
    struct sockaddr_storage address;
    char text[NI_MAXHOST];
    socklen_t len = req->conn->callbacks->get_peername(req->conn, (struct sockaddr *)&address);
    size_t n =
        len == 0 ? SIZE_MAX : h2o_socket_getnumerichost((struct sockaddr *)&address, len, text);
    if (n == SIZE_MAX || n >= sizeof job->peer) {
        n = 0;
    }
    memcpy(job->peer, text, n);
    job->peer[n] = '\0';
    memcpy(job->client, job->peer, sizeof job->client);
}

struct http_job *http_job_new(struct http_connection *connection, h2o_req_t *req) {
    struct http_job *job = calloc(1, sizeof *job);
    check(job != NULL);
    job->loop = connection->loop;
    job->connection = connection;
    job->req = req;
    job->refs = 1;
    job->started_us = clock_monotonic_us();
    job->operation = "none";
    arena_init(&job->arena);
    job->method = copied(job, req->method.base, req->method.len);
    size_t path_len = req->query_at == SIZE_MAX ? req->path.len : req->query_at;
    job->path = copied(job, req->path.base, path_len);
    if (req->query_at != SIZE_MAX && req->query_at + 1 <= req->path.len) {
        job->query =
            copied(job, req->path.base + req->query_at + 1, req->path.len - req->query_at - 1);
    }
    if (req->entity.base != NULL && req->entity.len > 0) {
        job->body = copied(job, req->entity.base, req->entity.len);
    }
    for (size_t i = 0; i < req->headers.size; i++) {
        take_header(job, &req->headers.entries[i]);
    }
    take_forwarded(job, req);
    take_request_id(job, req);
    take_peer(job, req);
    struct hold *hold = h2o_mem_alloc_shared(&req->pool, sizeof *hold, on_request_disposed);
    hold->job = job;
    http_loop_hold(job->loop);
    return job;
}

void http_job_ref(struct http_job *job) {
    job->refs++;
}

void http_job_unref(struct http_job *job) {
    if (job == NULL || --job->refs > 0) {
        return;
    }
    arena_done(&job->arena);
    free(job);
}

void http_job_header(struct http_job *job, const char *name, struct slice value) {
    check(job->header_count < HTTP_HEADERS_MAX);
    struct http_header *header = &job->headers[job->header_count++];
    header->name = name;
    header->value = copied(job, value.ptr != NULL ? value.ptr : "", value.len);
}

static const char *reason_of(int status) {
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 415: return "Unsupported Media Type";
    case 422: return "Unprocessable Content";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    default: return "Status";
    }
}

static const struct {
    const char *name;
    const char *value;
} SECURITY_HEADERS[] = {
    {"x-content-type-options", "nosniff"},
    {"referrer-policy", "no-referrer"},
    {"cross-origin-opener-policy", "same-origin"},
    {"cross-origin-resource-policy", "same-origin"},
    {"content-security-policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
     "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
     "frame-ancestors 'none'"},
};

static void add(h2o_req_t *req, const char *name, const char *value, size_t len) {
    h2o_add_header_by_str(&req->pool, &req->res.headers, name, strlen(name), 1, NULL, value, len);
}

static void note(const struct http_job *job, int status, size_t bytes) {
    static const char *const CLASSES[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
    int64_t took_us = clock_monotonic_us() - job->started_us;
    const char *class = CLASSES[status >= 100 && status < 600 ? status / 100 : 0];
    metric_observe_in(&DURATION, metric_with(&DURATION, job->operation, class), took_us);
    log_info("request", log_id("request_id", job->request_id), log_slice("method", job->method),
             log_slice("path", job->path), log_str("operation", job->operation),
             log_int("status", status), log_uint("bytes", bytes), log_int("took_us", took_us),
             log_str("peer", job->peer), log_str("client", job->client),
             log_str("org", job->org != NULL ? job->org : ""),
             log_str("subject", job->subject != NULL ? job->subject : ""));
}

void http_job_send(struct http_job *job, int status, const char *content_type, struct slice body) {
    static h2o_generator_t generator = {NULL, NULL};
    check(!job->answered);
    job->answered = true;
    note(job, status, body.len);
    h2o_req_t *req = job->req;
    if (req == NULL) {
        return;
    }
    req->res.status = status;
    req->res.reason = reason_of(status);
    bool no_body = status == 204 || status == 304;
    if (!no_body) {
        req->res.content_length = body.len;
    }
    if (content_type != NULL && !no_body) {
        add(req, "content-type", content_type, strlen(content_type));
    }
    add(req, "x-request-id", job->request_id, strlen(job->request_id));
    for (size_t i = 0; i < sizeof SECURITY_HEADERS / sizeof *SECURITY_HEADERS; i++) {
        add(req, SECURITY_HEADERS[i].name, SECURITY_HEADERS[i].value,
            strlen(SECURITY_HEADERS[i].value));
    }
    bool cache = false;
    for (size_t i = 0; i < job->header_count; i++) {
        add(req, job->headers[i].name, job->headers[i].value.ptr, job->headers[i].value.len);
        cache = cache || strcmp(job->headers[i].name, "cache-control") == 0;
    }
    if (!cache) {
        add(req, "cache-control", "no-store", 8);
    }
    http_connection_sends(job->connection, body.len);
    h2o_start_response(req, &generator);
    h2o_iovec_t part = {.base = (char *)(uintptr_t)body.ptr, .len = body.len};
    bool empty = no_body || body.len == 0 || slice_eq_str(job->method, "HEAD");
    h2o_send(req, empty ? NULL : &part, empty ? 0 : 1, H2O_SEND_STATE_FINAL);
}
