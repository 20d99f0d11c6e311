// Billing runs: asked for here, carried out by weir-biller.
#include "api/finance/period.h"
#include "api/request/request.h"

enum { REASON_MAX = 1000 };

static void run_shown(struct request *r, struct pg_rows *rows) {
    request_reply_row(r, 201, rows);
}

static void run_created(struct request *r, struct pg_rows *rows) {
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_CONFLICT, "/period",
                        "the period has not ended yet; close_early with a reason bills it now");
        return;
    }
    const char *id = arena_str(r->arena, pg_rows_slice(rows, 0, 0));
    request_audit(r, "billing_run.create", "billing_run", id, NULL, request_json_text(r, r->body),
                  r->user);
    request_write(r, &api_sql_billing_run_get, PG_PARAMS(pg_text(id)), run_shown);
}

static void billing_run_create(struct request *r) {
    const char *period = NULL;
    const char *reason = NULL;
    const char *override_reason = NULL;
    bool close_early = false;
    if (!REQUEST_FIELDS(
            r, {"period", FIELD_TEXT, true, 7, 7, &period},
            {"close_early", FIELD_BOOL, false, 0, 0, &close_early},
            {"reason", FIELD_TEXT, false, 1, REASON_MAX, &reason},
            {"override_incomplete_reason", FIELD_TEXT, false, 1, REASON_MAX, &override_reason})) {
        return;
    }
    if (!period_rule.fits(slice_str(period))) {
        request_problem(r, PROBLEM_INVALID, "/period", "period must be %s", period_rule.what);
        return;
    }
    if (close_early && reason == NULL) {
        request_problem(r, PROBLEM_INVALID, "/reason", "closing a period early needs a reason");
        return;
    }
    r->user = (void *)reason;
    request_write(
        r, &api_sql_billing_run_create,
        PG_PARAMS(pg_text(period), pg_bool(close_early), pg_text(reason), pg_text(override_reason),
                  pg_text(arena_printf(r->arena, "%s:%s",
                                       r->who.actor == ACTOR_PERSON ? "person" : "application",
                                       r->who.subject))),
        run_created);
}

static const struct route ROWS[] = {
    {"GET", "/v1/billing-runs", "listBillingRuns", ROUTE_SIGNED_IN, ROUTE_OPERATOR,
     .read = {.statement = &api_sql_billing_run_list, .shape = READ_PAGE}},
    {"POST", "/v1/billing-runs", "createBillingRun", ROUTE_FINANCE, ROUTE_OPERATOR,
     ROUTE_JSON(ROUTE_BODY_SMALL), .handler = billing_run_create},
    {"GET", "/v1/billing-runs/{id}", "getBillingRun", ROUTE_SIGNED_IN, ROUTE_OPERATOR,
     .read = {.statement = &api_sql_billing_run_get,
              .shape = READ_ROW,
              .params = {{.name = "{id}"}}}},
};
const struct route_table billing_run_routes = ROUTE_TABLE(ROWS);
