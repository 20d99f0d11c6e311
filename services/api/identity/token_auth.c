// From a bearer token to who asks.
#include "api/identity/token_auth.h"

#include <stdio.h>

#include "api/identity/snapshot.h"
#include "api/request/api.h"
#include "platform/program/clock.h"
#include "platform/secret/token.h"

// A token outlives neither the application nor its role: both are looked up each time.
static void accept(struct request *r, const struct client *c) {
    if (c != NULL) {
        r->who.actor = ACTOR_APPLICATION;
        memcpy(r->who.subject, c->application, sizeof r->who.subject);
        memcpy(r->who.org, c->org, sizeof r->who.org);
    }
    if (c == NULL || !c->active || !c->has_role) {
        request_problem(r, PROBLEM_UNAUTHENTICATED, NULL,
                        "the token's application is gone, disabled, suspended or without a role");
        return;
    }
    r->who.role = c->role;
    r->who.is_operator = c->is_operator;
    r->handler(r);
}

static void on_read(struct request *r, struct pg_rows *rows) {
    struct snapshot *one = NULL;
    struct err e;
    if (snapshot_parse(pg_rows_slice(rows, 0, 0), r->api->master_key, &one, &e) != ERR_OK) {
        request_fail(r, &e);
        return;
    }
    const struct client *c = snapshot_client(one, r->user);
    r->user = NULL; // the handler's from here on
    accept(r, c);
    snapshot_unref(one);
}

void token_auth(struct request *r, struct slice token, void (*then)(struct request *r)) {
    struct token_subject subject;
    struct err e;
    struct token_rule rule = {
        .issuer = r->api->public_url,
        .audience = API_AUDIENCE,
        .now_s = clock_system_us() / US_PER_SECOND,
    };
    rule.keys = snapshot_keys(r->loop->snapshot, &rule.keys_count);
    r->handler = then;
    if (token_cache_verify(r->loop->tokens, &rule, token, &subject, &e) != ERR_OK) {
        request_fail(r, &e);
        return;
    }
    const struct client *c = snapshot_client(r->loop->snapshot, subject.subject);
    if (c != NULL) {
        accept(r, c);
        return;
    }
    // Made a moment ago, so not in the snapshot yet.
    r->user = arena_str(r->arena, slice_str(subject.subject));
    request_read(r, &api_sql_client_read, PG_PARAMS(pg_text(r->user)), on_read);
}
