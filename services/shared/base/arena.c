// Blocks of 16 KiB or more, newest first. Under AddressSanitizer every piece is a block of its own,
// so that an overrun is seen.
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_BLOCK_BYTES 0u
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_BLOCK_BYTES 0u
#endif
#endif
#ifndef ARENA_BLOCK_BYTES
#define ARENA_BLOCK_BYTES (16u * 1024u)
#endif

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) unsigned char data[];
};

void arena_init(struct arena *a) {
    *a = (struct arena){0};
}

void arena_done(struct arena *a) {
    for (struct arena_block *b = a->blocks; b != NULL;) {
        struct arena_block *next = b->next;
        free(b);
        b = next;
    }
    arena_init(a);
}

void arena_reset(struct arena *a) {
    struct arena_block *keep = a->blocks;
    if (keep == NULL || ARENA_BLOCK_BYTES == 0) {
        arena_done(a);
        return;
    }
    struct arena rest = {keep->next, 0};
    arena_done(&rest);
    memset(keep->data, 0, keep->used);
    keep->next = NULL;
    keep->used = 0;
    *a = (struct arena){keep, 0};
}

void *arena_alloc(struct arena *a, size_t size) {
    const size_t align = alignof(max_align_t);
    check(size <= SIZE_MAX / 2);
    size_t need = (size + align - 1) & ~(align - 1);
    if (need == 0) {
        need = align;
    }
    struct arena_block *b = a->blocks;
    if (b == NULL || b->size - b->used < need) {
        size_t block = need > ARENA_BLOCK_BYTES ? need : ARENA_BLOCK_BYTES;
        b = calloc(1, sizeof *b + block);
        check(b != NULL);
        b->size = block;
        b->next = a->blocks;
        a->blocks = b;
    }
    void *p = b->data + b->used;
    b->used += need;
    a->used_bytes += need;
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t size) {
    size_t bytes = 0;
    check(!__builtin_mul_overflow(count, size, &bytes));
    return arena_alloc(a, bytes);
}

char *arena_str(struct arena *a, struct slice s) {
    char *p = arena_alloc(a, s.len + 1);
    if (s.len > 0) {
        memcpy(p, s.ptr, s.len);
    }
    return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...) {
    va_list ap;
    va_list again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    check(n >= 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    (void)vsnprintf(p, (size_t)n + 1, fmt, again);
    va_end(again);
    return p;
}
