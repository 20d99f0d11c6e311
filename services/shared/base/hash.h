// Hashes of bytes and numbers, for tables. Not for secrets, nor against somebody who looks for
// collisions.
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

// The finaliser of MurmurHash3 (Austin Appleby, public domain): every bit of the key reaches every
// bit.
static inline uint64_t hash_mix(uint64_t k) {
    k ^= k >> 33;
    k *= 0xff51afd7ed558ccdULL;
    k ^= k >> 33;
    k *= 0xc4ceb9fe1a85ec53ULL;
    k ^= k >> 33;
    return k;
}

// 64 bits of hash of some bytes; the same everywhere and for ever (stored states depend on it).
uint64_t hash_bytes(const void *data, size_t len, uint64_t seed);

#endif
