// Currencies of ISO 4217 and their minor digits.
#ifndef WEIR_CORE_MONEY_CURRENCY_H
#define WEIR_CORE_MONEY_CURRENCY_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/slice.h"
#include "core/money/decimal.h"

struct currency {
    char code[4];
    int minor_digits; // 0, 2, 3 or 4
};

// The currency of a three-letter code in capitals, or NULL. Static, never freed.
const struct currency *currency_find(struct slice code);
// r(x) of rating.md 2.2: half away from zero to the minor digits.
struct decimal currency_round(struct arena *a, const struct currency *c, struct decimal x);
// An amount of money with at least the minor digits: "6.00", "4.0936".
const char *currency_text(struct arena *a, const struct currency *c, struct decimal x,
                          bool *ret_exact);
// As decimal_parse, and refuses more fractional digits than the currency has (zeros are no digits).
ERR_MUST_CHECK enum err_code currency_parse(struct arena *a, const struct currency *c,
                                            struct slice text, struct decimal *ret, struct err *e);

#endif
