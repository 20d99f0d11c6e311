// Threads, loops, listening sockets and their end. The main thread only waits for the stop signal.
#include "platform/http/http_server.h"

#include <h2o.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "platform/http/http_job_internal.h"
#include "platform/http/http_loop_internal.h"
#include "platform/http/listen.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"
#include "platform/program/metrics.h"
#include "platform/secret/secret.h"

enum {
    POLL_MS = 1000,      // a loop's longest sleep
    DRAIN_POLL_MS = 50,  // the same while it drains
    ACCEPT_AT_ONCE = 16, // connections, so that a flood doesn't starve those being served
    LOOP_LABEL_MAX = 16, // text of a loop's number
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

// --- connections ---------------------------------------------------------------------------------
static void on_accept(h2o_socket_t *listener, const char *err);

static void on_closed(void *data) {
    struct http_loop *loop = data;
    loop->connections--;
    metric_set_in(loop->gauge, loop->connections);
    if (loop->listener != NULL && !h2o_socket_is_reading(loop->listener)) {
        h2o_socket_read_start(loop->listener, on_accept);
    }
}

static void on_accept(h2o_socket_t *listener, const char *err) {
    struct http_loop *loop = listener->data;
    if (err != NULL) {
        return;
    }
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        if (loop->connections >= HTTP_CONNECTIONS_MAX) {
            h2o_socket_read_stop(listener);
            return;
        }
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (sock == NULL) {
            return;
        }
        loop->connections++;
        metric_set_in(loop->gauge, loop->connections);
        sock->on_close.cb = on_closed;
        sock->on_close.data = loop;
        h2o_accept(&loop->accept, sock);
    }
}

static int on_request(h2o_handler_t *self, h2o_req_t *req) {
    struct handler *handler = H2O_STRUCT_FROM_MEMBER(struct handler, super, self);
    struct http_loop *loop = H2O_STRUCT_FROM_MEMBER(struct http_loop, ctx, req->conn->ctx);
    struct http_job *job = http_job_new(loop, req);
    handler->server->options.handle(job);
    return 0;
}

// --- listening -----------------------------------------------------------------------------------
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
    }
    return code;
}

// --- one loop ------------------------------------------------------------------------------------
static void on_second(h2o_timeout_entry_t *entry) {
    struct http_loop *loop = H2O_STRUCT_FROM_MEMBER(struct http_loop, second, entry);
    h2o_timeout_link(loop->ctx.loop, &loop->ctx.one_sec_timeout, &loop->second);
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
        h2o_evloop_run(loop->ctx.loop, POLL_MS);
    }
    int64_t until_us = clock_monotonic_us() + HTTP_DRAIN_MS * 1000LL;
    while (loop->holds > 0 && clock_monotonic_us() < until_us) {
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
    h2o_socket_read_start(loop->listener, on_accept);
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

enum err_code http_server_run(const struct http_server_options *o, int stop_fd, struct err *e) {
    check(o->threads >= 1 && o->threads <= HTTP_THREADS_MAX);
    struct http_server *server = calloc(1, sizeof *server);
    check(server != NULL);
    server->options = *o;
    server->loops = calloc(o->threads, sizeof *server->loops);
    check(server->loops != NULL);
    for (unsigned i = 0; i < o->threads; i++) {
        server->loops[i].listen_fd = -1;
    }
    signal(SIGPIPE, SIG_IGN);
    secret_init();
    metrics_register(&CONNECTIONS);
    http_job_metrics_register();
    configure(server);
    enum err_code code = listen_all(server, e);
    if (code == ERR_OK) {
        code = start_loops(server, e);
    }
    if (code == ERR_OK) {
        log_info("listening", log_str("address", o->listen), log_uint("threads", o->threads));
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
