// The cycle of reading, parsing and handing out, and the birth of a signing key.
#include "api/identity/refresh.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "api/identity/snapshot.h"
#include "base/check.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"
#include "platform/program/metrics.h"
#include "platform/secret/token.h"

static struct metric CLIENTS_AGE =
    METRIC_GAUGE("weir_api_snapshot_read_timestamp_seconds", "seconds",
                 "When the list of clients was last read from the database (seconds since 1970)");

enum { JWK_MAX = 1024 }; // bytes of one public key

struct refresh {
    struct api_loop *loop;
    struct pg_segment segment;
    struct pg_command commands[5];
    struct pg_param key_params[5];
    struct pg_tx tx;
    bool busy;
    bool wanted;
    int64_t next_us;
    unsigned char seen[SECRET_HASH_BYTES]; // of the last text
    char *text;                            // being parsed
    size_t text_len;
    struct snapshot *made;
    enum err_code code;
    struct err error;
    // A new signing key on its way.
    char kid[TOKEN_KID_CHARS + 1];
    unsigned char sealed[TOKEN_DER_MAX + SECRET_SEAL_OVERHEAD];
    struct buf jwk;
};

struct delivery {
    struct http_message message;
    struct snapshot *snapshot;
};

void refresh_adopt(struct api_loop *loop, struct snapshot *s) {
    if (!snapshot_same_keys(loop->snapshot, s)) {
        token_cache_clear(loop->tokens);
    }
    snapshot_unref(loop->snapshot);
    loop->snapshot = s;
    loop->signs_from_s = snapshot_signs_from_s(s);
}

static void on_delivered(struct http_loop *http, struct http_message *m) {
    struct delivery *d = (struct delivery *)m;
    refresh_adopt(http_loop_state(http), d->snapshot);
    free(d);
}

static void deliver(struct refresh *f) {
    struct api *api = f->loop->api;
    for (unsigned i = 0; i < api->loops_count; i++) {
        if (api->loops[i] == f->loop || api->loops[i] == NULL) {
            continue;
        }
        struct delivery *d = calloc(1, sizeof *d);
        check(d != NULL);
        d->message.run = on_delivered;
        d->snapshot = snapshot_ref(f->made);
        http_loop_post(api->loops[i]->http, &d->message);
    }
    refresh_adopt(f->loop, f->made);
    f->made = NULL;
}

// --- signing keys --------------------------------------------------------------------------------
static void end_key(struct refresh *f, const struct err *e) {
    if (e != NULL) {
        log_warn("no new signing key", log_err(e));
    } else {
        log_info("signing key made", log_id("kid", f->kid));
    }
    pg_tx_close(&f->tx);
    buf_done(&f->jwk);
    f->busy = false;
    if (e == NULL) {
        refresh_soon(f);
    }
}

static void on_key_stored(struct pg_segment *segment, struct pg_rows *rows, const struct err *e) {
    struct refresh *f = segment->user;
    (void)rows;
    if (e == NULL) {
        pg_tx_committed(&f->tx);
    }
    end_key(f, e);
}

static void on_key_tx(struct pg_tx *tx, const struct err *e) {
    struct refresh *f = tx->user;
    struct err error;
    if (e != NULL) {
        buf_done(&f->jwk);
        f->busy = false;
    } else if (pg_tx_send(&f->tx, &f->segment, &error) != ERR_OK) {
        end_key(f, &error);
    }
}

static bool fill_key(struct refresh *f, size_t *ret_sealed_len) {
    struct token_key *key = NULL;
    unsigned char der[TOKEN_DER_MAX], seal[SECRET_KEY_BYTES];
    if (token_key_generate(&key, &f->error) != ERR_OK) {
        log_error("no new signing key", log_err(&f->error));
        return false;
    }
    size_t len = token_key_der(key, der);
    snapshot_seal_key(f->loop->api->master_key, seal);
    secret_seal(f->sealed, slice_of((char *)der, len), seal);
    secret_wipe(seal, sizeof seal);
    secret_wipe(der, sizeof der);
    memcpy(f->kid, token_key_id(key), sizeof f->kid);
    buf_init(&f->jwk, JWK_MAX);
    token_key_jwk(key, &f->jwk);
    token_key_free(key);
    *ret_sealed_len = len + SECRET_SEAL_OVERHEAD;
    return true;
}

static void make_key(struct refresh *f) {
    size_t sealed_len;
    if (!fill_key(f, &sealed_len)) {
        return;
    }
    f->key_params[0] = pg_text(f->kid);
    f->key_params[1] = pg_bytea(f->sealed, sealed_len);
    f->key_params[2] = pg_text(f->jwk.ptr);
    f->key_params[3] = pg_int8(KEY_LIFE_DAYS);
    f->commands[0] = (struct pg_command){.statement = &pg_pool_begin};
    f->commands[1] = (struct pg_command){.statement = &api_sql_signing_key_lock};
    f->commands[2] = (struct pg_command){&api_sql_signing_key_insert, {f->key_params, 4}};
    f->commands[3] = (struct pg_command){&api_sql_signing_key_retire, {f->key_params, 1}};
    f->commands[4] = (struct pg_command){.statement = &pg_pool_commit};
    f->segment =
        (struct pg_segment){.commands = f->commands, .count = 5, .done = on_key_stored, .user = f};
    f->tx = (struct pg_tx){.opened = on_key_tx, .user = f};
    f->busy = true;
    if (pg_tx_open(f->loop->pool, &f->tx, &f->error) != ERR_OK) {
        buf_done(&f->jwk);
        f->busy = false;
    }
}

// A day before the newest key's life ends, the next one is published.
static bool key_due(const struct refresh *f) {
    int64_t newest_s = snapshot_newest_key_s(f->loop->snapshot);
    int64_t now_s = clock_system_us() / US_PER_SECOND;
    return newest_s == 0 || newest_s < now_s - (KEY_LIFE_DAYS - 1) * 86400LL;
}

// --- reading -------------------------------------------------------------------------------------
static void parse(void *user) {
    struct refresh *f = user;
    const struct api *api = f->loop->api;
    struct slice text = slice_of(f->text, f->text_len);
    struct err error;
    f->code = snapshot_parse(text, api->master_key, &f->made, &f->error);
    if (f->code == ERR_OK && api->snapshot_dir != NULL &&
        snapshot_save(api->snapshot_dir, text, api->master_key, &error) != ERR_OK) {
        log_error("snapshot of clients not stored", log_err(&error));
    }
}

static void on_parsed(void *user) {
    struct refresh *f = user;
    free(f->text);
    f->text = NULL;
    f->busy = false;
    if (f->code != ERR_OK) {
        log_error("snapshot of clients not taken", log_err(&f->error));
        memset(f->seen, 0, sizeof f->seen);
        return;
    }
    deliver(f);
    if (key_due(f)) {
        make_key(f);
    }
}

static void on_text(struct pg_segment *segment, struct pg_rows *rows, const struct err *e) {
    struct refresh *f = segment->user;
    unsigned char hash[SECRET_HASH_BYTES];
    f->busy = false;
    if (e != NULL) {
        log_warn("clients not read", log_err(e));
        f->wanted = true;
        return;
    }
    metric_set(&CLIENTS_AGE, clock_system_us() / US_PER_SECOND);
    struct slice text = pg_rows_slice(rows, 0, 0);
    secret_hash(hash, text, f->loop->api->master_key);
    if (memcmp(hash, f->seen, sizeof hash) == 0) {
        if (key_due(f)) {
            make_key(f);
        }
        return;
    }
    memcpy(f->seen, hash, sizeof hash);
    f->text = malloc(text.len + 1);
    check(f->text != NULL);
    memcpy(f->text, text.ptr, text.len);
    f->text_len = text.len;
    f->busy = true;
    struct work work = {.work = parse, .done = on_parsed, .user = f, .share_max = 1};
    if (workers_submit(f->loop->api->workers, f->loop->http, &work, &f->error) != ERR_OK) {
        free(f->text);
        f->text = NULL;
        f->busy = false;
        memset(f->seen, 0, sizeof f->seen);
    }
}

static void read_now(struct refresh *f) {
    f->wanted = false;
    f->next_us = clock_monotonic_us() + REFRESH_EVERY_S * US_PER_SECOND;
    f->commands[0] = (struct pg_command){.statement = &api_sql_snapshot_read};
    f->segment =
        (struct pg_segment){.commands = f->commands, .count = 1, .done = on_text, .user = f};
    f->busy = pg_pool_read(f->loop->pool, &f->segment, &f->error) == ERR_OK;
}

void refresh_soon(void *refresh) {
    struct refresh *f = refresh;
    if (f->busy) {
        f->wanted = true;
    } else {
        read_now(f);
    }
}

void refresh_tick(struct refresh *f) {
    if (!f->busy && pg_pool_ready(f->loop->pool) &&
        (f->wanted || f->loop->snapshot == NULL || clock_monotonic_us() >= f->next_us)) {
        read_now(f);
    }
}

struct refresh *refresh_new(struct api_loop *loop) {
    struct refresh *f = calloc(1, sizeof *f);
    check(f != NULL);
    f->loop = loop;
    metrics_register(&CLIENTS_AGE);
    return f;
}

void refresh_free(struct refresh *f) {
    free(f);
}
