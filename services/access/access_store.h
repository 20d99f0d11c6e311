// What weir-access reads and writes in PostgreSQL.
#ifndef WEIR_ACCESS_ACCESS_STORE_H
#define WEIR_ACCESS_ACCESS_STORE_H

#include <stdint.h>

#include "access/acl_diff.h"
#include "core/topics/topic_wish.h"
#include "platform/pg/pg.h"

enum { ACCESS_UUID_TEXT = 37, ACCESS_AUDIT_BYTES_MAX = 64 << 20 };

// ERR_NOT_FOUND while the cluster isn't registered.
ERR_MUST_CHECK enum err_code access_store_cluster(struct pg *pg, const char *name,
                                                  char ret_id[ACCESS_UUID_TEXT], struct err *e);
// Whether this session is now the active one of the cluster.
ERR_MUST_CHECK enum err_code access_store_try_lock(struct pg *pg, const char *cluster,
                                                   bool *ret_held, struct err *e);
// *ret_adopted counts grants of adopted principals, which are not applied yet.
ERR_MUST_CHECK enum err_code access_store_wanted(struct pg *pg, const char *cluster_id,
                                                 struct arena *a, struct acl_list *ret,
                                                 int64_t *ret_adopted, struct err *e);
// Milliseconds until a grant begins or ends by itself; -1: none will.
ERR_MUST_CHECK enum err_code access_store_next_border_ms(struct pg *pg, const char *cluster_id,
                                                         int64_t *ret_ms, struct err *e);

struct access_outcome {
    const struct acl_list *created, *removed; // confirmed by the broker
    int64_t wanted, foreign;
    const char *error; // NULL: none
};

// One transaction: an audit row per change, and the state of the cluster.
ERR_MUST_CHECK enum err_code access_store_save(struct pg *pg, const char *cluster_id,
                                               const char *cluster, const struct access_outcome *o,
                                               struct err *e);
// Only says that the comparison failed; figures stay as they were.
ERR_MUST_CHECK enum err_code access_store_save_error(struct pg *pg, const char *cluster_id,
                                                     const char *error, struct err *e);

// A topic that was asked for and isn't decided yet.
struct access_topic {
    const char *id;
    struct topic_wish wish;
    struct topic_limits limits; // prefix {NULL, 0}: the organisation may not write there any more
};

// The oldest, at most `max`; the arena's.
ERR_MUST_CHECK enum err_code access_store_topics(struct pg *pg, const char *cluster_id, size_t max,
                                                 struct arena *a, struct access_topic **ret,
                                                 size_t *ret_count, struct err *e);
// Made (`refusal` NULL) or refused, with an audit row. One that is decided already stays so.
ERR_MUST_CHECK enum err_code access_store_decide_topic(struct pg *pg, const char *id,
                                                       const char *cluster, const char *refusal,
                                                       struct err *e);

#endif
