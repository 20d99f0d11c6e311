// Exact numbers. A value is a 128-bit integer over a power of ten while that fits, and an exact
// rational (GMP) behind it when it does not: no operation loses a digit, and only decimal_round
// rounds. Values are immutable and passed by value; what a large one needs lives in the arena that
// was given, so nothing has to be freed one by one. Results may share memory with their arguments:
// keep them no longer than the arenas of both.
#ifndef WEIR_CORE_MONEY_DECIMAL_H
#define WEIR_CORE_MONEY_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/number.h"
#include "base/slice.h"

enum {
    DECIMAL_DIGITS_MAX = 38,         // significant digits of an input
    DECIMAL_FRACTION_MAX = 24,       // digits behind the point of an input
    DECIMAL_INPUT_MAX = 96,          // bytes of an input, leading zeros included
    DECIMAL_STORED_MAX = 1024,       // bytes of a figure read back
    DECIMAL_INEXACT_FRACTION = 12,   // digits shown of what has no finite decimal
    DECIMAL_SCALE_MAX = 38,          // of the 128-bit form
    DECIMAL_SHOWN_FRACTION_MAX = 400 // a longer finite decimal is shown as inexact
};

struct decimal_big; // an exact rational in an arena

// All zero is the number 0. Members are for decimal.c alone.
struct decimal {
    i128 digits;                   // value * 10^scale, while big is NULL; never -2^127
    int scale;                     // 0..DECIMAL_SCALE_MAX
    const struct decimal_big *big; // set when the value does not fit the other two
};

enum decimal_mode {
    DECIMAL_HALF_AWAY, // r(x, s) of rating.md 2.2
    DECIMAL_HALF_EVEN,
    DECIMAL_UP,   // away from zero
    DECIMAL_DOWN, // to zero
    DECIMAL_CEILING,
    DECIMAL_FLOOR,
};

// Reads plain notation, "-12.50": optional minus, digits, optionally a point and digits. At most
// DECIMAL_DIGITS_MAX significant and DECIMAL_FRACTION_MAX fractional digits; anything else is
// ERR_INVALID, longer input ERR_LIMIT. The scale written is kept ("3.00" prints as "3.00").
ERR_MUST_CHECK enum err_code decimal_parse(struct slice text, struct decimal *ret, struct err *e);
// As decimal_parse, and whole numbers up to 2^128 - 1 (counts of bytes and messages).
ERR_MUST_CHECK enum err_code decimal_parse_count(struct arena *a, struct slice text,
                                                 struct decimal *ret, struct err *e);
// Reads back a figure that decimal_text wrote as exact, or PostgreSQL's numeric: plain notation of
// any number of digits within DECIMAL_STORED_MAX bytes. Not for what a user sends.
ERR_MUST_CHECK enum err_code decimal_parse_stored(struct arena *a, struct slice text,
                                                  struct decimal *ret, struct err *e);
struct decimal decimal_from_i64(int64_t value);
struct decimal decimal_from_i128(struct arena *a, i128 value);
struct decimal decimal_from_u128(struct arena *a, u128 value);

struct decimal decimal_add(struct arena *a, struct decimal x, struct decimal y);
struct decimal decimal_sub(struct arena *a, struct decimal x, struct decimal y);
struct decimal decimal_mul(struct arena *a, struct decimal x, struct decimal y);
// x / y as a fraction. y = 0 is a bug of the caller (check).
struct decimal decimal_div(struct arena *a, struct decimal x, struct decimal y);
// x * percent / 100
struct decimal decimal_percent(struct arena *a, struct decimal x, struct decimal percent);
struct decimal decimal_neg(struct arena *a, struct decimal x);

int decimal_cmp(struct decimal x, struct decimal y); // -1, 0, 1
int decimal_sign(struct decimal x);                  // -1, 0, 1
bool decimal_is_zero(struct decimal x);
bool decimal_equal(struct decimal x, struct decimal y);
struct decimal decimal_min(struct decimal x, struct decimal y);
struct decimal decimal_max(struct decimal x, struct decimal y);

// The one rounding function: to `scale` decimals, which may be negative (tens, hundreds).
// -DECIMAL_SCALE_MAX <= scale <= DECIMAL_SCALE_MAX.
struct decimal decimal_round(struct arena *a, struct decimal x, int scale, enum decimal_mode mode);

// Plain notation in the arena, without trailing zeros beyond `min_fraction` digits. What has no
// finite decimal is shown with 12 decimals, half away from zero, and *ret_exact is false (it may be
// NULL): such a text is for people and is never read back.
const char *decimal_text(struct arena *a, struct decimal x, int min_fraction, bool *ret_exact);
// As it was read: with the scale of the input. For values of decimal_parse.
const char *decimal_text_as_read(struct arena *a, struct decimal x);

#endif
