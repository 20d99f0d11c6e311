// The consumer group of the meters, and the consumer as the meter sees it (meter/consumer.h), of the
// eager protocol: everybody gives up what they have before it is divided anew; who isn't heard is
// expelled, learns of it at its next poll, and may commit until then.
#ifndef WEIR_TESTS_SIMULATION_GROUP_H
#define WEIR_TESTS_SIMULATION_GROUP_H

#include <stdbool.h>

#include "simulation/chance.h"

void group_init(struct chance *chance);
// Divides the partitions anew.
void group_rebalance(void);
// The session of a member runs out: of one that was killed, or of any where there is none.
void group_expel_one(void);
// Whether one that was killed still holds a place.
bool group_has_ghost(void);

#endif
