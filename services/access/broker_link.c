#include "access/broker_link.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "access/acl_wire.h"
#include "base/check.h"
#include "platform/program/clock.h"
#include "platform/program/program.h"

struct broker_link {
    int fd;           // -1: none
    SSL *tls;         // NULL: none
    SSL_CTX *context; // NULL: none
    struct buf request, answer;
    int32_t number;
    int64_t deadline_us; // monotonic; of what goes on now
    size_t answer_max;
    bool broken;
};

// --- settings ------------------------------------------------------------------------------------
static bool has_tls(const struct kafka_settings *s) {
    return strcmp(s->security_protocol, "SSL") == 0 ||
           strcmp(s->security_protocol, "SASL_SSL") == 0;
}

static bool has_sasl(const struct kafka_settings *s) {
    return strncmp(s->security_protocol, "SASL_", strlen("SASL_")) == 0;
}

const char *broker_link_unsupported(const struct kafka_settings *s) {
    return has_sasl(s) && strcmp(s->sasl_mechanism, "PLAIN") != 0
               ? "kafka_sasl_mechanism is not PLAIN, the only one that requests about "
                 "transactional "
                 "ids can sign in with"
               : NULL;
}

static bool copy(char *to, size_t room, const char *from, size_t len) {
    if (len == 0 || len >= room) {
        to[0] = '\0';
        return false;
    }
    memcpy(to, from, len);
    to[len] = '\0';
    return true;
}

static void read_server(struct slice s, char host[BROKER_LINK_HOST_MAX],
                        char port[BROKER_LINK_PORT_MAX]) {
    static const char default_port[] = "9092";
    const char *scheme = memmem(s.ptr, s.len, "://", 3);
    if (scheme != NULL) {
        s = slice_of(scheme + 3, s.len - (size_t)(scheme + 3 - s.ptr));
    }
    const char *colon = memrchr(s.ptr, ':', s.len);
    const char *bracket = memrchr(s.ptr, ']', s.len);
    bool has_port = colon != NULL && (bracket == NULL || colon > bracket);
    size_t host_len = has_port ? (size_t)(colon - s.ptr) : s.len;
    bool good = has_port ? copy(port, BROKER_LINK_PORT_MAX, colon + 1, s.len - host_len - 1)
                         : copy(port, BROKER_LINK_PORT_MAX, default_port, strlen(default_port));
    if (host_len > 2 && s.ptr[0] == '[' && s.ptr[host_len - 1] == ']') {
        s.ptr++;
        host_len -= 2;
    }
    if (!copy(host, BROKER_LINK_HOST_MAX, s.ptr, host_len) || !good) {
        host[0] = '\0';
    }
}

bool broker_link_next_server(struct slice *list, char ret_host[BROKER_LINK_HOST_MAX],
                             char ret_port[BROKER_LINK_PORT_MAX]) {
    while (list->len > 0 && strchr(", \t", list->ptr[0]) != NULL) {
        *list = slice_of(list->ptr + 1, list->len - 1);
    }
    if (list->len == 0) {
        return false;
    }
    size_t len = 0;
    while (len < list->len && strchr(", \t", list->ptr[len]) == NULL) {
        len++;
    }
    read_server(slice_of(list->ptr, len), ret_host, ret_port);
    *list = slice_of(list->ptr + len, list->len - len);
    return true;
}

// --- waiting -------------------------------------------------------------------------------------
static enum err_code failed(const char *what, struct err *e) {
    return err_set(e, ERR_UNAVAILABLE, "%s", what);
}

// Until the socket is ready for `events`; not while the program stops.
static enum err_code wait_for(const struct broker_link *l, short events, struct err *e) {
    for (;;) {
        int64_t left_us = l->deadline_us - clock_monotonic_us();
        if (left_us <= 0) {
            return failed("no answer in time", e);
        }
        struct pollfd fds[] = {{.fd = l->fd, .events = events},
                               {.fd = program_stop_fd(), .events = POLLIN}};
        int ready = poll(fds, 2, (int)(left_us / 1000) + 1);
        if (ready < 0 && errno != EINTR) {
            return err_set(e, ERR_UNAVAILABLE, "poll: %m");
        }
        if (ready > 0 && fds[1].revents != 0) {
            return failed("the program stops", e);
        }
        if (ready > 0 && fds[0].revents != 0) {
            return ERR_OK;
        }
    }
}

// What OpenSSL or the socket says after a call that gave `result`; ERR_OK: try it again.
static enum err_code go_on(struct broker_link *l, int result, short events, struct err *e) {
    if (l->tls == NULL) {
        if (result == 0) {
            return failed("the broker closed the connection", e);
        }
        return errno == EAGAIN || errno == EINTR ? wait_for(l, events, e)
                                                 : err_set(e, ERR_UNAVAILABLE, "%m");
    }
    switch (SSL_get_error(l->tls, result)) {
    case SSL_ERROR_WANT_READ: return wait_for(l, POLLIN, e);
    case SSL_ERROR_WANT_WRITE: return wait_for(l, POLLOUT, e);
    case SSL_ERROR_ZERO_RETURN: return failed("the broker closed the connection", e);
    default: break;
    }
    long verified = SSL_get_verify_result(l->tls);
    if (verified != X509_V_OK) {
        return err_set(e, ERR_UNAVAILABLE, "the broker's certificate: %s",
                       X509_verify_cert_error_string(verified));
    }
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    return err_set(e, ERR_UNAVAILABLE, "TLS: %s", reason == NULL ? "connection lost" : reason);
}

static enum err_code send_all(struct broker_link *l, struct slice data, struct err *e) {
    while (data.len > 0) {
        ERR_clear_error();
        int n = l->tls != NULL ? SSL_write(l->tls, data.ptr, (int)data.len)
                               : (int)send(l->fd, data.ptr, data.len, MSG_NOSIGNAL);
        if (n > 0) {
            data = slice_of(data.ptr + n, data.len - (size_t)n);
            continue;
        }
        enum err_code code = go_on(l, n, POLLOUT, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static enum err_code receive_all(struct broker_link *l, char *to, size_t len, struct err *e) {
    while (len > 0) {
        ERR_clear_error();
        int n = l->tls != NULL ? SSL_read(l->tls, to, (int)len) : (int)recv(l->fd, to, len, 0);
        if (n > 0) {
            to += n;
            len -= (size_t)n;
            continue;
        }
        enum err_code code = go_on(l, n, POLLIN, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

// --- requests ------------------------------------------------------------------------------------
static void start_clock(struct broker_link *l, int timeout_ms) {
    l->deadline_us = clock_monotonic_us() + timeout_ms * 1000LL;
}

struct buf *broker_link_request(struct broker_link *l, int32_t *ret_number) {
    buf_clear(&l->request);
    *ret_number = ++l->number;
    return &l->request;
}

static enum err_code exchange(struct broker_link *l, struct slice *ret, struct err *e) {
    if (l->broken) {
        return failed("the connection failed before", e);
    }
    if (l->request.overflow) {
        return err_set(e, ERR_LIMIT, "a request of more than %d bytes", BROKER_LINK_REQUEST_MAX);
    }
    enum err_code code = send_all(l, buf_slice(&l->request), e);
    char length[ACL_WIRE_LENGTH_BYTES];
    size_t len = 0;
    if (code == ERR_OK) {
        code = receive_all(l, length, sizeof length, e);
    }
    if (code == ERR_OK) {
        code = acl_wire_length(length, l->answer_max, &len, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    buf_clear(&l->answer);
    char *room = buf_reserve(&l->answer, len);
    check(room != NULL);
    code = receive_all(l, room, len, e);
    if (code == ERR_OK) {
        l->answer.len = len;
        *ret = buf_slice(&l->answer);
    }
    return code;
}

enum err_code broker_link_ask(struct broker_link *l, struct slice *ret, struct err *e) {
    start_clock(l, BROKER_LINK_TIMEOUT_MS);
    enum err_code code = exchange(l, ret, e);
    l->broken = l->broken || code != ERR_OK;
    return code;
}

// --- connecting ----------------------------------------------------------------------------------
static void hang_up(struct broker_link *l) {
    SSL_free(l->tls);
    l->tls = NULL;
    if (l->fd >= 0) {
        (void)close(l->fd);
    }
    l->fd = -1;
}

void broker_link_close(struct broker_link *l) {
    if (l != NULL) {
        hang_up(l);
        SSL_CTX_free(l->context);
        if (l->request.ptr != NULL) { // it held the password
            OPENSSL_cleanse(l->request.ptr, l->request.cap);
        }
        buf_done(&l->request);
        buf_done(&l->answer);
        free(l);
    }
}

static enum err_code connect_address(struct broker_link *l, const struct addrinfo *address,
                                     struct err *e) {
    l->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0) {
        return err_set(e, ERR_UNAVAILABLE, "socket: %m");
    }
    if (connect(l->fd, address->ai_addr, address->ai_addrlen) == 0) {
        return ERR_OK;
    }
    if (errno != EINPROGRESS) {
        return err_set(e, ERR_UNAVAILABLE, "connecting: %m");
    }
    enum err_code code = wait_for(l, POLLOUT, e);
    int error = 0;
    socklen_t size = sizeof error;
    if (code == ERR_OK && getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) {
        error = errno;
    }
    if (code == ERR_OK && error != 0) {
        errno = error;
        return err_set(e, ERR_UNAVAILABLE, "connecting: %m");
    }
    return code;
}

static enum err_code connect_host(struct broker_link *l, const char *host, const char *port,
                                  struct err *e) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(host, port, &hints, &found);
    if (failure != 0) {
        return err_set(e, ERR_UNAVAILABLE, "%s", gai_strerror(failure));
    }
    enum err_code code = failed("no address", e);
    for (const struct addrinfo *at = found; at != NULL && code != ERR_OK; at = at->ai_next) {
        hang_up(l);
        code = connect_address(l, at, e);
    }
    freeaddrinfo(found);
    return code;
}

static enum err_code make_context(struct broker_link *l, const char *ca, struct err *e) {
    l->context = SSL_CTX_new(TLS_client_method());
    check(l->context != NULL);
    check(SSL_CTX_set_min_proto_version(l->context, TLS1_2_VERSION) == 1);
    SSL_CTX_set_verify(l->context, SSL_VERIFY_PEER, NULL);
    struct stat about;
    bool folder = ca != NULL && stat(ca, &about) == 0 && S_ISDIR(about.st_mode);
    int good = ca == NULL ? SSL_CTX_set_default_verify_paths(l->context)
                          : SSL_CTX_load_verify_locations(l->context, folder ? NULL : ca,
                                                          folder ? ca : NULL);
    return good == 1 ? ERR_OK
                     : err_field(e, ERR_UNAVAILABLE, "kafka_ca", "no certificates can be read");
}

static enum err_code start_tls(struct broker_link *l, const char *host, struct err *e) {
    l->tls = SSL_new(l->context);
    check(l->tls != NULL && SSL_set_fd(l->tls, l->fd) == 1);
    SSL_set_mode(l->tls, SSL_MODE_ENABLE_PARTIAL_WRITE);
    bool is_address = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(l->tls), host) == 1;
    if (!is_address &&
        (SSL_set1_host(l->tls, host) != 1 || SSL_set_tlsext_host_name(l->tls, host) != 1)) {
        return err_set(e, ERR_UNAVAILABLE, "not a name that a certificate can carry");
    }
    for (;;) {
        ERR_clear_error();
        int result = SSL_connect(l->tls);
        if (result == 1) {
            return ERR_OK;
        }
        enum err_code code = go_on(l, result, POLLOUT, e);
        if (code != ERR_OK) {
            return code;
        }
    }
}

static enum err_code accepted(const struct acl_wire_verdict *v, const char *what, struct err *e) {
    if (v->error == 0) {
        return ERR_OK;
    }
    return err_set(e, ERR_DENIED, "%s: %s (%s)", what,
                   v->words != NULL ? v->words : "the broker refuses",
                   rd_kafka_err2name((rd_kafka_resp_err_t)v->error));
}

static enum err_code authenticate(struct broker_link *l, const struct kafka_settings *s,
                                  struct arena *a, struct err *e) {
    struct buf proof;
    buf_init(&proof, BROKER_LINK_SIGN_IN_ANSWER_MAX);
    buf_add_char(&proof, '\0');
    buf_add_str(&proof, s->sasl_user);
    buf_add_char(&proof, '\0');
    buf_add_str(&proof, s->sasl_password.value);
    int32_t number = 0;
    struct slice answer = {0};
    struct buf *request = broker_link_request(l, &number);
    acl_wire_put_authenticate(request, number, buf_slice(&proof));
    request->overflow = request->overflow || proof.overflow;
    OPENSSL_cleanse(proof.ptr, proof.cap);
    buf_done(&proof);
    enum err_code code = exchange(l, &answer, e);
    OPENSSL_cleanse(l->request.ptr, l->request.cap);
    struct acl_wire_verdict verdict = {0};
    if (code == ERR_OK) {
        code = acl_wire_read_authenticate(a, answer, number, &verdict, e);
    }
    return code == ERR_OK ? accepted(&verdict, "SASL sign-in", e) : code;
}

static enum err_code sign_in(struct broker_link *l, const struct kafka_settings *s, struct err *e) {
    int32_t number = 0;
    struct slice answer = {0};
    struct acl_wire_verdict verdict = {0};
    struct buf *request = broker_link_request(l, &number);
    acl_wire_put_handshake(request, number, s->sasl_mechanism);
    enum err_code code = exchange(l, &answer, e);
    if (code == ERR_OK) {
        code = acl_wire_read_handshake(answer, number, &verdict, e);
    }
    if (code == ERR_OK) {
        code = accepted(&verdict, "SASL handshake", e);
    }
    if (code == ERR_OK) {
        struct arena a;
        arena_init(&a);
        code = authenticate(l, s, &a, e);
        arena_done(&a);
    }
    return code;
}

static enum err_code open_server(struct broker_link *l, const struct kafka_settings *s,
                                 const char *host, const char *port, struct err *e) {
    enum err_code code =
        host[0] == '\0' ? failed("not a server's address", e) : connect_host(l, host, port, e);
    if (code == ERR_OK && has_tls(s)) {
        code = start_tls(l, host, e);
    }
    if (code == ERR_OK && has_sasl(s)) {
        code = sign_in(l, s, e);
    }
    if (code != ERR_OK) {
        hang_up(l);
        (void)err_context(e, "%s:%s", host, port);
    }
    return code;
}

enum err_code broker_link_open(const struct kafka_settings *s, struct broker_link **ret,
                               struct err *e) {
    struct broker_link *l = calloc(1, sizeof *l);
    check(l != NULL);
    l->fd = -1;
    buf_init(&l->request, BROKER_LINK_REQUEST_MAX);
    buf_init(&l->answer, BROKER_LINK_ANSWER_MAX);
    l->answer_max = BROKER_LINK_SIGN_IN_ANSWER_MAX;
    enum err_code code = has_tls(s) ? make_context(l, s->ca, e) : ERR_OK;
    if (code == ERR_OK) {
        code = failed("no bootstrap server", e);
        struct slice list = slice_str(s->bootstrap);
        char host[BROKER_LINK_HOST_MAX];
        char port[BROKER_LINK_PORT_MAX];
        while (code != ERR_OK && !program_should_stop() &&
               broker_link_next_server(&list, host, port)) {
            start_clock(l, BROKER_LINK_CONNECT_MS);
            code = open_server(l, s, host, port, e);
        }
    }
    if (code != ERR_OK) {
        broker_link_close(l);
        return code;
    }
    l->answer_max = BROKER_LINK_ANSWER_MAX;
    *ret = l;
    return ERR_OK;
}
