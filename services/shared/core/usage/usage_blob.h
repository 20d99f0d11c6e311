// A state as bytes and back: what is stored of a principal. Only what is referred to is written, with
// new indexes, so that writing and reading back is also how a state is compacted.
#ifndef WEIR_CORE_USAGE_USAGE_BLOB_H
#define WEIR_CORE_USAGE_USAGE_BLOB_H

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "core/usage/usage_state.h"

enum { USAGE_BLOB_MAX = 64 * 1024 * 1024 }; // bytes

// Adds the blob to `out` (give it room for USAGE_BLOB_MAX).
void usage_blob_encode(const struct usage_state *st, struct buf *out);
// A new state from a blob; the caller frees it. ERR_INVALID for anything usage_blob_encode can't
// have written, or for a version that is not known.
ERR_MUST_CHECK enum err_code usage_blob_decode(struct slice blob, struct usage_state **ret_state,
                                               struct err *e);

#endif
