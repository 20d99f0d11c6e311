// The ledger: entries made of transfers. A transfer moves an amount above zero from a credited to a
// debited account of one currency, so that an entry sums to zero by its shape. Accounts are named
// here and resolved to rows by the store.
#ifndef WEIR_CORE_BILLING_LEDGER_H
#define WEIR_CORE_BILLING_LEDGER_H

#include <stddef.h>

#include "core/billing/document.h"

// The chart of accounts; ledger.c holds its one table.
enum ledger_account_kind {
    LEDGER_RECEIVABLE,
    LEDGER_PROVIDER_PENDING,
    LEDGER_COMMISSION,
    LEDGER_OUTPUT_TAX,
    LEDGER_ACCOUNT_KINDS,
};

enum ledger_owner { LEDGER_OF_CUSTOMER, LEDGER_OF_PARTY, LEDGER_OF_OPERATOR };

struct ledger_account_type {
    const char *code; // as the database and the API name it
    enum ledger_owner owner;
};

struct ledger_account {
    enum ledger_account_kind kind;
    const char *owner; // id of an organisation; "" for the operator's own
};

struct ledger_transfer {
    struct ledger_account debit, credit;
    const struct currency *currency;
    struct decimal amount; // > 0
};

// The entry of an issued invoice, model A of finance.md 9.1: the customer's receivable against each
// provider's pending payable, the commission and each tax. Shares are summed per account in the
// order of the document, each tax of the document is a transfer of its own; an amount below zero (a
// correction) is posted the other way round, zero not at all. *ret_transfers belongs to the arena
// and may be empty.
void ledger_invoice_issued(struct arena *a, const struct document *d, const char *customer,
                           struct ledger_transfer **ret_transfers, size_t *ret_count);

const struct ledger_account_type *ledger_account_type(enum ledger_account_kind kind);

#endif
