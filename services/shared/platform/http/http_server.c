// Threads, loops, listening sockets and their end. The main thread only waits for the stop signal.
#include "platform/http/http_server.h"

#include <h2o.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "platform/http/http_connection.h"
#include "platform/http/http_job_internal.h"
#include "platform/http/http_loop_internal.h"
#include "platform/http/listen.h"
#include "platform/http/problem.h"
#include "platform/http/request_head.h"
#include "platform/program/clock.h"
#include "platform/program/descriptors.h"
#include "platform/program/log.h"
#include "platform/program/metrics.h"
#include "platform/secret/secret.h"

enum {
    POLL_MS = 1000,     // a loop's longest sleep
    DRAIN_POLL_MS = 50, // the same while it drains
    // Descriptors that aren't for clients: of the process, and of a loop (its database connections,
    // and the sockets of those that were asked to leave and haven't yet).
    DESCRIPTORS_OF_PROCESS = 32,
    DESCRIPTORS_OF_LOOP = 48,
    KERNEL_BUFFER_BYTES = 128 * 1024, // of a connection, each way
    CONNECTIONS_MIN = 16,             // of a loop
    LOOP_BYTES_MIN = 16 << 20,        // what one client may have, whatever the shares
    LOOP_LABEL_MAX = 16,              // text of a loop's number
};

static struct metric CONNECTIONS =
    METRIC_GAUGE_BY("weir_http_connections", "connections", "Open client connections", "loop");

struct http_server {
    struct http_server_options options;
    h2o_globalconf_t config;
    struct http_loop *loops;
    pthread_barrier_t started;
};

struct handler {
    h2o_handler_t super;
    struct http_server *server;
};

// --- requests ------------------------------------------------------------------------------------
// Answered here, and the last of its connection.
static void refuse(struct http_job *job, h2o_req_t *req, enum problem_kind kind, const char *why) {
    struct err e = {.code = ERR_OK};
    (void)err_set(&e, ERR_INVALID, "%s", why);
    struct buf text;
    buf_init(&text, PROBLEM_TEXT_MAX);
    problem_render(&text, kind, &e, job->request_id);
    struct slice body = slice_of(arena_str(&job->arena, buf_slice(&text)), text.len);
    buf_done(&text);
    req->http1_is_persistent = 0;
    job->operation = "refused";
    if (problem_status(kind) == 503) {
        http_job_header(job, "retry-after", SLICE_LIT("1"));
    }
    http_job_send(job, problem_status(kind), "application/problem+json", body);
}

static bool is_privileged(const struct http_server *server, const struct http_job *job) {
    return server->options.privileged != NULL && server->options.privileged(job->path);
}

static int on_request(h2o_handler_t *self, h2o_req_t *req) {
    struct handler *handler = H2O_STRUCT_FROM_MEMBER(struct handler, super, self);
    struct http_connection *connection = http_connection_of(req);
    struct http_job *job = http_job_new(connection, req);
    const char *fault = request_head_fault(http_connection_input(connection));
    if (fault != NULL) {
        http_connection_refused(HTTP_REFUSED_MALFORMED);
        refuse(job, req, PROBLEM_INVALID, fault);
    } else if (!http_connection_works(connection, req, is_privileged(handler->server, job))) {
        http_connection_refused(HTTP_REFUSED_SHARE);
        refuse(job, req, PROBLEM_UNAVAILABLE, "too many requests at once");
    } else {
        handler->server->options.handle(job);
    }
    return 0;
}

// --- listening -----------------------------------------------------------------------------------
// What the kernel holds for each connection; sockets inherit it from the one that accepts them. The
// kernel's own sizing goes up to several MiB for a client that doesn't read.
static void bound_buffers(int fd) {
    int bytes = KERNEL_BUFFER_BYTES;
    check(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0);
    check(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) == 0);
}

// SO_REUSEPORT would let a second process of the same user take half of the connections in
// silence; so the first socket is opened without it, to see whether the address is free.
static enum err_code listen_all(struct http_server *server, struct err *e) {
    const char *listen = server->options.listen;
    int probe = -1;
    enum err_code code = listen_open("listen", listen, false, &probe, e);
    if (code == ERR_OK) {
        (void)close(probe);
    }
    for (unsigned i = 0; code == ERR_OK && i < server->options.threads; i++) {
        code = listen_open("listen", listen, true, &server->loops[i].listen_fd, e);
        if (code == ERR_OK) {
            bound_buffers(server->loops[i].listen_fd);
        }
    }
    return code;
}

// --- one loop ------------------------------------------------------------------------------------
static void on_second(h2o_timeout_entry_t *entry) {
    struct http_loop *loop = H2O_STRUCT_FROM_MEMBER(struct http_loop, second, entry);
    h2o_timeout_link(loop->ctx.loop, &loop->ctx.one_sec_timeout, &loop->second);
    http_connections_sweep(loop);
    if (loop->server->options.every_second != NULL) {
        loop->server->options.every_second(loop, loop->state);
    }
}

static void stop_loop(struct http_loop *loop, struct http_message *m) {
    free(m);
    loop->stopping = true;
    if (loop->listener != NULL) {
        h2o_socket_t *listener = loop->listener;
        loop->listener = NULL;
        h2o_socket_close(listener);
    }
    h2o_context_request_shutdown(&loop->ctx);
}

static void run_loop(struct http_loop *loop) {
    while (!loop->stopping) {
        loop->turn++;
        h2o_evloop_run(loop->ctx.loop, POLL_MS);
    }
    int64_t until_us = clock_monotonic_us() + HTTP_DRAIN_MS * 1000LL;
    while (loop->holds > 0 && clock_monotonic_us() < until_us) {
        loop->turn++;
        h2o_evloop_run(loop->ctx.loop, DRAIN_POLL_MS);
    }
    if (loop->holds > 0) {
        log_warn("requests cut off at shutdown", log_uint("count", loop->holds));
    }
    // What was answered last still has to leave.
    h2o_evloop_run(loop->ctx.loop, 0);
}

static void *loop_main(void *arg) {
    struct http_loop *loop = arg;
    struct http_server *server = loop->server;
    h2o_context_init(&loop->ctx, h2o_evloop_create(), &server->config);
    loop->accept = (h2o_accept_ctx_t){.ctx = &loop->ctx, .hosts = server->config.hosts};
    http_loop_receive(loop);
    loop->result =
        server->options.loop_start(loop, server->options.user, &loop->state, &loop->error);
    pthread_barrier_wait(&server->started);
    if (loop->result != ERR_OK) {
        return NULL;
    }
    loop->listener =
        h2o_evloop_socket_create(loop->ctx.loop, loop->listen_fd, H2O_SOCKET_FLAG_DONT_READ);
    loop->listen_fd = -1;
    loop->listener->data = loop;
    http_connections_accept(loop);
    loop->second.cb = on_second;
    h2o_timeout_link(loop->ctx.loop, &loop->ctx.one_sec_timeout, &loop->second);
    run_loop(loop);
    h2o_timeout_unlink(&loop->second);
    server->options.loop_stop(loop, loop->state);
    return NULL;
}

static void configure(struct http_server *server) {
    h2o_config_init(&server->config);
    server->config.server_name = h2o_iovec_init(H2O_STRLIT("weir"));
    // Twice, so that a body somewhat too large gets a problem document from the router.
    server->config.max_request_entity_size = 2 * HTTP_BODY_MAX;
    server->config.http1.req_timeout = HTTP_REQUEST_TIMEOUT_MS;
    server->config.http1.upgrade_to_http2 = 0;
    h2o_hostconf_t *host =
        h2o_config_register_host(&server->config, h2o_iovec_init(H2O_STRLIT("default")), 65535);
    h2o_pathconf_t *path = h2o_config_register_path(host, "/", 0);
    struct handler *handler = (struct handler *)h2o_create_handler(path, sizeof *handler);
    handler->super.on_req = on_request;
    handler->server = server;
}

static void wait_for_stop(int stop_fd) {
    struct pollfd p = {.fd = stop_fd, .events = POLLIN};
    while (poll(&p, 1, -1) <= 0) {
    }
}

static enum err_code start_loops(struct http_server *server, struct err *e) {
    unsigned n = server->options.threads;
    pthread_barrier_init(&server->started, NULL, n + 1);
    for (unsigned i = 0; i < n; i++) {
        struct http_loop *loop = &server->loops[i];
        char label[LOOP_LABEL_MAX];
        snprintf(label, sizeof label, "%u", i);
        loop->server = server;
        loop->index = i;
        loop->gauge = metric_with(&CONNECTIONS, label);
        check(pthread_create(&loop->thread, NULL, loop_main, loop) == 0);
        loop->thread_started = true;
    }
    pthread_barrier_wait(&server->started);
    for (unsigned i = 0; i < n; i++) {
        if (server->loops[i].result != ERR_OK) {
            *e = server->loops[i].error;
            return server->loops[i].result;
        }
    }
    return ERR_OK;
}

static size_t at_least(size_t min, size_t n) {
    return n < min ? min : n;
}

static struct admission_limits share_of_a_loop(const struct http_server_options *o) {
    unsigned open = descriptors_raise();
    unsigned taken = DESCRIPTORS_OF_PROCESS + DESCRIPTORS_OF_LOOP * o->threads;
    unsigned room = open > taken ? open - taken : 0;
    unsigned all = o->limits.connections < room ? o->limits.connections : room;
    return (struct admission_limits){
        .connections = (unsigned)at_least(CONNECTIONS_MIN, all / o->threads),
        .connections_per_address =
            (unsigned)at_least(1, o->limits.connections_per_address / o->threads),
        .bytes = at_least(LOOP_BYTES_MIN, o->limits.bytes / o->threads),
        .bytes_per_address = at_least(LOOP_BYTES_MIN, o->limits.bytes_per_address / o->threads),
    };
}

enum err_code http_server_run(const struct http_server_options *o, int stop_fd, struct err *e) {
    check(o->threads >= 1 && o->threads <= HTTP_THREADS_MAX);
    struct http_server *server = calloc(1, sizeof *server);
    check(server != NULL);
    server->options = *o;
    server->loops = calloc(o->threads, sizeof *server->loops);
    check(server->loops != NULL);
    struct admission_limits share = share_of_a_loop(o);
    for (unsigned i = 0; i < o->threads; i++) {
        server->loops[i].listen_fd = -1;
        server->loops[i].send_timeout_us = o->limits.send_timeout_ms * 1000LL;
        admission_init(&server->loops[i].admission, &share);
    }
    signal(SIGPIPE, SIG_IGN);
    secret_init();
    metrics_register(&CONNECTIONS);
    http_connection_metrics_register();
    http_job_metrics_register();
    configure(server);
    enum err_code code = listen_all(server, e);
    if (code == ERR_OK) {
        code = start_loops(server, e);
    }
    if (code == ERR_OK) {
        log_info("listening", log_str("address", o->listen), log_uint("threads", o->threads),
                 log_uint("connections", (uint64_t)share.connections * o->threads));
        wait_for_stop(stop_fd);
    }
    for (unsigned i = 0; i < o->threads; i++) {
        struct http_loop *loop = &server->loops[i];
        if (!loop->thread_started) {
            continue;
        }
        if (loop->result == ERR_OK) {
            struct http_message *m = calloc(1, sizeof *m);
            check(m != NULL);
            m->run = stop_loop;
            http_loop_post(loop, m);
        }
        pthread_join(loop->thread, NULL);
    }
    // The process ends now: connections, contexts and loops go with it. Only the sockets that
    // never came into use are ours to close.
    for (unsigned i = 0; i < o->threads; i++) {
        if (server->loops[i].listen_fd >= 0) {
            close(server->loops[i].listen_fd);
        }
    }
    return code;
}
