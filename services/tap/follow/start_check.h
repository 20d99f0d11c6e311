// Before anything is shipped: is this log in UTC, and is it the log of this broker? Looks at the
// newest lines of the live file.
#ifndef WEIR_TAP_FOLLOW_START_CHECK_H
#define WEIR_TAP_FOLLOW_START_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct start_check_options {
    const char *path;
    bool utc;                     // compare the newest line's time with the file's
    const char *const *addresses; // "host" or "host:port" of the broker, NULL-terminated; NULL: any
};

// How many minutes a line's time is off, if that looks like a time zone: a whole number of quarter
// hours (within 5 s), at most 14 h. 0: it does not. Both in UTC milliseconds.
int start_check_zone_minutes(int64_t line_ms, int64_t written_ms);
// The broker's side of a connection "host:port-host:port-…" is one of the addresses.
bool start_check_is_local(struct slice connection, const char *const *addresses);

// *ret_done false: the file is missing or has no complete line yet, ask again. ERR_CONFIG: the log
// isn't in UTC or another broker's. What can't be told from the newest lines is let pass.
ERR_MUST_CHECK enum err_code start_check(const struct start_check_options *o, bool *ret_done,
                                         struct err *e);

#endif
