// Drafts of invoices in the database: document, lines, taxes, splits, and what has been billed.
#ifndef WEIR_BILLER_DOCUMENT_STORE_H
#define WEIR_BILLER_DOCUMENT_STORE_H

#include "core/billing/draft.h"
#include "platform/pg/pg.h"

enum { DOCUMENT_TERMS_DAYS = 30 };

struct document_context {
    const char *run_id, *org_id, *time_zone;
    int64_t period_from_us, period_to_us, usage_end_us;
    const char *positions; // JSON: where the meter stood
    const struct draft_parties *parties;
};

// Writes a draft with all its parts; and, unless it is blocked, that its months are billed with it.
// A blocked draft bills nothing: it is made anew when its month is run again. In the caller's
// transaction.
ERR_MUST_CHECK enum err_code document_store_draft(struct pg *pg, struct arena *a,
                                                  const struct document_context *c,
                                                  const struct draft *d, char ret_id[PG_UUID_TEXT],
                                                  struct err *e);
// Removes the account's blocked drafts of the month that begins at from_us.
ERR_MUST_CHECK enum err_code document_store_drop_blocked(struct pg *pg, const char *org_id,
                                                         int64_t from_us, struct err *e);

#endif
