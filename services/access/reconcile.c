#include "access/reconcile.h"

#include <stdio.h>

#include "access/access_store.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"
#include "platform/program/metrics.h"
#include "platform/program/program.h"

static struct metric CREATED =
    METRIC_COUNTER("weir_access_acls_created_total", "acls", "ACLs created on the cluster");
static struct metric REMOVED =
    METRIC_COUNTER("weir_access_acls_removed_total", "acls", "ACLs removed from the cluster");
static struct metric WANTED =
    METRIC_GAUGE("weir_access_acls_wanted", "acls", "ACLs that the subscriptions ask for");
static struct metric FOREIGN = METRIC_GAUGE("weir_access_acls_foreign", "acls",
                                            "ACLs that Weir didn't make: reported, never touched");
static struct metric FAILURES =
    METRIC_COUNTER("weir_access_failures_total", "comparisons", "Comparisons that failed");
static struct metric COMPARED = METRIC_GAUGE("weir_access_compared_timestamp_seconds", "seconds",
                                             "Unix time of the last complete comparison");
static struct metric TOOK =
    METRIC_DURATION("weir_access_compare_seconds", "Comparison of one cluster, changes included");

void reconcile_register_metrics(void) {
    struct metric *const all[] = {&CREATED,  &REMOVED,  &WANTED, &FOREIGN,
                                  &FAILURES, &COMPARED, &TOOK};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        metrics_register(all[i]);
    }
}

// Those of `l` that are done.
static struct acl_list confirmed(struct arena *a, const struct acl_list *l, const bool *done) {
    struct acl_list kept = {.items = arena_array(a, l->count, sizeof *l->items), .room = l->count};
    for (size_t i = 0; i < l->count; i++) {
        if (done[i]) {
            kept.items[kept.count++] = l->items[i];
        }
    }
    return kept;
}

static enum err_code reconnect(struct reconcile *c, struct err *e) {
    c->reconnected = true;
    return pg_reconnect(c->pg, program_keeps_running, e);
}

static void record(struct reconcile *c, const struct access_outcome *o) {
    struct err e;
    // The connection was idle while the cluster was changed.
    if (!pg_alive(c->pg) && reconnect(c, &e) != ERR_OK) {
        return;
    }
    while (access_store_save(c->pg, c->cluster_id, c->cluster, o, &e) != ERR_OK) {
        log_error("recording ACL changes failed", log_id("cluster", c->cluster), log_err(&e));
        if (e.code != ERR_UNAVAILABLE || program_should_stop()) {
            return;
        }
        if (reconnect(c, &e) != ERR_OK) {
            return;
        }
    }
}

static void report(const struct reconcile *c, const struct access_outcome *o) {
    metric_add(&CREATED, o->created->count);
    metric_add(&REMOVED, o->removed->count);
    metric_set(&WANTED, o->wanted);
    metric_set(&FOREIGN, o->foreign);
    if (o->created->count + o->removed->count > 0) {
        log_info("ACLs changed", log_id("cluster", c->cluster),
                 log_uint("created", o->created->count), log_uint("removed", o->removed->count),
                 log_int("wanted", o->wanted));
    }
}

static enum err_code apply(struct reconcile *c, struct arena *a, const struct acl_diff *diff,
                           int64_t adopted, struct err *e) {
    bool *removed_done = arena_array(a, diff->superfluous.count, sizeof *removed_done);
    bool *created_done = arena_array(a, diff->missing.count, sizeof *created_done);
    enum err_code code = broker_acls_delete(c->broker, &diff->superfluous, removed_done, e);
    if (code != ERR_UNAVAILABLE) { // what the cluster won't delete keeps no grant back
        struct err failed;
        enum err_code created_code =
            broker_acls_create(c->broker, &diff->missing, created_done, &failed);
        if (code == ERR_OK && created_code != ERR_OK) {
            code = created_code;
            *e = failed;
        }
    }
    struct acl_list created = confirmed(a, &diff->missing, created_done);
    struct acl_list removed = confirmed(a, &diff->superfluous, removed_done);
    const char *error = code != ERR_OK ? e->text : NULL;
    if (error == NULL && adopted > 0) {
        error =
            arena_printf(a, "%lld grants of adopted principals are not applied: not supported yet",
                         (long long)adopted);
    }
    struct access_outcome o = {.created = &created,
                               .removed = &removed,
                               .wanted = (int64_t)diff->wanted,
                               .foreign = (int64_t)diff->foreign,
                               .error = error};
    report(c, &o);
    record(c, &o);
    return code;
}

static enum err_code compare_in(struct reconcile *c, struct arena *a, struct err *e) {
    struct acl_list wanted = {0};
    struct acl_list found = {0};
    int64_t adopted = 0;
    // What is wanted is read first: a grant that changes meanwhile wakes us again.
    enum err_code code = access_store_wanted(c->pg, c->cluster_id, a, &wanted, &adopted, e);
    if (code == ERR_OK) {
        code = broker_acls_list(c->broker, a, &found, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    struct acl_diff diff;
    acl_compare(a, &wanted, &found, &diff);
    return apply(c, a, &diff, adopted, e);
}

enum err_code reconcile_once(struct reconcile *c, struct err *e) {
    int64_t began_us = clock_monotonic_us();
    struct arena a;
    arena_init(&a);
    enum err_code code = compare_in(c, &a, e);
    arena_done(&a);
    if (code == ERR_OK) {
        metric_observe(&TOOK, clock_monotonic_us() - began_us);
        metric_set(&COMPARED, clock_system_us() / US_PER_SECOND);
    } else {
        metric_add(&FAILURES, 1);
    }
    return code;
}
