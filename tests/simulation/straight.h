// The judge: one straight pass over a log, all of it in one batch of one meter that never fails.
#ifndef WEIR_TESTS_SIMULATION_STRAIGHT_H
#define WEIR_TESTS_SIMULATION_STRAIGHT_H

#include "simulation/counted.h"

// How long after the last line the brokers are still heard: long enough for what waits an hour.
static const int64_t STRAIGHT_AFTER_US = 2LL * 3600 * 1000000;

// Of a log topic with so many partitions. *ret_says_nothing: FETCH lines that need not be shipped.
void straight_pass(const struct request_log *log, int32_t partitions, struct counted *ret,
                   struct counted *ret_says_nothing);

#endif
