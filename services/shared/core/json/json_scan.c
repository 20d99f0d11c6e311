// Pull reader over one JSON text. Strings and skipped values are passed 16 and 64 bytes at a time
// (SSE2, which every x86-64 has; elsewhere byte by byte). Never reads past the end of the text.
#include "core/json/json_scan.h"

#include <stddef.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

void json_scan_init(struct json_scan *s, struct slice text) {
    *s = (struct json_scan){
        .begin = text.ptr,
        .pos = text.ptr,
        .end = text.len == 0 ? text.ptr : text.ptr + text.len,
    };
}

bool json_scan_fail(struct json_scan *s) {
    s->failed = true;
    return false;
}

static inline void skip_space(struct json_scan *s) {
    const char *p = s->pos;
    while (p < s->end && (unsigned char)*p <= ' ' &&
           (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')) {
        p++;
    }
    s->pos = p;
}

// The next byte that is not white space, 0 at the end.
static inline char next_char(struct json_scan *s) {
    if (s->pos < s->end && (unsigned char)*s->pos > ' ') {
        return *s->pos;
    }
    skip_space(s);
    return s->pos < s->end ? *s->pos : '\0';
}

enum json_kind json_scan_peek(struct json_scan *s) {
    if (s->failed) {
        return JSON_KIND_NONE;
    }
    switch (next_char(s)) {
    case '{': return JSON_KIND_OBJECT;
    case '[': return JSON_KIND_ARRAY;
    case '"': return JSON_KIND_STRING;
    case 't': return JSON_KIND_TRUE;
    case 'f': return JSON_KIND_FALSE;
    case 'n': return JSON_KIND_NULL;
    case '-':
    case '0' ... '9': return JSON_KIND_NUMBER;
    default: return JSON_KIND_NONE;
    }
}

static inline bool enter(struct json_scan *s, char open) {
    if (s->failed || next_char(s) != open || s->depth == JSON_SCAN_DEPTH_MAX) {
        return json_scan_fail(s);
    }
    s->pos++;
    s->depth++;
    s->first = true;
    return true;
}

bool json_scan_enter_object(struct json_scan *s) {
    return enter(s, '{');
}

bool json_scan_enter_array(struct json_scan *s) {
    return enter(s, '[');
}

// Steps over the separator in front of the next member. False at the end of the container.
static inline bool next_member(struct json_scan *s, char close) {
    if (s->failed) {
        return false;
    }
    char c = next_char(s);
    bool first = s->first;
    s->first = false;
    if (c == close) {
        if (s->depth == 0) {
            return json_scan_fail(s);
        }
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

bool json_scan_item_spaced(struct json_scan *s) {
    return next_member(s, ']');
}

#ifdef __SSE2__
// Bits of the 16 bytes at `p` that end or spoil a run of plain string bytes: quote, backslash,
// control.
static inline unsigned string_stops(const char *p) {
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1f)), v);
    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), control));
}
#endif

// The first quote, backslash or control character at or after `p`; `end` if there is none.
static inline const char *string_stop(const char *p, const char *end) {
#ifdef __SSE2__
    while (end - p >= 16) {
        unsigned stops = string_stops(p);
        if (stops != 0) {
            return p + __builtin_ctz(stops);
        }
        p += 16;
    }
#endif
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20) {
        p++;
    }
    return p;
}

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// `p` is at a backslash. The byte after the escape, NULL if it is none.
static const char *escape_end(const char *p, const char *end) {
    if (end - p < 2) {
        return NULL;
    }
    if (p[1] != 'u') {
        return memchr("\"\\/bfnrt", p[1], 8) != NULL ? p + 2 : NULL;
    }
    if (end - p < 6) {
        return NULL;
    }
    for (int i = 2; i < 6; i++) {
        if (!is_hex(p[i])) {
            return NULL;
        }
    }
    return p + 6;
}

// The reader is at the opening quote.
static inline bool take_string(struct json_scan *s, struct json_string *ret) {
    const char *start = s->pos + 1;
    const char *p = string_stop(start, s->end);
    bool escaped = false;
    while (p < s->end && *p == '\\') {
        escaped = true;
        p = escape_end(p, s->end);
        if (p == NULL) {
            return json_scan_fail(s);
        }
        p = string_stop(p, s->end);
    }
    if (p == s->end || *p != '"') {
        return json_scan_fail(s);
    }
    ret->raw = slice_of(start, (size_t)(p - start));
    ret->escaped = escaped;
    s->pos = p + 1;
    return true;
}

bool json_scan_string(struct json_scan *s, struct json_string *ret) {
    if (s->failed || next_char(s) != '"') {
        return json_scan_fail(s);
    }
    return take_string(s, ret);
}

// The next member when nothing unusual is in its way: no white space, no escape, a key of less than
// 32 bytes. Anything else, the end of the object too, is left to json_scan_member.
static inline bool plain_key(struct json_scan *s, struct slice *ret_key) {
#ifdef __SSE2__
    const char *p = s->pos;
    if (s->failed || s->end - p < 40) {
        return false;
    }
    if (!s->first && *p++ != ',') {
        return false;
    }
    if (*p++ != '"') {
        return false;
    }
    unsigned stops = string_stops(p);
    size_t len;
    if (stops != 0) {
        len = (size_t)__builtin_ctz(stops);
    } else {
        stops = string_stops(p + 16);
        if (stops == 0) {
            return false;
        }
        len = 16 + (size_t)__builtin_ctz(stops);
    }
    if (p[len] != '"' || p[len + 1] != ':') {
        return false;
    }
    *ret_key = slice_of(p, len);
    s->pos = p + len + 2;
    s->first = false;
    return true;
#else
    (void)s, (void)ret_key;
    return false;
#endif
}

bool json_scan_member(struct json_scan *s, struct slice *ret_key) {
    if (plain_key(s, ret_key)) {
        return true;
    }
    if (!next_member(s, '}')) {
        return false;
    }
    struct json_string key;
    if (next_char(s) != '"' || !take_string(s, &key)) {
        return json_scan_fail(s);
    }
    if (next_char(s) != ':') {
        return json_scan_fail(s);
    }
    s->pos++;
    *ret_key = key.raw;
    return true;
}

static inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static const char *digits_end(const char *p, const char *end) {
    while (p < end && is_digit(*p)) {
        p++;
    }
    return p;
}

bool json_scan_number(struct json_scan *s, struct slice *ret_text) {
    if (s->failed || json_scan_peek(s) != JSON_KIND_NUMBER) {
        return json_scan_fail(s);
    }
    const char *p = s->pos;
    if (*p == '-') {
        p++;
    }
    const char *whole = p;
    p = digits_end(p, s->end);
    if (p == whole || (*whole == '0' && p - whole > 1)) {
        return json_scan_fail(s);
    }
    if (p < s->end && *p == '.') {
        const char *fraction = ++p;
        p = digits_end(p, s->end);
        if (p == fraction) {
            return json_scan_fail(s);
        }
    }
    if (p < s->end && (*p == 'e' || *p == 'E')) {
        p++;
        if (p < s->end && (*p == '+' || *p == '-')) {
            p++;
        }
        const char *exponent = p;
        p = digits_end(p, s->end);
        if (p == exponent) {
            return json_scan_fail(s);
        }
    }
    *ret_text = slice_of(s->pos, (size_t)(p - s->pos));
    s->pos = p;
    return true;
}

bool json_scan_any_int(struct json_scan *s, int64_t *ret) {
    if (s->failed) {
        return false;
    }
    next_char(s);
    const char *p = s->pos;
    bool negative = p < s->end && *p == '-';
    p += negative;
    const char *start = p;
    uint64_t value = 0;
    while (p < s->end && is_digit(*p) && p - start < 19) {
        value = value * 10 + (uint64_t)(*p++ - '0');
    }
    // 19 digits always fit 64 unsigned bits; a 20th can't be within int64.
    if (p == start || (*start == '0' && p - start > 1)) {
        return json_scan_fail(s);
    }
    if (p < s->end && (is_digit(*p) || *p == '.' || *p == 'e' || *p == 'E')) {
        return json_scan_fail(s);
    }
    if (value > (uint64_t)INT64_MAX + negative) {
        return json_scan_fail(s);
    }
    *ret = negative ? (int64_t)(0 - value) : (int64_t)value;
    s->pos = p;
    return true;
}

static bool take_word(struct json_scan *s, const char *word, size_t len) {
    if (s->failed || next_char(s) != word[0] || (size_t)(s->end - s->pos) < len ||
        memcmp(s->pos, word, len) != 0) {
        return json_scan_fail(s);
    }
    s->pos += len;
    return true;
}

bool json_scan_bool(struct json_scan *s, bool *ret) {
    bool is_true = json_scan_peek(s) == JSON_KIND_TRUE;
    if (!(is_true ? take_word(s, "true", 4) : take_word(s, "false", 5))) {
        return false;
    }
    *ret = is_true;
    return true;
}

bool json_scan_null(struct json_scan *s) {
    return take_word(s, "null", 4);
}

// --- skipping a container ------------------------------------------------------------------------

// Byte by byte from inside a container at `level` open brackets, until they are closed or `stop` is
// reached outside or inside a string. Returns the byte after the last bracket or where it stopped.
static const char *follow_bytes(const char *p, const char *stop, const char *end, unsigned *level,
                                bool *in_string) {
    while (p < stop) {
        char c = *p++;
        if (*in_string) {
            if (c == '\\') {
                p = p < end ? p + 1 : end;
            } else if (c == '"') {
                *in_string = false;
            }
        } else if (c == '"') {
            *in_string = true;
        } else if (c == '{' || c == '[') {
            if (++*level > JSON_SCAN_DEPTH_MAX) {
                return NULL;
            }
        } else if ((c == '}' || c == ']') && --*level == 0) {
            return p;
        }
    }
    return p;
}

#ifdef __SSE2__
// Without an instruction for it in plain x86-64, the compiler's own is a call (Warren, "Hacker's
// Delight").
static inline unsigned count_bits(uint64_t v) {
    v -= (v >> 1) & 0x5555555555555555ULL;
    v = (v & 0x3333333333333333ULL) + ((v >> 2) & 0x3333333333333333ULL);
    v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
    return (unsigned)((v * 0x0101010101010101ULL) >> 56);
}

struct block {
    uint64_t quote, slash, open, close;
};

static inline struct block read_block(const char *p) {
    struct block b = {0, 0, 0, 0};
    for (int i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
        // '[' and '{', like ']' and '}', differ in this one bit.
        __m128i lower = _mm_or_si128(v, _mm_set1_epi8(0x20));
        int at = 16 * i;
        b.quote |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('"')))
                   << at;
        b.slash |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(v, _mm_set1_epi8('\\')))
                   << at;
        b.open |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(lower, _mm_set1_epi8('{')))
                  << at;
        b.close |= (uint64_t)(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(lower, _mm_set1_epi8('}')))
                   << at;
    }
    return b;
}

// Bit i set: an odd number of bits of `quotes` at or below i, so byte i is inside a string.
static inline uint64_t inside(uint64_t quotes) {
    quotes ^= quotes << 1;
    quotes ^= quotes << 2;
    quotes ^= quotes << 4;
    quotes ^= quotes << 8;
    quotes ^= quotes << 16;
    quotes ^= quotes << 32;
    return quotes;
}
#endif

// The byte after the bracket that closes the container at `p` (its opening bracket), NULL if none
// does.
static const char *container_end(const char *p, const char *end) {
    unsigned level = 1;
    bool in_string = false;
    p++;
#ifdef __SSE2__
    while (end - p >= 64) {
        struct block b = read_block(p);
        // A block without escapes that can't close the container only moves the level.
        if (b.slash == 0) {
            uint64_t strings = inside(b.quote) ^ (in_string ? ~(uint64_t)0 : 0);
            unsigned opens = count_bits(b.open & ~strings);
            unsigned closes = count_bits(b.close & ~strings);
            if (closes < level && level + opens <= JSON_SCAN_DEPTH_MAX) {
                level += opens - closes;
                in_string = strings >> 63;
                p += 64;
                continue;
            }
        }
        p = follow_bytes(p, p + 64, end, &level, &in_string);
        if (p == NULL || level == 0) {
            return p;
        }
    }
#endif
    p = follow_bytes(p, end, end, &level, &in_string);
    return level == 0 ? p : NULL;
}

static inline bool is_number_byte(char c) {
    return is_digit(c) || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

bool json_scan_skip(struct json_scan *s) {
    struct json_string text;
    bool ignored;
    if (s->failed) {
        return false;
    }
    // What log lines are made of first.
    char c = next_char(s);
    if (c == '"') {
        return take_string(s, &text);
    }
    if (c == '-' || is_digit(c)) {
        const char *p = s->pos + 1;
        while (p < s->end && (is_digit(*p) || *p == '.')) {
            p++;
        }
        while (p < s->end && is_number_byte(*p)) {
            p++;
        }
        s->pos = p;
        return true;
    }
    switch (json_scan_peek(s)) {
    case JSON_KIND_TRUE:
    case JSON_KIND_FALSE: return json_scan_bool(s, &ignored);
    case JSON_KIND_NULL: return json_scan_null(s);
    case JSON_KIND_OBJECT:
    case JSON_KIND_ARRAY: {
        const char *p = container_end(s->pos, s->end);
        if (p == NULL) {
            return json_scan_fail(s);
        }
        s->pos = p;
        return true;
    }
    default: return json_scan_fail(s);
    }
}

bool json_scan_raw(struct json_scan *s, struct slice *ret_text) {
    if (!s->failed) {
        next_char(s);
    }
    const char *start = s->pos;
    if (!json_scan_skip(s)) {
        return false;
    }
    *ret_text = slice_of(start, (size_t)(s->pos - start));
    return true;
}

bool json_scan_finish(struct json_scan *s) {
    if (s->failed || s->depth != 0) {
        return json_scan_fail(s);
    }
    skip_space(s);
    return s->pos == s->end || json_scan_fail(s);
}

// --- escapes -------------------------------------------------------------------------------------

static unsigned hex4(const char *p) {
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        unsigned digit = (unsigned)(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
        v = v * 16 + digit;
    }
    return v;
}

static size_t put_utf8(char *out, unsigned c) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | (c >> 6));
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | (c >> 12));
        out[1] = (char)(0x80 | ((c >> 6) & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | (c >> 18));
    out[1] = (char)(0x80 | ((c >> 12) & 0x3f));
    out[2] = (char)(0x80 | ((c >> 6) & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

size_t json_string_unescape(char *out, struct slice raw) {
    const char *p = raw.ptr;
    const char *end = raw.len == 0 ? p : p + raw.len;
    char *o = out;
    while (p < end) {
        if (*p != '\\') {
            *o++ = *p++;
            continue;
        }
        const char *next = escape_end(p, end);
        if (next == NULL) {
            return (size_t)-1;
        }
        static const char FROM[] = "\"\\/bfnrt";
        static const char TO[] = "\"\\/\b\f\n\r\t";
        if (p[1] != 'u') {
            *o++ = TO[strchr(FROM, p[1]) - FROM];
            p = next;
            continue;
        }
        unsigned c = hex4(p + 2);
        p = next;
        if (c >= 0xd800 && c < 0xe000) {
            bool pair = c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
                        escape_end(p, end) != NULL && hex4(p + 2) >= 0xdc00 && hex4(p + 2) < 0xe000;
            c = pair ? 0x10000 + ((c - 0xd800) << 10) + (hex4(p + 2) - 0xdc00) : 0xfffd;
            p += pair ? 6 : 0;
        }
        o += put_utf8(o, c);
    }
    return (size_t)(o - out);
}
