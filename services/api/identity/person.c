// A person's own password and sessions. An application has neither.
#include "api/identity/auth.h"
#include "api/request/api.h"
#include "api/request/request.h"
#include "base/check.h"
#include "platform/secret/secret.h"

struct person {
    const char *current, *fresh; // passwords
    const char *stored;          // hash of the present one
    char hash[SECRET_PASSWORD_HASH_MAX];
    bool right;
    enum err_code code;
    struct err error;
    const char *session; // to end; NULL: all others
    unsigned char present[SECRET_HASH_BYTES];
};

// NULL: answered.
static struct person *person_of(struct request *r) {
    struct slice cookie = auth_session_cookie(r);
    if (r->who.actor != ACTOR_PERSON) {
        request_problem(r, PROBLEM_CONFLICT, NULL,
                        "an application has no password and no sessions");
        return NULL;
    }
    struct person *p = arena_alloc(r->arena, sizeof *p);
    check(cookie.ptr != NULL);
    auth_session_hash(r->api, cookie, p->present);
    r->user = p;
    return p;
}

// --- sessions ------------------------------------------------------------------------------------
static void session_list(struct request *r) {
    struct person *p = person_of(r);
    if (p != NULL) {
        request_read(r, &api_sql_session_list,
                     PG_PARAMS(pg_text(r->who.subject), pg_bytea(p->present, SECRET_HASH_BYTES)),
                     read_reply_items);
    }
}

static void end_others(struct request *r, request_step then) {
    struct person *p = r->user;
    request_write(r, &api_sql_session_end_other,
                  PG_PARAMS(pg_text(r->who.subject), pg_bytea(p->present, SECRET_HASH_BYTES),
                            pg_text(p->session)),
                  then);
}

static void on_ended(struct request *r, struct pg_rows *rows) {
    struct person *p = r->user;
    if (p->session != NULL && pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "there is no such session");
        return;
    }
    request_audit(r, "session.end_other", "person", r->who.subject, NULL,
                  arena_printf(r->arena, "{\"sessions\":%d}", pg_rows_count(rows)), NULL);
    request_reply_empty(r);
}

static void session_end_other(struct request *r) {
    struct person *p = person_of(r);
    if (p != NULL) {
        p->session = request_param(r, "id");
        end_others(r, on_ended);
    }
}

static void session_end_others(struct request *r) {
    if (person_of(r) != NULL) {
        end_others(r, on_ended);
    }
}

// --- password ------------------------------------------------------------------------------------
static void on_all_ended(struct request *r, struct pg_rows *rows) {
    request_audit(r, "person.change_password", "person", r->who.subject, NULL,
                  arena_printf(r->arena, "{\"sessions_ended\":%d}", pg_rows_count(rows)), NULL);
    request_reply_empty(r);
}

static void on_set(struct request *r, struct pg_rows *rows) {
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_CONFLICT, NULL, "the password was changed meanwhile");
    } else {
        end_others(r, on_all_ended);
    }
}

// On a worker.
static void verify_and_hash(struct request *r) {
    struct person *p = r->user;
    p->right = secret_password_verify(p->stored, slice_str(p->current));
    if (p->right) {
        p->code = secret_password_hash(slice_str(p->fresh), p->hash, &p->error);
    }
}

static void on_hashed(struct request *r) {
    struct person *p = r->user;
    if (!p->right) {
        request_tally(r, TALLY_SIGN_IN, r->who.org, "person", r->who.subject);
        request_problem(r, PROBLEM_DENIED, "/current_password", "the present password is wrong");
    } else if (p->code != ERR_OK) {
        request_fail(r, &p->error);
    } else {
        request_write(r, &api_sql_person_set_password,
                      PG_PARAMS(pg_text(r->who.subject), pg_text(p->stored), pg_text(p->hash)),
                      on_set);
    }
}

static void on_stored(struct request *r, struct pg_rows *rows) {
    struct person *p = r->user;
    if (pg_rows_count(rows) == 0) {
        request_reply_row(r, 200, rows); // 404
        return;
    }
    p->stored = arena_str(r->arena, pg_rows_slice(rows, 0, API_PERSON_PASSWORD_PASSWORD_HASH));
    request_offload(r, slice_str(r->who.subject), verify_and_hash, on_hashed);
}

static void password_set(struct request *r) {
    struct person *p = person_of(r);
    // A session that was taken isn't enough to guess the password by.
    if (p != NULL && request_limit_for(r, LIMIT_PASSWORD, slice_str(r->who.subject)) &&
        REQUEST_FIELDS(r,
                       {"current_password", FIELD_TEXT, .required = true, .min = 1,
                        .max = SECRET_PASSWORD_MAX, .out = &p->current},
                       {"new_password", FIELD_TEXT, .required = true, .min = SECRET_PASSWORD_MIN,
                        .max = SECRET_PASSWORD_MAX, .out = &p->fresh})) {
        request_read(r, &api_sql_person_password, PG_PARAMS(pg_text(r->who.subject)), on_stored);
    }
}

static const struct route ROWS[] = {
    {"GET", "/v1/sessions", "listSessions", ROUTE_SIGNED_IN, .own = true, .handler = session_list},
    {"DELETE", "/v1/sessions", "endOtherSessions", ROUTE_SIGNED_IN, .handler = session_end_others},
    {"DELETE", "/v1/sessions/{id}", "endOtherSession", ROUTE_SIGNED_IN,
     .handler = session_end_other},
    {"PUT", "/v1/me/password", "changePassword", ROUTE_SIGNED_IN, ROUTE_JSON(ROUTE_BODY_SMALL),
     .handler = password_set},
};
const struct route_table person_routes = ROUTE_TABLE(ROWS);
