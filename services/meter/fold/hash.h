// A fast hash of bytes for the meter's own tables. Keys come from brokers, not from attackers who
// choose them freely, and tables compare whole keys, so speed is what counts.
#ifndef WEIR_METER_FOLD_HASH_H
#define WEIR_METER_FOLD_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t hash_mix(uint64_t h, uint64_t word) {
    h = (h ^ word) * 0x9e3779b97f4a7c15ULL; // 2^64 / golden ratio (Knuth, multiplicative hashing)
    return h ^ (h >> 32);
}

static inline uint64_t hash_bytes(uint64_t seed, const void *data, size_t len) {
    const unsigned char *p = data;
    uint64_t h = seed ^ len;
    uint64_t word = 0;
    for (; len >= sizeof word; p += sizeof word, len -= sizeof word) {
        memcpy(&word, p, sizeof word);
        h = hash_mix(h, word);
    }
    if (len > 0) {
        word = 0;
        memcpy(&word, p, len);
        h = hash_mix(h, word);
    }
    return h;
}

#endif
