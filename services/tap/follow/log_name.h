// Names of the files of one request log: what rotators make of the live file's name. Pure.
//
//   kafka-request.log                       the live file
//   kafka-request.log.2026-11-22-16         log4j: the rotator's part behind the name, with '.',
//   kafka-request.log-20261122.gz           '-' (logrotate's dateext) or '_' before it
//   kafka-request.log.3
//   kafka-request-2026-11-22.log.gz         a date before the ending
//
// What is packed ends in .gz, .zst, .xz, .bz2, …
#ifndef WEIR_TAP_FOLLOW_LOG_NAME_H
#define WEIR_TAP_FOLLOW_LOG_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct log_name {
    bool live;
    bool packed;
    struct slice plain; // without the ending of a packed file; borrowed
    struct slice part;  // the rotator's, without both; empty for the live file; borrowed
};

// `live` is the live file's name, `name` another of its folder. False: no file of this log.
bool log_name_parse(const char *live, const char *name, struct log_name *ret);
// Whether the rotator's parts are of one kind (dates alike, or numbers), so that they have an order.
bool log_name_alike(struct slice a, struct slice b);
// Of two alike: below zero if `a` comes first, by its numbers.
int log_name_order(struct slice a, struct slice b);
// "3": counted by the rotator, and no date.
bool log_name_is_number(struct slice part);
// Both are numbers, one apart.
bool log_name_adjoin(struct slice a, struct slice b);
// How long a file of this name is written: a day, hour, minute or second by its date, in
// milliseconds. 0: the name doesn't tell.
int64_t log_name_period_ms(struct slice part);
// Whether a name is such as logrotate makes, which copies and truncates: a number, or a part behind
// '-'.
bool log_name_may_be_copy(const char *live, const char *name);

#endif
