// Requests and answers about ACLs in Kafka's protocol, for a kind of ACL that librdkafka 2.0 can't
// name: those of transactional ids. Pure. Versions without tagged fields: DescribeAcls 1, CreateAcls 1,
// DeleteAcls 1, SaslHandshake 1, SaslAuthenticate 1 (https://kafka.apache.org/protocol).
#ifndef WEIR_ACCESS_ACL_CODEC_H
#define WEIR_ACCESS_ACL_CODEC_H

#include <stdint.h>

#include "access/acl_diff.h"
#include "base/buf.h"

enum {
    ACL_CODEC_SASL_HANDSHAKE = 17,
    ACL_CODEC_DESCRIBE = 29,
    ACL_CODEC_CREATE = 30,
    ACL_CODEC_DELETE = 31,
    ACL_CODEC_SASL_AUTHENTICATE = 36,
};

// A whole request with its length and header; the body follows by one of the functions below. All
// of them are version 1.
void acl_codec_begin(struct buf *out, int api_key, int32_t correlation);
// Writes the length in front, when the body is complete.
void acl_codec_end(struct buf *out);

void acl_codec_add_mechanism(struct buf *out, const char *mechanism);
// SASL PLAIN (RFC 4616).
void acl_codec_add_plain(struct buf *out, const char *user, const char *password);
// Every ACL of one kind of resource.
void acl_codec_add_describe(struct buf *out, int resource);
void acl_codec_add_create(struct buf *out, const struct acl *acls, size_t count);
// Each is deleted by a filter that fits it alone.
void acl_codec_add_delete(struct buf *out, const struct acl *acls, size_t count);

// Answers begin after their length: header, then body. ERR_INTERNAL: not readable, or of another
// request; ERR_DENIED, ERR_UNAVAILABLE, ERR_INVALID by the broker's error code.
ERR_MUST_CHECK enum err_code acl_codec_read_sasl(struct slice answer, int api_key,
                                                 int32_t correlation, struct err *e);
// Adds what it lists to *ret; strings are the arena's.
ERR_MUST_CHECK enum err_code acl_codec_read_described(struct slice answer, int32_t correlation,
                                                      struct arena *a, struct acl_list *ret,
                                                      struct err *e);
// ret_done[i] for each of the `count` that the broker confirmed, also where an error is returned:
// that of the first it didn't.
ERR_MUST_CHECK enum err_code acl_codec_read_created(struct slice answer, int32_t correlation,
                                                    size_t count, bool *ret_done, struct err *e);
ERR_MUST_CHECK enum err_code acl_codec_read_deleted(struct slice answer, int32_t correlation,
                                                    size_t count, bool *ret_done, struct err *e);

#endif
