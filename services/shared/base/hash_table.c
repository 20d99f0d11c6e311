#include "base/hash_table.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"

enum { CAP_MIN = 16 };

void hash_table_init(struct hash_table *t) {
    *t = (struct hash_table){0};
}

void hash_table_done(struct hash_table *t) {
    if (t == NULL) {
        return;
    }
    free(t->entries);
    *t = (struct hash_table){0};
}

void hash_table_clear(struct hash_table *t) {
    if (t->count > 0) {
        memset(t->entries, 0, t->cap * sizeof *t->entries);
    }
    t->count = 0;
}

// The entry of the key, or the free one where it would go. There always is a free one.
static struct hash_table_entry *find(const struct hash_table *t, uint64_t key) {
    size_t i = hash_mix(key) & (t->cap - 1);
    while (t->entries[i].used && t->entries[i].key != key) {
        i = (i + 1) & (t->cap - 1);
    }
    return &t->entries[i];
}

bool hash_table_get(const struct hash_table *t, uint64_t key, uint32_t *ret_value) {
    if (t->count == 0) {
        return false;
    }
    const struct hash_table_entry *e = find(t, key);
    if (!e->used) {
        return false;
    }
    *ret_value = e->value;
    return true;
}

static void grow(struct hash_table *t) {
    struct hash_table old = *t;
    t->cap = old.cap == 0 ? CAP_MIN : old.cap * 2;
    t->entries = calloc(t->cap, sizeof *t->entries);
    check(t->entries != NULL);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.entries[i].used) {
            *find(t, old.entries[i].key) = old.entries[i];
        }
    }
    free(old.entries);
}

void hash_table_put(struct hash_table *t, uint64_t key, uint32_t value) {
    if ((t->count + 1) * 4 > t->cap * 3) {
        grow(t);
    }
    struct hash_table_entry *e = find(t, key);
    t->count += !e->used;
    *e = (struct hash_table_entry){.key = key, .value = value, .used = true};
}

void hash_table_remove(struct hash_table *t, uint64_t key) {
    if (t->count == 0) {
        return;
    }
    struct hash_table_entry *e = find(t, key);
    if (!e->used) {
        return;
    }
    t->count--;
    // Moves back what probed over the hole, so that no marker of deletion is needed.
    size_t hole = (size_t)(e - t->entries);
    for (size_t i = (hole + 1) & (t->cap - 1); t->entries[i].used; i = (i + 1) & (t->cap - 1)) {
        size_t home = hash_mix(t->entries[i].key) & (t->cap - 1);
        if (((i - home) & (t->cap - 1)) >= ((i - hole) & (t->cap - 1))) {
            t->entries[hole] = t->entries[i];
            hole = i;
        }
    }
    t->entries[hole].used = false;
}
