// Billing runs: queued -> (waiting ->) running -> done or failed. Every step can be interrupted
// anywhere and taken up again by this or another biller.
#ifndef WEIR_BILLER_RUN_H
#define WEIR_BILLER_RUN_H

#include "platform/pg/pg.h"

enum { RUN_RETRIES_MAX = 20, RUN_RETRY_PAUSE_MS = 20 };

struct run_settings {
    const char *invoice_prefix, *statement_prefix; // of their series
    int64_t months_back; // how many billed months before the period are rated again
};

void run_register_metrics(void);

// Works on every open run as far as it gets. *ret_worked: something was done, so look again soon.
// An error means that the database is away or broken; a run that can't be finished says so itself.
ERR_MUST_CHECK enum err_code run_all(struct pg *pg, const struct run_settings *s, bool *ret_worked,
                                     struct err *e);

#endif
