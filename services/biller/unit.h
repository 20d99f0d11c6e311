// One subscription in one month: what was used, what was billed before, and what rating makes of
// it. Read in the account's snapshot.
#ifndef WEIR_BILLER_UNIT_H
#define WEIR_BILLER_UNIT_H

#include "core/plan.h"
#include "core/rating.h"
#include "core/share.h"
#include "platform/pg.h"

enum { UNIT_METRICS = 6 }; // bytes, messages, fetches, each fresh and replayed

// A line of an earlier document that a difference corrects.
struct unit_original {
    const char *price_id, *kind;
    const char *document_id, *number;
    int line;
    const char *tax_category, *tax_rate;
};

struct unit {
    // All text is the arena's.
    const char *subscription, *provider, *provider_name, *product, *product_name, *plan_id,
        *plan_version, *plan_name, *currency, *topics, *time_zone, *weakest_class;
    bool sold_through;
    struct plan plan;
    bool has_share;
    struct share_rule share;
    int64_t from_us, to_us;                 // the month
    int64_t service_from_us, service_to_us; // the part served
    struct rating_period period;
    int64_t billed_seq; // 0: the month has not been billed
    const char *metering_class;
    const char *open_fetches, *share_messages; // counts
    struct rating_usage usage[UNIT_METRICS];
    const char *usage_text[UNIT_METRICS]; // the quantities as PostgreSQL wrote them
    size_t usage_count;
    struct rating_billed *billed;
    size_t billed_count;
    struct unit_original *originals;
    size_t original_count;
    bool touched_by_hole;
    struct rating_result rated;
};

// The account's units of the month "2026-11" and of up to `months_back` billed months before it,
// ordered by currency. Everything belongs to the arena.
ERR_MUST_CHECK enum err_code unit_list(struct pg *pg, struct arena *a, const char *org_id,
                                       const char *month, int64_t months_back, struct unit **ret,
                                       size_t *ret_count, struct err *e);
// Reads usage and what was billed, and rates.
ERR_MUST_CHECK enum err_code unit_rate(struct pg *pg, struct arena *a, struct unit *u,
                                       struct err *e);
// Only the usage of [from_us, to_us): fills metering_class, open_fetches, share_messages, usage*.
ERR_MUST_CHECK enum err_code unit_read_usage(struct pg *pg, struct arena *a, struct unit *u,
                                             struct err *e);
// What is stored beside the rated lines: quantities as they were rated. An arena text of JSON.
const char *unit_usage_json(struct arena *a, const struct unit *u);

#endif
