// One subscription in one month: what was used, what was billed before, and what rating makes of
// it. Filled by the biller in the account's snapshot; read by whoever builds the document.
#ifndef WEIR_CORE_BILLING_MONTH_H
#define WEIR_CORE_BILLING_MONTH_H

#include "core/billing/share.h"
#include "core/rating/plan.h"
#include "core/rating/rating.h"

// A line of an earlier document that a difference corrects.
struct month_original {
    const char *price_id, *kind;
    const char *document_id, *number;
    int line;
    const char *tax_category, *tax_rate;
};

struct month {
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
    const char *open_fetches, *derived_messages; // counts
    const char *share_messages;                  // read by share groups, their bytes unknown
    const char *share_bytes; // of share groups, derived from production: of bytes
    struct rating_usage *usage;
    size_t usage_count;
    struct rating_billed *billed;
    size_t billed_count;
    struct month_original *originals;
    size_t original_count;
    bool touched_by_hole;
    struct rating_result rated;
};

#endif
