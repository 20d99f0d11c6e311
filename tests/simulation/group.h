// The consumer group of the meters, and the consumer as the meter sees it (meter/consumer.h), of the
// eager protocol: everybody gives up what they have before it is divided anew; who isn't heard is
// expelled, learns of it at its next poll, and may commit until then.
#ifndef WEIR_TESTS_SIMULATION_GROUP_H
#define WEIR_TESTS_SIMULATION_GROUP_H

#include "simulation/chance.h"
#include "simulation/process.h"

void group_init(struct chance *chance);
// Divides the partitions anew.
void group_rebalance(void);
// The session of a meter runs out, if it is a member.
void group_expel(const struct process *p);
// … and of those that were killed.
void group_expel_ghosts(void);

#endif
