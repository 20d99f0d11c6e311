#include "access/reconcile.h"

#include <stdio.h>

#include "access/access_store.h"
#include "access/transactional_acls.h"
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
static struct metric TRANSACTIONAL =
    METRIC_GAUGE("weir_access_transactional", "",
                 "1 while the ACLs of transactional ids are as the producers' grants ask for");
static struct metric TOOK =
    METRIC_DURATION("weir_access_compare_seconds", "Comparison of one cluster, changes included");

void reconcile_register_metrics(void) {
    struct metric *const all[] = {&CREATED,  &REMOVED,  &WANTED,        &FOREIGN,
                                  &FAILURES, &COMPARED, &TRANSACTIONAL, &TOOK};
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

// What was found about ACLs of some kinds, and what was done.
struct part {
    struct acl_diff diff;
    struct acl_list created, removed; // confirmed by the broker
    size_t found;
    bool compared;
};

// `link`: the way to transactional ids; NULL: the client library's, to all else.
static enum err_code change(struct reconcile *c, struct broker_link *link, struct arena *a,
                            struct part *p, struct err *e) {
    const struct acl_list *remove = &p->diff.superfluous;
    const struct acl_list *create = &p->diff.missing;
    bool *removed = arena_array(a, remove->count, sizeof *removed);
    bool *created = arena_array(a, create->count, sizeof *created);
    enum err_code code = link != NULL ? transactional_acls_delete(link, remove, removed, e)
                                      : broker_acls_delete(c->broker, remove, removed, e);
    if (code != ERR_UNAVAILABLE) { // what the cluster won't delete keeps no grant back
        struct err failed;
        enum err_code created_code = link != NULL
                                         ? transactional_acls_create(link, create, created, &failed)
                                         : broker_acls_create(c->broker, create, created, &failed);
        if (code == ERR_OK && created_code != ERR_OK) {
            code = created_code;
            *e = failed;
        }
    }
    p->created = confirmed(a, create, created);
    p->removed = confirmed(a, remove, removed);
    return code;
}

static enum err_code compare_part(struct reconcile *c, struct broker_link *link, struct arena *a,
                                  struct acl_list *wanted, struct part *p, struct err *e) {
    struct acl_list found = {0};
    enum err_code code = link != NULL ? transactional_acls_list(link, a, &found, e)
                                      : broker_acls_list(c->broker, a, &found, e);
    if (code != ERR_OK) {
        return code;
    }
    acl_compare(a, wanted, &found, &p->diff);
    p->found = found.count;
    p->compared = true;
    return change(c, link, a, p, e);
}

// Over a connection that lives as long as the comparison: one that lasts would have to be watched.
static enum err_code compare_transactional(struct reconcile *c, struct arena *a,
                                           struct acl_list *wanted, struct part *p, struct err *e) {
    struct broker_link *link = NULL;
    enum err_code code = broker_link_open(c->kafka, &link, e);
    if (code == ERR_OK) {
        code = compare_part(c, link, a, wanted, p, e);
    }
    broker_link_close(link);
    return code == ERR_OK ? code : err_context(e, "transactional ids");
}

static struct acl_list joined(struct arena *a, const struct acl_list *x, const struct acl_list *y) {
    size_t count = x->count + y->count;
    struct acl_list l = {.items = arena_array(a, count, sizeof *l.items), .room = count};
    for (size_t i = 0; i < count; i++) {
        l.items[i] = i < x->count ? x->items[i] : y->items[i - x->count];
    }
    l.count = count;
    return l;
}

// What Weir doesn't do here, and nothing will change by trying again; NULL: nothing.
static const char *shortcomings(const struct reconcile *c, struct arena *a, int64_t adopted,
                                size_t transactional) {
    const char *unsupported = broker_link_unsupported(c->kafka);
    const char *no_ids =
        unsupported == NULL || transactional == 0
            ? NULL
            : arena_printf(a, "producers get no transactional ids: %s", unsupported);
    if (adopted == 0) {
        return no_ids;
    }
    return arena_printf(
        a, "%lld grants of adopted principals are not applied: not supported yet%s%s",
        (long long)adopted, no_ids == NULL ? "" : "; ", no_ids == NULL ? "" : no_ids);
}

static void save(struct reconcile *c, struct arena *a, const struct part *named,
                 const struct part *transactional, const char *error) {
    struct acl_list created = joined(a, &named->created, &transactional->created);
    struct acl_list removed = joined(a, &named->removed, &transactional->removed);
    // The client library lists transactional ids too, without their name: they are not counted twice.
    size_t twice =
        transactional->found < named->diff.unnamed ? transactional->found : named->diff.unnamed;
    struct access_outcome o = {
        .created = &created,
        .removed = &removed,
        .wanted = (int64_t)(named->diff.wanted + transactional->diff.wanted),
        .foreign = (int64_t)(named->diff.foreign - twice + transactional->diff.foreign),
        .error = error};
    report(c, &o);
    record(c, &o);
}

static enum err_code compare_in(struct reconcile *c, struct arena *a, struct err *e) {
    struct acl_list wanted = {0};
    int64_t adopted = 0;
    // What is wanted is read first: a grant that changes meanwhile wakes us again.
    enum err_code code = access_store_wanted(c->pg, c->cluster_id, a, &wanted, &adopted, e);
    if (code != ERR_OK) {
        return code;
    }
    struct acl_list wanted_ids = acl_list_take(a, &wanted, ACL_TRANSACTIONAL_ID);
    struct part named = {0};
    struct part transactional = {0};
    code = compare_part(c, NULL, a, &wanted, &named, e);
    if (!named.compared) {
        return code;
    }
    bool supported = broker_link_unsupported(c->kafka) == NULL;
    if (supported && code != ERR_UNAVAILABLE) {
        c->transactional.code =
            compare_transactional(c, a, &wanted_ids, &transactional, &c->transactional);
    }
    metric_set(&TRANSACTIONAL,
               supported && transactional.compared && c->transactional.code == ERR_OK);
    const char *error = code != ERR_OK ? e->text
                        : c->transactional.code != ERR_OK
                            ? c->transactional.text
                            : shortcomings(c, a, adopted, wanted_ids.count);
    save(c, a, &named, &transactional, error);
    return code;
}

enum err_code reconcile_once(struct reconcile *c, struct err *e) {
    int64_t began_us = clock_monotonic_us();
    struct arena a;
    arena_init(&a);
    c->transactional = (struct err){.code = ERR_OK};
    enum err_code code = compare_in(c, &a, e);
    arena_done(&a);
    if (code == ERR_OK && c->transactional.code == ERR_OK) {
        metric_observe(&TOOK, clock_monotonic_us() - began_us);
        metric_set(&COMPARED, clock_system_us() / US_PER_SECOND);
    } else {
        metric_add(&FAILURES, 1);
    }
    return code;
}
