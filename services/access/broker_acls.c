#include "access/broker_acls.h"

#include "base/check.h"

_Static_assert((int)ACL_TOPIC == RD_KAFKA_RESOURCE_TOPIC, "Kafka's code");
_Static_assert((int)ACL_GROUP == RD_KAFKA_RESOURCE_GROUP, "Kafka's code");
_Static_assert((int)ACL_LITERAL == RD_KAFKA_RESOURCE_PATTERN_LITERAL, "Kafka's code");
_Static_assert((int)ACL_PREFIXED == RD_KAFKA_RESOURCE_PATTERN_PREFIXED, "Kafka's code");
_Static_assert((int)ACL_ALL == RD_KAFKA_ACL_OPERATION_ALL, "Kafka's code");
_Static_assert((int)ACL_OPERATION_LAST == RD_KAFKA_ACL_OPERATION_IDEMPOTENT_WRITE, "Kafka's code");
_Static_assert((int)ACL_READ == RD_KAFKA_ACL_OPERATION_READ, "Kafka's code");
_Static_assert((int)ACL_DESCRIBE == RD_KAFKA_ACL_OPERATION_DESCRIBE, "Kafka's code");
_Static_assert((int)ACL_ALLOW == RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW, "Kafka's code");
_Static_assert((int)ACL_DENY == RD_KAFKA_ACL_PERMISSION_TYPE_DENY, "Kafka's code");

enum { TEXT_MAX = 256 };

static enum err_code list_from(const rd_kafka_event_t *event, struct arena *a, struct acl_list *ret,
                               struct err *e) {
    size_t count = 0;
    const rd_kafka_AclBinding_t **found = rd_kafka_DescribeAcls_result_acls(
        rd_kafka_event_DescribeAcls_result((void *)event), &count);
    for (size_t i = 0; i < count; i++) {
        struct acl acl = {
            .resource = rd_kafka_AclBinding_restype(found[i]),
            .pattern = rd_kafka_AclBinding_resource_pattern_type(found[i]),
            .operation = rd_kafka_AclBinding_operation(found[i]),
            .permission = rd_kafka_AclBinding_permission_type(found[i]),
            .name = rd_kafka_AclBinding_name(found[i]),
            .principal = rd_kafka_AclBinding_principal(found[i]),
            .host = rd_kafka_AclBinding_host(found[i]),
        };
        enum err_code code = acl_list_add(a, ret, &acl, e);
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

enum err_code broker_acls_list(struct broker_admin *b, struct arena *a, struct acl_list *ret,
                               struct err *e) {
    char text[TEXT_MAX];
    rd_kafka_AclBindingFilter_t *filter = rd_kafka_AclBindingFilter_new(
        RD_KAFKA_RESOURCE_ANY, NULL, RD_KAFKA_RESOURCE_PATTERN_ANY, NULL, NULL,
        RD_KAFKA_ACL_OPERATION_ANY, RD_KAFKA_ACL_PERMISSION_TYPE_ANY, text, sizeof text);
    check(filter != NULL);
    rd_kafka_AdminOptions_t *options = broker_admin_options(b, RD_KAFKA_ADMIN_OP_DESCRIBEACLS);
    rd_kafka_DescribeAcls(b->client, filter, options, b->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_AclBinding_destroy(filter);
    rd_kafka_event_t *event = NULL;
    enum err_code code =
        broker_admin_wait(b, RD_KAFKA_EVENT_DESCRIBEACLS_RESULT, "listing ACLs", &event, e);
    if (code != ERR_OK) {
        return code;
    }
    code = list_from(event, a, ret, e);
    rd_kafka_event_destroy(event);
    return code;
}

static enum err_code keep_first(enum err_code so_far, const rd_kafka_error_t *failed,
                                const char *what, struct err *e) {
    if (failed == NULL || so_far != ERR_OK) {
        return so_far;
    }
    return err_set(e, kafka_error_code(rd_kafka_error_code(failed)), "%s: %s (%s)", what,
                   rd_kafka_error_string(failed), rd_kafka_error_name(failed));
}

static enum err_code create_batch(void *ctx, const struct acl *acls, size_t count, bool *ret_done,
                                  struct err *e) {
    struct broker_admin *b = ctx;
    rd_kafka_AclBinding_t *bindings[BROKER_ACLS_BATCH];
    char text[TEXT_MAX];
    for (size_t i = 0; i < count; i++) {
        bindings[i] = rd_kafka_AclBinding_new(
            (rd_kafka_ResourceType_t)acls[i].resource, acls[i].name,
            (rd_kafka_ResourcePatternType_t)acls[i].pattern, acls[i].principal, acls[i].host,
            (rd_kafka_AclOperation_t)acls[i].operation,
            (rd_kafka_AclPermissionType_t)acls[i].permission, text, sizeof text);
        check(bindings[i] != NULL);
    }
    rd_kafka_AdminOptions_t *options = broker_admin_options(b, RD_KAFKA_ADMIN_OP_CREATEACLS);
    rd_kafka_CreateAcls(b->client, bindings, count, options, b->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_AclBinding_destroy_array(bindings, count);
    rd_kafka_event_t *event = NULL;
    enum err_code code =
        broker_admin_wait(b, RD_KAFKA_EVENT_CREATEACLS_RESULT, "creating ACLs", &event, e);
    if (code != ERR_OK) {
        return code;
    }
    size_t answers = 0;
    const rd_kafka_acl_result_t **results =
        rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event), &answers);
    for (size_t i = 0; i < answers && i < count; i++) {
        const rd_kafka_error_t *failed = rd_kafka_acl_result_error(results[i]);
        ret_done[i] = failed == NULL;
        code = keep_first(code, failed, "creating an ACL", e);
    }
    rd_kafka_event_destroy(event);
    return code;
}

static enum err_code delete_batch(void *ctx, const struct acl *acls, size_t count, bool *ret_done,
                                  struct err *e) {
    struct broker_admin *b = ctx;
    rd_kafka_AclBindingFilter_t *filters[BROKER_ACLS_BATCH];
    char text[TEXT_MAX];
    for (size_t i = 0; i < count; i++) {
        filters[i] = rd_kafka_AclBindingFilter_new(
            (rd_kafka_ResourceType_t)acls[i].resource, acls[i].name,
            (rd_kafka_ResourcePatternType_t)acls[i].pattern, acls[i].principal, acls[i].host,
            (rd_kafka_AclOperation_t)acls[i].operation,
            (rd_kafka_AclPermissionType_t)acls[i].permission, text, sizeof text);
        check(filters[i] != NULL);
    }
    rd_kafka_AdminOptions_t *options = broker_admin_options(b, RD_KAFKA_ADMIN_OP_DELETEACLS);
    rd_kafka_DeleteAcls(b->client, filters, count, options, b->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_AclBinding_destroy_array(filters, count);
    rd_kafka_event_t *event = NULL;
    enum err_code code =
        broker_admin_wait(b, RD_KAFKA_EVENT_DELETEACLS_RESULT, "deleting ACLs", &event, e);
    if (code != ERR_OK) {
        return code;
    }
    size_t answers = 0;
    const rd_kafka_DeleteAcls_result_response_t **results =
        rd_kafka_DeleteAcls_result_responses(rd_kafka_event_DeleteAcls_result(event), &answers);
    for (size_t i = 0; i < answers && i < count; i++) {
        const rd_kafka_error_t *failed = rd_kafka_DeleteAcls_result_response_error(results[i]);
        ret_done[i] = failed == NULL;
        code = keep_first(code, failed, "deleting an ACL", e);
    }
    rd_kafka_event_destroy(event);
    return code;
}

// An ACL that the cluster refuses keeps none of the others back; only a cluster that doesn't answer ends
// the work. The first error is the one that is told.
enum err_code broker_acls_in_batches(void *ctx, const struct acl_list *l, bool *ret_done,
                                     enum err_code (*batch)(void *ctx, const struct acl *acls,
                                                            size_t count, bool *ret_done,
                                                            struct err *e),
                                     struct err *e) {
    enum err_code first = ERR_OK;
    for (size_t at = 0; at < l->count && first != ERR_UNAVAILABLE; at += BROKER_ACLS_BATCH) {
        size_t left = l->count - at;
        size_t count = left < BROKER_ACLS_BATCH ? left : BROKER_ACLS_BATCH;
        struct err failed;
        enum err_code code = batch(ctx, l->items + at, count, ret_done + at, &failed);
        if (code != ERR_OK && (first == ERR_OK || code == ERR_UNAVAILABLE)) {
            first = code;
            *e = failed;
        }
    }
    return first;
}

enum err_code broker_acls_create(struct broker_admin *b, const struct acl_list *l, bool *ret_done,
                                 struct err *e) {
    return broker_acls_in_batches(b, l, ret_done, create_batch, e);
}

enum err_code broker_acls_delete(struct broker_admin *b, const struct acl_list *l, bool *ret_done,
                                 struct err *e) {
    return broker_acls_in_batches(b, l, ret_done, delete_batch, e);
}
