// Which FETCH lines say nothing and need not be shipped. Remembers the last fetch of each
// connection, bounded: a connection that was forgotten has its next fetch shipped. Pure.
#ifndef WEIR_TAP_SELECT_FETCH_MEMORY_H
#define WEIR_TAP_SELECT_FETCH_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/brokerlog/broker_line.h"

enum { FETCH_MEMORY_SLOTS = 1 << 16 }; // connections remembered, 32 bytes each

// So often a connection tells that it lives, though its fetches say nothing: readers forget chains
// that are silent for long.
static const int64_t FETCH_MEMORY_TELL_US = 3600LL * 1000000;

struct fetch_memory;

struct fetch_memory *fetch_memory_new(void);
void fetch_memory_free(struct fetch_memory *m);
// Forgets everything, e.g. when reading goes back.
void fetch_memory_clear(struct fetch_memory *m);
// Takes the next FETCH line of the log. True if it may be left out: no bytes, no error, no session
// granted, the fetch before it on its connection empty too, and its request an incremental one
// without topics and forgotten topics, or a full one with the same partitions and offsets; and one
// of its connection wasn't left out within the hour. ("The first empty one of a row" is not enough:
// with sessions the offsets that close a fetch can stand in a later one.)
bool fetch_memory_says_nothing(struct fetch_memory *m, const struct broker_line *l);

#endif
