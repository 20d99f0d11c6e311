// A broker's answer, any bytes, by the kind that the first byte names: refused, or read; and of the ACLs
// that were read none is Weir's that Weir doesn't give.
#include <stdint.h>
#include <string.h>

#include "access/acl_wire.h"
#include "base/check.h"

enum { NUMBER = 7, VERDICTS = 2, REQUEST_MAX = 1 << 20 };

static void check_ours(struct arena *a, struct acl_list *l) {
    struct acl_list none = {0};
    struct acl_diff diff;
    size_t count = l->count;
    acl_compare(a, &none, l, &diff);
    check(diff.superfluous.count + diff.foreign == count);
    for (size_t i = 0; i < diff.superfluous.count; i++) {
        const struct acl *acl = &diff.superfluous.items[i];
        check(acl->permission == ACL_ALLOW && acl_principal_is_issued(acl->principal));
        check(acl->resource != ACL_TRANSACTIONAL_ID || acl->pattern == ACL_PREFIXED);
        check(strlen(acl_text(a, acl)) > 0);
    }
    struct buf request;
    buf_init(&request, REQUEST_MAX);
    acl_wire_put_delete(&request, NUMBER, diff.superfluous.items, diff.superfluous.count);
    size_t length = 0;
    check(request.overflow || acl_wire_length(request.ptr, REQUEST_MAX, &length, NULL) == ERR_OK);
    check(request.overflow || length == request.len - ACL_WIRE_LENGTH_BYTES);
    buf_done(&request);
}

static enum err_code read_answer(struct arena *a, uint8_t kind, struct slice answer,
                                 struct acl_list *l, struct acl_wire_verdict v[VERDICTS]) {
    switch (kind % 5) {
    case 0: return acl_wire_read_handshake(answer, NUMBER, v, NULL);
    case 1: return acl_wire_read_authenticate(a, answer, NUMBER, v, NULL);
    case 2: return acl_wire_read_describe(a, answer, NUMBER, l, v, NULL);
    case 3: return acl_wire_read_create(a, answer, NUMBER, VERDICTS, v, NULL);
    default: return acl_wire_read_delete(a, answer, NUMBER, VERDICTS, v, NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    struct arena a;
    arena_init(&a);
    struct acl_list l = {0};
    struct acl_wire_verdict v[VERDICTS] = {0};
    const char *bytes = (const char *)data + 1;
    if (read_answer(&a, data[0], slice_of(bytes, size - 1), &l, v) == ERR_OK) {
        check(v[0].error >= INT16_MIN && v[0].error <= INT16_MAX);
        check_ours(&a, &l);
    }
    size_t length = 0;
    if (size > ACL_WIRE_LENGTH_BYTES &&
        acl_wire_length(bytes, REQUEST_MAX, &length, NULL) == ERR_OK) {
        check(length <= REQUEST_MAX);
    }
    arena_done(&a);
    return 0;
}
