// The token endpoint (RFC 6749 4.4, client credentials), the public keys and the discovery
// document. All from memory; only a client that the snapshot doesn't know yet costs a query.
#include <stdio.h>

#include "api/identity/snapshot.h"
#include "api/request/api.h"
#include "base/encoding.h"
#include "platform/http/http_form.h"
#include "platform/program/clock.h"
#include "platform/secret/token.h"

enum {
    BASIC_MAX = 1024,      // bytes of an Authorization header
    TOKEN_BODY_MAX = 8192, // bytes of a form
    TOKEN_ID_BYTES = 16,   // of a token's jti
    JWKS_MAX = 16384,      // bytes of all public keys: some 250 each
};

static const char API_AUDIENCE_TEXT[] = API_AUDIENCE;

struct token_request {
    const char *client_id;
    const char *secret;
    const char *org; // of the client, once it is known
    bool for_api;
    struct client_proof proof;
};

// RFC 6749 5.2.
static void refuse(struct request *r, int status, const char *error, const char *description) {
    if (status == 401) {
        const struct token_request *t = r->user;
        request_header(r, "www-authenticate", "Basic realm=\"weir\"");
        request_tally(r, TALLY_TOKEN, t->org, "client", t->client_id != NULL ? t->client_id : "*");
    }
    request_reply_jansson(
        r, status, json_pack("{s:s, s:s}", "error", error, "error_description", description));
}

static bool form_text(struct request *r, const char *name, const char **ret) {
    struct slice raw = http_form_find(r->job->body, name);
    if (raw.ptr == NULL) {
        return true;
    }
    *ret = http_form_unescape(r->arena, raw);
    if (*ret == NULL) {
        refuse(r, 400, "invalid_request", "a parameter is malformed or too long");
    }
    return *ret != NULL;
}

// Both halves are form-encoded before they are joined (RFC 6749 2.3.1).
static bool take_basic(struct request *r, struct token_request *t) {
    static const char BASIC[] = "basic ";
    struct slice header = r->job->authorization;
    size_t n = sizeof BASIC - 1;
    if (header.len <= n || header.len > BASIC_MAX || strncasecmp(header.ptr, BASIC, n) != 0) {
        return false;
    }
    char *plain = arena_alloc(r->arena, header.len);
    size_t len = base64_decode(plain, slice_of(header.ptr + n, header.len - n));
    const char *colon = len != (size_t)-1 ? memchr(plain, ':', len) : NULL;
    if (colon == NULL) {
        return false;
    }
    size_t id_len = (size_t)(colon - plain);
    t->client_id = http_form_unescape(r->arena, slice_of(plain, id_len));
    t->secret = http_form_unescape(r->arena, slice_of(colon + 1, len - id_len - 1));
    return t->client_id != NULL && t->secret != NULL;
}

// False: answered.
static bool take_credentials(struct request *r, struct token_request *t) {
    if (!form_text(r, "client_id", &t->client_id) || !form_text(r, "client_secret", &t->secret)) {
        return false;
    }
    if (r->job->authorization.ptr != NULL) {
        if (t->secret != NULL) {
            refuse(r, 400, "invalid_request", "credentials come once: by header or in the form");
            return false;
        }
        if (!take_basic(r, t)) {
            refuse(r, 401, "invalid_client", "the Authorization header is not HTTP Basic");
            return false;
        }
    }
    if (t->client_id == NULL || t->secret == NULL) {
        refuse(r, 401, "invalid_client", "client_id and client_secret are required");
        return false;
    }
    return true;
}

// --- issuing -------------------------------------------------------------------------------------
static void issue(struct request *r, const struct client *c) {
    const struct token_request *t = r->user;
    // Only who has the secret gets here, so nobody else can spend this.
    if (!request_limit_for(r, LIMIT_TOKEN, slice_str(c->id))) {
        return;
    }
    static const char *const FOR_API[] = {API_AUDIENCE_TEXT};
    int64_t now_s = clock_system_us() / US_PER_SECOND;
    const struct token_key *signer = snapshot_signer(r->loop->snapshot, now_s);
    unsigned char random[TOKEN_ID_BYTES];
    char id[TOKEN_ID_BYTES * 2];
    struct buf token;
    struct err e;
    if (signer == NULL) {
        request_problem(r, PROBLEM_UNAVAILABLE, NULL, "no signing key is known yet");
        return;
    }
    secret_random(random, sizeof random);
    id[base64url_encode(id, random, sizeof random)] = '\0';
    struct token_claims claims = {
        .issuer = r->api->public_url,
        .subject = c->id,
        .audiences = t->for_api ? FOR_API : c->audiences,
        .audiences_count = t->for_api ? 1 : c->audiences_count,
        .id = id,
        .issued_s = now_s,
        .expires_s = now_s + r->api->token_life_s,
    };
    buf_init(&token, TOKEN_BYTES_MAX);
    if (token_sign(signer, &claims, &token, &e) != ERR_OK) {
        buf_done(&token);
        request_fail(r, &e);
        return;
    }
    json_t *answer = json_pack("{s:s%, s:s, s:i}", "access_token", token.ptr, token.len,
                               "token_type", "Bearer", "expires_in", r->api->token_life_s);
    buf_done(&token);
    if (t->for_api) {
        json_object_set_new(answer, "scope", json_string("api"));
    }
    request_header(r, "pragma", "no-cache");
    r->job->org = arena_str(r->arena, slice_str(c->org));
    r->job->subject = arena_str(r->arena, slice_str(c->application));
    request_reply_jansson(r, 200, answer);
}

static bool right(const struct token_request *t, const struct client *c) {
    int64_t now_s = clock_system_us() / US_PER_SECOND;
    return c != NULL && snapshot_secret_matches(c, &t->proof, now_s);
}

static bool satisfied(const struct token_request *t, const struct client *c) {
    return right(t, c) && c->active && (t->for_api ? c->has_role : c->audiences_count > 0);
}

// False: answered. Only what the snapshot doesn't know to be right counts: a stranger's guesses, even
// from the same address, never keep a client out. And only wrong ones stay counted, so a secret that
// was made a moment ago costs nothing either.
static bool admit(struct request *r, const struct client *c) {
    const struct token_request *t = r->user;
    return (right(t, c) && c->active) ||
           (request_limit(r, LIMIT_TOKEN_REFUSED, slice_str(t->client_id), request_address(r)) &&
            request_limit_address(r, LIMIT_TOKEN_ADDRESS));
}

static void judge(struct request *r, const struct client *c) {
    struct token_request *t = r->user;
    t->org = c != NULL ? arena_str(r->arena, slice_str(c->org)) : NULL;
    if (!right(t, c)) {
        refuse(r, 401, "invalid_client", "the client is not known or the secret is wrong");
    } else if (!c->active) {
        refuse(r, 401, "invalid_client",
               "the application is disabled, or its organisation suspended");
    } else if (t->for_api && !c->has_role) {
        refuse(r, 400, "invalid_scope", "the application has no role in the API");
    } else {
        // Without any grant the token names no audience and opens nothing; brokers refuse it.
        issue(r, c);
    }
}

static void on_read(struct request *r, struct pg_rows *rows) {
    const struct token_request *t = r->user;
    struct snapshot *one = NULL;
    struct err e;
    if (snapshot_parse(pg_rows_slice(rows, 0, 0), r->api->master_key, &one, &e) != ERR_OK) {
        request_fail(r, &e);
        return;
    }
    judge(r, snapshot_client(one, t->client_id));
    snapshot_unref(one);
}

// A database that is away can't say more than the snapshot.
static void on_unread(struct request *r, const struct err *e) {
    const struct token_request *t = r->user;
    if (r->loop->snapshot == NULL) {
        request_fail(r, e);
    } else {
        judge(r, snapshot_client(r->loop->snapshot, t->client_id));
    }
}

static void oauth_token(struct request *r) {
    struct token_request *t = arena_alloc(r->arena, sizeof *t);
    const char *grant = NULL, *scope = NULL;
    r->user = t;
    if (!form_text(r, "grant_type", &grant) || !form_text(r, "scope", &scope)) {
        return;
    }
    if (grant == NULL || strcmp(grant, "client_credentials") != 0) {
        refuse(r, 400, grant == NULL ? "invalid_request" : "unsupported_grant_type",
               "grant_type must be client_credentials");
        return;
    }
    if (scope != NULL && *scope != '\0' && strcmp(scope, "api") != 0) {
        refuse(r, 400, "invalid_scope", "scope is api, or left out for a token for Kafka");
        return;
    }
    if (!take_credentials(r, t)) {
        return;
    }
    t->for_api = scope != NULL && *scope != '\0';
    snapshot_proof_make(&t->proof, t->client_id, t->secret, r->api->master_key);
    const struct client *c = snapshot_client(r->loop->snapshot, t->client_id);
    // A secret or grant made a moment ago may not be in the snapshot yet.
    if (satisfied(t, c)) {
        judge(r, c);
    } else if (admit(r, c)) {
        request_read_or(r, &api_sql_client_read, PG_PARAMS(pg_text(t->client_id)), on_read,
                        on_unread);
    }
}

// --- public documents ----------------------------------------------------------------------------
static void oauth_jwks(struct request *r) {
    struct buf out;
    size_t count;
    const struct token_key *const *keys = snapshot_keys(r->loop->snapshot, &count);
    if (count == 0) {
        request_problem(r, PROBLEM_UNAVAILABLE, NULL, "no signing key is known yet");
        return;
    }
    buf_init(&out, JWKS_MAX);
    buf_add_str(&out, "{\"keys\":[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            buf_add_char(&out, ',');
        }
        token_key_jwk(keys[i], &out);
    }
    buf_add_str(&out, "]}");
    struct slice body = slice_of(arena_str(r->arena, buf_slice(&out)), out.len);
    buf_done(&out);
    request_header(r, "cache-control", "public, max-age=60");
    request_reply_json(r, 200, body);
}

static void oauth_discovery(struct request *r) {
    const char *url = r->api->public_url;
    request_header(r, "cache-control", "public, max-age=300");
    request_reply_jansson(
        r, 200,
        json_pack("{s:s, s:o, s:o, s:[s], s:[ss], s:[], s:[s], s:[s], s:[s]}", "issuer", url,
                  "token_endpoint", json_sprintf("%s/oauth/token", url), "jwks_uri",
                  json_sprintf("%s/.well-known/jwks.json", url), "grant_types_supported",
                  "client_credentials", "token_endpoint_auth_methods_supported",
                  "client_secret_basic", "client_secret_post", "response_types_supported",
                  "subject_types_supported", "public", "id_token_signing_alg_values_supported",
                  "ES256", "scopes_supported", "api"));
}

static const struct route ROWS[] = {
    {"POST", "/oauth/token", "createToken", ROUTE_PUBLIC, .body = BODY_RAW,
     .body_max = TOKEN_BODY_MAX, .no_idempotency = true, .limit = ROUTE_LIMIT_OWN,
     .handler = oauth_token},
    {"GET", "/.well-known/jwks.json", "getJwks", ROUTE_PUBLIC, .limit = ROUTE_LIMIT_OWN,
     .handler = oauth_jwks},
    {"GET", "/.well-known/openid-configuration", "getDiscovery", ROUTE_PUBLIC,
     .limit = ROUTE_LIMIT_OWN, .handler = oauth_discovery},
};
const struct route_table oauth_routes = ROUTE_TABLE(ROWS);
