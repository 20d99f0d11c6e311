// Organisations: sign-up by anybody, reading and changing by their own people and the operator.
#include <stdio.h>

#include "api/request/api.h"
#include "api/request/request.h"
#include "api/request/uuid.h"
#include "core/money/currency.h"
#include "platform/secret/secret.h"

struct sign_up {
    const char *id, *name, *country, *vat_id, *address, *billing_email, *time_zone, *currency;
    const char *email, *person_name, *password;
    bool provider, consumer;
    char hash[SECRET_PASSWORD_HASH_MAX];
    enum err_code code;
    struct err error;
};

static void hash_password(struct request *r) {
    struct sign_up *s = r->user;
    s->code = secret_password_hash(slice_str(s->password), s->hash, &s->error);
}

static void on_signed_up(struct request *r, struct pg_rows *rows) {
    struct sign_up *s = r->user;
    r->job->org = s->id;
    request_audit(r, "organisation.sign_up", "organisation", s->id, NULL,
                  arena_str(r->arena, pg_rows_slice(rows, 0, API_ORGANISATION_SIGN_UP_JSON)), NULL);
    request_header(r, "location", arena_printf(r->arena, "/v1/organisations/%s", s->id));
    request_reply_row(r, 201, rows);
}

static void on_hashed(struct request *r) {
    struct sign_up *s = r->user;
    if (s->code != ERR_OK) {
        request_fail(r, &s->error);
        return;
    }
    request_prepared(r);
}

static void organisation_create(struct request *r) {
    const struct sign_up *s = r->user;
    // The new organisation is the only one whose rows this transaction may write.
    request_scope(r, s->id, false);
    request_write(r, &api_sql_organisation_sign_up,
                  PG_PARAMS(pg_text(s->id), pg_text(s->name), pg_text(s->country),
                            pg_text(s->vat_id), pg_text(s->address), pg_text(s->billing_email),
                            pg_text(s->time_zone), pg_text(s->currency),
                            pg_text(s->provider ? "true" : "false"),
                            pg_text(s->consumer ? "true" : "false"), pg_text(s->email),
                            pg_text(s->person_name), pg_text(s->hash)),
                  on_signed_up);
}

// ["provider", "consumer"], at least one.
static bool take_roles(struct request *r, const json_t *roles, struct sign_up *s) {
    size_t i;
    json_t *item;
    json_array_foreach(roles, i, item) {
        const char *role = json_string_value(item);
        if (strcmp(role, "provider") == 0) {
            s->provider = true;
        } else if (strcmp(role, "consumer") == 0) {
            s->consumer = true;
        } else {
            request_problem(r, PROBLEM_INVALID, "/roles", "a role is provider or consumer");
            return false;
        }
    }
    return true;
}

static bool looks_like_email(const char *s) {
    const char *at = strchr(s, '@');
    return at != NULL && at != s && at[1] != '\0' && strchr(at + 1, '@') == NULL &&
           strpbrk(s, " \t\r\n<>\"") == NULL;
}

static bool email_valid(struct request *r, const char *field, const char *text) {
    if (looks_like_email(text)) {
        return true;
    }
    request_problem(r, PROBLEM_INVALID, field, "%s must be an e-mail address",
                    strrchr(field, '/') + 1);
    return false;
}

// An account in a currency that nothing can be rated in would never get an invoice.
static bool currency_valid(struct request *r, const char *code) {
    if (currency_find(slice_str(code)) != NULL) {
        return true;
    }
    request_problem(r, PROBLEM_INVALID, "/currency",
                    "currency is an ISO 4217 code in capital letters, like EUR");
    return false;
}

static bool take_address(struct request *r, json_t *address, const char **ret) {
    const char *ignored;
    if (!request_fields(r, address, "/address",
                        (const struct field[]){
                            {"street", FIELD_TEXT, .max = 200, .out = &ignored},
                            {"line2", FIELD_TEXT, .max = 200, .out = &ignored},
                            {"city", FIELD_TEXT, .max = 100, .out = &ignored},
                            {"postal_code", FIELD_TEXT, .max = 20, .out = &ignored},
                            {"region", FIELD_TEXT, .max = 100, .out = &ignored},
                        },
                        5)) {
        return false;
    }
    *ret = request_json_text(r, address);
    return true;
}

// The password's hash is made before the transaction that stores it, or an Idempotency-Key's, is
// begun: while it waits for others' no connection is held.
static void sign_up_prepare(struct request *r) {
    struct sign_up *s = arena_alloc(r->arena, sizeof *s);
    json_t *address = NULL, *owner = NULL, *roles = NULL;
    s->time_zone = "UTC";
    s->currency = "EUR";
    s->address = "{}";
    if (!REQUEST_FIELDS(
            r, {"name", FIELD_TEXT, .required = true, .min = 1, .max = 200, .out = &s->name},
            {"country", FIELD_TEXT, .required = true, .min = 2, .max = 2, .out = &s->country},
            {"vat_id", FIELD_TEXT, .min = 1, .max = 32, .out = &s->vat_id},
            {"address", FIELD_OBJECT, .out = &address},
            {"billing_email", FIELD_TEXT, .required = true, .min = 3, .max = 254,
             .out = &s->billing_email},
            {"time_zone", FIELD_TEXT, .min = 1, .max = 64, .out = &s->time_zone},
            {"currency", FIELD_TEXT, .min = 3, .max = 3, .out = &s->currency},
            {"roles", FIELD_TEXTS, .required = true, .min = 1, .max = 2, .out = &roles},
            {"owner", FIELD_OBJECT, .required = true, .out = &owner})) {
        return;
    }
    if (!request_fields(
            r, owner, "/owner",
            (const struct field[]){
                {"email", FIELD_TEXT, .required = true, .min = 3, .max = 254, .out = &s->email},
                {"name", FIELD_TEXT, .required = true, .min = 1, .max = 200,
                 .out = &s->person_name},
                {"password", FIELD_TEXT, .required = true, .min = SECRET_PASSWORD_MIN,
                 .max = SECRET_PASSWORD_MAX, .out = &s->password},
            },
            3)) {
        return;
    }
    if (!take_roles(r, roles, s) || (address != NULL && !take_address(r, address, &s->address))) {
        return;
    }
    if (!email_valid(r, "/owner/email", s->email) ||
        !email_valid(r, "/billing_email", s->billing_email) || !currency_valid(r, s->currency)) {
        return;
    }
    s->id = uuid_new(r->arena);
    r->user = s;
    request_offload(r, (struct slice){NULL, 0}, hash_password, on_hashed);
}

// --- changing ------------------------------------------------------------------------------------
struct patch {
    const char *id, *name, *vat_id, *address, *billing_email, *time_zone, *topic_prefix, *verified;
    const char *before, *reason;
};

static void on_patched(struct request *r, struct pg_rows *rows) {
    struct patch *p = r->user;
    request_audit(r, "organisation.change", "organisation", p->id, p->before,
                  arena_str(r->arena, pg_rows_slice(rows, 0, 0)), NULL);
    request_reply_row(r, 200, rows);
}

static void on_locked(struct request *r, struct pg_rows *rows) {
    struct patch *p = r->user;
    if (pg_rows_count(rows) == 0) {
        request_reply_row(r, 200, rows); // 404
        return;
    }
    if (!request_version_matches(r, pg_rows_int8(rows, 0, 0))) {
        return;
    }
    // Prefix and verification are the operator's own to give; the rest is the tenant's.
    bool tenants = p->name != NULL || p->vat_id != NULL || p->address != NULL ||
                   p->billing_email != NULL || p->time_zone != NULL;
    if (!request_acts_for(r, p->id, p->reason != NULL || tenants ? p->reason : "")) {
        return;
    }
    p->before = arena_str(r->arena, pg_rows_slice(rows, 0, 1));
    request_write(r, &api_sql_organisation_patch,
                  PG_PARAMS(pg_text(p->id), pg_text(p->name), pg_text(p->vat_id),
                            pg_text(p->address), pg_text(p->billing_email), pg_text(p->time_zone),
                            pg_text(p->topic_prefix), pg_text(p->verified)),
                  on_patched);
}

static void organisation_patch(struct request *r) {
    struct patch *p = arena_alloc(r->arena, sizeof *p);
    json_t *address = NULL;
    bool verified = false;
    p->id = request_param(r, "id");
    if (!REQUEST_FIELDS(
            r, {"name", FIELD_TEXT, .min = 1, .max = 200, .out = &p->name},
            {"vat_id", FIELD_TEXT, .min = 1, .max = 32, .out = &p->vat_id},
            {"address", FIELD_OBJECT, .out = &address},
            {"billing_email", FIELD_TEXT, .min = 3, .max = 254, .out = &p->billing_email},
            {"time_zone", FIELD_TEXT, .min = 1, .max = 64, .out = &p->time_zone},
            {"topic_prefix", FIELD_TEXT, .min = 2, .max = 62, .out = &p->topic_prefix},
            {"verified", FIELD_BOOL, .out = &verified}, FIELD_REASON(&p->reason))) {
        return;
    }
    if (address != NULL && !take_address(r, address, &p->address)) {
        return;
    }
    if (p->billing_email != NULL && !email_valid(r, "/billing_email", p->billing_email)) {
        return;
    }
    if (json_is_boolean(json_object_get(r->body, "verified"))) {
        p->verified = verified ? "true" : "false";
    }
    if ((p->topic_prefix != NULL || p->verified != NULL) && !r->who.is_operator) {
        request_problem(r, PROBLEM_DENIED, p->verified != NULL ? "/verified" : "/topic_prefix",
                        "only the marketplace's operator sets this");
        return;
    }
    r->user = p;
    request_write(r, &api_sql_organisation_lock, PG_PARAMS(pg_text(p->id)), on_locked);
}

static const struct route ROWS[] = {
    {"POST", "/v1/organisations", "createOrganisation", ROUTE_PUBLIC, ROUTE_JSON(ROUTE_BODY_SMALL),
     .limit = ROUTE_LIMIT_SIGN_UP, .prepare = sign_up_prepare, .handler = organisation_create},
    {"GET", "/v1/organisations", "listOrganisations", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_organisation_list, .shape = READ_PAGE}},
    {"GET", "/v1/organisations/{id}", "getOrganisation", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_organisation_get,
              .shape = READ_ROW,
              .params = {{.name = "{id}"}}}},
    {"PATCH", "/v1/organisations/{id}", "updateOrganisation", ROUTE_OWNERS, ROUTE_SUPPORT,
     ROUTE_JSON(ROUTE_BODY_SMALL), .handler = organisation_patch},
};
const struct route_table organisation_routes = ROUTE_TABLE(ROWS);
