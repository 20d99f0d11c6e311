// The only file that knows the decimal engine. The 128-bit form is tried first; every overflow, and
// every quotient that is no finite decimal, goes through a GMP rational, whose result comes back to
// the 128-bit form when it fits. GMP's own memory lives only inside one call; what is kept is a
// copy of the limbs in the arena, read through mpz_roinit_n.
#include "core/money/decimal.h"

#include <gmp.h>
#include <string.h>

#include "base/check.h"

struct decimal_big {
    const mp_limb_t *num; // magnitude
    const mp_limb_t *den; // > 0, no common factor with num
    mp_size_t num_size;   // negative for a negative value, as in GMP
    mp_size_t den_size;
};

static const u128 DIGITS_LIMIT = ((u128)1 << 127) - 1;

static u128 pow10_u128(int n) {
    u128 p = 1;
    for (int i = 0; i < n; i++) {
        p *= 10;
    }
    return p;
}

static u128 magnitude(i128 v) {
    return v < 0 ? ~(u128)v + 1 : (u128)v;
}

static i128 with_sign(u128 m, bool negative) {
    return negative ? -(i128)m : (i128)m;
}

// Magnitude m / 10^scale in the 128-bit form, if it fits; takes off zeros that make it fit.
static bool fast_of(u128 m, int scale, bool negative, struct decimal *ret) {
    while (scale > DECIMAL_SCALE_MAX && m % 10 == 0) {
        if (m == 0) {
            scale = 0;
            break;
        }
        m /= 10;
        scale--;
    }
    while (scale < 0) {
        if (__builtin_mul_overflow(m, (u128)10, &m)) {
            return false;
        }
        scale++;
    }
    if (scale > DECIMAL_SCALE_MAX || m > DIGITS_LIMIT) {
        return false;
    }
    *ret = (struct decimal){with_sign(m, negative), scale, NULL};
    return true;
}

// --- rationals -----------------------------------------------------------------------------------

static void mpz_set_u128(mpz_t z, u128 v) {
    uint64_t words[2] = {(uint64_t)v, (uint64_t)(v >> 64)};
    mpz_import(z, 2, -1, sizeof words[0], 0, 0, words);
}

static bool mpz_get_u128(const mpz_t z, u128 *ret) {
    if (mpz_sizeinbase(z, 2) > 128) {
        return false;
    }
    uint64_t words[2] = {0, 0};
    mpz_export(words, NULL, -1, sizeof words[0], 0, 0, z);
    *ret = (u128)words[1] << 64 | words[0];
    return true;
}

// Sets q, which is initialised, to x.
static void mpq_load(mpq_t q, struct decimal x) {
    if (x.big != NULL) {
        mpz_t view;
        mpz_set(mpq_numref(q), mpz_roinit_n(view, x.big->num, x.big->num_size));
        mpz_set(mpq_denref(q), mpz_roinit_n(view, x.big->den, x.big->den_size));
        return;
    }
    mpz_set_u128(mpq_numref(q), magnitude(x.digits));
    if (x.digits < 0) {
        mpz_neg(mpq_numref(q), mpq_numref(q));
    }
    mpz_set_u128(mpq_denref(q), pow10_u128(x.scale));
    mpq_canonicalize(q);
}

// The number of decimals of a canonical fraction, or -1 if it has no finite decimal.
static long finite_scale(const mpz_t den) {
    mpz_t rest, five;
    mpz_init_set(rest, den);
    mpz_init_set_ui(five, 5);
    mp_bitcnt_t twos = mpz_scan1(rest, 0);
    mpz_tdiv_q_2exp(rest, rest, twos);
    mp_bitcnt_t fives = mpz_remove(rest, rest, five);
    bool finite = mpz_cmp_ui(rest, 1) == 0;
    mpz_clears(rest, five, NULL);
    return finite ? (long)(twos > fives ? twos : fives) : -1;
}

// q * 10^scale as an integer; exact for scale >= finite_scale.
static void scaled_integer(mpz_t out, const mpq_t q, unsigned long scale) {
    mpz_ui_pow_ui(out, 10, scale);
    mpz_mul(out, out, mpq_numref(q));
    mpz_tdiv_q(out, out, mpq_denref(q));
}

static const mp_limb_t *copy_limbs(struct arena *a, const mpz_t z) {
    size_t n = mpz_size(z);
    mp_limb_t *limbs = arena_array(a, n == 0 ? 1 : n, sizeof *limbs);
    if (n > 0) {
        memcpy(limbs, mpz_limbs_read(z), n * sizeof *limbs);
    }
    return limbs;
}

// The value of a canonical q, in the smallest form; clears q.
static struct decimal mpq_store(struct arena *a, mpq_t q) {
    struct decimal result = {0};
    bool stored = false;
    long scale = finite_scale(mpq_denref(q));
    if (scale >= 0 && scale <= DECIMAL_SCALE_MAX) {
        mpz_t digits;
        u128 m = 0;
        mpz_init(digits);
        scaled_integer(digits, q, (unsigned long)scale);
        stored = mpz_get_u128(digits, &m) && fast_of(m, (int)scale, mpz_sgn(digits) < 0, &result);
        mpz_clear(digits);
    }
    if (!stored) {
        struct decimal_big *big = arena_alloc(a, sizeof *big);
        big->num = copy_limbs(a, mpq_numref(q));
        big->den = copy_limbs(a, mpq_denref(q));
        big->num_size = (mp_size_t)mpz_size(mpq_numref(q)) * mpz_sgn(mpq_numref(q));
        big->den_size = (mp_size_t)mpz_size(mpq_denref(q));
        result = (struct decimal){0, 0, big};
    }
    mpq_clear(q);
    return result;
}

static struct decimal big_binary(struct arena *a, struct decimal x, struct decimal y,
                                 void (*op)(mpq_t, const mpq_t, const mpq_t)) {
    mpq_t p, q;
    mpq_inits(p, q, NULL);
    mpq_load(p, x);
    mpq_load(q, y);
    op(p, p, q);
    mpq_clear(q);
    return mpq_store(a, p);
}

static void mpq_add_op(mpq_t r, const mpq_t x, const mpq_t y) {
    mpq_add(r, x, y);
}

static void mpq_mul_op(mpq_t r, const mpq_t x, const mpq_t y) {
    mpq_mul(r, x, y);
}

static void mpq_div_op(mpq_t r, const mpq_t x, const mpq_t y) {
    mpq_div(r, x, y);
}

// --- input ---------------------------------------------------------------------------------------

static enum err_code parse_malformed(struct err *e, const char *text) {
    (void)err_set(e, ERR_INVALID, "not a decimal number in plain notation: \"%s\"", text);
    (void)err_hint(e, "digits with an optional minus and point, such as \"12.50\"");
    return ERR_INVALID;
}

enum err_code decimal_parse(struct slice text, struct decimal *ret, struct err *e) {
    char shown[DECIMAL_INPUT_MAX + 1] = "";
    if (text.len > DECIMAL_INPUT_MAX) {
        return err_set(e, ERR_LIMIT, "a decimal number of more than %d characters",
                       DECIMAL_INPUT_MAX);
    }
    if (text.len > 0) {
        memcpy(shown, text.ptr, text.len);
    }
    bool negative = text.len > 0 && text.ptr[0] == '-';
    u128 digits = 0;
    int whole = 0, fraction = 0, significant = 0;
    bool point = false;
    for (size_t i = negative ? 1 : 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.' && !point && whole > 0) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9') {
            return parse_malformed(e, shown);
        }
        *(point ? &fraction : &whole) += 1;
        significant += significant > 0 || c != '0';
        if (significant > DECIMAL_DIGITS_MAX || fraction > DECIMAL_FRACTION_MAX) {
            return err_set(e, ERR_LIMIT,
                           "more than %d significant or %d fractional digits: \"%.100s\"",
                           DECIMAL_DIGITS_MAX, DECIMAL_FRACTION_MAX, shown);
        }
        digits = digits * 10 + (u128)(c - '0');
    }
    if (whole == 0 || (point && fraction == 0)) {
        return parse_malformed(e, shown);
    }
    *ret = (struct decimal){with_sign(digits, negative), fraction, NULL};
    return ERR_OK;
}

enum err_code decimal_parse_count(struct arena *a, struct slice text, struct decimal *ret,
                                  struct err *e) {
    u128 count = 0;
    if (number_parse_u128(text, &count)) {
        *ret = decimal_from_u128(a, count);
        return ERR_OK;
    }
    return decimal_parse(text, ret, e);
}

enum err_code decimal_parse_stored(struct arena *a, struct slice text, struct decimal *ret,
                                   struct err *e) {
    if (decimal_parse(text, ret, NULL) == ERR_OK) {
        return ERR_OK;
    }
    if (text.len > DECIMAL_STORED_MAX) {
        return err_set(e, ERR_LIMIT, "a figure of more than %d characters", DECIMAL_STORED_MAX);
    }
    char digits[DECIMAL_STORED_MAX + 1] = "";
    size_t n = 0, point = text.len;
    bool plain = text.len > 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool digit = c >= '0' && c <= '9';
        bool minus = c == '-' && i == 0;
        bool first_point = c == '.' && point == text.len && n > 0 && digits[n - 1] != '-';
        plain = plain && (digit || minus || first_point);
        if (first_point) {
            point = i;
        } else {
            digits[n++] = c;
        }
    }
    if (!plain || point + 1 == text.len || slice_eq_str(text, "-")) {
        return parse_malformed(e, digits);
    }
    mpq_t q;
    mpq_init(q);
    check(mpz_set_str(mpq_numref(q), digits, 10) == 0);
    mpz_ui_pow_ui(mpq_denref(q), 10, point == text.len ? 0 : text.len - point - 1);
    mpq_canonicalize(q);
    *ret = mpq_store(a, q);
    return ERR_OK;
}

struct decimal decimal_from_i64(int64_t value) {
    return (struct decimal){value, 0, NULL};
}

static struct decimal from_magnitude(struct arena *a, u128 m, bool negative) {
    struct decimal result;
    if (fast_of(m, 0, negative, &result)) {
        return result;
    }
    mpq_t q;
    mpq_init(q);
    mpz_set_u128(mpq_numref(q), m);
    if (negative) {
        mpq_neg(q, q);
    }
    return mpq_store(a, q);
}

struct decimal decimal_from_i128(struct arena *a, i128 value) {
    return from_magnitude(a, magnitude(value), value < 0);
}

struct decimal decimal_from_u128(struct arena *a, u128 value) {
    return from_magnitude(a, value, false);
}

// --- arithmetic ----------------------------------------------------------------------------------

// Brings both to the larger scale; false if one does not fit.
static bool align(struct decimal *x, struct decimal *y) {
    if (x->big != NULL || y->big != NULL) {
        return false;
    }
    struct decimal *low = x->scale < y->scale ? x : y;
    int scale = x->scale > y->scale ? x->scale : y->scale;
    u128 m = magnitude(low->digits);
    if (__builtin_mul_overflow(m, pow10_u128(scale - low->scale), &m) || m > DIGITS_LIMIT) {
        return false;
    }
    *low = (struct decimal){with_sign(m, low->digits < 0), scale, NULL};
    return true;
}

struct decimal decimal_add(struct arena *a, struct decimal x, struct decimal y) {
    struct decimal p = x, q = y;
    i128 sum = 0;
    if (align(&p, &q) && !__builtin_add_overflow(p.digits, q.digits, &sum) &&
        magnitude(sum) <= DIGITS_LIMIT) {
        return (struct decimal){sum, p.scale, NULL};
    }
    return big_binary(a, x, y, mpq_add_op);
}

struct decimal decimal_neg(struct arena *a, struct decimal x) {
    if (x.big == NULL) {
        return (struct decimal){-x.digits, x.scale, NULL};
    }
    struct decimal_big *big = arena_alloc(a, sizeof *big);
    *big = *x.big;
    big->num_size = -big->num_size;
    return (struct decimal){0, 0, big};
}

struct decimal decimal_sub(struct arena *a, struct decimal x, struct decimal y) {
    return decimal_add(a, x, decimal_neg(a, y));
}

struct decimal decimal_mul(struct arena *a, struct decimal x, struct decimal y) {
    if (x.big == NULL && y.big == NULL) {
        u128 m = 0;
        struct decimal result;
        if (!__builtin_mul_overflow(magnitude(x.digits), magnitude(y.digits), &m) &&
            fast_of(m, x.scale + y.scale, (x.digits < 0) != (y.digits < 0), &result)) {
            return result;
        }
    }
    return big_binary(a, x, y, mpq_mul_op);
}

struct decimal decimal_div(struct arena *a, struct decimal x, struct decimal y) {
    check(!decimal_is_zero(y));
    if (x.big == NULL && y.big == NULL) {
        u128 m = magnitude(x.digits), by = magnitude(y.digits);
        int scale = x.scale - y.scale;
        while (by % 10 == 0) {
            by /= 10;
            scale++;
        }
        struct decimal result;
        if (m % by == 0 && fast_of(m / by, scale, (x.digits < 0) != (y.digits < 0), &result)) {
            return result;
        }
    }
    return big_binary(a, x, y, mpq_div_op);
}

struct decimal decimal_percent(struct arena *a, struct decimal x, struct decimal percent) {
    return decimal_mul(a, x, decimal_div(a, percent, decimal_from_i64(100)));
}

int decimal_sign(struct decimal x) {
    if (x.big != NULL) {
        return (x.big->num_size > 0) - (x.big->num_size < 0);
    }
    return (x.digits > 0) - (x.digits < 0);
}

bool decimal_is_zero(struct decimal x) {
    return decimal_sign(x) == 0;
}

int decimal_cmp(struct decimal x, struct decimal y) {
    struct decimal p = x, q = y;
    if (align(&p, &q)) {
        return (p.digits > q.digits) - (p.digits < q.digits);
    }
    mpq_t m, n;
    mpq_inits(m, n, NULL);
    mpq_load(m, x);
    mpq_load(n, y);
    int order = mpq_cmp(m, n);
    mpq_clears(m, n, NULL);
    return (order > 0) - (order < 0);
}

bool decimal_equal(struct decimal x, struct decimal y) {
    return decimal_cmp(x, y) == 0;
}

struct decimal decimal_min(struct decimal x, struct decimal y) {
    return decimal_cmp(x, y) <= 0 ? x : y;
}

struct decimal decimal_max(struct decimal x, struct decimal y) {
    return decimal_cmp(x, y) >= 0 ? x : y;
}

// --- rounding ------------------------------------------------------------------------------------

// Whether the truncated magnitude goes one up. `half` compares what was cut with one half: -1, 0,
// 1; it is not looked at if nothing was cut.
static bool round_up(enum decimal_mode mode, bool cut, int half, bool negative, bool odd) {
    if (!cut) {
        return false;
    }
    switch (mode) {
    case DECIMAL_HALF_AWAY: return half >= 0;
    case DECIMAL_HALF_EVEN: return half > 0 || (half == 0 && odd);
    case DECIMAL_UP: return true;
    case DECIMAL_DOWN: return false;
    case DECIMAL_CEILING: return !negative;
    case DECIMAL_FLOOR: return negative;
    }
    return false;
}

static struct decimal round_big(struct arena *a, struct decimal x, int scale,
                                enum decimal_mode mode) {
    mpq_t q, factor;
    mpz_t whole, rest;
    mpq_inits(q, factor, NULL);
    mpq_load(q, x);
    mpz_inits(whole, rest, NULL);
    mpz_ui_pow_ui(scale >= 0 ? mpq_numref(factor) : mpq_denref(factor), 10,
                  (unsigned long)(scale >= 0 ? scale : -scale));
    if (scale < 0) {
        mpz_set_ui(mpq_numref(factor), 1);
    }
    mpq_mul(q, q, factor);
    bool negative = mpq_sgn(q) < 0;
    mpq_abs(q, q);
    mpz_tdiv_qr(whole, rest, mpq_numref(q), mpq_denref(q));
    bool cut = mpz_sgn(rest) != 0;
    mpz_mul_2exp(rest, rest, 1);
    if (round_up(mode, cut, mpz_cmp(rest, mpq_denref(q)), negative, mpz_odd_p(whole))) {
        mpz_add_ui(whole, whole, 1);
    }
    mpq_set_z(q, whole);
    if (negative) {
        mpq_neg(q, q);
    }
    mpq_div(q, q, factor);
    mpz_clears(whole, rest, NULL);
    mpq_clear(factor);
    return mpq_store(a, q);
}

struct decimal decimal_round(struct arena *a, struct decimal x, int scale, enum decimal_mode mode) {
    check(scale >= -DECIMAL_SCALE_MAX && scale <= DECIMAL_SCALE_MAX);
    if (x.big == NULL && x.scale <= scale) {
        return x;
    }
    if (x.big != NULL || x.scale - scale > DECIMAL_SCALE_MAX) {
        return round_big(a, x, scale, mode);
    }
    u128 unit = pow10_u128(x.scale - scale);
    u128 m = magnitude(x.digits);
    u128 whole = m / unit, rest = m % unit;
    u128 other = unit - rest;
    int half = (rest > other) - (rest < other);
    bool negative = x.digits < 0;
    whole += round_up(mode, rest != 0, half, negative, whole % 2 == 1);
    struct decimal result;
    return fast_of(whole, scale, negative, &result) ? result : round_big(a, x, scale, mode);
}

// --- output --------------------------------------------------------------------------------------

// `digits` (no sign) with a point `scale` places from the right; at least `min_fraction` decimals.
static const char *place_point(struct arena *a, const char *digits, bool negative, int scale,
                               int min_fraction) {
    int len = (int)strlen(digits);
    while (scale > min_fraction && len > 0 && digits[len - 1] == '0') {
        len--;
        scale--;
    }
    if (len == 0 || strspn(digits, "0") >= (size_t)len) {
        negative = false;
        digits = "0";
        len = 1;
        scale = scale > min_fraction ? min_fraction : scale;
    }
    int zeros_after = scale < min_fraction ? min_fraction - scale : 0;
    int zeros_before = len <= scale ? scale - len + 1 : 0;
    int whole = len + zeros_before - scale;
    char *out = arena_alloc(a, (size_t)len + (size_t)zeros_before + (size_t)zeros_after + 3);
    char *p = out;
    if (negative) {
        *p++ = '-';
    }
    for (int i = 0; i < len + zeros_before + zeros_after; i++) {
        if (i == whole) {
            *p++ = '.';
        }
        int at = i - zeros_before;
        char digit = '0';
        if (at >= 0 && at < len) {
            digit = digits[at];
        }
        *p++ = digit;
    }
    return out;
}

static const char *text_big(struct arena *a, struct decimal x, int min_fraction, bool *ret_exact) {
    mpq_t q;
    mpq_init(q);
    mpq_load(q, x);
    long scale = finite_scale(mpq_denref(q));
    if (scale < 0 || scale > DECIMAL_SHOWN_FRACTION_MAX) {
        mpq_clear(q);
        if (ret_exact != NULL) {
            *ret_exact = false;
        }
        struct decimal shown = decimal_round(a, x, DECIMAL_INEXACT_FRACTION, DECIMAL_HALF_AWAY);
        return decimal_text(a, shown, DECIMAL_INEXACT_FRACTION, NULL);
    }
    mpz_t digits;
    mpz_init(digits);
    scaled_integer(digits, q, (unsigned long)scale);
    bool negative = mpz_sgn(digits) < 0;
    mpz_abs(digits, digits);
    char *text = arena_alloc(a, mpz_sizeinbase(digits, 10) + 2);
    mpz_get_str(text, 10, digits);
    mpz_clear(digits);
    mpq_clear(q);
    return place_point(a, text, negative, (int)scale, min_fraction);
}

const char *decimal_text(struct arena *a, struct decimal x, int min_fraction, bool *ret_exact) {
    check(min_fraction >= 0 && min_fraction <= DECIMAL_SCALE_MAX);
    if (ret_exact != NULL) {
        *ret_exact = true;
    }
    if (x.big != NULL) {
        return text_big(a, x, min_fraction, ret_exact);
    }
    char digits[U128_TEXT_MAX];
    number_format_u128(digits, magnitude(x.digits));
    return place_point(a, digits, x.digits < 0, x.scale, min_fraction);
}

const char *decimal_text_as_read(struct arena *a, struct decimal x) {
    return decimal_text(a, x, x.scale, NULL);
}
