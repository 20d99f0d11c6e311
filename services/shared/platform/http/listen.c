// Addresses to listen on: their form, their resolution, their sockets.
#include "platform/http/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/number.h"

// Splits "host:port" and "[::1]:port"; false if it is neither. (glibc takes 99999999 for a port.)
static bool split(const char *text, char host[LISTEN_HOST_MAX + 1], const char **ret_port) {
    const char *colon = strrchr(text, ':');
    uint64_t port = 0;
    if (colon == NULL || !number_parse_u64(slice_str(colon + 1), &port) || port > UINT16_MAX) {
        return false;
    }
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']') {
        text++;
        len -= 2;
    }
    if (len > LISTEN_HOST_MAX) {
        return false;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    *ret_port = colon + 1;
    return true;
}

bool listen_fits(const char *text) {
    char host[LISTEN_HOST_MAX + 1];
    const char *port = NULL;
    return split(text, host, &port);
}

static enum err_code refuse(const char *setting, const char *text, const char *why, struct err *e) {
    err_field(e, ERR_CONFIG, setting, "can't listen on %.100s: %s", text, why);
    return e == NULL ? ERR_CONFIG : err_hint(e, "example: %s = 127.0.0.1:18080", setting);
}

static int bind_one(const struct addrinfo *a, bool shared) {
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int on = 1;
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        (!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
        bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, LISTEN_BACKLOG_MAX) == 0) {
        return fd;
    }
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
    }
    errno = error;
    return -1;
}

enum err_code listen_open(const char *setting, const char *text, bool shared, int *ret_fd,
                          struct err *e) {
    char host[LISTEN_HOST_MAX + 1];
    const char *port = NULL;
    if (!split(text, host, &port)) {
        return refuse(setting, text, "not " LISTEN_FORM, e);
    }
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses = NULL;
    int status = getaddrinfo(host[0] == '\0' ? NULL : host, port, &hints, &addresses);
    if (status != 0) {
        return refuse(setting, text, gai_strerror(status), e);
    }
    int fd = bind_one(addresses, shared);
    int error = errno;
    freeaddrinfo(addresses);
    if (fd < 0) {
        return refuse(setting, text, strerror(error), e);
    }
    *ret_fd = fd;
    return ERR_OK;
}

unsigned listen_port(int fd) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.any = {0}};
    socklen_t len = sizeof address;
    check(getsockname(fd, &address.any, &len) == 0);
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}
