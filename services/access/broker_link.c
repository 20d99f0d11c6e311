#include "access/broker_link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "access/acl_codec.h"
#include "base/check.h"
#include "platform/program/clock.h"
#include "platform/program/program.h"

enum { HOST_MAX = 256, PORT_MAX = 16, REQUEST_MAX = 64 * 1024, LENGTH_BYTES = 4, SLICE_MS = 200 };

struct broker_link {
    int fd;
    SSL_CTX *context; // NULL: without TLS
    SSL *ssl;
    int32_t correlation;
    int64_t deadline_us;
    struct buf answer;
};

// --- bytes ---------------------------------------------------------------------------------------
static enum err_code wait_for(struct broker_link *l, short events, struct err *e) {
    for (;;) {
        struct pollfd fd = {.fd = l->fd, .events = events};
        int ready = poll(&fd, 1, SLICE_MS);
        if (ready > 0) {
            return ERR_OK;
        }
        if (ready < 0 && errno != EINTR) {
            return err_set(e, ERR_UNAVAILABLE, "waiting for the broker: %s", strerror(errno));
        }
        if (clock_monotonic_us() > l->deadline_us || program_should_stop()) {
            return err_set(e, ERR_UNAVAILABLE, "no answer from the broker");
        }
    }
}

// Whether the call is to be made again after waiting.
static enum err_code after_ssl(struct broker_link *l, int result, struct err *e) {
    switch (SSL_get_error(l->ssl, result)) {
    case SSL_ERROR_WANT_READ: return wait_for(l, POLLIN, e);
    case SSL_ERROR_WANT_WRITE: return wait_for(l, POLLOUT, e);
    default: break;
    }
    char text[256] = "the connection was closed";
    long verified = SSL_get_verify_result(l->ssl);
    unsigned long code = ERR_get_error();
    if (verified != X509_V_OK) {
        return err_set(e, ERR_UNAVAILABLE, "TLS with the broker: %s",
                       X509_verify_cert_error_string(verified));
    }
    if (code != 0) {
        ERR_error_string_n(code, text, sizeof text);
    }
    return err_set(e, ERR_UNAVAILABLE, "TLS with the broker: %s", text);
}

static enum err_code send_all(struct broker_link *l, struct slice bytes, struct err *e) {
    size_t sent = 0;
    while (sent < bytes.len) {
        enum err_code code = ERR_OK;
        if (l->ssl != NULL) {
            ERR_clear_error();
            int n = SSL_write(l->ssl, bytes.ptr + sent, (int)(bytes.len - sent));
            sent += n > 0 ? (size_t)n : 0;
            code = n > 0 ? ERR_OK : after_ssl(l, n, e);
        } else {
            ssize_t n = send(l->fd, bytes.ptr + sent, bytes.len - sent, MSG_NOSIGNAL);
            sent += n > 0 ? (size_t)n : 0;
            if (n < 0 && errno != EAGAIN && errno != EINTR) {
                return err_set(e, ERR_UNAVAILABLE, "sending to the broker: %s", strerror(errno));
            }
            code = n > 0 ? ERR_OK : wait_for(l, POLLOUT, e);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

static enum err_code receive(struct broker_link *l, char *to, size_t count, struct err *e) {
    size_t got = 0;
    while (got < count) {
        enum err_code code = ERR_OK;
        if (l->ssl != NULL) {
            ERR_clear_error();
            size_t left = count - got;
            int n = SSL_read(l->ssl, to + got, left > INT32_MAX ? INT32_MAX : (int)left);
            got += n > 0 ? (size_t)n : 0;
            code = n > 0 ? ERR_OK : after_ssl(l, n, e);
        } else {
            ssize_t n = recv(l->fd, to + got, count - got, 0);
            got += n > 0 ? (size_t)n : 0;
            if (n == 0) {
                return err_set(e, ERR_UNAVAILABLE, "the broker closed the connection");
            }
            if (n < 0 && errno != EAGAIN && errno != EINTR) {
                return err_set(e, ERR_UNAVAILABLE, "reading from the broker: %s", strerror(errno));
            }
            code = n > 0 ? ERR_OK : wait_for(l, POLLIN, e);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

int32_t broker_link_correlation(struct broker_link *l) {
    return ++l->correlation;
}

enum err_code broker_link_ask(struct broker_link *l, struct slice request, struct slice *ret_answer,
                              struct err *e) {
    unsigned char length[LENGTH_BYTES];
    l->deadline_us = clock_monotonic_us() + BROKER_LINK_TIMEOUT_MS * 1000LL;
    enum err_code code = send_all(l, request, e);
    if (code == ERR_OK) {
        code = receive(l, (char *)length, sizeof length, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    size_t count = (size_t)length[0] << 24 | (size_t)length[1] << 16 | (size_t)length[2] << 8 |
                   (size_t)length[3];
    if (count > BROKER_LINK_ANSWER_MAX) {
        return err_set(e, ERR_LIMIT, "the broker's answer has %zu bytes", count);
    }
    buf_clear(&l->answer);
    char *to = buf_reserve(&l->answer, count);
    check(to != NULL || count == 0);
    code = receive(l, to, count, e);
    *ret_answer = slice_of(to == NULL ? "" : to, count);
    return code;
}

// --- connecting ----------------------------------------------------------------------------------
static enum err_code connect_to(struct broker_link *l, const char *host, const char *port,
                                struct err *e) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    int failed = getaddrinfo(host, port, &hints, &found);
    if (failed != 0) {
        return err_set(e, ERR_UNAVAILABLE, "%s: %s", host, gai_strerror(failed));
    }
    enum err_code code = err_set(e, ERR_UNAVAILABLE, "%s has no address", host);
    for (struct addrinfo *at = found; at != NULL && code != ERR_OK; at = at->ai_next) {
        l->fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (l->fd < 0) {
            continue;
        }
        int error = connect(l->fd, at->ai_addr, at->ai_addrlen) == 0 ? 0 : errno;
        code = error == EINPROGRESS ? wait_for(l, POLLOUT, e) : ERR_OK;
        socklen_t size = sizeof error;
        if (code == ERR_OK && error == EINPROGRESS) {
            (void)getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        }
        if (code == ERR_OK && error != 0) {
            code = err_set(e, ERR_UNAVAILABLE, "%s:%s: %s", host, port, strerror(error));
        }
        if (code != ERR_OK) {
            (void)close(l->fd);
            l->fd = -1;
        }
    }
    freeaddrinfo(found);
    return code;
}

static enum err_code begin_tls(struct broker_link *l, const struct kafka_settings *s,
                               const char *host, struct err *e) {
    l->context = SSL_CTX_new(TLS_client_method());
    check(l->context != NULL);
    SSL_CTX_set_verify(l->context, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_min_proto_version(l->context, TLS1_2_VERSION);
    int known = s->ca != NULL ? SSL_CTX_load_verify_locations(l->context, s->ca, NULL)
                              : SSL_CTX_set_default_verify_paths(l->context);
    if (known != 1) {
        return err_set(e, ERR_CONFIG, "kafka_ca can't be read");
    }
    l->ssl = SSL_new(l->context);
    check(l->ssl != NULL);
    unsigned char address[sizeof(struct in6_addr)];
    bool is_address =
        inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
    int named = is_address ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(l->ssl), host)
                           : SSL_set1_host(l->ssl, host);
    check(named == 1);
    if (!is_address) {
        (void)SSL_set_tlsext_host_name(l->ssl, host);
    }
    check(SSL_set_fd(l->ssl, l->fd) == 1);
    for (;;) {
        ERR_clear_error();
        int n = SSL_connect(l->ssl);
        enum err_code code = n == 1 ? ERR_OK : after_ssl(l, n, e);
        if (n == 1 || code != ERR_OK) {
            return code;
        }
    }
}

static enum err_code sign_in(struct broker_link *l, const struct kafka_settings *s, struct err *e) {
    static const char PLAIN[] = "PLAIN";
    if (strcmp(s->sasl_mechanism, PLAIN) != 0) {
        return err_set(e, ERR_INTERNAL, "%s is not spoken for transactional ids, only PLAIN",
                       s->sasl_mechanism);
    }
    struct buf request;
    struct slice answer;
    buf_init(&request, REQUEST_MAX);
    int32_t number = broker_link_correlation(l);
    acl_codec_begin(&request, ACL_CODEC_SASL_HANDSHAKE, number);
    acl_codec_add_mechanism(&request, PLAIN);
    acl_codec_end(&request);
    enum err_code code = broker_link_ask(l, buf_slice(&request), &answer, e);
    if (code == ERR_OK) {
        code = acl_codec_read_sasl(answer, ACL_CODEC_SASL_HANDSHAKE, number, e);
    }
    if (code == ERR_OK) {
        buf_clear(&request);
        number = broker_link_correlation(l);
        acl_codec_begin(&request, ACL_CODEC_SASL_AUTHENTICATE, number);
        acl_codec_add_plain(&request, s->sasl_user, s->sasl_password.value);
        acl_codec_end(&request);
        code = broker_link_ask(l, buf_slice(&request), &answer, e);
        explicit_bzero(request.ptr, request.len);
    }
    if (code == ERR_OK) {
        code = acl_codec_read_sasl(answer, ACL_CODEC_SASL_AUTHENTICATE, number, e);
    }
    buf_done(&request);
    return code;
}

// "host:port" or "[v6]:port" of a list; moves *list behind it. False at its end.
static bool next_server(const char **list, char host[HOST_MAX], char port[PORT_MAX]) {
    while (**list == ',' || **list == ' ') {
        (*list)++;
    }
    const char *begin = *list;
    size_t len = strcspn(begin, ", ");
    *list = begin + len;
    const char *colon = NULL;
    for (size_t i = 0; i < len; i++) {
        colon = begin[i] == ':' ? begin + i : colon;
    }
    if (colon == NULL) {
        return false;
    }
    size_t host_len = (size_t)(colon - begin), port_len = len - host_len - 1;
    if (host_len >= 2 && begin[0] == '[' && colon[-1] == ']') {
        begin++;
        host_len -= 2;
    }
    if (host_len == 0 || host_len >= HOST_MAX || port_len == 0 || port_len >= PORT_MAX) {
        return false;
    }
    memcpy(host, begin, host_len);
    host[host_len] = '\0';
    memcpy(port, colon + 1, port_len);
    port[port_len] = '\0';
    return true;
}

static void close_link(struct broker_link *l) {
    if (l->ssl != NULL) {
        SSL_free(l->ssl);
    }
    SSL_CTX_free(l->context);
    if (l->fd >= 0) {
        (void)close(l->fd);
    }
    l->ssl = NULL;
    l->context = NULL;
    l->fd = -1;
}

void broker_link_close(struct broker_link *l) {
    if (l != NULL) {
        close_link(l);
        buf_done(&l->answer);
        free(l);
    }
}

enum err_code broker_link_open(const struct kafka_settings *s, struct broker_link **ret,
                               struct err *e) {
    char host[HOST_MAX], port[PORT_MAX];
    bool sasl = strncmp(s->security_protocol, "SASL_", strlen("SASL_")) == 0;
    bool tls = strstr(s->security_protocol, "SSL") != NULL;
    struct broker_link *l = calloc(1, sizeof *l);
    check(l != NULL);
    l->fd = -1;
    buf_init(&l->answer, BROKER_LINK_ANSWER_MAX);
    enum err_code code = err_set(e, ERR_CONFIG, "kafka_bootstrap names no server");
    for (const char *list = s->bootstrap; code != ERR_OK && next_server(&list, host, port);) {
        l->deadline_us = clock_monotonic_us() + BROKER_LINK_TIMEOUT_MS * 1000LL;
        code = connect_to(l, host, port, e);
        code = code == ERR_OK && tls ? begin_tls(l, s, host, e) : code;
        code = code == ERR_OK && sasl ? sign_in(l, s, e) : code;
        if (code != ERR_OK) {
            close_link(l);
        }
    }
    if (code != ERR_OK) {
        broker_link_close(l);
        return code;
    }
    *ret = l;
    return ERR_OK;
}
