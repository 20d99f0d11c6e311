#include "core/billing/ledger.h"

#include <string.h>

const char *ledger_account_name(enum ledger_account_kind kind) {
    switch (kind) {
    case LEDGER_RECEIVABLE: return "receivable";
    case LEDGER_PROVIDER_PENDING: return "provider_pending";
    case LEDGER_COMMISSION: return "commission";
    case LEDGER_OUTPUT_TAX: return "output_tax";
    }
    return "unknown";
}

// What the receivable is worth on the other side, summed per account.
struct side {
    struct arena *a;
    struct ledger_transfer *sums; // credit: the account; amount of any sign
    size_t count;
};

static void add(struct side *s, enum ledger_account_kind kind, const char *owner,
                const char *detail, struct decimal amount) {
    for (size_t i = 0; i < s->count; i++) {
        struct ledger_account *account = &s->sums[i].credit;
        if (account->kind == kind && strcmp(account->owner, owner) == 0 &&
            strcmp(account->detail, detail) == 0) {
            s->sums[i].amount = decimal_add(s->a, s->sums[i].amount, amount);
            return;
        }
    }
    s->sums[s->count++] =
        (struct ledger_transfer){.credit = {kind, owner, detail}, .amount = amount};
}

static const char *owner_of(const struct document *d, const struct document_line *l,
                            const char *party) {
    const char *provider = d->sources[l->source].provider;
    return strcmp(party, SHARE_PROVIDER) == 0 && provider != NULL ? provider : party;
}

static void add_line(struct side *s, const struct document *d, const struct document_line *l) {
    if (l->part_count == 0) {
        add(s, LEDGER_COMMISSION, "", "", l->net);
    }
    for (size_t i = 0; i < l->part_count; i++) {
        const struct share_part *p = &l->parts[i];
        if (strcmp(p->party, SHARE_OPERATOR) == 0) {
            add(s, LEDGER_COMMISSION, "", "", p->amount);
        } else {
            add(s, LEDGER_PROVIDER_PENDING, owner_of(d, l, p->party), "", p->amount);
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
        const struct document_tax *t = &d->taxes[i];
        const char *detail =
            t->fixed ? t->category
                     : arena_printf(a, "%s %s", t->category, decimal_text(a, t->rate, 0, NULL));
        add(&s, LEDGER_OUTPUT_TAX, "", detail, t->amount);
    }
    struct ledger_account receivable = {LEDGER_RECEIVABLE, customer, ""};
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
