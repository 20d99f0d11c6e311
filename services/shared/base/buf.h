// A growable byte buffer with a stated maximum. Writing past the maximum sets `overflow` and drops
// the write; the caller checks once at the end. The content is always NUL-terminated after a write.
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct buf {
    char *ptr; // owned; NULL while empty
    size_t len;
    size_t cap;
    size_t max; // bytes, excluding the final NUL
    bool overflow;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_done(struct buf *b);
// Empties it, keeps the memory and clears `overflow`.
void buf_clear(struct buf *b);
void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_str(struct buf *b, const char *s);
void buf_add_slice(struct buf *b, struct slice s);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
// Writes `s` as a JSON string with its quotes (RFC 8259). Bytes that are not UTF-8 become U+FFFD.
void buf_add_json_string(struct buf *b, struct slice s);
// Room for `len` more bytes, or NULL (overflow set). After writing, add what was written to len.
char *buf_reserve(struct buf *b, size_t len);
struct slice buf_slice(const struct buf *b);

#endif
