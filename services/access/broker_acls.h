// The ACLs of one Kafka cluster over librdkafka's admin API: list, create, delete, in batches.
// One thread.
#ifndef WEIR_ACCESS_BROKER_ACLS_H
#define WEIR_ACCESS_BROKER_ACLS_H

#include "access/acl_diff.h"
#include "platform/kafka/kafka.h"

enum {
    BROKER_ACLS_BATCH = 200,         // of one request
    BROKER_ACLS_TIMEOUT_MS = 10000,  // of one request
    BROKER_ACLS_STOPPING_MS = 2000,  // what is left of it once the program should stop
    BROKER_ACLS_RECONNECT_MS = 2000, // longest pause of the client between connections
};

struct broker_acls;

ERR_MUST_CHECK enum err_code broker_acls_open(const struct kafka_settings *settings,
                                              struct broker_acls **ret, struct err *e);
// NULL is fine.
void broker_acls_close(struct broker_acls *b);

// Every ACL of the cluster, added to *ret; strings are the arena's.
ERR_MUST_CHECK enum err_code broker_acls_list(struct broker_acls *b, struct arena *a,
                                              struct acl_list *ret, struct err *e);
// ret_done[i] is set for each one that the broker confirmed, also where an error is returned (of
// the first that failed; later batches are not sent).
ERR_MUST_CHECK enum err_code broker_acls_create(struct broker_acls *b, const struct acl_list *l,
                                                bool *ret_done, struct err *e);
ERR_MUST_CHECK enum err_code broker_acls_delete(struct broker_acls *b, const struct acl_list *l,
                                                bool *ret_done, struct err *e);

#endif
