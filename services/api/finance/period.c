#include "api/finance/period.h"

#include <string.h>

#include "api/request/request.h"

bool period_valid(const char *text) {
    if (strlen(text) != 7 || text[4] != '-') {
        return false;
    }
    for (int i = 0; i < 7; i++) {
        if (i != 4 && (text[i] < '0' || text[i] > '9')) {
            return false;
        }
    }
    int month = (text[5] - '0') * 10 + text[6] - '0';
    return month >= 1 && month <= 12 && memcmp(text, "0000", 4) != 0; // there is no year 0
}

bool period_query(struct request *r, const char **ret) {
    *ret = request_query(r, "period");
    if (*ret == NULL || period_valid(*ret)) {
        return true;
    }
    request_problem(r, PROBLEM_INVALID, "period", "period is a month like 2027-06");
    return false;
}
