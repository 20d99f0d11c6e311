// /metrics, /healthz and /readyz of a program without an HTTP API: one thread, a few connections,
// GET only. weir-api serves the same by its own server.
#ifndef WEIR_PLATFORM_HTTP_METRICS_SERVER_H
#define WEIR_PLATFORM_HTTP_METRICS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "platform/http/listen.h"

struct metrics_server;

// The row of its address, for the table of a program's settings.
#define METRICS_SERVER_LISTEN_ROW(fallback_address)                                                \
    {                                                                                              \
        .name = "metrics_listen", .type = CONFIG_TEXT, .fits = metrics_server_listen_fits,         \
        .form = LISTEN_FORM ", or off", .fallback = (fallback_address),                            \
        .example = "127.0.0.1:9100",                                                               \
        .help = "address and port of /metrics, /healthz and /readyz; \"off\" for none"             \
    }
bool metrics_server_listen_fits(const char *text);

struct metrics_server_options {
    const char *listen;  // see listen.h; "off" starts nothing
    const char *program; // for weir_build_info
    // Whether the program can do its job now; called in the server's thread. On false `why` gets
    // one line; on true it may get one, as of a program that stands by. NULL: always ready.
    bool (*ready)(void *ctx, char *why, size_t why_size);
    void *ctx;
};

// *ret is NULL with "off". ERR_CONFIG for an address that can't be read or is in use.
ERR_MUST_CHECK enum err_code metrics_server_start(const struct metrics_server_options *o,
                                                  struct metrics_server **ret, struct err *e);
unsigned metrics_server_port(const struct metrics_server *s);
// Stops and frees; NULL is fine.
void metrics_server_stop(struct metrics_server *s);

#endif
