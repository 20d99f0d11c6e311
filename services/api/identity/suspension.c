// The operator's owner suspends an organisation, with a reason, and resumes it. From then on its
// people get no session, its applications no token and no access: the token endpoint and the gate of
// the API by the list of clients (snapshot.h), sessions at each request, the brokers by weir-access.
// Its grants end, so nothing read later has a payer; resumed, it gets them back.
#include "api/request/request.h"

struct suspension {
    const char *id;
    const char *reason;
    bool suspend; // or resume
};

static void on_shown(struct request *r, struct pg_rows *rows) {
    request_reply_row(r, 200, rows);
}

static void on_grants(struct request *r, struct pg_rows *rows) {
    struct suspension *s = r->user;
    request_audit(r, s->suspend ? "organisation.suspend" : "organisation.resume", "organisation",
                  s->id, NULL,
                  arena_printf(r->arena, "{\"grants_%s\":%d}", s->suspend ? "ended" : "begun",
                               pg_rows_count(rows)),
                  NULL);
    request_write(r, &api_sql_organisation_get, PG_PARAMS(pg_text(s->id)), on_shown);
}

static void on_set(struct request *r, struct pg_rows *rows) {
    struct suspension *s = r->user;
    (void)rows;
    request_write(r,
                  s->suspend ? &api_sql_suspension_close_grants : &api_sql_suspension_open_grants,
                  PG_PARAMS(pg_text(s->id)), on_grants);
}

static void on_standing(struct request *r, struct pg_rows *rows) {
    struct suspension *s = r->user;
    if (pg_rows_count(rows) == 0) {
        request_reply_row(r, 200, rows); // 404
        return;
    }
    if (pg_rows_bool(rows, 0, API_ORGANISATION_STANDING_IS_OPERATOR)) {
        request_problem(r, PROBLEM_CONFLICT, NULL, "the operator doesn't suspend itself");
        return;
    }
    if (pg_rows_bool(rows, 0, API_ORGANISATION_STANDING_SUSPENDED) == s->suspend) {
        request_problem(r, PROBLEM_CONFLICT, NULL, "the organisation is %s",
                        s->suspend ? "suspended already" : "not suspended");
        return;
    }
    if (request_acts_for(r, s->id, s->reason)) {
        request_write(r, &api_sql_organisation_suspend,
                      PG_PARAMS(pg_text(s->id), pg_text(s->suspend ? "true" : "false")), on_set);
    }
}

static void set_standing(struct request *r, bool suspend) {
    struct suspension *s = arena_alloc(r->arena, sizeof *s);
    s->id = request_param(r, "id");
    s->suspend = suspend;
    r->user = s;
    if (REQUEST_FIELDS(r, {"reason", FIELD_TEXT, .required = true, .min = 1,
                           .max = REQUEST_REASON_MAX, .out = &s->reason})) {
        request_write(r, &api_sql_organisation_standing, PG_PARAMS(pg_text(s->id)), on_standing);
    }
}

static void organisation_suspend(struct request *r) {
    set_standing(r, true);
}

static void organisation_resume(struct request *r) {
    set_standing(r, false);
}

static const struct route ROWS[] = {
    {"POST", "/v1/organisations/{id}/suspend", "suspendOrganisation", ROUTE_OWNERS, ROUTE_OPERATOR,
     ROUTE_JSON(ROUTE_BODY_SMALL), .handler = organisation_suspend},
    {"POST", "/v1/organisations/{id}/resume", "resumeOrganisation", ROUTE_OWNERS, ROUTE_OPERATOR,
     ROUTE_JSON(ROUTE_BODY_SMALL), .handler = organisation_resume},
};
const struct route_table suspension_routes = ROUTE_TABLE(ROWS);
