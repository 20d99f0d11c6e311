#include "biller/audit.h"

#include "biller_sql.h"

enum err_code audit_issued(struct pg *pg, const char *org_id, const char *action,
                           const char *document_id, const char *number, struct err *e) {
    return pg_run(
        pg, &biller_sql_audit_issued,
        PG_PARAMS(pg_text(org_id), pg_text(action), pg_text(document_id), pg_text(number)), NULL,
        e);
}
