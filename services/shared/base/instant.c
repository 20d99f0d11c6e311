#include "base/instant.h"

#include <stdio.h>

int64_t days_from_civil(int64_t year, unsigned month, unsigned day) {
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t yoe = year - era * 400;
    int64_t doy = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

void civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day) {
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *ret_day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
    *ret_month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    *ret_year = yoe + era * 400 + (*ret_month <= 2);
}

unsigned days_in_month(int64_t year, unsigned month) {
    static const unsigned char DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : DAYS[month - 1];
}

// Reads exactly `count` digits at *at and moves on.
static bool digits(struct slice s, size_t *at, unsigned count, unsigned *ret) {
    unsigned value = 0;
    for (unsigned i = 0; i < count; i++) {
        if (*at >= s.len || s.ptr[*at] < '0' || s.ptr[*at] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(s.ptr[*at] - '0');
        (*at)++;
    }
    *ret = value;
    return true;
}

static bool literal(struct slice s, size_t *at, char c) {
    if (*at >= s.len || s.ptr[*at] != c) {
        return false;
    }
    (*at)++;
    return true;
}

static bool fraction(struct slice s, size_t *at, int64_t *ret_us) {
    int64_t value = 0;
    int64_t unit = US_PER_SECOND / 10;
    size_t start = *at;
    for (; *at < s.len && s.ptr[*at] >= '0' && s.ptr[*at] <= '9'; (*at)++) {
        value += unit * (s.ptr[*at] - '0');
        unit /= 10;
    }
    *ret_us = value;
    return *at > start;
}

static bool offset(struct slice s, size_t *at, int64_t *ret_seconds) {
    if (literal(s, at, 'Z') || literal(s, at, 'z')) {
        *ret_seconds = 0;
        return true;
    }
    bool negative = literal(s, at, '-');
    unsigned hours = 0;
    unsigned minutes = 0;
    if ((!negative && !literal(s, at, '+')) || !digits(s, at, 2, &hours) || !literal(s, at, ':') ||
        !digits(s, at, 2, &minutes) || hours > 23 || minutes > 59) {
        return false;
    }
    int64_t value = (int64_t)hours * 3600 + (int64_t)minutes * 60;
    *ret_seconds = negative ? -value : value;
    return true;
}

static bool date(struct slice s, size_t *at, int64_t *ret_day) {
    unsigned year = 0;
    unsigned month = 0;
    unsigned day = 0;
    if (!digits(s, at, 4, &year) || !literal(s, at, '-') || !digits(s, at, 2, &month) ||
        !literal(s, at, '-') || !digits(s, at, 2, &day) || month < 1 || month > 12 || day < 1 ||
        day > days_in_month(year, month)) {
        return false;
    }
    *ret_day = days_from_civil(year, month, day);
    return true;
}

bool instant_parse_day(struct slice s, int64_t *ret_day) {
    size_t at = 0;
    int64_t day = 0;
    if (!date(s, &at, &day) || at != s.len) {
        return false;
    }
    *ret_day = day;
    return true;
}

bool instant_parse(struct slice s, int64_t *ret_us) {
    size_t at = 0;
    int64_t day = 0;
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    if (!date(s, &at, &day) ||
        !(literal(s, &at, 'T') || literal(s, &at, 't') || literal(s, &at, ' ')) ||
        !digits(s, &at, 2, &hour) || !literal(s, &at, ':') || !digits(s, &at, 2, &minute) ||
        !literal(s, &at, ':') || !digits(s, &at, 2, &second)) {
        return false;
    }
    int64_t sub_us = 0;
    if (literal(s, &at, '.') && !fraction(s, &at, &sub_us)) {
        return false;
    }
    int64_t offset_seconds = 0;
    if (!offset(s, &at, &offset_seconds) || at != s.len || hour > 23 || minute > 59 ||
        second > 59) {
        return false;
    }
    int64_t seconds = day * 86400 + (int64_t)hour * 3600 + (int64_t)minute * 60 + (int64_t)second -
                      offset_seconds;
    *ret_us = seconds * US_PER_SECOND + sub_us;
    return true;
}

static int64_t floor_div(int64_t a, int64_t b) {
    return a / b - (a % b < 0);
}

size_t instant_format(char out[INSTANT_TEXT_MAX], int64_t us) {
    int64_t days = floor_div(us, US_PER_DAY);
    int64_t rest = us - days * US_PER_DAY;
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    civil_from_days(days, &year, &month, &day);
    unsigned seconds = (unsigned)(rest / US_PER_SECOND);
    unsigned sub_us = (unsigned)(rest % US_PER_SECOND);
    int n = sub_us == 0
                ? snprintf(out, INSTANT_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02uZ",
                           (unsigned)year % 10000, month % 100, day % 100, seconds / 3600 % 100,
                           seconds / 60 % 60, seconds % 60)
                : snprintf(out, INSTANT_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
                           (unsigned)year % 10000, month % 100, day % 100, seconds / 3600 % 100,
                           seconds / 60 % 60, seconds % 60, sub_us % 1000000);
    return n < 0 ? 0 : (size_t)n;
}

int64_t instant_quarter(int64_t us) {
    return floor_div(us, US_PER_QUARTER) * US_PER_QUARTER;
}
