// Chance from a seed: the same numbers on every machine.
#ifndef WEIR_TESTS_SIMULATION_CHANCE_H
#define WEIR_TESTS_SIMULATION_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state;
};

// `stream` tells apart what is drawn for the log and what for its way, so that one can be held while
// the other changes.
void chance_init(struct chance *c, uint64_t seed, uint64_t stream);
// 0 … below - 1.
uint32_t chance_below(struct chance *c, uint32_t below);
// from … to, both included.
int64_t chance_between(struct chance *c, int64_t from, int64_t to);
// True once in n.
static inline bool chance_once_in(struct chance *c, uint32_t n) {
    return chance_below(c, n) == 0;
}

#endif
