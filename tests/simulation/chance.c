#include "simulation/chance.h"

#include "base/check.h"
#include "base/hash.h"

void chance_init(struct chance *c, uint64_t seed, uint64_t stream) {
    c->state = hash_mix(seed * 0x9e3779b97f4a7c15ULL + stream) | 1;
}

uint32_t chance_below(struct chance *c, uint32_t below) {
    check(below > 0);
    // xorshift64* (Vigna 2016)
    c->state ^= c->state >> 12;
    c->state ^= c->state << 25;
    c->state ^= c->state >> 27;
    return (uint32_t)((c->state * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

int64_t chance_between(struct chance *c, int64_t from, int64_t to) {
    return from + chance_below(c, (uint32_t)(to - from + 1));
}
