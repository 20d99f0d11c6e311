#include "base/hash.h"

#include <string.h>

uint64_t hash_bytes(const void *data, size_t len, uint64_t seed) {
    const unsigned char *p = data;
    uint64_t h = hash_mix(seed ^ (len * 0x9e3779b97f4a7c15ULL));
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        h = hash_mix(h ^ word) * 0x9e3779b97f4a7c15ULL;
    }
    uint64_t rest = 0;
    for (size_t i = 0; i < len; i++) {
        rest |= (uint64_t)p[i] << (8 * i);
    }
    return hash_mix(h ^ rest);
}
