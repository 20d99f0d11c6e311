// A borrowed run of bytes: not owned, not NUL-terminated.
#ifndef WEIR_BASE_SLICE_H
#define WEIR_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

// For printf("%.*s", SLICE_ARG(s)); slices above INT_MAX bytes are cut.
#define SLICE_ARG(s) ((s).len > 0x7fffffff ? 0x7fffffff : (int)(s).len), ((s).ptr ? (s).ptr : "")
#define SLICE_LIT(lit) ((struct slice){(lit), sizeof(lit) - 1})

static inline struct slice slice_of(const char *ptr, size_t len) {
    return (struct slice){ptr, len};
}

static inline struct slice slice_str(const char *s) {
    return (struct slice){s, s == NULL ? 0 : strlen(s)};
}

// What is behind the first `n` bytes; there are as many.
static inline struct slice slice_from(struct slice s, size_t n) {
    return slice_of(s.ptr + n, s.len - n);
}

static inline bool slice_eq(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool slice_eq_str(struct slice a, const char *s) {
    return slice_eq(a, slice_str(s));
}

static inline bool slice_starts_with(struct slice s, struct slice prefix) {
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

// Order by bytes, shorter first on a tie: <0, 0, >0.
static inline int slice_cmp(struct slice a, struct slice b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.ptr, b.ptr, n);
    return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

#endif
