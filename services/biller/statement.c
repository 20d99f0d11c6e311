#include "biller/statement.h"

#include "biller/audit.h"
#include "biller/series.h"
#include "biller_sql.h"

struct due {
    const char *party, *currency, *entity;
};

// In a transaction: the statement takes its shares and is issued over their sum.
static enum err_code issue_in(struct pg *pg, const char *run_id, const struct due *d,
                              const char *prefix, bool *ret_issued, struct err *e) {
    PG_ROWS_AUTO struct pg_rows made = {0};
    enum err_code code = pg_run_one(
        pg, &biller_sql_statement_insert,
        PG_PARAMS(pg_text(d->party), pg_text(d->currency), pg_text(d->entity), pg_text(run_id)),
        &made, e);
    if (code != ERR_OK) {
        return code;
    }
    const char *id = pg_rows_text(&made, 0, 0);
    PG_ROWS_AUTO struct pg_rows taken = {0};
    code =
        pg_run(pg, &biller_sql_statement_take,
               PG_PARAMS(pg_text(d->party), pg_text(d->currency), pg_text(d->entity), pg_text(id)),
               &taken, e);
    if (code != ERR_OK || pg_rows_affected(&taken) == 0) {
        return code; // another biller was faster: rolled back by the caller
    }
    struct series series = {.entity_id = d->entity,
                            .entity_zone = pg_rows_text(&made, 0, 1),
                            .kind = "statement",
                            .prefix = prefix};
    struct series_number n;
    code = series_next(pg, &series, &n, e);
    if (code == ERR_OK) {
        code = pg_run_one(
            pg, &biller_sql_statement_issue,
            PG_PARAMS(pg_text(id), pg_text(n.series_id), pg_text(n.number), pg_text(n.date)), NULL,
            e);
    }
    if (code == ERR_OK) {
        code = audit_issued(pg, d->party, "statement.issue", id, n.number, e);
    }
    if (code == ERR_OK) {
        code = pg_commit(pg, e);
        *ret_issued = code == ERR_OK;
    }
    return code;
}

enum err_code statement_issue_all(struct pg *pg, const char *run_id, const char *prefix,
                                  int *ret_issued, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run(pg, &biller_sql_statement_due, PG_NO_PARAMS, &rows, e);
    int issued = 0;
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows); i++) {
        struct due d = {.party = pg_rows_text(&rows, i, 0),
                        .currency = pg_rows_text(&rows, i, 1),
                        .entity = pg_rows_text(&rows, i, 2)};
        code = pg_begin(pg, PG_READ_COMMITTED, e);
        bool done = false;
        if (code == ERR_OK) {
            code = issue_in(pg, run_id, &d, prefix, &done, e);
        }
        pg_rollback(pg);
        issued += done;
    }
    if (code == ERR_OK) {
        *ret_issued = issued;
    }
    return code;
}
