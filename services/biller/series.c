#include "biller/series.h"

#include <stdio.h>
#include <string.h>

#include "biller_sql.h"

enum err_code series_next(struct pg *pg, const struct series *s, struct series_number *ret,
                          struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run_one(pg, &biller_sql_series_next,
                                    PG_PARAMS(pg_text(s->entity_id), pg_text(s->kind),
                                              pg_text(s->prefix), pg_text(s->entity_zone)),
                                    &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    const char *number = pg_rows_text(&rows, 0, 1);
    if (strlen(number) >= SERIES_NUMBER_MAX) {
        return err_set(e, ERR_LIMIT, "document number %s is longer than %d characters", number,
                       SERIES_NUMBER_MAX - 1);
    }
    (void)snprintf(ret->series_id, sizeof ret->series_id, "%s", pg_rows_text(&rows, 0, 0));
    (void)snprintf(ret->number, sizeof ret->number, "%s", number);
    (void)snprintf(ret->date, sizeof ret->date, "%s", pg_rows_text(&rows, 0, 2));
    return ERR_OK;
}
