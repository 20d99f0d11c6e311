// A server for one scraper and a few probes: one thread, poll(2), a handful of connections, one
// request each (Connection: close). Reads no body and no header; loopback or a private network.
#include "platform/http/metrics_server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/check.h"
#include "platform/http/listen.h"
#include "platform/program/clock.h"
#include "platform/program/metrics.h"

enum {
    CLIENTS_MAX = 16,             // connections at once; for one more the oldest is closed
    REQUEST_MAX = 4096,           // bytes of request line and headers
    CLIENT_LIFE_US = 5 * 1000000, // from connect to the end of the answer
    ACCEPT_PAUSE_US = 500 * 1000, // when the process has no descriptor left
    WHY_MAX = 256,                // bytes of the reason for not being ready
};

struct client {
    int fd; // -1: free
    int64_t deadline_us;
    size_t read;
    char request[REQUEST_MAX];
    struct buf answer;
    size_t written;
};

struct metrics_server {
    struct metrics_server_options options;
    int listener;
    int stop;
    unsigned port;
    int64_t accepts_from_us; // not before
    pthread_t thread;
    struct client clients[CLIENTS_MAX];
};

// --- answers -------------------------------------------------------------------------------------

static void answer(struct client *c, const char *status, const char *type, struct slice body) {
    buf_printf(&c->answer,
               "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
               "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
               status, type, body.len);
    buf_add_slice(&c->answer, body);
}

static void answer_text(struct client *c, const char *status, const char *text) {
    answer(c, status, "text/plain; charset=utf-8", slice_str(text));
}

static void answer_metrics(const struct metrics_server *s, struct client *c) {
    struct buf text;
    buf_init(&text, METRICS_TEXT_MAX);
    metrics_render(&text, s->options.program);
    if (text.overflow) {
        answer_text(c, "500 Internal Server Error", "too many metrics\n");
    } else {
        answer(c, "200 OK", "text/plain; version=0.0.4; charset=utf-8", buf_slice(&text));
    }
    buf_done(&text);
}

static void answer_ready(const struct metrics_server *s, struct client *c) {
    char why[WHY_MAX] = "";
    char text[WHY_MAX + 16];
    bool ready = s->options.ready == NULL || s->options.ready(s->options.ctx, why, sizeof why);
    (void)snprintf(text, sizeof text, "%s%s%s\n", ready ? "ready" : "",
                   ready && why[0] != '\0' ? ": " : "",
                   !ready && why[0] == '\0' ? "not ready" : why);
    answer_text(c, ready ? "200 OK" : "503 Service Unavailable", text);
}

static bool asks_for(const char *request, const char *path) {
    size_t len = strlen(path);
    return strncmp(request, path, len) == 0 && (request[len] == ' ' || request[len] == '?');
}

static void handle(const struct metrics_server *s, struct client *c) {
    static const char GET[] = "GET ";
    if (strncmp(c->request, GET, sizeof GET - 1) != 0) {
        answer_text(c, "405 Method Not Allowed", "GET only\n");
        return;
    }
    const char *target = c->request + sizeof GET - 1;
    if (asks_for(target, "/metrics")) {
        answer_metrics(s, c);
    } else if (asks_for(target, "/healthz")) {
        answer_text(c, "200 OK", "ok\n");
    } else if (asks_for(target, "/readyz")) {
        answer_ready(s, c);
    } else {
        answer_text(c, "404 Not Found", "here are /metrics, /healthz and /readyz\n");
    }
}

// --- connections ---------------------------------------------------------------------------------

static void drop(struct client *c) {
    (void)close(c->fd);
    c->fd = -1;
    buf_done(&c->answer);
}

// A free place, or that of the one that came first: whoever holds all of them, a new one gets in.
static struct client *make_place(struct metrics_server *s) {
    struct client *oldest = &s->clients[0];
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &s->clients[i];
        if (c->fd < 0) {
            return c;
        }
        if (c->deadline_us < oldest->deadline_us) {
            oldest = c;
        }
    }
    drop(oldest);
    return oldest;
}

static void accept_one(struct metrics_server *s) {
    int64_t now_us = clock_monotonic_us();
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
            s->accepts_from_us = now_us + ACCEPT_PAUSE_US; // else poll would return at once
        }
        return;
    }
    struct client *c = make_place(s);
    c->fd = fd;
    c->deadline_us = now_us + CLIENT_LIFE_US;
    c->read = 0;
    c->written = 0;
    buf_init(&c->answer, METRICS_TEXT_MAX + REQUEST_MAX);
}

static void receive(const struct metrics_server *s, struct client *c) {
    ssize_t n = recv(c->fd, c->request + c->read, REQUEST_MAX - 1 - c->read, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        drop(c);
        return;
    }
    c->read += (size_t)n;
    c->request[c->read] = '\0';
    if (strstr(c->request, "\r\n\r\n") != NULL) {
        handle(s, c);
    } else if (c->read == REQUEST_MAX - 1) {
        answer_text(c, "431 Request Header Fields Too Large", "request too large\n");
    }
}

static void transmit(struct client *c) {
    ssize_t n = send(c->fd, c->answer.ptr + c->written, c->answer.len - c->written, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    c->written += n < 0 ? 0 : (size_t)n;
    if (n < 0 || c->written == c->answer.len) {
        (void)shutdown(c->fd, SHUT_WR);
        drop(c);
    }
}

static int poll_timeout_ms(const struct metrics_server *s, int64_t now_us) {
    int64_t first_us = s->accepts_from_us > now_us ? s->accepts_from_us : INT64_MAX;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (s->clients[i].fd >= 0 && s->clients[i].deadline_us < first_us) {
            first_us = s->clients[i].deadline_us;
        }
    }
    if (first_us == INT64_MAX) {
        return -1;
    }
    int64_t left_us = first_us - now_us;
    return left_us <= 0 ? 0 : (int)(left_us / 1000 + 1);
}

static void serve_clients(struct metrics_server *s, const struct pollfd *fds) {
    int64_t now_us = clock_monotonic_us();
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &s->clients[i];
        if (c->fd < 0) {
            continue;
        }
        if (now_us > c->deadline_us) {
            drop(c);
        } else if (fds[i].revents != 0 && c->answer.len == 0) {
            receive(s, c);
        } else if (fds[i].revents != 0) {
            transmit(c);
        }
    }
}

static void *serve(void *arg) {
    struct metrics_server *s = arg;
    for (;;) {
        struct pollfd fds[CLIENTS_MAX + 2];
        for (size_t i = 0; i < CLIENTS_MAX; i++) {
            const struct client *c = &s->clients[i];
            fds[i] = (struct pollfd){.fd = c->fd, .events = c->answer.len > 0 ? POLLOUT : POLLIN};
        }
        struct pollfd *listener = &fds[CLIENTS_MAX];
        struct pollfd *stop = &fds[CLIENTS_MAX + 1];
        int64_t now_us = clock_monotonic_us();
        bool accepts = s->accepts_from_us <= now_us;
        *listener = (struct pollfd){.fd = accepts ? s->listener : -1, .events = POLLIN};
        *stop = (struct pollfd){.fd = s->stop, .events = POLLIN};
        int n = poll(fds, CLIENTS_MAX + 2, poll_timeout_ms(s, now_us));
        check(n >= 0 || errno == EINTR);
        if (n > 0 && stop->revents != 0) {
            return NULL;
        }
        if (n >= 0) {
            serve_clients(s, fds);
        }
        if (n > 0 && listener->revents != 0) {
            accept_one(s);
        }
    }
}

// --- start and stop ------------------------------------------------------------------------------

static bool is_off(const char *listen) {
    return strcmp(listen, "off") == 0;
}

bool metrics_server_listen_fits(const char *text) {
    return is_off(text) || listen_fits(text);
}

enum err_code metrics_server_start(const struct metrics_server_options *o,
                                   struct metrics_server **ret, struct err *e) {
    if (is_off(o->listen)) {
        *ret = NULL;
        return ERR_OK;
    }
    int listener = -1;
    enum err_code code = listen_open("metrics_listen", o->listen, false, &listener, e);
    if (code != ERR_OK) {
        return code;
    }
    struct metrics_server *s = calloc(1, sizeof *s);
    check(s != NULL);
    s->options = *o;
    s->listener = listener;
    s->port = listen_port(listener);
    s->stop = eventfd(0, EFD_CLOEXEC);
    check(s->stop >= 0);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        s->clients[i].fd = -1;
    }
    sigset_t all; // signals belong to the program's own threads
    sigset_t before;
    check(sigfillset(&all) == 0 && pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    check(pthread_create(&s->thread, NULL, serve, s) == 0);
    check(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    *ret = s;
    return ERR_OK;
}

unsigned metrics_server_port(const struct metrics_server *s) {
    return s->port;
}

void metrics_server_stop(struct metrics_server *s) {
    if (s == NULL) {
        return;
    }
    uint64_t one = 1;
    check(write(s->stop, &one, sizeof one) == sizeof one);
    check(pthread_join(s->thread, NULL) == 0);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (s->clients[i].fd >= 0) {
            drop(&s->clients[i]);
        }
    }
    (void)close(s->listener);
    (void)close(s->stop);
    free(s);
}
