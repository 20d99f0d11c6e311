// When what a hole hides was written: every hole has an end. Pure.
#ifndef WEIR_METER_FOLD_HOLE_TIMES_H
#define WEIR_METER_FOLD_HOLE_TIMES_H

#include <stdint.h>

#include "core/brokerlog/log_value.h"

// Fills in times that the record doesn't tell (earlier releases, and holes of the topic): a hole
// begins no earlier than the file of its `from`, and one up to the beginning of a file ends with that
// file's first line; otherwise when the record was sent, for only what was written before can be
// missing. `received_us` is the Kafka time of that record; below zero: unknown. Afterwards `to_us` is
// a time that can be stored, and `from_us` lies before it, or is 0 where nothing before is known.
void hole_times_settle(struct log_hole *hole, int64_t received_us);

#endif
