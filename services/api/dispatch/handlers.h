// All handlers, by resource. Each is one row of routes.c.
#ifndef WEIR_API_DISPATCH_HANDLERS_H
#define WEIR_API_DISPATCH_HANDLERS_H

struct request;

// health.c
void health_alive(struct request *r);
void health_ready(struct request *r);
void health_metrics(struct request *r);
void health_openapi(struct request *r);

// oauth.c
void oauth_token(struct request *r);
void oauth_jwks(struct request *r);
void oauth_discovery(struct request *r);

// session.c
void session_create(struct request *r);
void session_end(struct request *r);
void me_get(struct request *r);

// products.c
void product_list(struct request *r);
void product_create(struct request *r);
void product_get(struct request *r);
void product_update(struct request *r);
void product_put_contract(struct request *r); // the body is kept byte for byte
void product_get_contract(struct request *r);
void product_put_topics(struct request *r);
void product_publish(struct request *r);
void product_deprecate(struct request *r);

// plans.c
void plan_list(struct request *r);
void plan_create(struct request *r);
void plan_get(struct request *r);
void plan_version_create(struct request *r);

// subscriptions.c
void subscription_list(struct request *r);
void subscription_create(struct request *r);
void subscription_get(struct request *r);
void subscription_approve(struct request *r);
void subscription_deny(struct request *r);
void subscription_cancel(struct request *r);

// usage.c
void usage_of_subscription(struct request *r);
void usage_list(struct request *r);
void charges_of_subscription(struct request *r);

// documents.c
void invoice_list(struct request *r);
void invoice_get(struct request *r);
void invoice_lines(struct request *r);
void statement_list(struct request *r);
void statement_get(struct request *r);

// exports.c
void export_invoices(struct request *r);
void export_invoice_lines(struct request *r);

// billing_runs.c
void billing_run_list(struct request *r);
void billing_run_create(struct request *r);
void billing_run_get(struct request *r);

// operations.c
void dead_letter_list(struct request *r);
void dead_letter_get(struct request *r);
void unbound_usage_list(struct request *r);
void hole_list(struct request *r);
void gap_list(struct request *r);
void ledger_accounts(struct request *r);
void ledger_entries(struct request *r);

// organisation.c
void organisation_create(struct request *r);
void organisation_list(struct request *r);
void organisation_get(struct request *r);
void organisation_patch(struct request *r);

// cluster.c
void cluster_create(struct request *r);
void cluster_list(struct request *r);
void cluster_get(struct request *r);

// application.c
void application_create(struct request *r);
void application_list(struct request *r);
void application_get(struct request *r);
void secret_create(struct request *r);
void secret_revoke(struct request *r);
void producer_grant_create(struct request *r);

#endif
