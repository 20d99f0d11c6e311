// One file of the request log, plain, gzip or zstd, open for reading, and what it is known by: the
// time and the hash of its first line that has a time. The name changes at rotation and the inode at
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

// ERR_NOT_FOUND if the file is not there, ERR_DENIED without the right to read it, ERR_IO if it
// can't be opened or is no regular file.
ERR_MUST_CHECK enum err_code log_file_open(const char *path, struct log_file **ret, struct err *e);
void log_file_close(struct log_file *f);

// The first line that has a time, complete or longer than LOG_FILE_HEAD_MAX; NULs in front of it (a
// file truncated under its writer) don't count. False if there is none yet. A plain file is asked
// again at each call until it has one.
bool log_file_identify(struct log_file *f, struct log_file_ident *ret);
// Bytes at `offset` of the (unpacked) content; 0 at the end. ERR_IO: the disk, or a packed file that
// is damaged there.
ERR_MUST_CHECK enum err_code log_file_read(struct log_file *f, uint64_t offset, char *buf,
                                           size_t size, size_t *ret_len, struct err *e);
// The first byte from `offset` on that is no NUL, without reading what was never written.
// UINT64_MAX: there is none up to the end. Errors as log_file_read.
ERR_MUST_CHECK enum err_code log_file_skip_nuls(struct log_file *f, uint64_t offset,
                                                uint64_t *ret_offset, struct err *e);
// Time of the last line that ends at or before `offset`, looking back 1 MiB at most; 0: none found.
int64_t log_file_time_before(struct log_file *f, uint64_t offset);
// Time of the line that begins at `offset`; 0: none.
int64_t log_file_time_at(struct log_file *f, uint64_t offset);
// Length of the content; a packed file is unpacked for it, as far as that is possible.
uint64_t log_file_length(struct log_file *f);

// True if the content is not what it was when the file was identified: truncated below `offset`,
// or begun anew (copytruncate). Never for a packed file.
bool log_file_was_replaced(const struct log_file *f, uint64_t offset);
bool log_file_is_packed(const struct log_file *f);
// Whether `path` names this very file now.
bool log_file_is_at(const struct log_file *f, const char *path);
// When the file was renamed, or its rights or links changed since, as the file system tells; UTC
// milliseconds. 0 for a packed file, which is another than the logger's.
int64_t log_file_renamed_ms(const struct log_file *f);
// Size on disk; 0 for a packed file, whose content is longer than that.
uint64_t log_file_size(const struct log_file *f);
// A number of the file itself, whatever its name: of its inode and the moment that was made, for
// inodes are used again. It stands in state files.
uint64_t log_file_id(const struct log_file *f);
// The same of the file at a path; 0: it isn't there.
uint64_t log_file_id_at(const char *path);

static inline bool log_file_ident_eq(struct log_file_ident a, struct log_file_ident b) {
    return a.first_ms == b.first_ms && a.hash == b.hash;
}

#endif
