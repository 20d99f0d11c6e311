// One account of a run: claimed, rated and drafted in one REPEATABLE READ snapshot.
#ifndef WEIR_BILLER_ACCOUNT_H
#define WEIR_BILLER_ACCOUNT_H

#include "biller/document_store.h"
#include "platform/pg/pg.h"

struct account_result {
    bool claimed; // false: no account of the run is left to draft
    char org_id[PG_UUID_TEXT];
    int drafts, blocked;
};

// ret_result->org_id is set as soon as an account is claimed, also where an error is returned; then
// nothing is written. Retriable: a serialization failure, or two runs that billed the same step.
ERR_MUST_CHECK enum err_code account_draft(struct pg *pg, const char *run_id, int64_t months_back,
                                           struct account_result *ret_result, struct err *e);
// Writes down that an account can't be billed.
ERR_MUST_CHECK enum err_code account_fail(struct pg *pg, const char *run_id, const char *org_id,
                                          const char *why, struct err *e);

#endif
