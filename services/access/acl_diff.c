#include "access/acl_diff.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_FIRST_ROOM = 64, ISSUED_CHARS = 27 };

static const char USER[] = "User:";
static const char ANY_HOST[] = "*";

enum err_code acl_list_add(struct arena *a, struct acl_list *l, const struct acl *acl,
                           struct err *e) {
    if (l->count == ACL_LIST_MAX) {
        return err_set(e, ERR_LIMIT, "more than %d ACLs on one cluster", ACL_LIST_MAX);
    }
    if (l->count == l->room) {
        size_t room = l->room == 0 ? LIST_FIRST_ROOM : l->room * 2;
        struct acl *items = arena_array(a, room, sizeof *items);
        if (l->count > 0) {
            memcpy(items, l->items, l->count * sizeof *items);
        }
        l->items = items;
        l->room = room;
    }
    struct acl copy = *acl;
    copy.name = arena_str(a, slice_str(acl->name));
    copy.principal = arena_str(a, slice_str(acl->principal));
    copy.host = arena_str(a, slice_str(acl->host));
    l->items[l->count++] = copy;
    return ERR_OK;
}

static enum err_code want(struct arena *a, struct acl_list *l, const char *principal, int resource,
                          int pattern, const char *name, int operation, struct err *e) {
    return acl_list_add(a, l,
                        &(struct acl){.resource = resource,
                                      .pattern = pattern,
                                      .operation = operation,
                                      .permission = ACL_ALLOW,
                                      .name = name,
                                      .principal = arena_printf(a, "%s%s", USER, principal),
                                      .host = ANY_HOST},
                        e);
}

enum err_code acl_want_consumer(struct arena *a, struct acl_list *l, const char *principal,
                                const char *topic, struct err *e) {
    enum err_code code = want(a, l, principal, ACL_TOPIC, ACL_LITERAL, topic, ACL_READ, e);
    if (code != ERR_OK) {
        return code;
    }
    const char *groups = arena_printf(a, "%s.", principal);
    return want(a, l, principal, ACL_GROUP, ACL_PREFIXED, groups, ACL_READ, e);
}

enum err_code acl_want_producer(struct arena *a, struct acl_list *l, const char *principal,
                                const char *prefix, struct err *e) {
    static const int operations[] = {ACL_WRITE, ACL_DESCRIBE};
    for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
        enum err_code code =
            want(a, l, principal, ACL_TOPIC, ACL_PREFIXED, prefix, operations[i], e);
        if (code == ERR_OK) {
            const char *ids = arena_printf(a, "%s.", principal);
            code = want(a, l, principal, ACL_TRANSACTIONAL_ID, ACL_PREFIXED, ids, operations[i], e);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

bool acl_principal_is_issued(const char *principal) {
    if (strncmp(principal, USER, strlen(USER)) != 0) {
        return false;
    }
    const char *name = principal + strlen(USER);
    return strlen(name) == ISSUED_CHARS && name[0] == 'w' &&
           strspn(name + 1, "abcdefghijklmnopqrstuvwxyz234567") == ISSUED_CHARS - 1;
}

// Others gave rights on transactional ids before Weir did: only what Weir itself would give is Weir's.
static bool is_our_transaction(const struct acl *acl) {
    const char *principal = acl->principal + strlen(USER);
    size_t len = strlen(principal);
    return acl->resource == ACL_TRANSACTIONAL_ID && acl->pattern == ACL_PREFIXED &&
           (acl->operation == ACL_WRITE || acl->operation == ACL_DESCRIBE) &&
           strcmp(acl->host, ANY_HOST) == 0 && strncmp(acl->name, principal, len) == 0 &&
           strcmp(acl->name + len, ".") == 0;
}

// Kinds that Weir never makes (the cluster, tokens, operations of later Kafkas) are somebody's own
// arrangement, and a client library may not even be able to name them.
static bool is_of_our_kind(const struct acl *acl) {
    return (acl->resource == ACL_TOPIC || acl->resource == ACL_GROUP) &&
           (acl->pattern == ACL_LITERAL || acl->pattern == ACL_PREFIXED) &&
           acl->operation >= ACL_ALL && acl->operation <= ACL_OPERATION_LAST;
}

static bool is_ours(const struct acl *acl) {
    return acl->permission == ACL_ALLOW && acl_principal_is_issued(acl->principal) &&
           (is_of_our_kind(acl) || is_our_transaction(acl));
}

static int compare_int(int x, int y) {
    return (x > y) - (x < y);
}

static int compare(const void *x, const void *y) {
    const struct acl *a = x;
    const struct acl *b = y;
    int c = strcmp(a->principal, b->principal);
    c = c != 0 ? c : compare_int(a->resource, b->resource);
    c = c != 0 ? c : strcmp(a->name, b->name);
    c = c != 0 ? c : compare_int(a->pattern, b->pattern);
    c = c != 0 ? c : compare_int(a->operation, b->operation);
    c = c != 0 ? c : compare_int(a->permission, b->permission);
    return c != 0 ? c : strcmp(a->host, b->host);
}

static void sort(struct acl_list *l) {
    if (l->count > 0) {
        qsort(l->items, l->count, sizeof *l->items, compare);
    }
}

// Of a sorted list, keeps one of each.
static void keep_one_of_each(struct acl_list *l) {
    size_t kept = l->count > 0;
    for (size_t i = 1; i < l->count; i++) {
        if (compare(&l->items[kept - 1], &l->items[i]) != 0) {
            l->items[kept++] = l->items[i];
        }
    }
    l->count = kept;
}

static struct acl_list list_with_room(struct arena *a, size_t room) {
    return (struct acl_list){.items = arena_array(a, room, sizeof(struct acl)), .room = room};
}

struct acl_list acl_list_take(struct arena *a, struct acl_list *l, int resource) {
    struct acl_list taken = list_with_room(a, l->count);
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        if (l->items[i].resource == resource) {
            taken.items[taken.count++] = l->items[i];
        } else {
            l->items[kept++] = l->items[i];
        }
    }
    l->count = kept;
    return taken;
}

void acl_compare(struct arena *a, struct acl_list *wanted, struct acl_list *found,
                 struct acl_diff *ret) {
    sort(wanted);
    keep_one_of_each(wanted);
    sort(found); // several of them look alike where the client library can't name their kind
    struct acl_diff diff = {.missing = list_with_room(a, wanted->count),
                            .superfluous = list_with_room(a, found->count),
                            .wanted = wanted->count};
    size_t w = 0;
    size_t f = 0;
    while (w < wanted->count || f < found->count) {
        int c = w == wanted->count  ? 1
                : f == found->count ? -1
                                    : compare(&wanted->items[w], &found->items[f]);
        if (c < 0) {
            diff.missing.items[diff.missing.count++] = wanted->items[w++];
            continue;
        }
        if (c == 0) {
            w++;
            while (f + 1 < found->count && compare(&found->items[f], &found->items[f + 1]) == 0) {
                f++;
            }
        } else if (is_ours(&found->items[f])) {
            diff.superfluous.items[diff.superfluous.count++] = found->items[f];
        } else {
            diff.foreign++;
            diff.unnamed += found->items[f].resource == ACL_UNNAMED;
        }
        f++;
    }
    *ret = diff;
}

static const char *operation_name(int operation) {
    static const char *const names[] = {"unknown",
                                        "any",
                                        "all",
                                        "read",
                                        "write",
                                        "create",
                                        "delete",
                                        "alter",
                                        "describe",
                                        "cluster_action",
                                        "describe_configs",
                                        "alter_configs",
                                        "idempotent_write"};
    return operation >= 0 && (size_t)operation < sizeof names / sizeof *names ? names[operation]
                                                                              : "unknown";
}

static const char *resource_name(int resource) {
    static const char *const names[] = {"unknown", "any",     "topic",
                                        "group",   "cluster", "transactional_id"};
    return resource >= 0 && (size_t)resource < sizeof names / sizeof *names ? names[resource]
                                                                            : "unknown";
}

const char *acl_text(struct arena *a, const struct acl *acl) {
    bool any_host = strcmp(acl->host, ANY_HOST) == 0;
    return arena_printf(a, "%s %s %s %s %s%s%s%s", acl->permission == ACL_DENY ? "deny" : "allow",
                        acl->principal, operation_name(acl->operation),
                        resource_name(acl->resource), acl->name,
                        acl->pattern == ACL_PREFIXED ? "*" : "", any_host ? "" : " from ",
                        any_host ? "" : acl->host);
}
