// What PostgreSQL holds for the meters, in memory, and the meter's side of it (meter/store/store.h):
// one transaction adds usage, states and positions, if the positions are what the meter read.
#ifndef WEIR_TESTS_SIMULATION_DATABASE_H
#define WEIR_TESTS_SIMULATION_DATABASE_H

#include <stdbool.h>

#include "simulation/chance.h"
#include "simulation/counted.h"

struct database {
    struct chance *chance;
    struct counted counted;
    bool away;
    bool flaky;                  // answers get lost: whether it was stored nobody knows
    char wrong[COUNTED_WHY_MAX]; // what must never be, once it was
    uint64_t commits, conflicts, loads;
};

// There is one.
extern struct database database;

void database_init(struct chance *chance, int32_t partitions, int brokers, int64_t begin_us);
void database_done(void);
// The broker's time up to which everything is stored, in the partition that is furthest behind.
int64_t database_complete_us(void);
// Partitions of a broker in which something before what was read is missing.
int database_open_gaps(void);

#endif
