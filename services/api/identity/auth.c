// Cookie or token, and the guard against requests that another site makes a browser send.
#include "api/identity/auth.h"

#include <stdio.h>

#include "api/identity/token_auth.h"
#include "api/request/api.h"

void auth_session_hash(const struct api *api, struct slice value,
                       unsigned char out[SECRET_HASH_BYTES]) {
    secret_hash(out, value, api->master_key);
}

struct slice auth_cookie(const struct request *r, const char *name) {
    struct slice all = r->job->cookie;
    size_t name_len = strlen(name);
    size_t at = 0;
    while (at < all.len) {
        while (at < all.len && (all.ptr[at] == ' ' || all.ptr[at] == ';')) {
            at++;
        }
        const char *start = all.ptr + at;
        const char *end = memchr(start, ';', all.len - at);
        size_t len = end != NULL ? (size_t)(end - start) : all.len - at;
        if (len > name_len && start[name_len] == '=' && memcmp(start, name, name_len) == 0) {
            return slice_of(start + name_len + 1, len - name_len - 1);
        }
        at += len + 1;
    }
    return (struct slice){NULL, 0};
}

struct slice auth_session_cookie(const struct request *r) {
    return auth_cookie(r, r->api->cookie_name);
}

void auth_set_cookie(struct request *r, const char *name, const char *value, int life_s) {
    request_header(r, "set-cookie",
                   arena_printf(r->arena, "%s=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=%d%s",
                                name, value, life_s, r->api->cookie_secure ? "; Secure" : ""));
}

static bool safe_method(const struct request *r) {
    return slice_eq_str(r->job->method, "GET") || slice_eq_str(r->job->method, "HEAD");
}

static void refuse_cross_site(struct request *r) {
    request_problem(r, PROBLEM_CROSS_SITE, NULL,
                    "a change with the session cookie must come with Origin: %s",
                    r->api->public_url);
}

void auth_refuse_suspended(struct request *r) {
    request_problem(r, PROBLEM_DENIED, NULL,
                    "the organisation is suspended by the marketplace's operator; ask it why");
}

bool auth_same_site(struct request *r) {
    if (safe_method(r) || r->job->origin.ptr == NULL ||
        slice_eq_str(r->job->origin, r->api->public_url)) {
        return true;
    }
    refuse_cross_site(r);
    return false;
}

static void take_identity(struct request *r) {
    r->scope_org = r->who.org;
    r->scope_operator = r->who.is_operator && route_reaches_tenants(r->route, r->who.role);
    r->job->org = r->who.org;
    r->job->subject = r->who.subject;
}

static void unauthenticated(struct request *r, const char *why) {
    request_problem(r, PROBLEM_UNAUTHENTICATED, NULL, "%s", why);
}

static void on_session(struct request *r, struct pg_rows *rows) {
    enum role role;
    if (pg_rows_count(rows) == 0 ||
        !role_parse(pg_rows_text(rows, 0, API_SESSION_FIND_ROLE), &role)) {
        unauthenticated(r, "the session has ended; sign in again");
        return;
    }
    r->who.actor = ACTOR_PERSON;
    r->who.role = role;
    snprintf(r->who.subject, sizeof r->who.subject, "%s",
             pg_rows_text(rows, 0, API_SESSION_FIND_PERSON_ID));
    snprintf(r->who.org, sizeof r->who.org, "%s", pg_rows_text(rows, 0, API_SESSION_FIND_ORG_ID));
    r->who.is_operator = pg_rows_bool(rows, 0, API_SESSION_FIND_IS_OPERATOR);
    take_identity(r);
    if (pg_rows_bool(rows, 0, API_SESSION_FIND_SUSPENDED)) {
        auth_refuse_suspended(r);
        return;
    }
    r->identified(r);
}

static void identify_session(struct request *r, struct slice cookie) {
    if (!safe_method(r) && !slice_eq_str(r->job->origin, r->api->public_url)) {
        refuse_cross_site(r);
        return;
    }
    unsigned char *hash = arena_alloc(r->arena, SECRET_HASH_BYTES);
    auth_session_hash(r->api, cookie, hash);
    // Nobody's rows are in reach yet; the statement joins from the session alone.
    request_scope(r, "", true);
    request_read(r, &api_sql_session_find, PG_PARAMS(pg_bytea(hash, SECRET_HASH_BYTES)),
                 on_session);
}

// r->handler is token_auth's meanwhile, so the router's is kept aside.
static void on_token(struct request *r) {
    take_identity(r);
    r->identified(r);
}

void auth_identify(struct request *r, void (*then)(struct request *r)) {
    static const char BEARER[] = "bearer ";
    struct slice header = r->job->authorization;
    r->identified = then;
    if (header.ptr != NULL) {
        size_t n = sizeof BEARER - 1;
        if (header.len <= n || strncasecmp(header.ptr, BEARER, n) != 0) {
            unauthenticated(r, "Authorization must be a bearer token");
        } else {
            token_auth(r, slice_of(header.ptr + n, header.len - n), on_token);
        }
        return;
    }
    struct slice cookie = auth_session_cookie(r);
    if (cookie.ptr == NULL) {
        unauthenticated(r, "sign in at POST /v1/sessions or send a bearer token");
    } else {
        identify_session(r, cookie);
    }
}
