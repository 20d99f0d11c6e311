// A plan is checked by the rating engine's own reader before it is stored, so what is stored can be
// rated. plan_id and version of the body are set here: they name the row.
#include <string.h>

#include "api/request/request.h"
#include "base/check.h"
#include "base/instant.h"
#include "base/number.h"
#include "core/billing/share.h"
#include "core/rating/plan.h"

// What a version is made of, checked.
struct plan_input {
    const char *code, *name;
    json_t *body, *share;
    const char *weakest_class;
    // Of the plan it belongs to.
    const char *plan_id, *org;
    int64_t number;
};

static bool plan_input_read(struct request *r, bool with_name, struct plan_input *in) {
    const struct field fields[] = {
        {"plan", FIELD_OBJECT, true, 0, 0, &in->body},
        {"revenue_share", FIELD_OBJECT, true, 0, 0, &in->share},
        {"weakest_class", FIELD_TEXT, false, 1, 20, &in->weakest_class},
        {"code", FIELD_TEXT, true, 1, 63, &in->code},
        {"name", FIELD_TEXT, true, 1, 200, &in->name},
    };
    size_t count = sizeof fields / sizeof *fields - (with_name ? 0 : 2);
    return request_fields(r, NULL, "", fields, count);
}

// Sets the body's identity, checks both documents and stores the version.
static void plan_version_store(struct request *r, struct plan_input *in, request_step then) {
    struct err e = {0};
    struct plan plan;
    struct share_rule share;
    check(json_object_set_new(in->body, "plan_id", json_string(in->plan_id)) == 0);
    check(json_object_set_new(in->body, "version", json_integer(in->number)) == 0);
    if (plan_parse(r->arena, in->body, &plan, &e) != ERR_OK) {
        char field[ERR_FIELD_MAX];
        (void)snprintf(field, sizeof field, "/plan%.*s", ERR_FIELD_MAX - 8, e.field);
        memcpy(e.field, field, sizeof field);
        request_fail(r, &e);
        return;
    }
    if (share_parse(r->arena, in->share, "/revenue_share", &share, &e) != ERR_OK) {
        request_fail(r, &e);
        return;
    }
    char from[INSTANT_TEXT_MAX];
    instant_format(from, plan.valid_from_day * US_PER_DAY);
    from[10] = '\0'; // the date
    request_write(r, &api_sql_plan_version_create,
                  PG_PARAMS(pg_text(in->plan_id), pg_int8(in->number), pg_text(in->org),
                            pg_text(arena_str(r->arena, slice_str(from))),
                            pg_text(plan.currency->code), pg_text(request_json_text(r, in->body)),
                            pg_text(request_json_text(r, in->share)), pg_text(in->weakest_class)),
                  then);
}

static void plan_shown(struct request *r, struct pg_rows *rows) {
    request_reply_row(r, 201, rows);
}

static void plan_version_stored(struct request *r, struct pg_rows *rows) {
    (void)rows;
    const struct plan_input *in = r->user;
    request_audit(r, "plan.version", "plan", in->plan_id, NULL, request_json_text(r, in->body),
                  NULL);
    request_write(r, &api_sql_plan_get, PG_PARAMS(pg_text(in->plan_id)), plan_shown);
}

static void plan_created(struct request *r, struct pg_rows *rows) {
    struct plan_input *in = r->user;
    in->plan_id = arena_str(r->arena, pg_rows_slice(rows, 0, 0));
    in->number = 1;
    plan_version_store(r, in, plan_version_stored);
}

static void plan_product_locked(struct request *r, struct pg_rows *rows) {
    struct plan_input *in = r->user;
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "there is no such product of yours");
        return;
    }
    in->org = arena_str(r->arena, pg_rows_slice(rows, 0, API_PRODUCT_LOCK_OWN_ORG_ID));
    request_write(r, &api_sql_plan_create,
                  PG_PARAMS(pg_text(request_param(r, "id")), pg_text(in->org), pg_text(in->code),
                            pg_text(in->name)),
                  plan_created);
}

static void plan_create(struct request *r) {
    struct plan_input *in = arena_alloc(r->arena, sizeof *in);
    if (!plan_input_read(r, true, in)) {
        return;
    }
    r->user = in;
    request_write(r, &api_sql_product_lock_own, PG_PARAMS(pg_text(request_param(r, "id"))),
                  plan_product_locked);
}

static void plan_locked(struct request *r, struct pg_rows *rows) {
    struct plan_input *in = r->user;
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "there is no such plan of yours");
        return;
    }
    in->plan_id = arena_str(r->arena, pg_rows_slice(rows, 0, API_PLAN_LOCK_OWN_ID));
    in->org = arena_str(r->arena, pg_rows_slice(rows, 0, API_PLAN_LOCK_OWN_ORG_ID));
    check(number_parse_i64(pg_rows_slice(rows, 0, API_PLAN_LOCK_OWN_NUMBER), &in->number));
    in->number++;
    plan_version_store(r, in, plan_version_stored);
}

static void plan_version_create(struct request *r) {
    struct plan_input *in = arena_alloc(r->arena, sizeof *in);
    if (!plan_input_read(r, false, in)) {
        return;
    }
    r->user = in;
    request_write(r, &api_sql_plan_lock_own, PG_PARAMS(pg_text(request_param(r, "id"))),
                  plan_locked);
}

static const struct route ROWS[] = {
    {"GET", "/v1/products/{id}/plans", "listPlans", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_plan_list,
              .shape = READ_PAGE,
              .params = {{.name = "{id}"}},
              .of = &api_sql_product_visible}},
    {"POST", "/v1/products/{id}/plans", "createPlan", ROUTE_DEVELOPERS,
     ROUTE_JSON(ROUTE_BODY_LARGE), .quota = QUOTA_PLAN_VERSIONS, .handler = plan_create},
    {"GET", "/v1/plans/{id}", "getPlan", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_plan_get, .shape = READ_ROW, .params = {{.name = "{id}"}}}},
    {"POST", "/v1/plans/{id}/versions", "createPlanVersion", ROUTE_DEVELOPERS,
     ROUTE_JSON(ROUTE_BODY_LARGE), .quota = QUOTA_PLAN_VERSIONS, .handler = plan_version_create},
};
const struct route_table plan_routes = ROUTE_TABLE(ROWS);
