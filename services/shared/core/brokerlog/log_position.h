// Where a line stands in its broker's log. Position is identity: (broker, generation, byte offset),
// strictly increasing per broker, so a second reading of a file gives the same positions.
#ifndef WEIR_CORE_BROKERLOG_LOG_POSITION_H
#define WEIR_CORE_BROKERLOG_LOG_POSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { LOG_POSITION_TEXT_MAX = 56 }; // "<broker>:<generation>:<offset>" and NUL

// `offset` is that of the line's first byte in the uncompressed file. `generation` is the UTC
// milliseconds of the file's first complete line, raised where needed to be above the generation
// before it.
struct log_position {
    int32_t broker;
    int64_t generation;
    uint64_t offset;
};

// <0, 0, >0 by (generation, offset). Positions of two brokers have no order: check() fails.
int log_position_cmp(const struct log_position *a, const struct log_position *b);
// Writes text and NUL, returns the length without the NUL.
size_t log_position_format(char out[LOG_POSITION_TEXT_MAX], const struct log_position *p);
// "<broker>:<generation>:<offset>", digits only; *ret changes only on success.
bool log_position_parse(struct slice text, struct log_position *ret);

#endif
