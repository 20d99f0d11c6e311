// One comparison of a cluster's ACLs with what the subscriptions say, and the changes it asks for.
#ifndef WEIR_ACCESS_RECONCILE_H
#define WEIR_ACCESS_RECONCILE_H

#include "access/broker_acls.h"
#include "platform/pg/pg.h"

struct reconcile {
    struct pg *pg;
    struct broker_admin *broker;
    const char *cluster;    // name
    const char *cluster_id; // uuid
    const struct kafka_settings *kafka;
    bool reconnected; // set when `pg` is a new session: lock and LISTEN are gone
    // Set by every comparison; code ERR_OK, or why the ACLs of transactional ids are not as they should
    // be. All else was compared nevertheless.
    struct err transactional;
};

void reconcile_register_metrics(void);

// ERR_OK also where only `transactional` failed. Deletes first, so that a revocation never waits for grants. What the broker confirmed is recorded
// even if a later change failed, and recorded again until PostgreSQL takes it or the program should
// stop.
ERR_MUST_CHECK enum err_code reconcile_once(struct reconcile *c, struct err *e);

#endif
