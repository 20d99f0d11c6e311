// A map from 64-bit keys to 32-bit values: open addressing, linear probing. The keys are numbers or
// hashes; equality is by key alone. Grows as needed; allocation failure aborts (check).
//
// What has an equality of its own goes under its hash, or the next free number after it; without
// hash_table_remove, this finds it, or leaves the key where it belongs:
//     uint64_t key = hash_bytes(...);
//     while (hash_table_get(&t, key, &at) && !equal(&items[at], ...)) key++;
#ifndef WEIR_BASE_HASH_TABLE_H
#define WEIR_BASE_HASH_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct hash_table_entry {
    uint64_t key;
    uint32_t value;
    bool used;
};

struct hash_table {
    struct hash_table_entry *entries; // owned; a power of two of them
    size_t cap;
    size_t count;
};

void hash_table_init(struct hash_table *t);
void hash_table_done(struct hash_table *t);
// Empties it and keeps the memory.
void hash_table_clear(struct hash_table *t);
// False if the key is not there.
bool hash_table_get(const struct hash_table *t, uint64_t key, uint32_t *ret_value);
// Adds or replaces.
void hash_table_put(struct hash_table *t, uint64_t key, uint32_t value);
void hash_table_remove(struct hash_table *t, uint64_t key);

#endif
