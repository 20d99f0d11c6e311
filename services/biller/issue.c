#include "biller/issue.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "biller_sql.h"
#include "core/billing/ledger.h"

enum { LEDGER_BYTES_MAX = 16 << 20 };

enum err_code issue_next_number(struct pg *pg, const char *entity_id, const char *entity_zone,
                                const char *kind, const char *prefix, struct issue_number *ret,
                                struct err *e) {
    struct pg_params params =
        PG_PARAMS(pg_text(entity_id), pg_text(kind), pg_text(prefix), pg_text(entity_zone));
    enum err_code code = pg_run(pg, &biller_sql_series_ensure, params, NULL, e);
    PG_ROWS_AUTO struct pg_rows rows = {0};
    if (code == ERR_OK) {
        code = pg_run_one(pg, &biller_sql_series_next, params, &rows, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    const char *number = pg_rows_text(&rows, 0, 1);
    if (strlen(number) >= ISSUE_NUMBER_MAX) {
        return err_set(e, ERR_LIMIT, "document number %s is longer than %d characters", number,
                       ISSUE_NUMBER_MAX - 1);
    }
    (void)snprintf(ret->series_id, sizeof ret->series_id, "%s", pg_rows_text(&rows, 0, 0));
    (void)snprintf(ret->number, sizeof ret->number, "%s", number);
    (void)snprintf(ret->date, sizeof ret->date, "%s", pg_rows_text(&rows, 0, 2));
    return ERR_OK;
}

// --- the ledger ----------------------------------------------------------------------------------

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
        pg_run(pg, &biller_sql_issue_parts, PG_PARAMS(pg_text(document_id)), &rows, e);
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
        pg_run(pg, &biller_sql_issue_taxes, PG_PARAMS(pg_text(document_id)), &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    struct document *d = &p->document;
    d->tax_count = (size_t)pg_rows_count(&rows);
    d->taxes = arena_array(p->a, d->tax_count, sizeof *d->taxes);
    for (size_t i = 0; code == ERR_OK && i < d->tax_count; i++) {
        d->taxes[i].category = arena_str(p->a, pg_rows_slice(&rows, (int)i, 0));
        code = read_amount(p->a, &rows, (int)i, 1, &d->taxes[i].rate, e);
        if (code == ERR_OK) {
            code = read_amount(p->a, &rows, (int)i, 2, &d->taxes[i].amount, e);
        }
    }
    return code;
}

static const char *account_code(enum ledger_account_kind kind) {
    switch (kind) {
    case LEDGER_RECEIVABLE: return "receivable";
    case LEDGER_PROVIDER_PENDING: return "provider_payable_pending";
    case LEDGER_COMMISSION: return "commission_revenue";
    case LEDGER_OUTPUT_TAX: return "output_vat";
    }
    return "";
}

static enum err_code add_account(struct pg *pg, const struct ledger_account *account,
                                 const char *currency, struct pg_array *ids, struct err *e) {
    struct pg_params params = PG_PARAMS(
        pg_text(account_code(account->kind)),
        account->owner[0] == '\0' ? pg_null() : pg_text(account->owner), pg_text(currency));
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

static enum err_code post(struct pg *pg, struct arena *a, const char *document_id,
                          const char *org_id, const struct currency *currency, const char *date,
                          struct err *e) {
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
    ledger_invoice_issued(a, &p.document, org_id, &transfers, &count);
    return count == 0 // an invoice over nothing moves nothing
               ? ERR_OK
               : post_transfers(pg, a, document_id, date, currency, transfers, count, e);
}

// --- issuing -------------------------------------------------------------------------------------

static enum err_code issue_one(struct pg *pg, struct arena *a, const struct pg_rows *drafts, int i,
                               const struct issue_prefixes *prefixes, struct issue_result *result,
                               struct err *e) {
    const char *id = pg_rows_text(drafts, i, 0);
    const struct currency *currency = currency_find(pg_rows_slice(drafts, i, 4));
    check(currency != NULL);
    struct issue_number n;
    enum err_code code =
        issue_next_number(pg, pg_rows_text(drafts, i, 1), pg_rows_text(drafts, i, 2), "invoice",
                          prefixes->invoice, &n, e);
    if (code == ERR_OK) {
        code = pg_run_one(
            pg, &biller_sql_issue_document,
            PG_PARAMS(pg_text(id), pg_text(n.series_id), pg_text(n.number), pg_text(n.date)), NULL,
            e);
    }
    if (code == ERR_OK) {
        code = post(pg, a, id, pg_rows_text(drafts, i, 3), currency, n.date, e);
    }
    if (code == ERR_OK) {
        code = pg_run(pg, &biller_sql_audit,
                      PG_PARAMS(pg_text(pg_rows_text(drafts, i, 3)), pg_text("invoice.issue"),
                                pg_text("document"), pg_text(id),
                                pg_text(arena_printf(a, "{\"number\":\"%s\"}", n.number))),
                      NULL, e);
    }
    if (code == ERR_OK) {
        result->documents++;
        (void)snprintf(result->last_number, sizeof result->last_number, "%s", n.number);
    }
    return code;
}

static enum err_code issue_in(struct pg *pg, struct arena *a, const char *run_id,
                              const char *org_id, const struct issue_prefixes *prefixes,
                              struct issue_result *result, struct err *e) {
    PG_ROWS_AUTO struct pg_rows claimed = {0};
    enum err_code code = pg_run(pg, &biller_sql_issue_claim,
                                PG_PARAMS(pg_text(run_id), pg_text(org_id)), &claimed, e);
    if (code != ERR_OK || pg_rows_count(&claimed) == 0) {
        return code;
    }
    result->claimed = true;
    (void)snprintf(result->org_id, sizeof result->org_id, "%s", pg_rows_text(&claimed, 0, 0));
    struct pg_params account = PG_PARAMS(pg_text(run_id), pg_text(result->org_id));
    PG_ROWS_AUTO struct pg_rows drafts = {0};
    code = pg_run(pg, &biller_sql_issue_documents, PG_PARAMS(pg_text(result->org_id)), &drafts, e);
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&drafts); i++) {
        code = issue_one(pg, a, &drafts, i, prefixes, result, e);
    }
    if (code == ERR_OK) {
        code = pg_run_one(pg, &biller_sql_issue_done, account, NULL, e);
    }
    return code == ERR_OK ? pg_commit(pg, e) : code;
}

enum err_code issue_account(struct pg *pg, const char *run_id, const char *org_id,
                            const struct issue_prefixes *prefixes, struct issue_result *ret_result,
                            struct err *e) {
    *ret_result = (struct issue_result){0};
    enum err_code code = pg_begin(pg, PG_READ_COMMITTED, e);
    if (code != ERR_OK) {
        return code;
    }
    struct arena a;
    arena_init(&a);
    code = issue_in(pg, &a, run_id, org_id, prefixes, ret_result, e);
    arena_done(&a);
    pg_rollback(pg);
    return code;
}
