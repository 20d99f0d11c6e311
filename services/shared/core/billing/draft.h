// The invoice of one account in one currency, before it is stored: its months, the document with
// the tax of each line, and why it can't be issued, if it can't.
#ifndef WEIR_CORE_BILLING_DRAFT_H
#define WEIR_CORE_BILLING_DRAFT_H

#include "core/billing/document.h"
#include "core/billing/month.h"

enum { DRAFT_TEXT_MAX = 900 };

// Who sells and who buys, in the account's snapshot.
struct draft_parties {
    const char *entity_id, *seller_country, *entity_zone, *operator_id, *seller;
    const char *buyer_country, *buyer;
};

struct draft {
    const struct currency *currency;
    struct month **months; // sources of the document, in its order
    size_t month_count;
    struct document document;
    const char *blocked_by; // NULL: may be issued
    const char *note;       // what was left for the next invoice, or NULL
};

// The rate of a country's category on a local day, as text; NULL if there is none. `ctx` is the
// caller's.
typedef enum err_code (*draft_rate_fn)(void *ctx, const char *country, const char *category,
                                       int64_t day, const char **ret_rate, struct err *e);

// Builds the document of months of one currency, rated already. *ret_any is false where there is
// nothing to bill: no line, or only differences that amount to nothing or less than nothing. What
// would make the total negative stays unbilled, and so is taken by the next invoice. Pure but for
// `rate`; everything belongs to the arena.
ERR_MUST_CHECK enum err_code draft_build(struct arena *a, struct month **months, size_t count,
                                         const struct draft_parties *parties, draft_rate_fn rate,
                                         void *ctx, struct draft *ret, bool *ret_any,
                                         struct err *e);

// The line of an earlier document that a line corrects, or NULL.
const struct month_original *draft_original(const struct month *u, const struct rating_line *l);

#endif
