// Reads a packed file of the log, gzip or zstd, by offsets of its unpacked content. One thread.
#ifndef WEIR_TAP_FOLLOW_LOG_UNPACK_H
#define WEIR_TAP_FOLLOW_LOG_UNPACK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum log_packing { LOG_PLAIN, LOG_GZIP, LOG_ZSTD };

// By the file's first bytes; a name's ending decides where they are none of these.
enum log_packing log_packing_of(int fd, const char *path);

struct log_unpack;

// `fd` is borrowed. NULL: no memory or descriptor left.
struct log_unpack *log_unpack_new(int fd, enum log_packing packing);
void log_unpack_free(struct log_unpack *u);
// Bytes at `offset`, 0 at the end. Going back unpacks from the beginning. ERR_IO: the file is
// damaged or breaks off there.
ERR_MUST_CHECK enum err_code log_unpack_read(struct log_unpack *u, uint64_t offset, char *buf,
                                             size_t size, size_t *ret_len, struct err *e);

#endif
