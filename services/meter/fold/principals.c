#include "meter/fold/principals.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "meter/fold/hash.h"

enum { FIRST_CAP = 1024 };

static struct principal **allocate(size_t count) {
    struct principal **items = calloc(count, sizeof(struct principal *));
    check(items != NULL);
    return items;
}

void principals_init(struct principals *p) {
    *p = (struct principals){.cap = FIRST_CAP};
    p->slots = allocate(p->cap);
    p->list = allocate(p->cap / 2);
}

void principals_done(struct principals *p) {
    for (size_t i = 0; i < p->count; i++) {
        usage_state_free(p->list[i]->state);
        borders_done(&p->list[i]->borders);
        free(p->list[i]);
    }
    free(p->slots);
    free(p->list);
    *p = (struct principals){0};
}

struct slice principal_name(struct slice principal) {
    struct slice user = SLICE_LIT("User:");
    if (slice_starts_with(principal, user)) {
        return slice_of(principal.ptr + user.len, principal.len - user.len);
    }
    return principal;
}

static size_t slot_of(const struct principals *p, struct slice name, uint64_t hash) {
    size_t slot = hash & (p->cap - 1);
    while (p->slots[slot] != NULL &&
           (p->slots[slot]->hash != hash || !slice_eq(p->slots[slot]->name, name))) {
        slot = (slot + 1) & (p->cap - 1);
    }
    return slot;
}

static void grow(struct principals *p) {
    free(p->slots);
    p->cap *= 2;
    p->slots = allocate(p->cap);
    for (size_t i = 0; i < p->count; i++) {
        p->slots[slot_of(p, p->list[i]->name, p->list[i]->hash)] = p->list[i];
    }
    p->list = realloc(p->list, p->cap / 2 * sizeof *p->list);
    check(p->list != NULL);
}

struct principal *principals_find(const struct principals *p, struct slice name) {
    return p->slots[slot_of(p, name, hash_bytes(0, name.ptr, name.len))];
}

struct principal *principals_get(struct principals *p, struct slice name) {
    uint64_t hash = hash_bytes(0, name.ptr, name.len);
    size_t slot = slot_of(p, name, hash);
    if (p->slots[slot] != NULL) {
        return p->slots[slot];
    }
    if (p->count == PRINCIPALS_MAX) {
        return NULL;
    }
    struct principal *one = calloc(1, sizeof *one + name.len);
    check(one != NULL);
    char *text = (char *)(one + 1);
    if (name.len > 0) {
        memcpy(text, name.ptr, name.len);
    }
    *one = (struct principal){.name = slice_of(text, name.len), .hash = hash};
    principal_forget(one);
    p->slots[slot] = one;
    p->list[p->count++] = one;
    if (p->count == p->cap / 2) {
        grow(p);
    }
    return one;
}

void principal_forget(struct principal *p) {
    usage_state_free(p->state);
    p->state = NULL;
    p->partition = PRINCIPAL_NOWHERE;
    p->stored = false;
    p->dirty = false;
    p->newest_us = INT64_MIN;
    p->settled_version = 0;
    p->pruned_us = INT64_MIN;
}
