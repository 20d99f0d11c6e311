// weir-api: settings, shared state, loops.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/dispatch/routes.h"
#include "api/identity/audit_prune.h"
#include "api/identity/refresh.h"
#include "api/identity/snapshot.h"
#include "api/request/api.h"
#include "api/request/limits.h"
#include "api/request/request_internal.h"
#include "api/request/tally.h"
#include "api/site/portal.h"
#include "api_sql.h"
#include "base/check.h"
#include "platform/http/listen.h"
#include "platform/program/log.h"
#include "platform/program/program.h"

enum {
    // Connections to the database of each loop, and what waits for them.
    READ_LINKS = 2,
    WRITE_LINKS = 4,
    READ_DEPTH_MAX = 32,
    QUEUE_MAX = 512,
    STATEMENT_TIMEOUT_MS = 5000,
    // Threads for passwords, and what waits for them.
    WORKERS = 2,
    WORKER_QUEUE_MAX = 64,
};

static const struct config_row ROWS[] = {
    CONFIG_ROW_DATABASE,
    CONFIG_ROW_LOG_LEVEL,
    {.name = "listen",
     .type = CONFIG_TEXT,
     .fits = listen_fits,
     .form = LISTEN_FORM,
     .fallback = "127.0.0.1:18080",
     .example = "127.0.0.1:18080",
     .help = "address and port to serve HTTP on; TLS ends in a proxy in front"},
    {.name = "connections",
     .type = CONFIG_INT,
     .min = 32,
     .max = 1000000,
     .fallback = "8192",
     .example = "20000",
     .help = "most client connections at once; fewer where the limit of open files is lower"},
    {.name = "connections_per_address",
     .type = CONFIG_INT,
     .min = 1,
     .max = 1000000,
     .fallback = "512",
     .example = "8192",
     .help = "most connections at once from one address (IPv6: from one /64); as many as "
             "connections where all come through a proxy"},
    {.name = "queued_bytes",
     .type = CONFIG_BYTES,
     .min = 64 << 20,
     .max = 64LL << 30,
     .fallback = "256MiB",
     .example = "1GiB",
     .help = "most bytes of requests and answers in memory for clients, above which those that "
             "wait longest are closed"},
    {.name = "queued_bytes_per_address",
     .type = CONFIG_BYTES,
     .min = 16 << 20,
     .max = 64LL << 30,
     .fallback = "64MiB",
     .example = "1GiB",
     .help = "the same for the clients of one address"},
    {.name = "send_timeout",
     .type = CONFIG_DURATION,
     .min = 1000,
     .max = 600000,
     .fallback = "10s",
     .example = "30s",
     .help = "how long a client may take to read its answer; one second more for each 16 KiB"},
    {.name = "public_url",
     .type = CONFIG_TEXT,
     .required = true,
     .example = "https://weir.example.com",
     .help = "the address people and brokers use: issuer of tokens, and the only Origin that may "
             "change anything with a cookie"},
    {.name = "portal_dir",
     .type = CONFIG_PATH,
     .example = "/usr/share/weir/portal",
     .help = "folder with the portal's files; without it there is no portal"},
    {.name = "master_key",
     .type = CONFIG_SECRET,
     .required = true,
     .example = "64 hex digits",
     .help = "key for stored secrets and signing keys: 32 bytes as hex; the same for all copies"},
    {.name = "snapshot_dir",
     .type = CONFIG_PATH,
     .example = "/var/lib/weir/api",
     .help = "folder for the list of clients that lets tokens be issued while the database is "
             "away, also after a restart"},
    {.name = "threads",
     .type = CONFIG_INT,
     .min = 1,
     .max = HTTP_THREADS_MAX,
     .fallback = "2",
     .example = "4",
     .help = "event loops; one per core that the API may use"},
    {.name = "token_life",
     .type = CONFIG_DURATION,
     .min = 300000,
     .max = 3600000,
     .fallback = "15m",
     .example = "10m",
     .help = "how long a token is valid"},
    AUDIT_PRUNE_CONFIG_ROW,
    QUOTA_CONFIG_ROWS,
    LIMITS_CONFIG_ROWS,
};

static enum err_code loop_start(struct http_loop *http, void *user, void **ret_state,
                                struct err *e) {
    (void)e;
    struct api *api = user;
    struct api_loop *loop = calloc(1, sizeof *loop);
    check(loop != NULL);
    loop->api = api;
    loop->http = http;
    loop->signs_from_s = INT64_MAX;
    loop->tokens = token_cache_new();
    loop->tally = tally_new();
    if (api->stored != NULL) {
        refresh_adopt(loop, snapshot_ref(api->stored));
    }
    if (http_loop_index(http) == 0) {
        loop->refresh = refresh_new(loop);
        loop->audit_prune = audit_prune_new(api->config);
    }
    struct pg_pool_options pool = {
        .loop = http_loop_evloop(http),
        .group = &api->database,
        .conninfo = config_secret(api->config, "database_url"),
        .application_name = "weir-api",
        .statements = api_sql_all,
        .read_links = READ_LINKS,
        .write_links = WRITE_LINKS,
        .read_depth_max = READ_DEPTH_MAX,
        .queue_max = QUEUE_MAX,
        .queue_wait_ms = API_QUEUE_WAIT_US / 1000,
        .statement_timeout_ms = STATEMENT_TIMEOUT_MS,
        .listen = loop->refresh != NULL ? "listen weir_access" : NULL,
        .on_notify = refresh_soon,
        .notify_user = loop->refresh,
    };
    loop->pool = pg_pool_new(&pool);
    api->loops[http_loop_index(http)] = loop;
    *ret_state = loop;
    return ERR_OK;
}

static void loop_stop(struct http_loop *http, void *state) {
    (void)http;
    struct api_loop *loop = state;
    pg_pool_free(loop->pool);
    loop->pool = NULL;
    refresh_free(loop->refresh);
    loop->refresh = NULL;
    snapshot_unref(loop->snapshot);
    loop->snapshot = NULL;
    token_cache_free(loop->tokens);
    loop->tokens = NULL;
    tally_free(loop->tally);
    loop->tally = NULL;
    audit_prune_free(loop->audit_prune);
    loop->audit_prune = NULL;
}

static void every_second(struct http_loop *http, void *state) {
    (void)http;
    struct api_loop *loop = state;
    if (loop->refresh != NULL) {
        refresh_tick(loop->refresh);
    }
    if (loop->audit_prune != NULL) {
        audit_prune_tick(loop->audit_prune, loop->pool);
    }
    tally_tick(loop->tally, loop->pool);
}

// Without a snapshot the token endpoint waits for the database; a broken one is said and left.
static enum err_code load_snapshot(struct api *api, struct err *e) {
    if (api->snapshot_dir == NULL) {
        return ERR_OK;
    }
    enum err_code code = snapshot_load(api->snapshot_dir, api->master_key, &api->stored, e);
    if (code == ERR_CONFIG) {
        return code;
    }
    if (code != ERR_OK && code != ERR_NOT_FOUND) {
        log_warn("snapshot of clients not used", log_err(e));
    }
    return ERR_OK;
}

static enum err_code read_settings(struct api *api, const struct config *c, struct err *e) {
    const char *url = config_text(c, "public_url");
    size_t len = strlen(url);
    if ((strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) ||
        url[len - 1] == '/') {
        err_field(e, ERR_CONFIG, "public_url",
                  "public_url must begin with http:// or https:// and have no slash at its end");
        return err_hint(e, "example: public_url = https://weir.example.com");
    }
    api->config = c;
    api->public_url = url;
    // A __Host- cookie needs TLS; on plain http (a loopback try-out) browsers would drop it.
    api->cookie_secure = strncmp(url, "https://", 8) == 0;
    api->cookie_name = api->cookie_secure ? "__Host-weir_session" : "weir_session";
    api->device_cookie_name = api->cookie_secure ? "__Host-weir_device" : "weir_device";
    quotas_read(&api->quotas, c);
    api->token_life_s = (int)(config_duration_ms(c, "token_life") / 1000);
    api->snapshot_dir = config_text(c, "snapshot_dir");
    api->loops_count = (unsigned)config_int(c, "threads");
    api->database.pools = api->loops_count;
    return secret_key_parse("master_key", config_secret(c, "master_key").value, api->master_key, e);
}

static enum err_code run(const struct config *c, struct err *e) {
    static struct api api;
    secret_init();
    enum err_code code = read_settings(&api, c, e);
    if (code != ERR_OK) {
        return code;
    }
    code = limits_new(c, &api.limits, e);
    if (code != ERR_OK) {
        return code;
    }
    code = portal_load(config_text(c, "portal_dir"), &api.portal, e);
    if (code != ERR_OK) {
        return code;
    }
    code = load_snapshot(&api, e);
    if (code != ERR_OK) {
        return code;
    }
    request_register_metrics();
    api.workers = workers_new(WORKERS, WORKER_QUEUE_MAX);
    struct http_server_options server = {
        .listen = config_text(c, "listen"),
        .threads = api.loops_count,
        .limits = {.connections = (unsigned)config_int(c, "connections"),
                   .connections_per_address = (unsigned)config_int(c, "connections_per_address"),
                   .bytes = (size_t)config_bytes(c, "queued_bytes"),
                   .bytes_per_address = (size_t)config_bytes(c, "queued_bytes_per_address"),
                   .send_timeout_ms = (unsigned)config_duration_ms(c, "send_timeout")},
        .privileged = routes_privileged,
        .user = &api,
        .loop_start = loop_start,
        .loop_stop = loop_stop,
        .handle = routes_handle,
        .every_second = every_second,
    };
    code = http_server_run(&server, program_stop_fd(), e);
    workers_free(api.workers);
    snapshot_unref(api.stored);
    portal_free(api.portal);
    limits_free(api.limits);
    secret_wipe(api.master_key, sizeof api.master_key);
    return code;
}

static const struct program API = {
    .config = {.name = "weir-api",
               .summary =
                   "The HTTP front end: identity, catalogue, subscriptions, usage, invoices, "
                   "tokens, portal",
               .rows = ROWS,
               .rows_count = sizeof ROWS / sizeof *ROWS},
    .run = run,
};

int main(int argc, char **argv) {
    return program_main(&API, argc, argv);
}
