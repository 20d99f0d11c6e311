// One row per operation. Order is that of the documentation; matching doesn't depend on it.
#include "api/dispatch/handlers.h"
#include "api/dispatch/routes.h"

#define EVERYBODY .auth = AUTH_PUBLIC
// Any role of any organisation.
#define SIGNED_IN .auth = AUTH_SIGNED_IN, .roles = ROLES_ANY
// Changes: owners and developers. Money: owners and finance.
#define DEVELOPERS .auth = AUTH_SIGNED_IN, .roles = ROLE_OWNER | ROLE_DEVELOPER
#define FINANCE .auth = AUTH_SIGNED_IN, .roles = ROLE_OWNER | ROLE_FINANCE
#define OWNERS .auth = AUTH_SIGNED_IN, .roles = ROLE_OWNER
#define OPERATOR .operator_only = true
#define JSON(max) .body = BODY_JSON, .body_max = (max)

const struct route ROUTES[] = {
    {"GET", "/healthz", "getHealth", EVERYBODY, .handler = health_alive},
    {"GET", "/readyz", "getReadiness", EVERYBODY, .handler = health_ready},
    {"GET", "/metrics", "getMetrics", EVERYBODY, .handler = health_metrics},
    {"GET", "/openapi.json", "getOpenapi", EVERYBODY, .handler = health_openapi},

    {"POST", "/oauth/token", "createToken", EVERYBODY, .body = BODY_RAW, .body_max = 8192,
     .no_idempotency = true, .handler = oauth_token},
    {"GET", "/.well-known/jwks.json", "getJwks", EVERYBODY, .handler = oauth_jwks},
    {"GET", "/.well-known/openid-configuration", "getDiscovery", EVERYBODY,
     .handler = oauth_discovery},

    {"POST", "/v1/sessions", "createSession", EVERYBODY, JSON(BODY_SMALL), .no_idempotency = true,
     .handler = session_create},
    {"DELETE", "/v1/sessions/current", "endSession", SIGNED_IN, .handler = session_end},
    {"GET", "/v1/me", "getMe", SIGNED_IN, .handler = me_get},

    {"GET", "/v1/products", "listProducts", SIGNED_IN, .handler = product_list},
    {"POST", "/v1/products", "createProduct", DEVELOPERS, JSON(BODY_SMALL),
     .handler = product_create},
    {"GET", "/v1/products/{id}", "getProduct", SIGNED_IN, .handler = product_get},
    {"PATCH", "/v1/products/{id}", "updateProduct", DEVELOPERS, JSON(BODY_SMALL),
     .handler = product_update},
    {"GET", "/v1/products/{id}/contract", "getContract", SIGNED_IN,
     .handler = product_get_contract},
    {"PUT", "/v1/products/{id}/contract", "putContract", DEVELOPERS, .body = BODY_RAW,
     .body_max = BODY_LARGE, .handler = product_put_contract},
    {"PUT", "/v1/products/{id}/topics", "putTopics", DEVELOPERS, JSON(BODY_SMALL),
     .handler = product_put_topics},
    {"POST", "/v1/products/{id}/publish", "publishProduct", DEVELOPERS, .handler = product_publish},
    {"POST", "/v1/products/{id}/deprecate", "deprecateProduct", DEVELOPERS,
     .handler = product_deprecate},
    {"GET", "/v1/products/{id}/plans", "listPlans", SIGNED_IN, .handler = plan_list},
    {"POST", "/v1/products/{id}/plans", "createPlan", DEVELOPERS, JSON(BODY_LARGE),
     .handler = plan_create},
    {"GET", "/v1/plans/{id}", "getPlan", SIGNED_IN, .handler = plan_get},
    {"POST", "/v1/plans/{id}/versions", "createPlanVersion", DEVELOPERS, JSON(BODY_LARGE),
     .handler = plan_version_create},

    {"GET", "/v1/subscriptions", "listSubscriptions", SIGNED_IN, .handler = subscription_list},
    {"POST", "/v1/subscriptions", "createSubscription", DEVELOPERS, JSON(BODY_SMALL),
     .handler = subscription_create},
    {"GET", "/v1/subscriptions/{id}", "getSubscription", SIGNED_IN, .handler = subscription_get},
    {"POST", "/v1/subscriptions/{id}/approve", "approveSubscription", DEVELOPERS, JSON(BODY_SMALL),
     .handler = subscription_approve},
    {"POST", "/v1/subscriptions/{id}/deny", "denySubscription", DEVELOPERS, JSON(BODY_SMALL),
     .handler = subscription_deny},
    {"POST", "/v1/subscriptions/{id}/cancel", "cancelSubscription", DEVELOPERS, JSON(BODY_SMALL),
     .handler = subscription_cancel},
    {"GET", "/v1/subscriptions/{id}/usage", "getSubscriptionUsage", SIGNED_IN,
     .handler = usage_of_subscription},
    {"GET", "/v1/subscriptions/{id}/charges", "getSubscriptionCharges", SIGNED_IN,
     .handler = charges_of_subscription},
    {"GET", "/v1/usage", "listUsage", SIGNED_IN, .handler = usage_list},

    {"GET", "/v1/invoices", "listInvoices", SIGNED_IN, .handler = invoice_list},
    {"GET", "/v1/invoices/{id}", "getInvoice", SIGNED_IN, .handler = invoice_get},
    {"GET", "/v1/invoices/{id}/lines", "listInvoiceLines", SIGNED_IN, .handler = invoice_lines},
    {"GET", "/v1/statements", "listStatements", SIGNED_IN, .handler = statement_list},
    {"GET", "/v1/statements/{id}", "getStatement", SIGNED_IN, .handler = statement_get},
    {"GET", "/v1/exports/invoices", "exportInvoices", FINANCE, .handler = export_invoices},
    {"GET", "/v1/exports/invoice-lines", "exportInvoiceLines", FINANCE,
     .handler = export_invoice_lines},

    {"GET", "/v1/billing-runs", "listBillingRuns", SIGNED_IN, OPERATOR,
     .handler = billing_run_list},
    {"POST", "/v1/billing-runs", "createBillingRun", FINANCE, OPERATOR, JSON(BODY_SMALL),
     .handler = billing_run_create},
    {"GET", "/v1/billing-runs/{id}", "getBillingRun", SIGNED_IN, OPERATOR,
     .handler = billing_run_get},
    {"GET", "/v1/ledger/accounts", "listLedgerAccounts", FINANCE, OPERATOR,
     .handler = ledger_accounts},
    {"GET", "/v1/ledger/entries", "listLedgerEntries", FINANCE, OPERATOR,
     .handler = ledger_entries},
    {"GET", "/v1/unbound-usage", "listUnboundUsage", SIGNED_IN, OPERATOR,
     .handler = unbound_usage_list},
    {"GET", "/v1/dead-letters", "listDeadLetters", SIGNED_IN, OPERATOR,
     .handler = dead_letter_list},
    {"GET", "/v1/dead-letters/{number}", "getDeadLetter", SIGNED_IN, OPERATOR,
     .handler = dead_letter_get},
    {"GET", "/v1/holes", "listHoles", SIGNED_IN, OPERATOR, .handler = hole_list},
    {"GET", "/v1/gaps", "listGaps", SIGNED_IN, OPERATOR, .handler = gap_list},

    {"POST", "/v1/organisations", "createOrganisation", EVERYBODY, JSON(BODY_SMALL),
     .handler = organisation_create},
    {"GET", "/v1/organisations", "listOrganisations", SIGNED_IN, .handler = organisation_list},
    {"GET", "/v1/organisations/{id}", "getOrganisation", SIGNED_IN, .handler = organisation_get},
    {"PATCH", "/v1/organisations/{id}", "updateOrganisation", OWNERS, JSON(BODY_SMALL),
     .handler = organisation_patch},

    {"POST", "/v1/clusters", "createCluster", DEVELOPERS, OPERATOR, JSON(BODY_SMALL),
     .handler = cluster_create},
    {"GET", "/v1/clusters", "listClusters", SIGNED_IN, .handler = cluster_list},
    {"GET", "/v1/clusters/{id}", "getCluster", SIGNED_IN, .handler = cluster_get},

    {"POST", "/v1/applications", "createApplication", DEVELOPERS, JSON(BODY_SMALL),
     .handler = application_create},
    {"GET", "/v1/applications", "listApplications", SIGNED_IN, .handler = application_list},
    {"GET", "/v1/applications/{id}", "getApplication", SIGNED_IN, .handler = application_get},
    {"POST", "/v1/applications/{id}/secrets", "createSecret", DEVELOPERS, JSON(BODY_SMALL),
     .handler = secret_create},
    {"DELETE", "/v1/applications/{id}/secrets/{sid}", "revokeSecret", DEVELOPERS,
     .handler = secret_revoke},
    {"POST", "/v1/applications/{id}/producer-grants", "createProducerGrant", OWNERS,
     JSON(BODY_SMALL), .handler = producer_grant_create},
};

const size_t ROUTES_COUNT = sizeof ROUTES / sizeof *ROUTES;
