#include "meter/fold/principals.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

enum { FIRST_CAP = 1024 };

void principals_init(struct principals *p) {
    *p = (struct principals){0};
    hash_table_init(&p->by_name);
}

void principals_done(struct principals *p) {
    for (size_t i = 0; i < p->count; i++) {
        usage_state_free(p->list[i]->state);
        borders_done(&p->list[i]->borders);
        free(p->list[i]);
    }
    free(p->list);
    hash_table_done(&p->by_name);
    *p = (struct principals){0};
}

struct slice principals_bare_name(struct slice principal) {
    struct slice user = SLICE_LIT("User:");
    if (slice_starts_with(principal, user)) {
        return slice_of(principal.ptr + user.len, principal.len - user.len);
    }
    return principal;
}

// NULL if not there; *key is the table key where it is or belongs, and the name's hash at first.
static struct principal *find(const struct principals *p, struct slice name, uint64_t *key) {
    uint32_t at;
    for (; hash_table_get(&p->by_name, *key, &at); (*key)++) {
        if (slice_eq(p->list[at]->name, name)) {
            return p->list[at];
        }
    }
    return NULL;
}

struct principal *principals_find(const struct principals *p, struct slice name) {
    uint64_t key = hash_bytes(name.ptr, name.len, 0);
    return find(p, name, &key);
}

struct principal *principals_get(struct principals *p, struct slice name) {
    uint64_t hash = hash_bytes(name.ptr, name.len, 0);
    uint64_t key = hash;
    struct principal *one = find(p, name, &key);
    if (one != NULL || p->count == PRINCIPALS_MAX) {
        return one;
    }
    if (p->count == p->cap) {
        p->cap = p->cap == 0 ? FIRST_CAP : p->cap * 2;
        p->list = realloc(p->list, p->cap * sizeof *p->list);
        check(p->list != NULL);
    }
    one = calloc(1, sizeof *one + name.len);
    check(one != NULL);
    char *text = (char *)(one + 1);
    if (name.len > 0) {
        memcpy(text, name.ptr, name.len);
    }
    *one = (struct principal){.name = slice_of(text, name.len), .hash = hash};
    principals_forget(one);
    hash_table_put(&p->by_name, key, (uint32_t)p->count);
    p->list[p->count++] = one;
    return one;
}

void principals_forget(struct principal *p) {
    usage_state_free(p->state);
    p->state = NULL;
    p->partition = PRINCIPAL_NOWHERE;
    p->stored = false;
    p->dirty = false;
    p->rests = false;
    p->unstorable = false;
    p->newest_us = INT64_MIN;
    p->settled_version = 0;
    p->batches_version = 0;
    p->pruned_us = INT64_MIN;
}
