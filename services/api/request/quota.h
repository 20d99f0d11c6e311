// How much an organisation may have before the operator has verified it: anybody can sign up, so
// what such a stranger leaves in the database is bounded. A row of a table of routes says what its
// operation makes one of.
#ifndef WEIR_API_REQUEST_QUOTA_H
#define WEIR_API_REQUEST_QUOTA_H

struct config;
struct request;

enum quota {
    QUOTA_NONE,
    QUOTA_APPLICATIONS,
    QUOTA_PRODUCTS,
    QUOTA_PLAN_VERSIONS,
    QUOTA_SECRETS,
    QUOTA_SUBSCRIPTION_REQUESTS,
    QUOTA_COUNT
};

#define QUOTA_CONFIG_ROW(setting, most, what)                                                      \
    {                                                                                              \
        .name = (setting), .type = CONFIG_INT, .min = 0, .max = 1000000, .fallback = (most),       \
        .example = (most),                                                                         \
        .help = what " an organisation may have that the operator has not verified"                \
    }
#define QUOTA_CONFIG_ROWS                                                                          \
    QUOTA_CONFIG_ROW("unverified_applications_max", "10", "applications"),                         \
        QUOTA_CONFIG_ROW("unverified_products_max", "10", "products"),                             \
        QUOTA_CONFIG_ROW("unverified_plan_versions_max", "50", "versions of plans"),               \
        QUOTA_CONFIG_ROW("unverified_secrets_max", "100", "secrets, revoked ones too,"),           \
        QUOTA_CONFIG_ROW("unverified_subscription_requests_max", "10",                             \
                         "subscriptions requested and not yet decided on")

struct quotas {
    int most[QUOTA_COUNT];
};

void quotas_read(struct quotas *q, const struct config *c);
// Opens the transaction of r->route's operation, looks whether one more fits, then calls the
// route's handler; otherwise answers 422.
void quota_run(struct request *r);

#endif
