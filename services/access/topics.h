// The topics that providers asked for: makes each within its limits and records the broker's word.
#ifndef WEIR_ACCESS_TOPICS_H
#define WEIR_ACCESS_TOPICS_H

#include <stdbool.h>

#include "access/broker_admin.h"
#include "platform/pg/pg.h"

enum { TOPICS_ROUND = 20 }; // made at once, so that no revocation waits for more

struct topics {
    struct pg *pg;
    struct broker_admin *broker;
    const char *cluster;    // name
    const char *cluster_id; // uuid
};

void topics_register_metrics(void);

// One round. A topic refused, by the limits or by the broker, is recorded and keeps no other back;
// an error is the cluster's or the database's, and what is left is to be tried again. *ret_more:
// the round was full.
ERR_MUST_CHECK enum err_code topics_round(struct topics *t, bool *ret_more, struct err *e);

#endif
