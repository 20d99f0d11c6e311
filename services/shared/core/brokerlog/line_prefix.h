// What stands in front of a line's JSON, and behind it:
//   [2026-11-01 10:15:30,123] DEBUG Completed request:{...} (kafka.request.logger)
// The time is read as UTC.
#ifndef WEIR_CORE_BROKERLOG_LINE_PREFIX_H
#define WEIR_CORE_BROKERLOG_LINE_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

// The time of any line of the logger, "[2026-11-01 10:15:30,123] ...". False if it has none.
bool line_prefix_time(struct slice line, int64_t *ret_us);
// Time and JSON of a request line, the JSON from its first brace to the end of the line. False if
// time, level or marker are not where they belong.
bool line_prefix_split(struct slice line, int64_t *ret_us, struct slice *ret_json);
// Where the last request line begins in line[1, before): 0 if there is none.
size_t line_prefix_last(struct slice line, size_t before);
// A line of the same logger that is no request and was never one: "[time] WARN something else". A
// request line cut inside its marker is a torn one, and not this.
bool line_prefix_is_other(struct slice line);

#endif
