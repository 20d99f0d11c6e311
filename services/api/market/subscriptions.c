// requested -> active | denied; active -> ended, or cancelling until the period's end. Approval
// opens one grant period per application and topic; a second payer for the same reading is refused
// by the database.
#include <string.h>

#include "api/request/request.h"
#include "base/check.h"
#include "base/number.h"

enum { APPLICATIONS_MAX = 50, REASON_MAX = 1000 };

struct subscribing {
    const char *id;
    const char *product, *plan;
    json_t *applications;
    const char *provider;
    bool automatic;
    const char *reason;
    const char *effective;
    int status; // of the answer
};

static const char *actor(struct request *r) {
    return arena_printf(r->arena, "%s:%s", r->who.actor == ACTOR_PERSON ? "person" : "application",
                        r->who.subject);
}

static void subscription_shown(struct request *r, struct pg_rows *rows) {
    const struct subscribing *s = r->user;
    request_reply_row(r, s->status, rows);
}

static void subscription_show(struct request *r, const char *id) {
    request_write(r, &api_sql_subscription_get, PG_PARAMS(pg_text(id)), subscription_shown);
}

// --- approval ------------------------------------------------------------------------------------

static void grants_opened(struct request *r, struct pg_rows *rows) {
    (void)rows;
    struct subscribing *s = r->user;
    request_audit(r, "subscription.approve", "subscription", s->id, NULL, NULL, s->reason);
    subscription_show(r, s->id);
}

static void subscription_activated(struct request *r, struct pg_rows *rows) {
    struct subscribing *s = r->user;
    if (pg_rows_count(rows) == 0) {
        request_problem(
            r, PROBLEM_CONFLICT, NULL,
            "only a requested subscription of parties that aren't suspended can be approved");
        return;
    }
    request_write(r, &api_sql_subscription_open_grants, PG_PARAMS(pg_text(s->id)), grants_opened);
}

static void topics_counted(struct request *r, struct pg_rows *rows) {
    struct subscribing *s = r->user;
    if (pg_rows_count(rows) > 0) {
        request_problem(r, PROBLEM_LIMIT, NULL,
                        "topic_full: topic \"%s\" takes at most %s grants; a mirror topic is the "
                        "way out",
                        pg_rows_text(rows, 0, 0), pg_rows_text(rows, 0, 1));
        return;
    }
    request_write(r, &api_sql_subscription_activate,
                  PG_PARAMS(pg_text(s->id), pg_text(actor(r)), pg_text(s->reason)),
                  subscription_activated);
}

static void subscription_activate(struct request *r) {
    struct subscribing *s = r->user;
    request_write(r, &api_sql_subscription_topic_full, PG_PARAMS(pg_text(s->id)), topics_counted);
}

// --- asking --------------------------------------------------------------------------------------

static void applications_added(struct request *r, struct pg_rows *rows) {
    struct subscribing *s = r->user;
    if ((size_t)pg_rows_count(rows) != json_array_size(s->applications)) {
        request_problem(r, PROBLEM_INVALID, "/application_ids",
                        "an id names no active application of this organisation, or stands twice");
        return;
    }
    request_audit(r, "subscription.request", "subscription", s->id, NULL,
                  request_json_text(r, r->body), NULL);
    if (s->automatic) {
        s->reason = "approved automatically, as the product says";
        subscription_activate(r);
        return;
    }
    subscription_show(r, s->id);
}

static void subscription_created(struct request *r, struct pg_rows *rows) {
    struct subscribing *s = r->user;
    s->id = arena_str(r->arena, pg_rows_slice(rows, 0, 0));
    request_write(r, &api_sql_subscription_add_applications,
                  PG_PARAMS(pg_text(s->id), pg_text(request_array_text(r, s->applications)),
                            pg_text(r->who.org)),
                  applications_added);
}

static void subscription_offered(struct request *r, struct pg_rows *rows) {
    struct subscribing *s = r->user;
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_NOT_FOUND, "/product_id", "there is no such product");
        return;
    }
    if (!slice_eq_str(pg_rows_slice(rows, 0, API_SUBSCRIPTION_OFFER_STATE), "published")) {
        request_problem(r, PROBLEM_CONFLICT, "/product_id", "the product takes no subscriptions");
        return;
    }
    if (pg_rows_is_null(rows, 0, API_SUBSCRIPTION_OFFER_PLAN_ID)) {
        request_problem(r, PROBLEM_INVALID, "/plan_id", "the product has no such plan");
        return;
    }
    if (pg_rows_is_null(rows, 0, API_SUBSCRIPTION_OFFER_PLAN_VERSION)) {
        request_problem(r, PROBLEM_CONFLICT, "/plan_id", "no version of the plan is valid yet");
        return;
    }
    if (!slice_eq_str(pg_rows_slice(rows, 0, API_SUBSCRIPTION_OFFER_IS_CONSUMER), "true")) {
        request_problem(r, PROBLEM_DENIED, NULL, "this organisation is not a consumer");
        return;
    }
    s->automatic =
        slice_eq_str(pg_rows_slice(rows, 0, API_SUBSCRIPTION_OFFER_APPROVAL), "automatic");
    request_write(r, &api_sql_subscription_create,
                  PG_PARAMS(pg_text(r->who.org),
                            pg_text(pg_rows_text(rows, 0, API_SUBSCRIPTION_OFFER_PROVIDER_ORG_ID)),
                            pg_text(s->product),
                            pg_text(pg_rows_text(rows, 0, API_SUBSCRIPTION_OFFER_PRODUCT_VERSION)),
                            pg_text(s->plan),
                            pg_text(pg_rows_text(rows, 0, API_SUBSCRIPTION_OFFER_PLAN_VERSION))),
                  subscription_created);
}

static void subscription_create(struct request *r) {
    struct subscribing *s = arena_alloc(r->arena, sizeof *s);
    bool accepted = false;
    if (!REQUEST_FIELDS(
            r, {"product_id", FIELD_UUID, true, 0, 0, &s->product},
            {"plan_id", FIELD_UUID, true, 0, 0, &s->plan},
            {"application_ids", FIELD_UUIDS, true, 1, APPLICATIONS_MAX, &s->applications},
            {"terms_accepted", FIELD_BOOL, true, 0, 0, &accepted})) {
        return;
    }
    if (!accepted) {
        request_problem(r, PROBLEM_INVALID, "/terms_accepted",
                        "the contract of the product must be accepted");
        return;
    }
    s->status = 201;
    r->user = s;
    request_write(r, &api_sql_subscription_offer,
                  PG_PARAMS(pg_text(s->product), pg_text(s->plan), pg_text(r->who.org)),
                  subscription_offered);
}

// --- deciding ------------------------------------------------------------------------------------

static struct subscribing *decision_new(struct request *r) {
    struct subscribing *s = arena_alloc(r->arena, sizeof *s);
    s->id = request_param(r, "id");
    s->status = 200;
    r->user = s;
    return s;
}

// True if there is such a subscription and If-Match agrees; else answered.
static bool subscription_found(struct request *r, struct pg_rows *rows) {
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_NOT_FOUND, NULL, "there is no such subscription");
        return false;
    }
    int64_t version = 0;
    check(number_parse_i64(pg_rows_slice(rows, 0, API_SUBSCRIPTION_LOCK_VERSION), &version));
    if (!request_version_matches(r, version)) {
        return false;
    }
    // A party of it acts for itself; the operator for the consumer, who is told why.
    bool provides =
        slice_eq_str(pg_rows_slice(rows, 0, API_SUBSCRIPTION_LOCK_PROVIDER_ORG_ID), r->who.org);
    const char *org = arena_str(r->arena, pg_rows_slice(rows, 0, API_SUBSCRIPTION_LOCK_ORG_ID));
    return provides || request_acts_for(r, org, ((const struct subscribing *)r->user)->reason);
}

static bool decision_allowed(struct request *r, struct pg_rows *rows) {
    if (!subscription_found(r, rows)) {
        return false;
    }
    if (!slice_eq_str(pg_rows_slice(rows, 0, API_SUBSCRIPTION_LOCK_MAY_DECIDE), "true")) {
        request_problem(r, PROBLEM_DENIED, NULL, "the provider of the product decides");
        return false;
    }
    return true;
}

static void approve_locked(struct request *r, struct pg_rows *rows) {
    if (decision_allowed(r, rows)) {
        subscription_activate(r);
    }
}

static void decision_begin(struct request *r, request_step then) {
    struct subscribing *s = decision_new(r);
    if (REQUEST_FIELDS(r, {"reason", FIELD_TEXT, false, 0, REASON_MAX, &s->reason})) {
        request_write(r, &api_sql_subscription_lock, PG_PARAMS(pg_text(s->id)), then);
    }
}

static void subscription_approve(struct request *r) {
    decision_begin(r, approve_locked);
}

static void subscription_denied(struct request *r, struct pg_rows *rows) {
    struct subscribing *s = r->user;
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_CONFLICT, NULL, "only a requested subscription can be denied");
        return;
    }
    request_audit(r, "subscription.deny", "subscription", s->id, NULL, NULL, s->reason);
    subscription_show(r, s->id);
}

static void deny_locked(struct request *r, struct pg_rows *rows) {
    struct subscribing *s = r->user;
    if (decision_allowed(r, rows)) {
        request_write(r, &api_sql_subscription_deny,
                      PG_PARAMS(pg_text(s->id), pg_text(actor(r)), pg_text(s->reason)),
                      subscription_denied);
    }
}

static void subscription_deny(struct request *r) {
    decision_begin(r, deny_locked);
}

// --- cancelling ----------------------------------------------------------------------------------

static void grants_closed(struct request *r, struct pg_rows *rows) {
    (void)rows;
    struct subscribing *s = r->user;
    request_audit(r, "subscription.cancel", "subscription", s->id, NULL,
                  request_json_text(r, r->body), s->reason);
    subscription_show(r, s->id);
}

static void subscription_cancelled(struct request *r, struct pg_rows *rows) {
    struct subscribing *s = r->user;
    if (pg_rows_count(rows) == 0) {
        request_problem(r, PROBLEM_CONFLICT, NULL,
                        "the subscription has ended or is ending already");
        return;
    }
    request_write(r, &api_sql_subscription_close_grants, PG_PARAMS(pg_text(s->id)), grants_closed);
}

static void cancel_locked(struct request *r, struct pg_rows *rows) {
    struct subscribing *s = r->user;
    if (!subscription_found(r, rows)) {
        return;
    }
    if (slice_eq_str(pg_rows_slice(rows, 0, API_SUBSCRIPTION_LOCK_STATE), "requested")) {
        request_write(r, &api_sql_subscription_withdraw,
                      PG_PARAMS(pg_text(s->id), pg_text(actor(r)), pg_text(s->reason)),
                      grants_closed);
        return;
    }
    request_write(
        r, &api_sql_subscription_cancel,
        PG_PARAMS(pg_text(s->id), pg_text(actor(r)), pg_text(s->reason), pg_text(s->effective)),
        subscription_cancelled);
}

static void subscription_cancel(struct request *r) {
    struct subscribing *s = decision_new(r);
    s->effective = "period_end";
    if (!REQUEST_FIELDS(r, {"reason", FIELD_TEXT, false, 0, REASON_MAX, &s->reason},
                        {"effective", FIELD_TEXT, false, 1, 20, &s->effective})) {
        return;
    }
    if (strcmp(s->effective, "now") != 0 && strcmp(s->effective, "period_end") != 0) {
        request_problem(r, PROBLEM_INVALID, "/effective", "effective is \"now\" or \"period_end\"");
        return;
    }
    request_write(r, &api_sql_subscription_lock, PG_PARAMS(pg_text(s->id)), cancel_locked);
}

static const struct route ROWS[] = {
    {"GET", "/v1/subscriptions", "listSubscriptions", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_subscription_list,
              .shape = READ_PAGE,
              .params = {{.name = "state"}, {.name = "product_id", .rule = &read_uuid}}}},
    {"POST", "/v1/subscriptions", "createSubscription", ROUTE_DEVELOPERS,
     ROUTE_JSON(ROUTE_BODY_SMALL), .quota = QUOTA_SUBSCRIPTION_REQUESTS,
     .handler = subscription_create},
    {"GET", "/v1/subscriptions/{id}", "getSubscription", ROUTE_SIGNED_IN,
     .read = {.statement = &api_sql_subscription_get,
              .shape = READ_ROW,
              .params = {{.name = "{id}"}}}},
    {"POST", "/v1/subscriptions/{id}/approve", "approveSubscription", ROUTE_DEVELOPERS,
     ROUTE_SUPPORT, ROUTE_JSON(ROUTE_BODY_SMALL), .handler = subscription_approve},
    {"POST", "/v1/subscriptions/{id}/deny", "denySubscription", ROUTE_DEVELOPERS, ROUTE_SUPPORT,
     ROUTE_JSON(ROUTE_BODY_SMALL), .handler = subscription_deny},
    {"POST", "/v1/subscriptions/{id}/cancel", "cancelSubscription", ROUTE_DEVELOPERS, ROUTE_SUPPORT,
     ROUTE_JSON(ROUTE_BODY_SMALL), .handler = subscription_cancel},
};
const struct route_table subscription_routes = ROUTE_TABLE(ROWS);
