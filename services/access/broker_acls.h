// The ACLs of one Kafka cluster: list, create, delete, in batches.
#ifndef WEIR_ACCESS_BROKER_ACLS_H
#define WEIR_ACCESS_BROKER_ACLS_H

#include "access/acl_diff.h"
#include "access/broker_admin.h"

enum { BROKER_ACLS_BATCH = 200 }; // of one request

// Every ACL of the cluster, added to *ret; strings are the arena's.
ERR_MUST_CHECK enum err_code broker_acls_list(struct broker_admin *b, struct arena *a,
                                              struct acl_list *ret, struct err *e);
// ret_done[i] is set for each one that the broker confirmed, also where an error is returned (of
// the first that failed; later batches are not sent).
ERR_MUST_CHECK enum err_code broker_acls_create(struct broker_admin *b, const struct acl_list *l,
                                                bool *ret_done, struct err *e);
ERR_MUST_CHECK enum err_code broker_acls_delete(struct broker_admin *b, const struct acl_list *l,
                                                bool *ret_done, struct err *e);
// The same by another way to the broker: `batch` makes one request about at most BROKER_ACLS_BATCH.
ERR_MUST_CHECK enum err_code
broker_acls_in_batches(void *ctx, const struct acl_list *l, bool *ret_done,
                       enum err_code (*batch)(void *ctx, const struct acl *acls, size_t count,
                                              bool *ret_done, struct err *e),
                       struct err *e);

#endif
