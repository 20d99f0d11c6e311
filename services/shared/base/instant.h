// Instants: microseconds since 1970-01-01T00:00:00Z, as int64_t named `*_us`. Civil dates are of
// the proleptic Gregorian calendar, in UTC. No clock is read here; the clock is an argument (struct
// clock).
#ifndef WEIR_BASE_INSTANT_H
#define WEIR_BASE_INSTANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { INSTANT_TEXT_MAX = 28 }; // "2027-06-01T00:00:00.123456Z" and NUL

static const int64_t US_PER_SECOND = 1000000;
static const int64_t US_PER_QUARTER = 900LL * 1000000;
static const int64_t US_PER_DAY = 86400LL * 1000000;

// Where "now" comes from; a test passes its own.
struct clock {
    int64_t (*now_us)(void *ctx);
    void *ctx;
};

static inline int64_t clock_now_us(const struct clock *c) {
    return c->now_us(c->ctx);
}

// Days since 1970-01-01 of a civil date, and back (Howard Hinnant, "chrono-Compatible Low-Level
// Date Algorithms"). Months 1..12, days 1..31; no range check.
int64_t days_from_civil(int64_t year, unsigned month, unsigned day);
void civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day);
unsigned days_in_month(int64_t year, unsigned month);

// Reads RFC 3339 ("2027-06-01T00:00:00[.fraction](Z|±hh:mm)"); digits past microseconds are cut.
bool instant_parse(struct slice s, int64_t *ret_us);
// Reads a civil date, "2027-06-01", as days since 1970-01-01.
bool instant_parse_day(struct slice s, int64_t *ret_day);
// Writes RFC 3339 in UTC, with six fractional digits only if they are not all zero.
size_t instant_format(char out[INSTANT_TEXT_MAX], int64_t us);
// Start of the quarter hour (UTC) that holds `us`; floor, also below 1970.
int64_t instant_quarter(int64_t us);

#endif
