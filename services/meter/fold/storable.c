#include "meter/fold/storable.h"

#include <string.h>

#include "base/encoding.h"

bool storable(struct slice text) {
    return text.len == 0 || (memchr(text.ptr, '\0', text.len) == NULL && utf8_valid(text));
}

struct slice storable_text(struct arena *a, struct slice text, size_t max) {
    char *copy = arena_alloc(a, (text.len < max ? text.len : max) + 1);
    size_t used = 0;
    for (size_t i = 0; i < text.len;) {
        size_t n = text.ptr[i] == '\0' ? 0 : utf8_sequence(text.ptr + i, text.len - i);
        size_t wide = n == 0 ? 1 : n;
        if (used + wide > max) {
            break;
        }
        if (n == 0) {
            copy[used] = '?';
        } else {
            memcpy(copy + used, text.ptr + i, n);
        }
        used += wide;
        i += wide;
    }
    copy[used] = '\0';
    return slice_of(copy, used);
}

bool storable_time(int64_t us) {
    static const int64_t YEAR_9999_US = 253402300799LL * 1000000;
    return us >= 0 && us <= YEAR_9999_US;
}
