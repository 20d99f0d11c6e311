// Applications, their secrets and their right to write below the organisation's topic prefix.
#include "api/identity/auth.h"
#include "api/request/api.h"
#include "api/request/request.h"
#include "api/request/uuid.h"
#include "platform/secret/secret.h"

static const struct read_param REASON = {.name = "reason", .rule = &request_reason_rule};

enum { SECRETS_PER_APPLICATION_MAX = 5, SECRET_DAYS_MAX = 3650 };

// --- applications --------------------------------------------------------------------------------
static void on_created(struct request *r, struct pg_rows *rows) {
    const char *id = arena_str(r->arena, pg_rows_slice(rows, 0, API_APPLICATION_INSERT_ID));
    request_audit(r, "application.create", "application", id, NULL,
                  arena_str(r->arena, pg_rows_slice(rows, 0, API_APPLICATION_INSERT_JSON)), NULL);
    request_header(r, "location", arena_printf(r->arena, "/v1/applications/%s", id));
    request_reply_row(r, 201, rows);
}

// A credential with rights in the API is the owners' to give: a developer could otherwise make
// itself an owner.
static bool may_handle_api_role(struct request *r) {
    if (r->who.role == ROLE_OWNER) {
        return true;
    }
    request_problem(r, PROBLEM_DENIED, "/api_role",
                    "only an owner makes applications or secrets with rights in the API");
    return false;
}

static void application_create(struct request *r) {
    const char *name = NULL, *api_role = NULL;
    enum role role;
    if (!REQUEST_FIELDS(r,
                        {"name", FIELD_TEXT, .required = true, .min = 1, .max = 200, .out = &name},
                        {"api_role", FIELD_TEXT, .out = &api_role})) {
        return;
    }
    if (api_role != NULL && !role_parse(api_role, &role)) {
        request_problem(r, PROBLEM_INVALID, "/api_role",
                        "api_role is owner, developer, finance or auditor");
        return;
    }
    if (api_role != NULL && !may_handle_api_role(r)) {
        return;
    }
    char *principal = arena_alloc(r->arena, PRINCIPAL_CHARS + 1);
    secret_principal(principal);
    request_write(
        r, &api_sql_application_insert,
        PG_PARAMS(pg_text(r->who.org), pg_text(name), pg_text(principal), pg_text(api_role)),
        on_created);
}

// --- secrets -------------------------------------------------------------------------------------
struct credential {
    const char *application;
    const char *reason;                // of the operator's people, for a tenant's
    bool enable;                       // or disable
    const char *what;                  // is revoked
    const struct pg_statement *revoke; // how
    const char *id;                    // of the secret or grant
    const char *org;
    const char *principal;
    const char *cluster;
    int64_t days;
    char token[SECRET_TOKEN_CHARS + 1];
};

// False: answered.
static bool take_application(struct request *r, struct pg_rows *rows, struct credential *c) {
    if (pg_rows_count(rows) == 0) {
        request_reply_row(r, 200, rows); // 404
        return false;
    }
    c->org = arena_str(r->arena, pg_rows_slice(rows, 0, API_APPLICATION_LOCK_ORG_ID));
    c->principal = arena_str(r->arena, pg_rows_slice(rows, 0, API_APPLICATION_LOCK_PRINCIPAL));
    return request_acts_for(r, c->org, c->reason);
}

// The same, of one that is in use.
static bool take_locked(struct request *r, struct pg_rows *rows, struct credential *c) {
    if (!take_application(r, rows, c)) {
        return false;
    }
    if (strcmp(pg_rows_text(rows, 0, API_APPLICATION_LOCK_STATE), "active") != 0) {
        request_problem(r, PROBLEM_CONFLICT, NULL, "the application is disabled");
        return false;
    }
    return true;
}

static void on_secret(struct request *r, struct pg_rows *rows) {
    struct credential *c = r->user;
    json_t *answer =
        json_pack("{s:s, s:s, s:s, s:s, s:s?}", "id", c->id, "application_id", c->application,
                  "client_id", c->principal, "created_at", pg_rows_text(rows, 0, 0), "expires_at",
                  pg_rows_is_null(rows, 0, 1) ? NULL : pg_rows_text(rows, 0, 1));
    request_audit(r, "secret.create", "application", c->application, NULL,
                  request_json_text(r, answer), NULL);
    json_object_set_new(answer, "secret_shown", json_true());
    request_replay_instead(r, slice_str(request_json_text(r, answer)));
    json_object_set_new(answer, "secret_shown", json_false());
    json_object_set_new(answer, "secret", json_string(c->token));
    json_object_set_new(answer, "token_endpoint",
                        json_sprintf("%s/oauth/token", r->api->public_url));
    request_reply_jansson(r, 201, answer);
}

static void on_locked_for_secret(struct request *r, struct pg_rows *rows) {
    struct credential *c = r->user;
    if (!take_locked(r, rows, c)) {
        return;
    }
    if (!pg_rows_is_null(rows, 0, API_APPLICATION_LOCK_API_ROLE) && !may_handle_api_role(r)) {
        return;
    }
    if (pg_rows_bool(rows, 0, API_APPLICATION_LOCK_ADOPTED)) {
        request_problem(r, PROBLEM_CONFLICT, NULL,
                        "the application uses a principal that Weir did not issue");
        return;
    }
    if (pg_rows_int8(rows, 0, API_APPLICATION_LOCK_SECRETS) >= SECRETS_PER_APPLICATION_MAX) {
        request_problem(r, PROBLEM_LIMIT, NULL, "an application has at most %d secrets; revoke one",
                        SECRETS_PER_APPLICATION_MAX);
        return;
    }
    unsigned char *hash = arena_alloc(r->arena, SECRET_HASH_BYTES);
    secret_token(c->token);
    secret_client_hash(hash, slice_str(c->principal), slice_str(c->token), r->api->master_key);
    c->id = uuid_new(r->arena);
    const char *days = c->days > 0 ? arena_printf(r->arena, "%d", (int)c->days) : NULL;
    request_write(r, &api_sql_secret_insert,
                  PG_PARAMS(pg_text(c->id), pg_text(c->application), pg_text(c->org),
                            pg_bytea(hash, SECRET_HASH_BYTES), pg_text(days)),
                  on_secret);
}

static struct credential *credential_of(struct request *r) {
    struct credential *c = arena_alloc(r->arena, sizeof *c);
    c->application = request_param(r, "id");
    r->user = c;
    return c;
}

static void secret_create(struct request *r) {
    struct credential *c = credential_of(r);
    if (!REQUEST_FIELDS(
            r, {"expires_in_days", FIELD_INT, .min = 1, .max = SECRET_DAYS_MAX, .out = &c->days},
            FIELD_REASON(&c->reason))) {
        return;
    }
    request_write(r, &api_sql_application_lock, PG_PARAMS(pg_text(c->application)),
                  on_locked_for_secret);
}

static void on_revoked(struct request *r, struct pg_rows *rows) {
    struct credential *c = r->user;
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "there is no such %s in use", c->what);
        return;
    }
    request_audit(r, arena_printf(r->arena, "%s.revoke", c->what), "application", c->application,
                  arena_printf(r->arena, "{\"id\":\"%s\"}", c->id), NULL, NULL);
    request_reply_empty(r);
}

static void on_locked_for_revoke(struct request *r, struct pg_rows *rows) {
    struct credential *c = r->user;
    if (take_application(r, rows, c) &&
        (pg_rows_is_null(rows, 0, API_APPLICATION_LOCK_API_ROLE) || may_handle_api_role(r))) {
        request_write(r, c->revoke, PG_PARAMS(pg_text(c->id), pg_text(c->application)), on_revoked);
    }
}

static void revoke(struct request *r, const char *what, const char *id,
                   const struct pg_statement *statement) {
    struct credential *c = credential_of(r);
    c->what = what;
    c->id = id;
    c->revoke = statement;
    if (read_query(r, &REASON, &c->reason)) {
        request_write(r, &api_sql_application_lock, PG_PARAMS(pg_text(c->application)),
                      on_locked_for_revoke);
    }
}

static void secret_revoke(struct request *r) {
    revoke(r, "secret", request_param(r, "sid"), &api_sql_secret_revoke);
}

// --- producer grants -----------------------------------------------------------------------------
static void on_granted(struct request *r, struct pg_rows *rows) {
    struct credential *c = r->user;
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_INVALID, "/cluster_id", "there is no such cluster");
        return;
    }
    request_audit(r, "producer_grant.create", "application", c->application, NULL,
                  arena_str(r->arena, pg_rows_slice(rows, 0, API_PRODUCER_GRANT_INSERT_JSON)),
                  NULL);
    request_reply_row(r, 201, rows);
}

static void on_locked_for_grant(struct request *r, struct pg_rows *rows) {
    struct credential *c = r->user;
    if (!take_locked(r, rows, c)) {
        return;
    }
    if (pg_rows_is_null(rows, 0, API_APPLICATION_LOCK_TOPIC_PREFIX)) {
        request_problem(r, PROBLEM_CONFLICT, NULL,
                        "the organisation has no topic prefix yet; the operator sets it");
        return;
    }
    const char *prefix =
        arena_str(r->arena, pg_rows_slice(rows, 0, API_APPLICATION_LOCK_TOPIC_PREFIX));
    request_write(
        r, &api_sql_producer_grant_insert,
        PG_PARAMS(pg_text(c->application), pg_text(c->org), pg_text(c->cluster), pg_text(prefix)),
        on_granted);
}

static void producer_grant_create(struct request *r) {
    struct credential *c = credential_of(r);
    if (!REQUEST_FIELDS(r,
                        {"cluster_id", FIELD_UUID, .required = true, .max = 36, .out = &c->cluster},
                        FIELD_REASON(&c->reason))) {
        return;
    }
    request_write(r, &api_sql_application_lock, PG_PARAMS(pg_text(c->application)),
                  on_locked_for_grant);
}

static void producer_grant_revoke(struct request *r) {
    revoke(r, "producer_grant", request_param(r, "gid"), &api_sql_producer_grant_revoke);
}

// --- in use or not -------------------------------------------------------------------------------
// Tokens, API and ACLs follow the state: snapshot.h and weir-access are told by the database.
static void on_switched(struct request *r, struct pg_rows *rows) {
    struct credential *c = r->user;
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_CONFLICT, NULL, "the application is %s already",
                        c->enable ? "active" : "disabled");
        return;
    }
    request_audit(r, c->enable ? "application.enable" : "application.disable", "application",
                  c->application, NULL, NULL, NULL);
    request_reply_row(r, 200, rows);
}

static void on_locked_for_switch(struct request *r, struct pg_rows *rows) {
    struct credential *c = r->user;
    if (take_application(r, rows, c) &&
        (pg_rows_is_null(rows, 0, API_APPLICATION_LOCK_API_ROLE) || may_handle_api_role(r))) {
        request_write(
            r, &api_sql_application_switch,
            PG_PARAMS(pg_text(c->application), pg_text(c->enable ? "active" : "disabled")),
            on_switched);
    }
}

static void application_switch(struct request *r, bool enable) {
    struct credential *c = credential_of(r);
    c->enable = enable;
    if (REQUEST_FIELDS(r, FIELD_REASON(&c->reason))) {
        request_write(r, &api_sql_application_lock, PG_PARAMS(pg_text(c->application)),
                      on_locked_for_switch);
    }
}

static void application_disable(struct request *r) {
    application_switch(r, false);
}

static void application_enable(struct request *r) {
    application_switch(r, true);
}

static const struct route ROWS[] = {
    {"POST", "/v1/applications", "createApplication", ROUTE_DEVELOPERS,
     ROUTE_JSON(ROUTE_BODY_SMALL), .quota = QUOTA_APPLICATIONS, .handler = application_create},
    {"GET", "/v1/applications", "listApplications", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_application_list, .shape = READ_PAGE}},
    {"GET", "/v1/applications/{id}", "getApplication", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_application_get,
              .shape = READ_ROW,
              .params = {{.name = "{id}"}}}},
    {"POST", "/v1/applications/{id}/secrets", "createSecret", ROUTE_DEVELOPERS, ROUTE_SUPPORT,
     ROUTE_JSON(ROUTE_BODY_SMALL), .quota = QUOTA_SECRETS, .handler = secret_create},
    {"DELETE", "/v1/applications/{id}/secrets/{sid}", "revokeSecret", ROUTE_DEVELOPERS,
     ROUTE_SUPPORT, .handler = secret_revoke},
    {"POST", "/v1/applications/{id}/producer-grants", "createProducerGrant", ROUTE_OWNERS,
     ROUTE_SUPPORT, ROUTE_JSON(ROUTE_BODY_SMALL), .handler = producer_grant_create},
    {"DELETE", "/v1/applications/{id}/producer-grants/{gid}", "revokeProducerGrant", ROUTE_OWNERS,
     ROUTE_SUPPORT, .handler = producer_grant_revoke},
    {"POST", "/v1/applications/{id}/disable", "disableApplication", ROUTE_DEVELOPERS, ROUTE_SUPPORT,
     ROUTE_JSON(ROUTE_BODY_SMALL), .handler = application_disable},
    {"POST", "/v1/applications/{id}/enable", "enableApplication", ROUTE_DEVELOPERS, ROUTE_SUPPORT,
     ROUTE_JSON(ROUTE_BODY_SMALL), .handler = application_enable},
};
const struct route_table application_routes = ROUTE_TABLE(ROWS);
