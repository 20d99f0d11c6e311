// Where a program listens: "127.0.0.1:18080", "[::1]:18080", "localhost:9100", ":18080" (every
// address of the machine). Read and bound here only. Port 0 takes a free one.
#ifndef WEIR_PLATFORM_HTTP_LISTEN_H
#define WEIR_PLATFORM_HTTP_LISTEN_H

#include <stdbool.h>

#include "base/err.h"

enum {
    LISTEN_HOST_MAX = 255,     // bytes of a name or a numeric address
    LISTEN_BACKLOG_MAX = 1024, // connections that wait in the kernel
};

// What the text of a setting must be, for its row (config_row.form and .fits).
#define LISTEN_FORM "an address and a port"

// Whether the text has the form: a host, which is not resolved, and a port of 0..65535.
bool listen_fits(const char *text);

// A listening TCP socket, non-blocking, closed on exec; *ret_fd is the caller's. `shared`: several
// sockets of one process take turns at the address (SO_REUSEPORT); without it an address in use is
// refused. ERR_CONFIG names the setting.
ERR_MUST_CHECK enum err_code listen_open(const char *setting, const char *text, bool shared,
                                         int *ret_fd, struct err *e);
// The port that a socket of listen_open got.
unsigned listen_port(int fd);

#endif
