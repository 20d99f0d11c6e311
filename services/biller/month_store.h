// Subscriptions by month, read in the account's snapshot and rated.
#ifndef WEIR_BILLER_MONTH_STORE_H
#define WEIR_BILLER_MONTH_STORE_H

#include "core/billing/month.h"
#include "platform/pg/pg.h"

// The account's subscriptions in the month "2026-11" and in up to `months_back` billed months
// before it, ordered by currency. Everything belongs to the arena.
ERR_MUST_CHECK enum err_code month_store_list(struct pg *pg, struct arena *a, const char *org_id,
                                              const char *month, int64_t months_back,
                                              struct month **ret, size_t *ret_count, struct err *e);
// Reads usage and what was billed, and rates.
ERR_MUST_CHECK enum err_code month_store_rate(struct pg *pg, struct arena *a, struct month *u,
                                              struct err *e);
// Only the usage of [from_us, to_us): fills metering_class, open_fetches, share_messages, usage*.
ERR_MUST_CHECK enum err_code month_store_read_usage(struct pg *pg, struct arena *a, struct month *u,
                                                    struct err *e);
// What is stored beside the rated lines: quantities as they were rated. An arena text of JSON.
const char *month_store_usage_json(struct arena *a, const struct month *u);

#endif
