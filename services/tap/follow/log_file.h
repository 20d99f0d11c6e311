// One file of the request log, plain or gzip, open for reading, and what it is known by: the time
// and the hash of its first complete line. The name changes at rotation and the inode at
// compression; the first line stays.
#ifndef WEIR_TAP_FOLLOW_LOG_FILE_H
#define WEIR_TAP_FOLLOW_LOG_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/slice.h"

enum {
    LOG_FILE_HEAD_MAX = 512,            // bytes of the first line that identify a file
    LOG_FILE_SEARCH_MAX = 65 * 1048576, // bytes searched for a first line with a time
};

// `first_ms` is the line's time, UTC milliseconds; 0 and 0: none.
struct log_file_ident {
    int64_t first_ms;
    uint64_t hash;
};

struct log_file;

// ERR_NOT_FOUND if the file is not there, ERR_IO if it can't be opened (no right, no memory).
ERR_MUST_CHECK enum err_code log_file_open(const char *path, struct log_file **ret, struct err *e);
void log_file_close(struct log_file *f);

// The first complete line that has a time. False if there is none yet. A plain file is asked again
// at each call until it has one.
bool log_file_identify(struct log_file *f, struct log_file_ident *ret);
// Bytes at `offset` of the (uncompressed) content; 0 at the end. ERR_IO: the disk, or a damaged
// gzip file.
ERR_MUST_CHECK enum err_code log_file_read(struct log_file *f, uint64_t offset, char *buf,
                                           size_t size, size_t *ret_len, struct err *e);
// True if the content is not what it was when the file was identified: truncated below `offset`,
// or begun anew (copytruncate). Never for gzip.
bool log_file_was_replaced(const struct log_file *f, uint64_t offset);
bool log_file_is_compressed(const struct log_file *f);
// Whether `path` names this very file now.
bool log_file_is_at(const struct log_file *f, const char *path);
// Size on disk; 0 for gzip, whose content is longer than that.
uint64_t log_file_size(const struct log_file *f);

// When it was written last, UTC milliseconds; INT64_MIN if that can't be told.
int64_t log_file_written_ms(const struct log_file *f);

static inline bool log_file_ident_eq(struct log_file_ident a, struct log_file_ident b) {
    return a.first_ms == b.first_ms && a.hash == b.hash;
}

#endif
