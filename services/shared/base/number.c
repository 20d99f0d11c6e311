#include "base/number.h"

bool number_parse_u128(struct slice s, u128 *ret) {
    if (s.len == 0) {
        return false;
    }
    u128 value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || __builtin_mul_overflow(value, (u128)10, &value) ||
            __builtin_add_overflow(value, (u128)(s.ptr[i] - '0'), &value)) {
            return false;
        }
    }
    *ret = value;
    return true;
}

bool number_parse_i128(struct slice s, i128 *ret) {
    bool negative = s.len > 0 && s.ptr[0] == '-';
    if (negative) {
        s = slice_of(s.ptr + 1, s.len - 1);
    }
    u128 magnitude = 0;
    const u128 limit = (u128)1 << 127;
    if (!number_parse_u128(s, &magnitude) || magnitude > limit - (negative ? 0 : 1)) {
        return false;
    }
    *ret = negative ? (i128)(~magnitude + 1) : (i128)magnitude;
    return true;
}

bool number_parse_u64(struct slice s, uint64_t *ret) {
    u128 value = 0;
    if (!number_parse_u128(s, &value) || value > UINT64_MAX) {
        return false;
    }
    *ret = (uint64_t)value;
    return true;
}

bool number_parse_i64(struct slice s, int64_t *ret) {
    i128 value = 0;
    if (!number_parse_i128(s, &value) || value < INT64_MIN || value > INT64_MAX) {
        return false;
    }
    *ret = (int64_t)value;
    return true;
}

size_t number_format_u128(char out[U128_TEXT_MAX], u128 value) {
    char digits[U128_TEXT_MAX];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + (int)(value % 10));
        value /= 10;
    } while (value != 0);
    for (size_t i = 0; i < n; i++) {
        out[i] = digits[n - 1 - i];
    }
    out[n] = '\0';
    return n;
}

size_t number_format_i128(char out[I128_TEXT_MAX], i128 value) {
    if (value >= 0) {
        return number_format_u128(out, (u128)value);
    }
    out[0] = '-';
    return 1 + number_format_u128(out + 1, ~(u128)value + 1);
}
