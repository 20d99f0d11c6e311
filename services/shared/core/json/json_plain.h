// The shortest way through objects of small known shape: members in the order and spelling of a
// known writer, one compare of words per name, without a look at the end of the text. Whatever
// differs is refused, and json_scan reads it: nothing is accepted here that json_scan refuses.
//
// A cursor is moved only by what returns true. Each member takes at most its literal and
// JSON_PLAIN_NUMBER_MAX bytes; the caller makes sure that so much text is there.
#ifndef WEIR_CORE_JSON_JSON_PLAIN_H
#define WEIR_CORE_JSON_JSON_PLAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { JSON_PLAIN_DIGITS_MAX = 18, JSON_PLAIN_NUMBER_MAX = JSON_PLAIN_DIGITS_MAX + 2 };

#define JSON_PLAIN_TEXT(at, text) json_plain_text((at), (text), sizeof(text) - 1)
static inline bool json_plain_text(const char **at, const char *text, size_t len) {
    if (memcmp(*at, text, len) != 0) {
        return false;
    }
    *at += len;
    return true;
}

// An integer of at most JSON_PLAIN_DIGITS_MAX digits, and the byte behind it no digit.
static inline bool json_plain_int(const char **at, int64_t *ret) {
    const char *p = *at;
    bool negative = *p == '-';
    if (negative) {
        p++;
    }
    const char *start = p;
    unsigned digit = (unsigned)(unsigned char)*p - '0';
    if (digit > 9) {
        return false;
    }
    int64_t value = digit;
    while ((digit = (unsigned)(unsigned char)*++p - '0') <= 9) {
        if (p - start == JSON_PLAIN_DIGITS_MAX || *start == '0') {
            return false;
        }
        value = value * 10 + digit;
    }
    *ret = negative ? -value : value;
    *at = p;
    return true;
}

static inline bool json_plain_i32(const char **at, int32_t *ret) {
    int64_t value;
    if (!json_plain_int(at, &value) || value < INT32_MIN || value > INT32_MAX) {
        return false;
    }
    *ret = (int32_t)value;
    return true;
}

// A member with an integer that is not needed, or without it another one.
#define JSON_PLAIN_PASS(at, member) json_plain_pass((at), (member), sizeof(member) - 1)
static inline bool json_plain_pass(const char **at, const char *member, size_t len) {
    int64_t ignored;
    return !json_plain_text(at, member, len) || json_plain_int(at, &ignored);
}

#endif
