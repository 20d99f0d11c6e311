#include "access/transactional_ids.h"

#include "access/acl_codec.h"

enum { BATCH = 200, REQUEST_MAX = 1 << 20 };

void transactional_ids_close(struct transactional_ids *t) {
    broker_link_close(t->link);
    t->link = NULL;
}

static enum err_code ask_once(struct transactional_ids *t, int api_key, const struct acl *acls,
                              size_t count, int32_t *ret_number, struct slice *ret_answer,
                              struct err *e) {
    enum err_code code = ERR_OK;
    if (t->link == NULL) {
        code = broker_link_open(&t->settings, &t->link, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    struct buf request;
    buf_init(&request, REQUEST_MAX);
    *ret_number = broker_link_correlation(t->link);
    acl_codec_begin(&request, api_key, *ret_number);
    if (api_key == ACL_CODEC_DESCRIBE) {
        acl_codec_add_describe(&request, ACL_TRANSACTIONAL_ID);
    } else if (api_key == ACL_CODEC_CREATE) {
        acl_codec_add_create(&request, acls, count);
    } else {
        acl_codec_add_delete(&request, acls, count);
    }
    acl_codec_end(&request);
    code = request.overflow ? err_set(e, ERR_LIMIT, "a request of more than %d bytes", REQUEST_MAX)
                            : broker_link_ask(t->link, buf_slice(&request), ret_answer, e);
    buf_done(&request);
    if (code != ERR_OK) {
        transactional_ids_close(t);
    }
    return code;
}

// A connection that was idle may be gone: once more with a new one. The same change twice is no harm.
static enum err_code ask(struct transactional_ids *t, int api_key, const struct acl *acls,
                         size_t count, int32_t *ret_number, struct slice *ret_answer,
                         struct err *e) {
    bool reused = t->link != NULL;
    enum err_code code = ask_once(t, api_key, acls, count, ret_number, ret_answer, e);
    return code == ERR_UNAVAILABLE && reused
               ? ask_once(t, api_key, acls, count, ret_number, ret_answer, e)
               : code;
}

enum err_code transactional_ids_list(struct transactional_ids *t, struct arena *a,
                                     struct acl_list *ret, struct err *e) {
    struct slice answer;
    int32_t number;
    enum err_code code = ask(t, ACL_CODEC_DESCRIBE, NULL, 0, &number, &answer, e);
    return code == ERR_OK ? acl_codec_read_described(answer, number, a, ret, e) : code;
}

static enum err_code
in_batches(struct transactional_ids *t, int api_key, const struct acl_list *l, bool *ret_done,
           enum err_code (*read)(struct slice, int32_t, size_t, bool *, struct err *),
           struct err *e) {
    enum err_code first = ERR_OK;
    for (size_t at = 0; at < l->count && first != ERR_UNAVAILABLE; at += BATCH) {
        size_t left = l->count - at;
        size_t count = left < BATCH ? left : BATCH;
        struct slice answer;
        int32_t number;
        struct err failed;
        enum err_code code = ask(t, api_key, l->items + at, count, &number, &answer, &failed);
        if (code == ERR_OK) {
            code = read(answer, number, count, ret_done + at, &failed);
        }
        if (code != ERR_OK && (first == ERR_OK || code == ERR_UNAVAILABLE)) {
            first = code;
            *e = failed;
        }
    }
    return first;
}

enum err_code transactional_ids_create(struct transactional_ids *t, const struct acl_list *l,
                                       bool *ret_done, struct err *e) {
    return in_batches(t, ACL_CODEC_CREATE, l, ret_done, acl_codec_read_created, e);
}

enum err_code transactional_ids_delete(struct transactional_ids *t, const struct acl_list *l,
                                       bool *ret_done, struct err *e) {
    return in_batches(t, ACL_CODEC_DELETE, l, ret_done, acl_codec_read_deleted, e);
}
