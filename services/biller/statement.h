// Statements: what each provider and other party is owed of the invoices issued, one per party,
// currency and issuing entity, in a series of its own.
#ifndef WEIR_BILLER_STATEMENT_H
#define WEIR_BILLER_STATEMENT_H

#include "platform/pg/pg.h"

// Reports every share that no statement has reported yet; one transaction per statement. A second
// call finds nothing and writes nothing. `prefix` is that of the statements' series.
ERR_MUST_CHECK enum err_code statement_issue_all(struct pg *pg, const char *run_id,
                                                 const char *prefix, int *ret_issued,
                                                 struct err *e);

#endif
