// A pull reader over one JSON text (RFC 8259), for what passes at log speed: no allocation, no
// copy. What is pulled (keys, integers, strings, containers entered) is checked; what is skipped is
// only followed to its end: quotes and the balance of brackets, not the grammar inside. A failure
// is sticky: every later call returns false, so a loop ends and the caller asks json_scan_failed
// once. The text stays borrowed.
//
//     json_scan_enter_object(&s);
//     while (json_scan_key(&s, &key))
//         if (slice_eq_str(key, "a")) json_scan_int(&s, &a); else json_scan_skip(&s);
//     if (!json_scan_finish(&s)) ...
#ifndef WEIR_CORE_JSON_JSON_SCAN_H
#define WEIR_CORE_JSON_JSON_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { JSON_SCAN_DEPTH_MAX = 64 }; // of containers entered or skipped

enum json_kind {
    JSON_KIND_NONE, // nothing that could begin a value
    JSON_KIND_OBJECT,
    JSON_KIND_ARRAY,
    JSON_KIND_STRING,
    JSON_KIND_NUMBER,
    JSON_KIND_TRUE,
    JSON_KIND_FALSE,
    JSON_KIND_NULL,
};

struct json_scan {
    const char *begin;
    const char *pos;
    const char *end;
    uint32_t depth;
    bool first; // the container just entered has had no member yet
    bool failed;
};

// A string between its quotes, escapes not resolved.
struct json_string {
    struct slice raw;
    bool escaped; // has at least one backslash: json_string_unescape gives its meaning
};

void json_scan_init(struct json_scan *s, struct slice text);
// The kind of the value that comes next; consumes nothing but white space.
enum json_kind json_scan_peek(struct json_scan *s);
bool json_scan_enter_object(struct json_scan *s);
// Next member of the object; then its value must be taken. False at the end of the object (which is
// consumed) and on failure. The key is raw: one written with escapes equals no plain name.
static inline bool json_scan_key(struct json_scan *s, struct slice *ret_key);
bool json_scan_enter_array(struct json_scan *s);
// True if another element follows, which must then be taken; false at the end (consumed) or
// failure.
static inline bool json_scan_item(struct json_scan *s);
// Passes over one value of any kind.
bool json_scan_skip(struct json_scan *s);
// As skip, and returns the text of the value.
bool json_scan_raw(struct json_scan *s, struct slice *ret_text);
// An integer without fraction and exponent within int64; anything else is a failure.
static inline bool json_scan_int(struct json_scan *s, int64_t *ret);
// Any number, as its text.
bool json_scan_number(struct json_scan *s, struct slice *ret_text);
bool json_scan_string(struct json_scan *s, struct json_string *ret);
bool json_scan_bool(struct json_scan *s, bool *ret);
bool json_scan_null(struct json_scan *s);
// Takes the next member if it is NAME, a literal, written without escapes and white space; then its
// value must be taken. Else nothing has happened, and json_scan_key tells what comes. For writers
// whose order is known; only inside an object. Accepts nothing that json_scan_key doesn't.
#define JSON_SCAN_AHEAD(s, name) json_scan_ahead((s), "\"" name "\":", sizeof(name) - 1 + 3)
static inline bool json_scan_ahead(struct json_scan *s, const char *member, size_t len) {
    const char *p = s->pos;
    if ((size_t)(s->end - p) <= len || s->failed) {
        return false;
    }
    if (!s->first && *p++ != ',') {
        return false;
    }
    if (memcmp(p, member, len) != 0) {
        return false;
    }
    s->pos = p + len;
    s->first = false;
    return true;
}
// Declares the text unfit, e.g. for a value of the wrong kind. Returns false.
bool json_scan_fail(struct json_scan *s);
static inline bool json_scan_failed(const struct json_scan *s) {
    return s->failed;
}
// True if nothing failed, all containers are closed and only white space is left.
bool json_scan_finish(struct json_scan *s);

// The key equals a literal: one length test and, inlined, one or two compares of words.
#define JSON_KEY_IS(key, lit)                                                                      \
    ((key).len == sizeof(lit) - 1 && memcmp((key).ptr, (lit), sizeof(lit) - 1) == 0)

bool json_scan_member(struct json_scan *s, struct slice *ret_key); // json_scan_key, all of it
static inline bool json_scan_key(struct json_scan *s, struct slice *ret_key) {
    if (s->failed || s->pos == s->end || *s->pos != '}' || s->depth == 0) {
        return json_scan_member(s, ret_key);
    }
    s->first = false;
    s->depth--;
    s->pos++;
    return false;
}

bool json_scan_any_int(struct json_scan *s, int64_t *ret); // json_scan_int, all of it
static inline bool json_scan_int(struct json_scan *s, int64_t *ret) {
    enum { SHORT = 18 }; // digits that can't overflow
    const char *p = s->pos;
    if (s->failed || s->end - p < SHORT + 2) {
        return json_scan_any_int(s, ret);
    }
    bool negative = *p == '-';
    if (negative) {
        p++;
    }
    const char *start = p;
    int64_t value = 0;
    while (*p >= '0' && *p <= '9' && p - start < SHORT) {
        value = value * 10 + (*p++ - '0');
    }
    // Only what ends a whole number in a row of members; the rest, and what is wrong, is looked at
    // again.
    if (p == start || (*start == '0' && p - start > 1) || (*p != ',' && *p != '}')) {
        return json_scan_any_int(s, ret);
    }
    *ret = negative ? -value : value;
    s->pos = p;
    return true;
}

bool json_scan_item_spaced(struct json_scan *s); // with white space in front, or none left
static inline bool json_scan_item(struct json_scan *s) {
    if (s->failed || s->pos == s->end || (unsigned char)*s->pos <= ' ' || s->depth == 0) {
        return json_scan_item_spaced(s);
    }
    char c = *s->pos;
    bool first = s->first;
    s->first = false;
    if (c == ']') {
        s->depth--;
        s->pos++;
        return false;
    }
    if (first) {
        return true;
    }
    if (c != ',') {
        return json_scan_fail(s);
    }
    s->pos++;
    return true;
}

// Bytes from the start of the text to where the reader stands.
static inline size_t json_scan_offset(const struct json_scan *s) {
    return (size_t)(s->pos - s->begin);
}
// Writes the meaning of `raw`, a string that was read, as UTF-8 to `out`, which has room for raw.len
// bytes (never more); a lone surrogate as U+FFFD. Returns the bytes written, or (size_t)-1 for an
// escape that is none.
size_t json_string_unescape(char *out, struct slice raw);

#endif
