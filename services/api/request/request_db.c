// A request's way to the database: one segment at a time, each beginning with whose rows it may
// see. Writes run in one explicit transaction that ends with the answer.
#include "api/request/api.h"
#include "api/request/request.h"
#include "api/request/request_internal.h"
#include "base/check.h"
#include "platform/http/http_server.h" // HTTP_BODY_MAX
#include "platform/pg/pg_error.h"
#include "platform/program/log.h"

// Bytes that a key of idempotency stands for: the body and the longest path and query.
enum { KEYED_BYTES_MAX = HTTP_BODY_MAX * 2 + 65536 };

static const char NOBODYS_ORG[] = "00000000-0000-0000-0000-000000000000";

static void add_command(struct request *r, const struct pg_statement *st, struct pg_params params) {
    check(r->command_count < REQUEST_COMMANDS_MAX);
    check(params.count == (size_t)st->params);
    struct pg_param *copy = arena_array(r->arena, params.count + 1, sizeof *copy);
    if (params.count > 0) {
        memcpy(copy, params.items, params.count * sizeof *copy);
    }
    r->commands[r->command_count++] =
        (struct pg_command){.statement = st, .params = {copy, params.count}};
}

static void add_scope(struct request *r) {
    add_command(r, &api_sql_scope,
                PG_PARAMS(pg_text(r->scope_org), pg_text(r->scope_operator ? "on" : "")));
}

static void prepare(struct request *r,
                    void (*done)(struct pg_segment *, struct pg_rows *, const struct err *)) {
    check(!r->busy && r->status == 0);
    r->segment = (struct pg_segment){
        .commands = r->commands, .count = r->command_count, .done = done, .user = r};
    r->busy = true;
}

static void on_step(struct pg_segment *segment, struct pg_rows *rows, const struct err *e) {
    struct request *r = segment->user;
    r->busy = false;
    if (e == NULL) {
        r->step(r, rows);
    } else if (pg_error_lost(e) && request_again(r)) {
        return;
    } else if (e->code == ERR_UNAVAILABLE && r->otherwise != NULL) {
        r->otherwise(r, e);
    } else {
        request_fail(r, e);
    }
}

void request_scope(struct request *r, const char *org, bool operator_sees_all) {
    r->scope_org = org;
    r->scope_operator = operator_sees_all;
}

void request_read(struct request *r, const struct pg_statement *st, struct pg_params params,
                  request_step then) {
    request_read_or(r, st, params, then, NULL);
}

void request_read_or(struct request *r, const struct pg_statement *st, struct pg_params params,
                     request_step then, void (*otherwise)(struct request *r, const struct err *e)) {
    r->command_count = 0;
    r->step = then;
    r->otherwise = otherwise;
    add_scope(r);
    add_command(r, st, params);
    prepare(r, on_step);
    struct err e;
    if (pg_pool_read(r->loop->pool, &r->segment, &e) != ERR_OK) {
        r->busy = false;
        if (otherwise != NULL) {
            otherwise(r, &e);
        } else {
            request_fail(r, &e);
        }
    }
}

// --- transactions --------------------------------------------------------------------------------
// Nothing of a segment that can't be sent has gone out.
static void send_in_tx(struct request *r) {
    struct err e;
    if (pg_tx_send(&r->tx, &r->segment, &e) == ERR_OK) {
        return;
    }
    r->busy = false;
    if (!request_again(r)) {
        r->status = 0;
        r->job->header_count = 0;
        request_fail(r, &e);
    }
}

static void on_opened(struct pg_tx *tx, const struct err *e) {
    struct request *r = tx->user;
    if (e != NULL) {
        r->busy = false;
        request_fail(r, e);
        return;
    }
    r->tx_open = true;
    send_in_tx(r);
}

// Sends the commands that were added, in the transaction, which is begun if need be.
static void write_commands(struct request *r) {
    prepare(r, on_step);
    if (r->tx_open) {
        send_in_tx(r);
        return;
    }
    struct err e;
    r->tx = (struct pg_tx){.opened = on_opened, .user = r};
    if (pg_tx_open(r->loop->pool, &r->tx, &e) != ERR_OK) {
        r->busy = false;
        request_fail(r, &e);
    }
}

static void begin_commands(struct request *r) {
    r->command_count = 0;
    if (!r->tx_open) {
        add_command(r, &pg_pool_begin, PG_NO_PARAMS);
    }
    add_scope(r);
}

void request_write(struct request *r, const struct pg_statement *st, struct pg_params params,
                   request_step then) {
    begin_commands(r);
    add_command(r, st, params);
    r->step = then;
    r->otherwise = NULL;
    write_commands(r);
}

// --- audit ---------------------------------------------------------------------------------------
static bool reason_fits(struct slice text) {
    return text.len > 0 && text.len <= REQUEST_REASON_MAX;
}

const struct read_rule request_reason_rule = {reason_fits, "a reason of 1 to 1000 bytes"};

bool request_acts_for(struct request *r, const char *org, const char *reason) {
    r->audit_org = org;
    r->reason = reason;
    if (strcmp(org, r->who.org) == 0 || !r->who.is_operator || reason != NULL) {
        return true;
    }
    request_problem(r, PROBLEM_INVALID, r->route->body == BODY_NONE ? "reason" : "/reason",
                    "whoever acts for another organisation says why: it is told the reason");
    return false;
}

void request_audit(struct request *r, const char *action, const char *object_kind,
                   const char *object_id, const char *before, const char *after,
                   const char *reason) {
    check(r->audit_count < REQUEST_AUDITS_MAX);
    struct pg_param params[] = {
        pg_text(r->audit_org != NULL ? r->audit_org : r->scope_org),
        pg_text(actor_name(r->who.actor)),
        pg_text(r->who.actor == ACTOR_NOBODY ? r->job->client : r->who.subject),
        pg_text(r->who.actor == ACTOR_NOBODY ? NULL : r->who.org),
        pg_text(action),
        pg_text(object_kind),
        pg_text(object_id),
        pg_text(before),
        pg_text(after),
        pg_text(reason != NULL ? reason : r->reason),
        pg_text(r->job->request_id),
    };
    struct pg_param *copy = arena_alloc(r->arena, sizeof params);
    memcpy(copy, params, sizeof params);
    r->audits[r->audit_count++] = (struct pg_command){
        .statement = &api_sql_audit_insert,
        .params = {copy, sizeof params / sizeof *params},
    };
}

// --- idempotency ---------------------------------------------------------------------------------
struct key {
    const char *org;
    const char *client;
    const char *operation;
    const char *key;
    unsigned char hash[SECRET_HASH_BYTES];
};

// What identifies the key; the hash covers path, query and body.
static struct key *key_of(struct request *r) {
    struct key *k = arena_alloc(r->arena, sizeof *k);
    struct buf all;
    buf_init(&all, KEYED_BYTES_MAX);
    buf_add_slice(&all, r->job->path);
    buf_add_char(&all, '\n');
    buf_add_slice(&all, r->job->query);
    buf_add_char(&all, '\n');
    buf_add_slice(&all, r->job->body);
    secret_hash(k->hash, buf_slice(&all), r->api->master_key);
    buf_done(&all);
    k->org = r->who.actor == ACTOR_NOBODY ? NOBODYS_ORG : r->who.org;
    k->client = r->who.actor == ACTOR_NOBODY ? "nobody" : r->who.subject;
    k->operation = r->route->operation;
    k->key = arena_str(r->arena, r->job->idempotency_key);
    return k;
}

static void on_key(struct request *r, struct pg_rows *rows) {
    if (!pg_rows_bool(rows, 0, API_IDEMPOTENCY_FIND_KEY_FREE)) {
        request_problem(r, PROBLEM_IN_FLIGHT, NULL,
                        "a request with this Idempotency-Key is still running");
        return;
    }
    if (pg_rows_is_null(rows, 0, API_IDEMPOTENCY_FIND_STATUS)) {
        r->idempotent = true;
        r->scope_org = r->who.org;
        r->handler(r);
        return;
    }
    if (!pg_rows_bool(rows, 0, API_IDEMPOTENCY_FIND_SAME_REQUEST)) {
        request_problem(r, PROBLEM_IDEMPOTENCY_MISMATCH, NULL,
                        "this Idempotency-Key was used for another request");
        return;
    }
    int status = (int)pg_rows_int8(rows, 0, API_IDEMPOTENCY_FIND_STATUS);
    struct slice body = pg_rows_slice(rows, 0, API_IDEMPOTENCY_FIND_RESPONSE);
    struct slice kept = slice_of(arena_str(r->arena, body), body.len);
    request_abandon(r);
    request_header(r, "idempotency-replayed", "true");
    r->status = status;
    if (kept.len > 0 && !slice_eq_str(kept, "null")) {
        r->content_type = "application/json";
        r->answer = kept;
    }
    request_send(r);
}

void request_begin_idempotent(struct request *r) {
    struct key *k = key_of(r);
    r->scope_org = k->org;
    begin_commands(r);
    add_command(
        r, &api_sql_idempotency_lock,
        PG_PARAMS(pg_text(k->org), pg_text(k->client), pg_text(k->operation), pg_text(k->key)));
    add_command(r, &api_sql_idempotency_find,
                PG_PARAMS(pg_text(k->org), pg_text(k->client), pg_text(k->operation),
                          pg_text(k->key), pg_bytea(k->hash, sizeof k->hash)));
    r->step = on_key;
    r->otherwise = NULL;
    write_commands(r);
}

static void add_store(struct request *r) {
    struct key *k = key_of(r);
    struct slice body = r->replay.ptr != NULL ? r->replay : r->answer;
    const char *text = body.len > 0 ? arena_str(r->arena, body) : NULL;
    const char *status = arena_printf(r->arena, "%d", r->status);
    add_command(r, &api_sql_scope,
                PG_PARAMS(pg_text(k->org), pg_text(r->scope_operator ? "on" : "")));
    add_command(r, &api_sql_idempotency_store,
                PG_PARAMS(pg_text(k->org), pg_text(k->client), pg_text(k->operation),
                          pg_text(k->key), pg_bytea(k->hash, sizeof k->hash), pg_text(status),
                          pg_text(text)));
}

// --- the end -------------------------------------------------------------------------------------
static void on_committed(struct pg_segment *segment, struct pg_rows *rows, const struct err *e) {
    struct request *r = segment->user;
    r->busy = false;
    if (e != NULL && pg_segment_cut_short(segment) && request_again(r)) {
        return;
    }
    if (e != NULL) {
        // The answer was never shown: forget it, tell the truth.
        r->status = 0;
        r->job->header_count = 0;
        request_fail(r, e);
        return;
    }
    if (!pg_rows_is_commit(rows)) {
        struct err lost;
        err_set(&lost, ERR_INTERNAL, "the transaction was rolled back instead of committed");
        r->status = 0;
        r->job->header_count = 0;
        request_fail(r, &lost);
        return;
    }
    pg_tx_committed(&r->tx);
    request_abandon(r);
    request_send(r);
}

void request_commit(struct request *r) {
    r->command_count = 0;
    for (size_t i = 0; i < r->audit_count; i++) {
        r->commands[r->command_count++] = r->audits[i];
    }
    if (r->idempotent) {
        add_store(r);
    }
    add_command(r, &pg_pool_commit, PG_NO_PARAMS);
    check(!r->busy);
    r->segment = (struct pg_segment){
        .commands = r->commands, .count = r->command_count, .done = on_committed, .user = r};
    r->busy = true;
    send_in_tx(r);
}
