#include "biller/issue.h"

#include <stdio.h>

#include "base/check.h"
#include "biller/audit.h"
#include "biller/ledger_store.h"
#include "biller/series.h"
#include "biller_sql.h"

static enum err_code issue_one(struct pg *pg, struct arena *a, const struct pg_rows *drafts, int i,
                               const char *prefix, struct issue_result *result, struct err *e) {
    const char *id = pg_rows_text(drafts, i, 0);
    const char *customer = pg_rows_text(drafts, i, 3);
    const struct currency *currency = currency_find(pg_rows_slice(drafts, i, 4));
    check(currency != NULL);
    struct series series = {.entity_id = pg_rows_text(drafts, i, 1),
                            .entity_zone = pg_rows_text(drafts, i, 2),
                            .kind = "invoice",
                            .prefix = prefix};
    struct series_number n;
    enum err_code code = series_next(pg, &series, &n, e);
    if (code == ERR_OK) {
        code = pg_run_one(
            pg, &biller_sql_issue_document,
            PG_PARAMS(pg_text(id), pg_text(n.series_id), pg_text(n.number), pg_text(n.date)), NULL,
            e);
    }
    if (code == ERR_OK) {
        code = ledger_store_invoice(pg, a, id, customer, currency, n.date, e);
    }
    if (code == ERR_OK) {
        code = audit_issued(pg, customer, "invoice.issue", id, n.number, e);
    }
    if (code == ERR_OK) {
        result->documents++;
    }
    return code;
}

static enum err_code issue_in(struct pg *pg, struct arena *a, const char *run_id,
                              const char *org_id, const char *prefix, struct issue_result *result,
                              struct err *e) {
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
        code = issue_one(pg, a, &drafts, i, prefix, result, e);
    }
    if (code == ERR_OK) {
        code = pg_run_one(pg, &biller_sql_issue_done, account, NULL, e);
    }
    return code == ERR_OK ? pg_commit(pg, e) : code;
}

enum err_code issue_account(struct pg *pg, const char *run_id, const char *org_id,
                            const char *prefix, struct issue_result *ret_result, struct err *e) {
    *ret_result = (struct issue_result){0};
    enum err_code code = pg_begin(pg, PG_READ_COMMITTED, e);
    if (code != ERR_OK) {
        return code;
    }
    struct arena a;
    arena_init(&a);
    code = issue_in(pg, &a, run_id, org_id, prefix, ret_result, e);
    arena_done(&a);
    pg_rollback(pg);
    return code;
}
