// What ACLs a cluster should have and what to change so that it has them. Pure: no Kafka, no
// database. The numbers are those of Kafka's protocol.
#ifndef WEIR_ACCESS_ACL_DIFF_H
#define WEIR_ACCESS_ACL_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

enum acl_resource { ACL_UNNAMED = 0, ACL_TOPIC = 2, ACL_GROUP = 3, ACL_TRANSACTIONAL_ID = 5 };
enum acl_pattern { ACL_LITERAL = 3, ACL_PREFIXED = 4 };
enum acl_operation {
    ACL_ALL = 2,
    ACL_READ = 3,
    ACL_WRITE = 4,
    ACL_CREATE = 5,
    ACL_DESCRIBE = 8,
    ACL_OPERATION_LAST = 12, // IDEMPOTENT_WRITE: later ones concern tokens and transactions
};
enum acl_permission { ACL_DENY = 2, ACL_ALLOW = 3 };

// ACLs of one cluster that are held at once, wanted and found each.
enum { ACL_LIST_MAX = 1000000 };

struct acl {
    int resource, pattern, operation, permission;
    const char *name;      // of the topic, group or transactional id, or its prefix
    const char *principal; // "User:w..."
    const char *host;
};

struct acl_list {
    struct acl *items;
    size_t count, room;
};

// Strings are copied into the arena. ERR_LIMIT beyond ACL_LIST_MAX.
ERR_MUST_CHECK enum err_code acl_list_add(struct arena *a, struct acl_list *l,
                                          const struct acl *acl, struct err *e);
// A consumer reads one topic, and groups whose name begins with its principal and a dot: no prefix
// matches another tenant's groups, for principals have one length and no dot. `principal` is
// without "User:". READ implies DESCRIBE.
ERR_MUST_CHECK enum err_code acl_want_consumer(struct arena *a, struct acl_list *l,
                                               const char *principal, const char *topic,
                                               struct err *e);
// A producer writes and describes the topics of its organisation's prefix; it makes none (topics.h). Its
// transactions have ids that begin with its principal and a dot, as a consumer's groups do.
ERR_MUST_CHECK enum err_code acl_want_producer(struct arena *a, struct acl_list *l,
                                               const char *principal, const char *prefix,
                                               struct err *e);

// Takes those of that resource out of `l`; returns them. Order is kept.
struct acl_list acl_list_take(struct arena *a, struct acl_list *l, int resource);

struct acl_diff {
    struct acl_list missing;     // wanted, not found: create
    struct acl_list superfluous; // found, not wanted, and Weir's: delete
    size_t wanted;               // distinct
    size_t foreign;              // found and not Weir's: never touched
    size_t unnamed;              // of the foreign: ACL_UNNAMED
};

// Sorts both lists. An ACL is Weir's if it allows a principal that Weir issued something with a topic
// or group, or if it is just what acl_want_producer gives on a transactional id. A DENY is never Weir's,
// for taking one away could only widen access.
void acl_compare(struct arena *a, struct acl_list *wanted, struct acl_list *found,
                 struct acl_diff *ret);

// "User:w" and 26 characters of base32.
bool acl_principal_is_issued(const char *principal);
// "allow User:wabc... read topic acme.ticks", with the pattern and host where they are unusual.
const char *acl_text(struct arena *a, const struct acl *acl);

#endif
