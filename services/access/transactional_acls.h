// The ACLs of transactional ids, which librdkafka 2.0.2 can't name, over a connection of our own. As
// broker_acls.h.
#ifndef WEIR_ACCESS_TRANSACTIONAL_ACLS_H
#define WEIR_ACCESS_TRANSACTIONAL_ACLS_H

#include "access/acl_diff.h"
#include "access/broker_link.h"

ERR_MUST_CHECK enum err_code transactional_acls_list(struct broker_link *link, struct arena *a,
                                                     struct acl_list *ret, struct err *e);
ERR_MUST_CHECK enum err_code transactional_acls_create(struct broker_link *link,
                                                       const struct acl_list *l, bool *ret_done,
                                                       struct err *e);
ERR_MUST_CHECK enum err_code transactional_acls_delete(struct broker_link *link,
                                                       const struct acl_list *l, bool *ret_done,
                                                       struct err *e);

#endif
