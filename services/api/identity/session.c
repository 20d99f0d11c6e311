// Sign-in of people, sign-out, and who one is.
#include <stdio.h>

#include "api/identity/auth.h"
#include "api/request/api.h"
#include "platform/secret/secret.h"

enum { SESSION_HOURS = 12 };

struct sign_in {
    const char *email;
    const char *password;
    const char *hash; // NULL: nobody has this address
    char person[UUID_CHARS + 1];
    char org[UUID_CHARS + 1];
    bool right;
    bool suspended; // the organisation
    char token[SECRET_TOKEN_CHARS + 1];
};

static void set_cookie(struct request *r, const char *value, int max_age_s) {
    request_header(r, "set-cookie",
                   arena_printf(r->arena, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
                                r->api->cookie_name, value, max_age_s,
                                r->api->cookie_secure ? "; Secure" : ""));
}

static void on_created(struct request *r, struct pg_rows *rows) {
    struct sign_in *s = r->user;
    set_cookie(r, s->token, SESSION_HOURS * 3600);
    request_reply_row(r, 201, rows);
}

static void on_pruned(struct request *r, struct pg_rows *rows) {
    (void)rows;
    struct sign_in *s = r->user;
    unsigned char *hash = arena_alloc(r->arena, SECRET_HASH_BYTES);
    secret_token(s->token);
    auth_session_hash(r->api, slice_str(s->token), hash);
    request_audit(r, "session.create", "person", s->person, NULL, NULL, NULL);
    request_write(r, &api_sql_session_insert,
                  PG_PARAMS(pg_bytea(hash, SECRET_HASH_BYTES), pg_text(s->person), pg_text(s->org),
                            pg_text(arena_printf(r->arena, "%d", SESSION_HOURS)),
                            pg_text(r->job->peer)),
                  on_created);
}

static void verify(struct request *r) {
    struct sign_in *s = r->user;
    if (s->hash != NULL) {
        s->right = secret_password_verify(s->hash, slice_str(s->password));
    } else {
        secret_password_verify_nobody(slice_str(s->password));
    }
}

// Of an address that nobody has, only what looks like one is kept: people also type passwords there.
static void tally_wrong(struct request *r, const struct sign_in *s) {
    if (s->hash != NULL) {
        request_tally(r, TALLY_SIGN_IN, s->org, "person", s->person);
    } else {
        request_tally(r, TALLY_SIGN_IN, NULL, "email",
                      strchr(s->email, '@') != NULL ? s->email : "no address");
    }
}

static void on_verified(struct request *r) {
    struct sign_in *s = r->user;
    if (!s->right) {
        tally_wrong(r, s);
        request_problem(r, PROBLEM_UNAUTHENTICATED, NULL,
                        "the e-mail address or the password is wrong");
        return;
    }
    r->who.actor = ACTOR_PERSON;
    snprintf(r->who.subject, sizeof r->who.subject, "%s", s->person);
    snprintf(r->who.org, sizeof r->who.org, "%s", s->org);
    if (s->suspended) {
        auth_refuse_suspended(r);
        return;
    }
    request_scope(r, r->who.org, false);
    request_write(r, &api_sql_session_prune, PG_NO_PARAMS, on_pruned);
}

static void on_person(struct request *r, struct pg_rows *rows) {
    struct sign_in *s = r->user;
    if (pg_rows_count(rows) > 0) {
        s->hash = arena_str(r->arena, pg_rows_slice(rows, 0, API_SIGN_IN_PERSON_PASSWORD_HASH));
        snprintf(s->person, sizeof s->person, "%s", pg_rows_text(rows, 0, API_SIGN_IN_PERSON_ID));
        snprintf(s->org, sizeof s->org, "%s", pg_rows_text(rows, 0, API_SIGN_IN_PERSON_ORG_ID));
        s->suspended = pg_rows_bool(rows, 0, API_SIGN_IN_PERSON_SUSPENDED);
    }
    request_offload(r, verify, on_verified);
}

static void session_create(struct request *r) {
    struct sign_in *s = arena_alloc(r->arena, sizeof *s);
    if (!REQUEST_FIELDS(
            r, {"email", FIELD_TEXT, .required = true, .min = 3, .max = 254, .out = &s->email},
            {"password", FIELD_TEXT, .required = true, .min = 1, .max = SECRET_PASSWORD_MAX,
             .out = &s->password})) {
        return;
    }
    r->user = s;
    // Nobody's rows are in reach before it is known who signs in.
    request_scope(r, "", true);
    request_read(r, &api_sql_sign_in_person, PG_PARAMS(pg_text(s->email)), on_person);
}

static void on_ended(struct request *r, struct pg_rows *rows) {
    (void)rows;
    set_cookie(r, "", 0);
    request_reply_empty(r);
}

static void session_end(struct request *r) {
    struct slice cookie = auth_session_cookie(r);
    if (cookie.ptr == NULL) {
        request_problem(r, PROBLEM_INVALID, NULL,
                        "there is no session to end; a token just expires");
        return;
    }
    unsigned char *hash = arena_alloc(r->arena, SECRET_HASH_BYTES);
    auth_session_hash(r->api, cookie, hash);
    request_audit(r, "session.end", "person", r->who.subject, NULL, NULL, NULL);
    request_write(r, &api_sql_session_delete, PG_PARAMS(pg_bytea(hash, SECRET_HASH_BYTES)),
                  on_ended);
}

static void on_me(struct request *r, struct pg_rows *rows) {
    request_reply_row(r, 200, rows);
}

static void me_get(struct request *r) {
    const struct pg_statement *st =
        r->who.actor == ACTOR_PERSON ? &api_sql_me_person : &api_sql_me_application;
    request_read(r, st, PG_PARAMS(pg_text(r->who.subject), pg_text(r->who.org)), on_me);
}

static const struct route ROWS[] = {
    {"POST", "/v1/sessions", "createSession", ROUTE_PUBLIC, ROUTE_JSON(ROUTE_BODY_SMALL),
     .no_idempotency = true, .handler = session_create},
    {"DELETE", "/v1/sessions/current", "endSession", ROUTE_SIGNED_IN, .handler = session_end},
    {"GET", "/v1/me", "getMe", ROUTE_SIGNED_IN, .own = true, .handler = me_get},
};
const struct route_table session_routes = ROUTE_TABLE(ROWS);
