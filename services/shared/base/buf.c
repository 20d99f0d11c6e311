#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/encoding.h"

void buf_init(struct buf *b, size_t max_bytes) {
    check(max_bytes < SIZE_MAX / 2);
    *b = (struct buf){.max = max_bytes};
}

void buf_done(struct buf *b) {
    free(b->ptr);
    buf_init(b, b->max);
}

void buf_clear(struct buf *b) {
    b->len = 0;
    b->overflow = false;
    if (b->ptr != NULL) {
        b->ptr[0] = '\0';
    }
}

char *buf_reserve(struct buf *b, size_t len) {
    if (b->overflow || len > b->max - b->len) {
        b->overflow = true;
        return NULL;
    }
    size_t need = b->len + len + 1;
    if (need > b->cap) {
        size_t cap = b->cap < 128 ? 128 : b->cap;
        while (cap < need) {
            cap *= 2;
        }
        char *p = realloc(b->ptr, cap);
        check(p != NULL);
        b->ptr = p;
        b->cap = cap;
    }
    return b->ptr + b->len;
}

void buf_add(struct buf *b, const void *data, size_t len) {
    char *p = buf_reserve(b, len);
    if (p == NULL) {
        return;
    }
    if (len > 0) {
        memcpy(p, data, len);
    }
    b->len += len;
    b->ptr[b->len] = '\0';
}

void buf_add_str(struct buf *b, const char *s) {
    buf_add(b, s, strlen(s));
}
void buf_add_slice(struct buf *b, struct slice s) {
    buf_add(b, s.ptr, s.len);
}
void buf_add_char(struct buf *b, char c) {
    buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...) {
    va_list ap;
    va_list again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    check(n >= 0);
    char *p = buf_reserve(b, (size_t)n);
    if (p != NULL) {
        (void)vsnprintf(p, (size_t)n + 1, fmt, again);
        b->len += (size_t)n;
    }
    va_end(again);
}

void buf_add_json_string(struct buf *b, struct slice s) {
    buf_add_char(b, '"');
    for (size_t i = 0; i < s.len;) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x80) {
            size_t n = utf8_sequence(s.ptr + i, s.len - i);
            if (n == 0) {
                buf_add_str(b, "\xEF\xBF\xBD");
                i++;
            } else {
                buf_add(b, s.ptr + i, n);
                i += n;
            }
            continue;
        }
        i++;
        switch (c) {
        case '"': buf_add_str(b, "\\\""); break;
        case '\\': buf_add_str(b, "\\\\"); break;
        case '\n': buf_add_str(b, "\\n"); break;
        case '\r': buf_add_str(b, "\\r"); break;
        case '\t': buf_add_str(b, "\\t"); break;
        default:
            if (c < 0x20) {
                buf_printf(b, "\\u%04x", c);
            } else {
                buf_add_char(b, (char)c);
            }
        }
    }
    buf_add_char(b, '"');
}

struct slice buf_slice(const struct buf *b) {
    return slice_of(b->ptr == NULL ? "" : b->ptr, b->len);
}
