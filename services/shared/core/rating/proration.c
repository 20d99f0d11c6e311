#include "core/rating/proration.h"

#include "base/check.h"
#include "base/instant.h"

enum err_code proration_of_month(int64_t from_day, int64_t to_day, struct proration *ret,
                                 struct err *e) {
    int64_t year = 0;
    unsigned month = 0, day = 0;
    civil_from_days(from_day, &year, &month, &day);
    int64_t first = from_day - (int64_t)(day - 1);
    int64_t days = days_in_month(year, month);
    if (to_day < from_day || to_day > first + days) {
        return err_set(e, ERR_INVALID, "the period does not lie inside one calendar month");
    }
    *ret = (struct proration){to_day - from_day, days};
    return ERR_OK;
}

struct decimal proration_apply(struct arena *a, struct decimal amount, struct proration p) {
    check(p.period_days > 0 && p.billable_days >= 0);
    return decimal_div(a, decimal_mul(a, amount, decimal_from_i64(p.billable_days)),
                       decimal_from_i64(p.period_days));
}
