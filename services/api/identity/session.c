// Sign-in of people, sign-out, and who one is.
//
// Guessing is slowed down so that it can't be used to lock anybody out. Only wrong passwords count;
// a right one gives back what it took. They count in three places:
//
//   - for one account from one address. What is spent there stops that address alone;
//   - for one address, whatever the account: one password tried on many people;
//   - for one account from all strangers together, against guessers who have many addresses. This is
//     the one that a guesser could spend for somebody else. A browser that has signed in to the
//     account before isn't a stranger (device.h): it has a count of its own, so nobody else's
//     guesses ever refuse it. An honest person with a new browser is refused only while many
//     addresses guess at this very account, for one address alone can't spend it: its own count is
//     ten times smaller.
//
// An account that doesn't exist counts like one that does, so that the limits don't tell. The
// password is checked after the limits, so they also bound what strangers make argon2 cost; of its
// queue, one network (or one known browser) has only a share.
#include <stdio.h>

#include "api/identity/auth.h"
#include "api/identity/device.h"
#include "api/request/api.h"
#include "platform/secret/secret.h"

enum { SESSION_HOURS = 12 };

struct sign_in {
    const char *email;
    const char *password;
    const char *hash; // NULL: nobody has this address
    char person[UUID_CHARS + 1];
    char org[UUID_CHARS + 1];
    struct slice device; // a browser that has signed in before, or {NULL, 0}
    bool right;
    bool suspended; // the organisation
    char token[SECRET_TOKEN_CHARS + 1];
};

static void on_created(struct request *r, struct pg_rows *rows) {
    struct sign_in *s = r->user;
    if (s->device.len == 0) {
        device_remember(r, s->person);
    }
    auth_set_cookie(r, r->api->cookie_name, s->token, SESSION_HOURS * 3600);
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
                            pg_text(r->job->client)),
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
    // Only who has the password gets here, so nobody else can spend this.
    if (!request_limit_for(r, LIMIT_SESSION, slice_str(s->person))) {
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

static struct slice lower(struct request *r, const char *text) {
    char *out = arena_str(r->arena, slice_str(text));
    for (char *at = out; *at != '\0'; at++) {
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    }
    return slice_str(out);
}

// False: answered.
static bool admit(struct request *r, const struct sign_in *s) {
    // By id, for one e-mail address may be written in several ways.
    struct slice account = s->hash != NULL ? slice_str(s->person) : lower(r, s->email);
    if (s->device.len > 0) {
        return request_limit(r, LIMIT_SIGN_IN, account, s->device);
    }
    return request_limit(r, LIMIT_SIGN_IN, account, request_address(r)) &&
           request_limit_address(r, LIMIT_SIGN_IN_ADDRESS) &&
           request_limit_for(r, LIMIT_SIGN_IN_ACCOUNT, account);
}

static void on_person(struct request *r, struct pg_rows *rows) {
    struct sign_in *s = r->user;
    if (pg_rows_count(rows) > 0) {
        s->hash = arena_str(r->arena, pg_rows_slice(rows, 0, API_SIGN_IN_PERSON_PASSWORD_HASH));
        snprintf(s->person, sizeof s->person, "%s", pg_rows_text(rows, 0, API_SIGN_IN_PERSON_ID));
        snprintf(s->org, sizeof s->org, "%s", pg_rows_text(rows, 0, API_SIGN_IN_PERSON_ORG_ID));
        s->suspended = pg_rows_bool(rows, 0, API_SIGN_IN_PERSON_SUSPENDED);
    }
    if (s->hash != NULL) {
        s->device = device_of(r, s->person);
    }
    if (admit(r, s)) {
        request_offload(r, s->device, verify, on_verified);
    }
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
    auth_set_cookie(r, r->api->cookie_name, "", 0);
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
