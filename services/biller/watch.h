// Running charges: subscriptions whose usage changed are rated again, and what the open month costs
// so far is kept. Also at the turn of a month.
#ifndef WEIR_BILLER_WATCH_H
#define WEIR_BILLER_WATCH_H

#include <stdbool.h>

#include "platform/pg/pg.h"

enum { WATCH_BATCH = 200 }; // subscriptions of one look

struct watch {
    struct pg *pg;
    bool active;       // this process is the watcher
    bool stands_by;    // another one is
    int64_t turned_us; // when months that turned were last looked for (monotonic)
};

void watch_register_metrics(void);
// One look. *ret_rated counts subscriptions; WATCH_BATCH or more: look again at once.
ERR_MUST_CHECK enum err_code watch_look(struct watch *w, int *ret_rated, struct err *e);

#endif
