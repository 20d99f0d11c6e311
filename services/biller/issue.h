// Issuing: number, date and immutability of an account's drafts, and the ledger's entry, in one
// READ COMMITTED transaction. Lock order: account, documents, series.
#ifndef WEIR_BILLER_ISSUE_H
#define WEIR_BILLER_ISSUE_H

#include "biller/document_store.h"
#include "platform/pg/pg.h"

enum { ISSUE_NUMBER_MAX = 22 }; // 21 characters: what bookkeeping programs take

struct issue_prefixes {
    const char *invoice, *statement; // "INV-": the series is "INV-2026-"
};

struct issue_result {
    bool claimed; // false: no drafted account of the run was free
    char org_id[DOCUMENT_UUID_TEXT];
    int documents;
    char last_number[ISSUE_NUMBER_MAX];
};

// Issues what one account's drafts of the run are; `org_id` NULL takes any.
ERR_MUST_CHECK enum err_code issue_account(struct pg *pg, const char *run_id, const char *org_id,
                                           const struct issue_prefixes *prefixes,
                                           struct issue_result *ret_result, struct err *e);

struct issue_number {
    char series_id[DOCUMENT_UUID_TEXT];
    char number[ISSUE_NUMBER_MAX];
    char date[16];
};

// The next number of the entity's series of this year; held until the transaction ends.
ERR_MUST_CHECK enum err_code issue_next_number(struct pg *pg, const char *entity_id,
                                               const char *entity_zone, const char *kind,
                                               const char *prefix, struct issue_number *ret,
                                               struct err *e);

#endif
