// next_cursor and ?cursor=: the keys of the last row shown, as opaque text. It is ours, but comes
// back by way of the caller: what its keys mean is for the database to read, as parameters.
#ifndef WEIR_API_REQUEST_CURSOR_H
#define WEIR_API_REQUEST_CURSOR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/slice.h"

enum {
    CURSOR_KEYS_MAX = 2,
    // Bytes of the keys together: above what a row of an index can hold (2,704 in PostgreSQL, of
    // which a principal takes at most 2,048), and as base64 still within a query.
    CURSOR_BYTES_MAX = 4096,
};

// Appends the cursor of `count` keys (1..CURSOR_KEYS_MAX). Of two keys the first must not hold a
// newline. False: they are longer than CURSOR_BYTES_MAX together, and nothing was added.
bool cursor_write(struct buf *out, const struct slice *keys, size_t count);
// The `count` keys of a cursor, in the arena. False: not one that cursor_write made, or made with
// another count.
bool cursor_read(struct arena *arena, struct slice text, const char **ret_keys, size_t count);

#endif
