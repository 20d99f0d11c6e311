#include "api/request/quota.h"

#include "api/request/api.h"
#include "api/request/request.h"
#include "platform/program/config.h"

static const struct {
    const char *setting;
    const char *what;
    int column; // of quota_used
} ROWS[QUOTA_COUNT] = {
    [QUOTA_APPLICATIONS] = {"unverified_applications_max", "applications",
                            API_QUOTA_USED_APPLICATIONS},
    [QUOTA_PRODUCTS] = {"unverified_products_max", "products", API_QUOTA_USED_PRODUCTS},
    [QUOTA_PLAN_VERSIONS] = {"unverified_plan_versions_max", "versions of plans",
                             API_QUOTA_USED_PLAN_VERSIONS},
    [QUOTA_SECRETS] = {"unverified_secrets_max", "secrets, revoked ones too",
                       API_QUOTA_USED_SECRETS},
    [QUOTA_SUBSCRIPTION_REQUESTS] = {"unverified_subscription_requests_max",
                                     "open subscription requests",
                                     API_QUOTA_USED_SUBSCRIPTION_REQUESTS},
};

void quotas_read(struct quotas *q, const struct config *c) {
    for (size_t i = QUOTA_NONE + 1; i < QUOTA_COUNT; i++) {
        q->most[i] = (int)config_int(c, ROWS[i].setting);
    }
}

static void on_used(struct request *r, struct pg_rows *rows) {
    enum quota quota = r->route->quota;
    int most = r->api->quotas.most[quota];
    if (pg_rows_int8(rows, 0, ROWS[quota].column) >= most) {
        struct err e;
        err_set(&e, ERR_LIMIT, "an organisation that is not verified has at most %d %s", most,
                ROWS[quota].what);
        err_hint(&e, "the marketplace's operator verifies organisations");
        request_fail(r, &e);
        return;
    }
    r->route->handler(r);
}

static void on_locked(struct request *r, struct pg_rows *rows) {
    if (pg_rows_count(rows) > 0) {
        request_write(r, &api_sql_quota_used, PG_PARAMS(pg_text(r->who.org)), on_used);
    } else {
        r->route->handler(r);
    }
}

void quota_run(struct request *r) {
    request_write(r, &api_sql_quota_lock, PG_PARAMS(pg_text(r->who.org)), on_locked);
}
