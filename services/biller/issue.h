// Issuing: number, date and immutability of an account's drafts, and the ledger's entry, in one
// READ COMMITTED transaction. Lock order: account, documents, series.
#ifndef WEIR_BILLER_ISSUE_H
#define WEIR_BILLER_ISSUE_H

#include "platform/pg/pg.h"

struct issue_result {
    bool claimed; // false: no drafted account of the run was free
    char org_id[PG_UUID_TEXT];
    int documents;
};

// Issues what one account's drafts of the run are; `org_id` NULL takes any. `prefix` is that of the
// invoices' series.
ERR_MUST_CHECK enum err_code issue_account(struct pg *pg, const char *run_id, const char *org_id,
                                           const char *prefix, struct issue_result *ret_result,
                                           struct err *e);

#endif
