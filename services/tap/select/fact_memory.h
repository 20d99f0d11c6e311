// Which topic facts were sent already, so that each goes to the partitions when it is new. Bounded:
// a full memory is emptied, and facts are told again, which does no harm. Pure.
#ifndef WEIR_TAP_SELECT_FACT_MEMORY_H
#define WEIR_TAP_SELECT_FACT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/brokerlog/topic.h"

enum { FACT_MEMORY_MAX = 1 << 18 }; // facts remembered; 8 MiB when full

struct fact_memory;

struct fact_memory *fact_memory_new(void);
void fact_memory_free(struct fact_memory *m);
void fact_memory_clear(struct fact_memory *m);
// True the first time. That a topic is seen or created is one fact, that it is deleted another.
bool fact_memory_is_new(struct fact_memory *m, const struct topic_fact *fact);

#endif
