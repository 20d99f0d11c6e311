// Between libh2o's sockets and admission. A connection leaves by shutdown(2): libh2o sees the end
// of its input, or an error where it writes, and closes; it has no call for that itself.
#include "platform/http/http_connection.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/check.h"
#include "platform/http/http_server.h"
#include "platform/program/clock.h"
#include "platform/program/metrics.h"

enum {
    ACCEPT_AT_ONCE = 16, // connections, so that a flood doesn't starve those being served
    // Requests of one connection in one turn of the loop: libh2o goes on with a client that sent
    // many in one go until they are used up, and all others wait.
    PIPELINED_MAX = 8,
    SEND_BYTES_PER_S_MIN = 16 * 1024, // for answers that don't go out at once
    GRACE_MS = 2000,                  // libh2o's own limit for a request comes first
};

static struct metric REFUSED =
    METRIC_COUNTER_BY("weir_http_refused_total", "connections",
                      "Connections closed, requests refused or not taken, by reason", "reason");
static struct metric_series *refused[HTTP_REFUSED_REASONS];

void http_connection_metrics_register(void) {
    static const char *const NAMES[HTTP_REFUSED_REASONS] = {
        [HTTP_REFUSED_FULL] = "full",           [HTTP_REFUSED_ADDRESS] = "address",
        [HTTP_REFUSED_BYTES] = "bytes",         [HTTP_REFUSED_TIME] = "time",
        [HTTP_REFUSED_PIPELINED] = "pipelined", [HTTP_REFUSED_DESCRIPTORS] = "descriptors",
        [HTTP_REFUSED_SHARE] = "share",         [HTTP_REFUSED_MALFORMED] = "malformed",
    };
    metrics_register(&REFUSED);
    for (size_t i = 0; i < HTTP_REFUSED_REASONS; i++) {
        refused[i] = metric_with(&REFUSED, NAMES[i]);
    }
}

void http_connection_refused(enum http_refused reason) {
    metric_add_in(refused[reason], 1);
}

static int64_t in_ms(int64_t ms) {
    return clock_monotonic_us() + ms * 1000;
}

// --- leaving -------------------------------------------------------------------------------------
static void dismiss(struct http_connection *c, enum http_refused reason) {
    http_connection_refused(reason);
    admission_dismiss(&c->loop->admission, &c->guest);
    if (c->req != NULL) {
        c->req->http1_is_persistent = 0; // else libh2o goes on with what was pipelined
    }
    (void)shutdown(h2o_socket_get_fd(c->sock), SHUT_RDWR);
}

static void dismiss_heavy(struct http_connection *c) {
    struct admission_guest *heavy = NULL;
    while ((heavy = admission_too_heavy(&c->loop->admission, &c->guest)) != NULL) {
        dismiss((struct http_connection *)heavy, HTTP_REFUSED_BYTES);
    }
}

void http_connections_sweep(struct http_loop *loop) {
    int64_t now_us = clock_monotonic_us();
    struct admission_guest *next = NULL;
    for (struct admission_guest *at = loop->admission.first; at != NULL; at = next) {
        next = at->next;
        struct http_connection *c = (struct http_connection *)at;
        if (at->deadline_us < now_us) {
            dismiss(c, HTTP_REFUSED_TIME);
        } else if (c->req == NULL) {
            admission_weigh(&loop->admission, at, c->sock->input->size);
        }
    }
    // By the address of each, where that has too much.
    for (struct admission_guest *at = loop->admission.first; at != NULL; at = next) {
        next = at->next;
        if (at->bytes >= ADMISSION_HEAVY_BYTES && admission_is_heavy(&loop->admission, at)) {
            dismiss((struct http_connection *)at, HTTP_REFUSED_BYTES);
        }
    }
    http_connections_accept(loop);
}

// --- coming --------------------------------------------------------------------------------------
static void count(struct http_loop *loop) {
    metric_set_in(loop->gauge, loop->admission.connections);
}

static void on_closed(void *data) {
    struct http_connection *c = data;
    struct http_loop *loop = c->loop;
    admission_leave(&loop->admission, &c->guest);
    free(c);
    count(loop);
    http_connections_accept(loop);
}

static struct admission_key key_of(h2o_socket_t *sock) {
    struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
    (void)h2o_socket_getpeername(sock, (struct sockaddr *)&peer);
    return admission_key_of((struct sockaddr *)&peer);
}

static void let_in(struct http_loop *loop, h2o_socket_t *sock) {
    struct admission_key key = key_of(sock);
    struct admission_guest *leaves = NULL;
    enum admission_answer answer = admission_ask(&loop->admission, key, &leaves);
    if (answer == ADMISSION_REFUSED) {
        http_connection_refused(HTTP_REFUSED_ADDRESS);
        h2o_socket_close(sock);
        return;
    }
    if (leaves != NULL) {
        dismiss((struct http_connection *)leaves,
                answer == ADMISSION_REPLACES ? HTTP_REFUSED_FULL : HTTP_REFUSED_ADDRESS);
    }
    struct http_connection *c = calloc(1, sizeof *c);
    check(c != NULL);
    c->loop = loop;
    c->sock = sock;
    admission_enter(&loop->admission, &c->guest, key, in_ms(HTTP_REQUEST_TIMEOUT_MS + GRACE_MS));
    count(loop);
    sock->on_close.cb = on_closed;
    sock->on_close.data = c;
    h2o_accept(&loop->accept, sock);
}

static void on_accept(h2o_socket_t *listener, const char *err) {
    struct http_loop *loop = listener->data;
    if (err != NULL) {
        return;
    }
    for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
        if (!admission_open(&loop->admission)) {
            h2o_socket_read_stop(listener);
            return;
        }
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (sock != NULL) {
            let_in(loop, sock);
            continue;
        }
        // Whoever is in the kernel's queue keeps the listener readable: not to be asked again and
        // again. It goes on when somebody leaves or is answered, and with the next second.
        if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR) {
            http_connection_refused(HTTP_REFUSED_DESCRIPTORS);
            if (loop->admission.first != NULL) {
                dismiss((struct http_connection *)loop->admission.first, HTTP_REFUSED_FULL);
            }
            h2o_socket_read_stop(listener);
        }
        return;
    }
}

void http_connections_accept(struct http_loop *loop) {
    if (loop->listener != NULL && !h2o_socket_is_reading(loop->listener)) {
        h2o_socket_read_start(loop->listener, on_accept);
    }
}

// --- requests ------------------------------------------------------------------------------------
struct http_connection *http_connection_of(const h2o_req_t *req) {
    return req->conn->callbacks->get_socket(req->conn)->on_close.data;
}

struct slice http_connection_input(const struct http_connection *c) {
    return slice_of(c->sock->input->bytes, c->sock->input->size);
}

bool http_connection_works(struct http_connection *c, h2o_req_t *req, bool privileged) {
    c->req = req;
    if (c->turn != c->loop->turn) {
        c->turn = c->loop->turn;
        c->in_turn = 0;
    }
    if (++c->in_turn == PIPELINED_MAX) {
        http_connection_refused(HTTP_REFUSED_PIPELINED);
        req->http1_is_persistent = 0;
    }
    struct admission *all = &c->loop->admission;
    if (!admission_work(all, &c->guest, privileged)) {
        return false;
    }
    admission_weigh(all, &c->guest, c->sock->input->size);
    dismiss_heavy(c);
    return admission_bears(all, &c->guest);
}

void http_connection_sends(struct http_connection *c, size_t bytes) {
    int64_t left_us = c->loop->send_timeout_us + (int64_t)(bytes / SEND_BYTES_PER_S_MIN) * 1000000;
    admission_wait(&c->loop->admission, &c->guest, bytes + c->sock->input->size,
                   clock_monotonic_us() + left_us);
    dismiss_heavy(c);
    http_connections_accept(c->loop);
}

void http_connection_idle(struct http_connection *c) {
    c->req = NULL;
    admission_wait(&c->loop->admission, &c->guest, 0, in_ms(HTTP_REQUEST_TIMEOUT_MS + GRACE_MS));
}
