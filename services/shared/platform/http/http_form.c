// Pairs of a form, one at a time; nothing is kept of a form but the slices of it.
#include "platform/http/http_form.h"

#include "base/encoding.h"

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// WHATWG URL 5.1.
const char *http_form_unescape(struct arena *arena, struct slice s) {
    if (s.len > HTTP_FORM_VALUE_MAX * 3) {
        return NULL;
    }
    char *out = arena_alloc(arena, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%') {
            int high = i + 2 < s.len ? hex_value(s.ptr[i + 1]) : -1;
            int low = i + 2 < s.len ? hex_value(s.ptr[i + 2]) : -1;
            if (high < 0 || low < 0) {
                return NULL;
            }
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (c == '\0') {
            return NULL;
        }
        out[n++] = c;
    }
    out[n] = '\0';
    return n <= HTTP_FORM_VALUE_MAX && utf8_valid(slice_of(out, n)) ? out : NULL;
}

struct slice http_form_find(struct slice form, const char *name) {
    size_t at = 0;
    while (at < form.len) {
        const char *start = form.ptr + at;
        const char *end = memchr(start, '&', form.len - at);
        size_t len = end != NULL ? (size_t)(end - start) : form.len - at;
        const char *equals = memchr(start, '=', len);
        size_t name_len = equals != NULL ? (size_t)(equals - start) : len;
        if (slice_eq_str(slice_of(start, name_len), name)) {
            return equals != NULL ? slice_of(equals + 1, len - name_len - 1) : slice_of("", 0);
        }
        at += len + 1;
    }
    return (struct slice){NULL, 0};
}

bool http_form_valid(struct arena *arena, struct slice form) {
    size_t at = 0;
    while (at < form.len) {
        const char *start = form.ptr + at;
        const char *end = memchr(start, '&', form.len - at);
        size_t len = end != NULL ? (size_t)(end - start) : form.len - at;
        if (http_form_unescape(arena, slice_of(start, len)) == NULL) {
            return false;
        }
        at += len + 1;
    }
    return true;
}
