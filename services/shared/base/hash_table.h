// A map from 64-bit keys to 32-bit values: open addressing, linear probing. The keys are numbers or
// hashes; equality is by key alone. Grows as needed; allocation failure aborts (check).
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

// 64 bits of hash of some bytes; the same everywhere and for ever (stored states depend on it). Not
// for secrets, nor against somebody who looks for collisions.
uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);

#endif
