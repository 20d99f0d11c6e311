// weir-tap: settings, metrics, and the loop of tap.c.
#include "platform/http/metrics_server.h"
#include "platform/program/program.h"
#include "tap/settings.h"
#include "tap/tap.h"

static enum err_code run(const struct config *c, struct err *e) {
    static struct settings settings;
    enum err_code rc = settings_read(c, &settings, e);
    if (rc != ERR_OK) {
        return rc;
    }
    struct tap *tap = tap_new(&settings.tap);
    struct metrics_server *metrics;
    const struct metrics_server_options options = {
        .listen = settings.metrics_listen,
        .program = settings_program.name,
        .ready = tap_ready,
        .ctx = tap,
    };
    rc = metrics_server_start(&options, &metrics, e);
    if (rc == ERR_OK) {
        rc = tap_run(tap, e);
        metrics_server_stop(metrics);
    }
    tap_free(tap);
    return rc;
}

int main(int argc, char **argv) {
    struct program program = {.config = settings_program, .run = run};
    return program_main(&program, argc, argv);
}
