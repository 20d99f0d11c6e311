#include "access/transactional_acls.h"

#include "access/acl_wire.h"
#include "access/broker_acls.h"

static enum err_code judge(const struct acl_wire_verdict *v, const char *what, struct err *e) {
    if (v->error == 0) {
        return ERR_OK;
    }
    rd_kafka_resp_err_t error = (rd_kafka_resp_err_t)v->error;
    return err_set(e, kafka_error_code(error), "%s: %s (%s)", what,
                   v->words != NULL ? v->words : rd_kafka_err2str(error), rd_kafka_err2name(error));
}

enum err_code transactional_acls_list(struct broker_link *link, struct arena *a,
                                      struct acl_list *ret, struct err *e) {
    int32_t number = 0;
    struct slice answer = {0};
    struct acl_wire_verdict verdict = {0};
    struct buf *request = broker_link_request(link, &number);
    acl_wire_put_describe(request, number, ACL_TRANSACTIONAL_ID);
    enum err_code code = broker_link_ask(link, &answer, e);
    if (code == ERR_OK) {
        code = acl_wire_read_describe(a, answer, number, ret, &verdict, e);
    }
    return code == ERR_OK ? judge(&verdict, "listing ACLs", e) : code;
}

static enum err_code judge_each(const struct acl_wire_verdict *verdicts, size_t count,
                                const char *what, bool *ret_done, struct err *e) {
    enum err_code first = ERR_OK;
    for (size_t i = 0; i < count; i++) {
        ret_done[i] = verdicts[i].error == 0;
        if (!ret_done[i] && first == ERR_OK) {
            first = judge(&verdicts[i], what, e);
        }
    }
    return first;
}

static enum err_code create_batch(void *ctx, const struct acl *acls, size_t count, bool *ret_done,
                                  struct err *e) {
    struct broker_link *link = ctx;
    struct acl_wire_verdict verdicts[BROKER_ACLS_BATCH];
    struct arena a;
    arena_init(&a);
    int32_t number = 0;
    struct slice answer = {0};
    struct buf *request = broker_link_request(link, &number);
    acl_wire_put_create(request, number, acls, count);
    enum err_code code = broker_link_ask(link, &answer, e);
    if (code == ERR_OK) {
        code = acl_wire_read_create(&a, answer, number, count, verdicts, e);
    }
    if (code == ERR_OK) {
        code = judge_each(verdicts, count, "creating an ACL", ret_done, e);
    }
    arena_done(&a);
    return code;
}

static enum err_code delete_batch(void *ctx, const struct acl *acls, size_t count, bool *ret_done,
                                  struct err *e) {
    struct broker_link *link = ctx;
    struct acl_wire_verdict verdicts[BROKER_ACLS_BATCH];
    struct arena a;
    arena_init(&a);
    int32_t number = 0;
    struct slice answer = {0};
    struct buf *request = broker_link_request(link, &number);
    acl_wire_put_delete(request, number, acls, count);
    enum err_code code = broker_link_ask(link, &answer, e);
    if (code == ERR_OK) {
        code = acl_wire_read_delete(&a, answer, number, count, verdicts, e);
    }
    if (code == ERR_OK) {
        code = judge_each(verdicts, count, "deleting an ACL", ret_done, e);
    }
    arena_done(&a);
    return code;
}

enum err_code transactional_acls_create(struct broker_link *link, const struct acl_list *l,
                                        bool *ret_done, struct err *e) {
    return broker_acls_in_batches(link, l, ret_done, create_batch, e);
}

enum err_code transactional_acls_delete(struct broker_link *link, const struct acl_list *l,
                                        bool *ret_done, struct err *e) {
    return broker_acls_in_batches(link, l, ret_done, delete_batch, e);
}
