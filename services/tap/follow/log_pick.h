// Of several files with one first line (an operator's copy, compression at work) the one to read: the
// longest. The others are normally its beginning.
#ifndef WEIR_TAP_FOLLOW_LOG_PICK_H
#define WEIR_TAP_FOLLOW_LOG_PICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tap/follow/log_dir.h"
#include "tap/follow/log_file.h"

struct log_pick {
    struct log_file *file; // the caller's
    size_t index;          // of its entry
    uint64_t fork;         // first byte in which a copy goes on otherwise; UINT64_MAX: none does
};

// Among the copies that begin at entry `first`. ERR_NOT_FOUND: renamed meanwhile, or no longer of
// that first line; ERR_IO or ERR_DENIED: can't be opened. Reads copies as far as they are equal.
ERR_MUST_CHECK enum err_code log_pick_open(const struct log_dir *d, size_t first,
                                           struct log_pick *ret, struct err *e);

#endif
