// What the biller writes to the audit log.
#ifndef WEIR_BILLER_AUDIT_H
#define WEIR_BILLER_AUDIT_H

#include "platform/pg/pg.h"

// A document was issued to an organisation under its number: `action` is "invoice.issue" or
// "statement.issue". In the caller's transaction.
ERR_MUST_CHECK enum err_code audit_issued(struct pg *pg, const char *org_id, const char *action,
                                          const char *document_id, const char *number,
                                          struct err *e);

#endif
