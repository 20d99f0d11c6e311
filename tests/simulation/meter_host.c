// Also the settings and the page of metrics that a meter has.
#include "simulation/meter_host.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "meter/meter.h"
#include "platform/http/metrics_server.h"
#include "platform/program/config.h"

struct meter_host meter_hosts[METER_HOSTS];
char meter_host_failed[1024];

static void run_meter(void *ctx) {
    struct err e = {0};
    if (meter_run(ctx, &e) != ERR_OK && !process_is_dead()) {
        (void)snprintf(meter_host_failed, sizeof meter_host_failed, "%s", e.text);
    }
}

void meter_host_start(struct meter_host *h) {
    check(h->process == NULL);
    h->process = process_new(run_meter, h);
}

// --- platform/program/config ---------------------------------------------------------------------

const char *config_text(const struct config *c, const char *name) {
    (void)c;
    return strcmp(name, "cluster") == 0                   ? "simulated"
           : strcmp(name, "kafka_security_protocol") == 0 ? "PLAINTEXT"
                                                          : NULL;
}

int64_t config_int(const struct config *c, const char *name) {
    const struct meter_host *h = (const struct meter_host *)(const void *)c;
    check(strcmp(name, "batch_ms") == 0);
    return h->batch_ms;
}

int64_t config_duration_ms(const struct config *c, const char *name) {
    (void)c;
    (void)name;
    return 10000;
}

int64_t config_bytes(const struct config *c, const char *name) {
    (void)c;
    (void)name;
    return 1 << 20;
}

struct secret_text config_secret(const struct config *c, const char *name) {
    (void)c;
    (void)name;
    return (struct secret_text){0};
}

// --- platform/http/metrics_server ----------------------------------------------------------------

enum err_code metrics_server_start(const struct metrics_server_options *o,
                                   struct metrics_server **ret, struct err *e) {
    (void)o;
    (void)e;
    *ret = NULL;
    return ERR_OK;
}

void metrics_server_stop(struct metrics_server *s) {
    (void)s;
}
