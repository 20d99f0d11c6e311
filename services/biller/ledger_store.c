#include "biller/ledger_store.h"

#include <string.h>

#include "biller_sql.h"
#include "core/billing/ledger.h"

enum { LEDGER_BYTES_MAX = 16 << 20 };

// The stored parts as a document, as far as the ledger's entry needs it: what was stored is posted,
// nothing is divided again.
struct parts {
    struct arena *a;
    struct document document;
    struct document_source source;
};

static enum err_code read_amount(struct arena *a, const struct pg_rows *rows, int row, int column,
                                 struct decimal *ret, struct err *e) {
    return decimal_parse(slice_str(arena_str(a, pg_rows_slice(rows, row, column))), ret, e);
}

static enum err_code read_lines(struct pg *pg, struct parts *p, const char *document_id,
                                struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(pg, &biller_sql_ledger_lines, PG_PARAMS(pg_text(document_id)), &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    int count = pg_rows_count(&rows);
    struct document *d = &p->document;
    d->lines = arena_array(p->a, (size_t)count, sizeof *d->lines);
    struct share_part *shares = arena_array(p->a, (size_t)count, sizeof *shares);
    for (int i = 0; code == ERR_OK && i < count; i++) {
        int number = (int)pg_rows_int8(&rows, i, 0);
        if (d->line_count == 0 || d->lines[d->line_count - 1].line != number) {
            d->lines[d->line_count++] = (struct document_line){.line = number, .parts = &shares[i]};
        }
        struct document_line *l = &d->lines[d->line_count - 1];
        code = read_amount(p->a, &rows, i, 1, &l->net, e);
        const char *party = pg_rows_text(&rows, i, 2);
        if (code == ERR_OK && party[0] != '\0') {
            bool operator_part = strcmp(party, SHARE_OPERATOR) == 0;
            shares[i].party =
                operator_part ? SHARE_OPERATOR : arena_str(p->a, pg_rows_slice(&rows, i, 3));
            l->part_count++;
            code = read_amount(p->a, &rows, i, 4, &shares[i].amount, e);
        }
    }
    return code;
}

static enum err_code read_taxes(struct pg *pg, struct parts *p, const char *document_id,
                                struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(pg, &biller_sql_ledger_taxes, PG_PARAMS(pg_text(document_id)), &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    struct document *d = &p->document;
    d->tax_count = (size_t)pg_rows_count(&rows);
    d->taxes = arena_array(p->a, d->tax_count, sizeof *d->taxes);
    for (size_t i = 0; code == ERR_OK && i < d->tax_count; i++) {
        code = read_amount(p->a, &rows, (int)i, 0, &d->taxes[i].amount, e);
    }
    return code;
}

static enum err_code add_account(struct pg *pg, const struct ledger_account *account,
                                 const char *currency, struct pg_array *ids, struct err *e) {
    const struct ledger_account_type *type = ledger_account_type(account->kind);
    struct pg_params params = PG_PARAMS(
        pg_text(type->code),
        type->owner == LEDGER_OF_OPERATOR ? pg_null() : pg_text(account->owner), pg_text(currency));
    enum err_code code = pg_run(pg, &biller_sql_ledger_account_ensure, params, NULL, e);
    PG_ROWS_AUTO struct pg_rows rows = {0};
    if (code == ERR_OK) {
        code = pg_run_one(pg, &biller_sql_ledger_account, params, &rows, e);
    }
    if (code == ERR_OK) {
        pg_array_add_uuid(ids, pg_rows_slice(&rows, 0, 0));
    }
    return code;
}

static enum err_code post_transfers(struct pg *pg, struct arena *a, const char *document_id,
                                    const char *date, const struct currency *currency,
                                    const struct ledger_transfer *transfers, size_t count,
                                    struct err *e) {
    struct pg_array debits;
    struct pg_array credits;
    struct pg_array amounts;
    pg_array_init(&debits, PG_UUID, LEDGER_BYTES_MAX);
    pg_array_init(&credits, PG_UUID, LEDGER_BYTES_MAX);
    pg_array_init(&amounts, PG_TEXT, LEDGER_BYTES_MAX);
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        code = add_account(pg, &transfers[i].debit, currency->code, &debits, e);
        if (code == ERR_OK) {
            code = add_account(pg, &transfers[i].credit, currency->code, &credits, e);
        }
        pg_array_add_bytes(&amounts,
                           slice_str(currency_text(a, currency, transfers[i].amount, NULL)));
    }
    PG_ROWS_AUTO struct pg_rows entry = {0};
    if (code == ERR_OK) {
        code = pg_run_one(pg, &biller_sql_ledger_entry,
                          PG_PARAMS(pg_text(document_id), pg_text(date), pg_int8((int64_t)count)),
                          &entry, e);
    }
    if (code == ERR_OK) {
        code = pg_run(pg, &biller_sql_ledger_transfers,
                      PG_PARAMS(pg_text(pg_rows_text(&entry, 0, 0)), pg_text(currency->code),
                                pg_array(&debits), pg_array(&credits), pg_array(&amounts)),
                      NULL, e);
    }
    pg_array_done(&debits);
    pg_array_done(&credits);
    pg_array_done(&amounts);
    return code;
}

enum err_code ledger_store_invoice(struct pg *pg, struct arena *a, const char *document_id,
                                   const char *customer_id, const struct currency *currency,
                                   const char *date, struct err *e) {
    struct parts p = {.a = a, .document = {.currency = currency}};
    p.document.sources = &p.source;
    enum err_code code = read_lines(pg, &p, document_id, e);
    if (code == ERR_OK) {
        code = read_taxes(pg, &p, document_id, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    struct ledger_transfer *transfers = NULL;
    size_t count = 0;
    ledger_invoice_issued(a, &p.document, customer_id, &transfers, &count);
    return count == 0 // an invoice over nothing moves nothing
               ? ERR_OK
               : post_transfers(pg, a, document_id, date, currency, transfers, count, e);
}
