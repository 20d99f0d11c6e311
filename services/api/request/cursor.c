// Base64url of the keys, with a newline between two.
#include "api/request/cursor.h"

#include <string.h>

#include "base/check.h"
#include "base/encoding.h"

enum { CURSOR_TEXT_MAX = (CURSOR_BYTES_MAX * 8 + 5) / 6 };

bool cursor_write(struct buf *out, const struct slice *keys, size_t count) {
    check(count >= 1 && count <= CURSOR_KEYS_MAX);
    char plain[CURSOR_BYTES_MAX];
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        size_t newline = i > 0 ? 1 : 0;
        if (keys[i].len + newline > sizeof plain - n) {
            return false;
        }
        if (newline > 0) {
            plain[n++] = '\n';
        }
        if (keys[i].len > 0) {
            memcpy(plain + n, keys[i].ptr, keys[i].len);
            n += keys[i].len;
        }
    }
    char *room = buf_reserve(out, (n * 8 + 5) / 6);
    if (room != NULL) {
        out->len += base64url_encode(room, plain, n);
        out->ptr[out->len] = '\0';
    }
    return true;
}

bool cursor_read(struct arena *arena, struct slice text, const char **ret_keys, size_t count) {
    check(count >= 1 && count <= CURSOR_KEYS_MAX);
    if (text.len == 0 || text.len > CURSOR_TEXT_MAX) {
        return false;
    }
    char *plain = arena_alloc(arena, text.len + 3);
    size_t n = base64url_decode(plain, text);
    if (n == (size_t)-1 || memchr(plain, '\0', n) != NULL || !utf8_valid(slice_of(plain, n))) {
        return false;
    }
    plain[n] = '\0';
    ret_keys[0] = plain;
    if (count > 1) {
        char *newline = strchr(plain, '\n');
        if (newline == NULL) {
            return false;
        }
        *newline = '\0';
        ret_keys[1] = newline + 1;
    }
    return true;
}
