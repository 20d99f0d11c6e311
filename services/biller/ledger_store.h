// The ledger in the database: entries of issued documents.
#ifndef WEIR_BILLER_LEDGER_STORE_H
#define WEIR_BILLER_LEDGER_STORE_H

#include "core/money/currency.h"
#include "platform/pg/pg.h"

// Posts the entry of an invoice as its lines, splits and taxes are stored; nothing is divided
// again, and an invoice over nothing posts nothing. Makes accounts that are missing. In the
// caller's transaction; `date` is the day of issue, YYYY-MM-DD.
ERR_MUST_CHECK enum err_code ledger_store_invoice(struct pg *pg, struct arena *a,
                                                  const char *document_id, const char *customer_id,
                                                  const struct currency *currency, const char *date,
                                                  struct err *e);

#endif
