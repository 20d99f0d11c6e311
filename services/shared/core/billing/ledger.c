#include "core/billing/ledger.h"

#include <string.h>

#include "base/check.h"

const struct ledger_account_type *ledger_account_type(enum ledger_account_kind kind) {
    static const struct ledger_account_type TYPES[LEDGER_ACCOUNT_KINDS] = {
        // what customers owe for their invoices
        [LEDGER_RECEIVABLE] = {"receivable", LEDGER_OF_CUSTOMER},
        // what providers and other parties of a share will be owed once customers have paid
        [LEDGER_PROVIDER_PENDING] = {"provider_payable_pending", LEDGER_OF_PARTY},
        // what the operator keeps
        [LEDGER_COMMISSION] = {"commission_revenue", LEDGER_OF_OPERATOR},
        // what the operator collects for the tax office
        [LEDGER_OUTPUT_TAX] = {"output_vat", LEDGER_OF_OPERATOR},
    };
    check(kind < LEDGER_ACCOUNT_KINDS);
    return &TYPES[kind];
}

// What the receivable is worth on the other side.
struct side {
    struct arena *a;
    struct ledger_transfer *sums; // credit: the account; amount of any sign
    size_t count;
};

static void add(struct side *s, enum ledger_account_kind kind, const char *owner,
                struct decimal amount) {
    s->sums[s->count++] = (struct ledger_transfer){.credit = {kind, owner}, .amount = amount};
}

// Adds to the account's sum.
static void add_up(struct side *s, enum ledger_account_kind kind, const char *owner,
                   struct decimal amount) {
    for (size_t i = 0; i < s->count; i++) {
        const struct ledger_account *account = &s->sums[i].credit;
        if (account->kind == kind && strcmp(account->owner, owner) == 0) {
            s->sums[i].amount = decimal_add(s->a, s->sums[i].amount, amount);
            return;
        }
    }
    add(s, kind, owner, amount);
}

static const char *owner_of(const struct document *d, const struct document_line *l,
                            const char *party) {
    const char *provider = d->sources[l->source].provider;
    return strcmp(party, SHARE_PROVIDER) == 0 && provider != NULL ? provider : party;
}

static void add_line(struct side *s, const struct document *d, const struct document_line *l) {
    if (l->part_count == 0) {
        add_up(s, LEDGER_COMMISSION, "", l->net);
    }
    for (size_t i = 0; i < l->part_count; i++) {
        const struct share_part *p = &l->parts[i];
        if (strcmp(p->party, SHARE_OPERATOR) == 0) {
            add_up(s, LEDGER_COMMISSION, "", p->amount);
        } else {
            add_up(s, LEDGER_PROVIDER_PENDING, owner_of(d, l, p->party), p->amount);
        }
    }
}

void ledger_invoice_issued(struct arena *a, const struct document *d, const char *customer,
                           struct ledger_transfer **ret_transfers, size_t *ret_count) {
    size_t room = d->tax_count + 1;
    for (size_t i = 0; i < d->line_count; i++) {
        room += d->lines[i].part_count + 1;
    }
    struct side s = {a, arena_array(a, room, sizeof(struct ledger_transfer)), 0};
    for (size_t i = 0; i < d->line_count; i++) {
        add_line(&s, d, &d->lines[i]);
    }
    for (size_t i = 0; i < d->tax_count; i++) {
        add(&s, LEDGER_OUTPUT_TAX, "", d->taxes[i].amount);
    }
    struct ledger_account receivable = {LEDGER_RECEIVABLE, customer};
    size_t n = 0;
    for (size_t i = 0; i < s.count; i++) {
        struct ledger_account other = s.sums[i].credit;
        struct decimal amount = s.sums[i].amount;
        int sign = decimal_sign(amount);
        if (sign != 0) {
            s.sums[n++] = (struct ledger_transfer){
                .debit = sign > 0 ? receivable : other,
                .credit = sign > 0 ? other : receivable,
                .currency = d->currency,
                .amount = sign > 0 ? amount : decimal_neg(a, amount),
            };
        }
    }
    *ret_transfers = s.sums;
    *ret_count = n;
}
