// Kafka's messages about ACLs and the sign-in before them, written and read: for what librdkafka 2.0.2
// can't name. Pure: no socket. Versions without tagged fields, which Kafka 2.0 to 4.x serve:
// SaslHandshake v1, SaslAuthenticate v1, DescribeAcls v1, CreateAcls v1, DeleteAcls v1.
//
// A request is written behind what the buffer holds, with its length in front; the buffer's `overflow`
// says that it was too long. An answer is read without its length. One that is cut short, goes on behind
// its end, carries another number or holds a NUL in a text is refused with ERR_INVALID.
#ifndef WEIR_ACCESS_ACL_WIRE_H
#define WEIR_ACCESS_ACL_WIRE_H

#include <stdint.h>

#include "access/acl_diff.h"
#include "base/buf.h"

enum {
    ACL_WIRE_LENGTH_BYTES = 4, // in front of each message
    ACL_WIRE_TEXT_MAX = INT16_MAX,
};

// What a broker says to one item: Kafka's error code (0: done) and its words, the arena's or NULL.
struct acl_wire_verdict {
    int error;
    const char *words;
};

// The length that stands in front of an answer, in bytes. ERR_LIMIT above `max`, ERR_INVALID where no
// answer is that short.
ERR_MUST_CHECK enum err_code acl_wire_length(const char bytes[ACL_WIRE_LENGTH_BYTES], size_t max,
                                             size_t *ret, struct err *e);

void acl_wire_put_handshake(struct buf *out, int32_t number, const char *mechanism);
// `proof`: the mechanism's own bytes.
void acl_wire_put_authenticate(struct buf *out, int32_t number, struct slice proof);
// Asks for every ACL of one resource type.
void acl_wire_put_describe(struct buf *out, int32_t number, int resource);
void acl_wire_put_create(struct buf *out, int32_t number, const struct acl *acls, size_t count);
// Each of them exactly, and nothing like it.
void acl_wire_put_delete(struct buf *out, int32_t number, const struct acl *acls, size_t count);

ERR_MUST_CHECK enum err_code acl_wire_read_handshake(struct slice answer, int32_t number,
                                                     struct acl_wire_verdict *ret, struct err *e);
ERR_MUST_CHECK enum err_code acl_wire_read_authenticate(struct arena *a, struct slice answer,
                                                        int32_t number,
                                                        struct acl_wire_verdict *ret,
                                                        struct err *e);
// ACLs are added to `l`; ERR_LIMIT beyond ACL_LIST_MAX.
ERR_MUST_CHECK enum err_code acl_wire_read_describe(struct arena *a, struct slice answer,
                                                    int32_t number, struct acl_list *l,
                                                    struct acl_wire_verdict *ret, struct err *e);
// `count` verdicts, as many as items were sent; ERR_INVALID if the broker answers to fewer or more.
ERR_MUST_CHECK enum err_code acl_wire_read_create(struct arena *a, struct slice answer,
                                                  int32_t number, size_t count,
                                                  struct acl_wire_verdict *ret, struct err *e);
// As for create. What matched but couldn't be deleted counts as the item's error.
ERR_MUST_CHECK enum err_code acl_wire_read_delete(struct arena *a, struct slice answer,
                                                  int32_t number, size_t count,
                                                  struct acl_wire_verdict *ret, struct err *e);

#endif
