// The ledger: entries made of transfers. A transfer moves an amount above zero from a credited to a
// debited account of one currency, so that an entry sums to zero by its shape. Accounts are named
// here and resolved to rows by the store.
#ifndef WEIR_CORE_BILLING_LEDGER_H
#define WEIR_CORE_BILLING_LEDGER_H

#include <stddef.h>

#include "core/billing/document.h"

enum ledger_account_kind {
    LEDGER_RECEIVABLE,       // owner: the customer
    LEDGER_PROVIDER_PENDING, // owner: the provider or other party of the share
    LEDGER_COMMISSION,       // revenue of the operator
    LEDGER_OUTPUT_TAX,       // detail: category and rate, "S 19"
};

struct ledger_account {
    enum ledger_account_kind kind;
    const char *owner;  // id of an organisation, or ""
    const char *detail; // or ""
};

struct ledger_transfer {
    struct ledger_account debit, credit;
    const struct currency *currency;
    struct decimal amount; // > 0
};

// The entry of an issued invoice, model A of finance.md 9.1: the customer's receivable against each
// provider's pending payable, the commission and each tax. Amounts are summed per account in the
// order of the document; a sum below zero (a correction) is posted the other way round, a sum of
// zero not at all. *ret_transfers belongs to the arena and may be empty.
void ledger_invoice_issued(struct arena *a, const struct document *d, const char *customer,
                           struct ledger_transfer **ret_transfers, size_t *ret_count);

// A stable lower-case word: "receivable", "provider_pending", "commission", "output_tax".
const char *ledger_account_name(enum ledger_account_kind kind);

#endif
