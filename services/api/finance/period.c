// A month's form; whether it has begun or ended is the statement's to say.
#include "api/finance/period.h"

#include <string.h>

enum { MONTH_CHARS = 7 };

static bool month_fits(struct slice text) {
    if (text.len != MONTH_CHARS || text.ptr[4] != '-') {
        return false;
    }
    for (size_t i = 0; i < MONTH_CHARS; i++) {
        if (i != 4 && (text.ptr[i] < '0' || text.ptr[i] > '9')) {
            return false;
        }
    }
    int month = (text.ptr[5] - '0') * 10 + text.ptr[6] - '0';
    return month >= 1 && month <= 12 && memcmp(text.ptr, "0000", 4) != 0; // there is no year 0
}

const struct read_rule period_rule = {month_fits, "a month like 2027-06"};
