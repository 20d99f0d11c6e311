// The ACLs of transactional ids of one Kafka cluster, over a connection of our own (broker_link.h),
// which is opened when it is needed and again when it was lost. One thread.
#ifndef WEIR_ACCESS_TRANSACTIONAL_IDS_H
#define WEIR_ACCESS_TRANSACTIONAL_IDS_H

#include "access/acl_diff.h"
#include "access/broker_link.h"

struct transactional_ids {
    struct kafka_settings settings; // borrowed from the program's
    struct broker_link *link;       // NULL: not connected
};

void transactional_ids_close(struct transactional_ids *t);
// All there are, added to *ret; strings are the arena's.
ERR_MUST_CHECK enum err_code transactional_ids_list(struct transactional_ids *t, struct arena *a,
                                                    struct acl_list *ret, struct err *e);
// As broker_acls_create and broker_acls_delete.
ERR_MUST_CHECK enum err_code transactional_ids_create(struct transactional_ids *t,
                                                      const struct acl_list *l, bool *ret_done,
                                                      struct err *e);
ERR_MUST_CHECK enum err_code transactional_ids_delete(struct transactional_ids *t,
                                                      const struct acl_list *l, bool *ret_done,
                                                      struct err *e);

#endif
