#include "base/encoding.h"

static const char HEX[] = "0123456789abcdef";
static const char BASE64URL[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char BASE32[] = "abcdefghijklmnopqrstuvwxyz234567";

size_t hex_encode(char *out, const void *data, size_t len) {
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = HEX[p[i] >> 4];
        out[2 * i + 1] = HEX[p[i] & 15];
    }
    return 2 * len;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool hex_decode(void *out, size_t len, struct slice in) {
    if (in.len != 2 * len) {
        return false;
    }
    uint8_t *p = out;
    for (size_t i = 0; i < len; i++) {
        int high = hex_digit(in.ptr[2 * i]);
        int low = hex_digit(in.ptr[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        p[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

// Writes groups of `bits` bits, the last one filled up with zero bits.
static size_t encode_bits(char *out, const uint8_t *p, size_t len, unsigned bits,
                          const char *alphabet) {
    uint32_t acc = 0;
    unsigned have = 0;
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        acc = acc << 8 | p[i];
        have += 8;
        while (have >= bits) {
            have -= bits;
            out[n++] = alphabet[acc >> have & ((1u << bits) - 1)];
        }
        acc &= (1u << have) - 1;
    }
    if (have > 0) {
        out[n++] = alphabet[acc << (bits - have) & ((1u << bits) - 1)];
    }
    return n;
}

size_t base64url_encode(char *out, const void *data, size_t len) {
    return encode_bits(out, data, len, 6, BASE64URL);
}

size_t base32_encode(char *out, const void *data, size_t len) {
    return encode_bits(out, data, len, 5, BASE32);
}

// One more than the value of each digit that both alphabets have, 0 for anything else.
static const uint8_t BASE64_DIGIT[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62,
};

static inline int base64_digit(char c, char c62, char c63) {
    int digit = BASE64_DIGIT[(unsigned char)c];
    return digit != 0 ? digit - 1 : c == c62 ? 62 : c == c63 ? 63 : -1;
}

static size_t base64_decode_with(uint8_t *out, struct slice in, char c62, char c63) {
    if (in.len % 4 == 1) {
        return (size_t)-1;
    }
    const char *p = in.ptr;
    size_t n = 0, left = in.len;
    for (; left >= 4; p += 4, left -= 4) {
        int a = base64_digit(p[0], c62, c63), b = base64_digit(p[1], c62, c63);
        int c = base64_digit(p[2], c62, c63), d = base64_digit(p[3], c62, c63);
        if ((a | b | c | d) < 0) {
            return (size_t)-1;
        }
        out[n++] = (uint8_t)(a << 2 | b >> 4);
        out[n++] = (uint8_t)(b << 4 | c >> 2);
        out[n++] = (uint8_t)(c << 6 | d);
    }
    if (left == 0) {
        return n;
    }
    int a = base64_digit(p[0], c62, c63), b = base64_digit(p[1], c62, c63);
    int c = left == 3 ? base64_digit(p[2], c62, c63) : 0;
    // What is left over of the last digit must be zero.
    if ((a | b | c) < 0 || ((left == 3 ? c << 6 : b << 4) & 0xff) != 0) {
        return (size_t)-1;
    }
    out[n++] = (uint8_t)(a << 2 | b >> 4);
    if (left == 3) {
        out[n++] = (uint8_t)(b << 4 | c >> 2);
    }
    return n;
}

size_t base64url_decode(void *out, struct slice in) {
    return base64_decode_with(out, in, '-', '_');
}

size_t base64_decode(void *out, struct slice in) {
    if (in.len % 4 == 0) {
        for (int i = 0; i < 2 && in.len > 0 && in.ptr[in.len - 1] == '='; i++) {
            in.len--;
        }
    }
    return base64_decode_with(out, in, '+', '/');
}

static bool is_continuation(char c) {
    return ((unsigned char)c & 0xC0) == 0x80;
}

size_t utf8_sequence(const char *s, size_t len) {
    const unsigned char *p = (const unsigned char *)s;
    if (len == 0) {
        return 0;
    }
    if (p[0] < 0x80) {
        return 1;
    }
    if (p[0] >= 0xC2 && p[0] <= 0xDF) {
        return len >= 2 && is_continuation(s[1]) ? 2 : 0;
    }
    if (p[0] >= 0xE0 && p[0] <= 0xEF) {
        if (len < 3 || !is_continuation(s[1]) || !is_continuation(s[2])) {
            return 0;
        }
        bool overlong = p[0] == 0xE0 && p[1] < 0xA0;
        bool surrogate = p[0] == 0xED && p[1] >= 0xA0;
        return overlong || surrogate ? 0 : 3;
    }
    if (p[0] >= 0xF0 && p[0] <= 0xF4) {
        if (len < 4 || !is_continuation(s[1]) || !is_continuation(s[2]) || !is_continuation(s[3])) {
            return 0;
        }
        bool outside = (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] >= 0x90);
        return outside ? 0 : 4;
    }
    return 0;
}

bool utf8_valid(struct slice s) {
    for (size_t i = 0; i < s.len;) {
        size_t n = utf8_sequence(s.ptr + i, s.len - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}
