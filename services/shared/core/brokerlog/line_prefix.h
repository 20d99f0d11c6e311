// What stands in front of a line's JSON, and behind it:
//   [2026-11-01 10:15:30,123] DEBUG Completed request:{...} (kafka.request.logger)
// The level is DEBUG, or INFO for a request in a deprecated API version (KAFKA-18272). The time is
// read as UTC.
//
// The logger's file holds other text too: lines of other loggers, their stack traces, blank lines,
// the NULs of a file that was truncated under its writer.
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
// True for text that neither is a request line nor was a part of one. A request line that was cut or
// damaged is none: it names the logger or fields of a request, or is the beginning of one. Nor are
// bytes that are no text, as of a file packed in a way that isn't read.
bool line_prefix_is_other(struct slice line);
// Bytes of the line's leading run of NULs.
size_t line_prefix_nuls(struct slice line);

#endif
