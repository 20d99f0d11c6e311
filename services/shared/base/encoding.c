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

// 64 plus the value of each digit, 0 for what is none.
// clang-format off
#define BASE64_COMMON \
    ['A'] = 0x40, ['B'] = 0x41, ['C'] = 0x42, ['D'] = 0x43, ['E'] = 0x44, ['F'] = 0x45, ['G'] = 0x46, \
    ['H'] = 0x47, ['I'] = 0x48, ['J'] = 0x49, ['K'] = 0x4a, ['L'] = 0x4b, ['M'] = 0x4c, ['N'] = 0x4d, \
    ['O'] = 0x4e, ['P'] = 0x4f, ['Q'] = 0x50, ['R'] = 0x51, ['S'] = 0x52, ['T'] = 0x53, ['U'] = 0x54, \
    ['V'] = 0x55, ['W'] = 0x56, ['X'] = 0x57, ['Y'] = 0x58, ['Z'] = 0x59, ['a'] = 0x5a, ['b'] = 0x5b, \
    ['c'] = 0x5c, ['d'] = 0x5d, ['e'] = 0x5e, ['f'] = 0x5f, ['g'] = 0x60, ['h'] = 0x61, ['i'] = 0x62, \
    ['j'] = 0x63, ['k'] = 0x64, ['l'] = 0x65, ['m'] = 0x66, ['n'] = 0x67, ['o'] = 0x68, ['p'] = 0x69, \
    ['q'] = 0x6a, ['r'] = 0x6b, ['s'] = 0x6c, ['t'] = 0x6d, ['u'] = 0x6e, ['v'] = 0x6f, ['w'] = 0x70, \
    ['x'] = 0x71, ['y'] = 0x72, ['z'] = 0x73, ['0'] = 0x74, ['1'] = 0x75, ['2'] = 0x76, ['3'] = 0x77, \
    ['4'] = 0x78, ['5'] = 0x79, ['6'] = 0x7a, ['7'] = 0x7b, ['8'] = 0x7c, ['9'] = 0x7d
// clang-format on
enum { BASE64_VALID = 0x40, BASE64_VALUE = 0x3f };
static const uint8_t BASE64_DIGITS[256] = {BASE64_COMMON, ['+'] = 0x7e, ['/'] = 0x7f};
static const uint8_t BASE64URL_DIGITS[256] = {BASE64_COMMON, ['-'] = 0x7e, ['_'] = 0x7f};

static size_t base64_decode_with(uint8_t *out, struct slice in, const uint8_t digits[256]) {
    if (in.len % 4 == 1) {
        return (size_t)-1;
    }
    const uint8_t *p = (const uint8_t *)in.ptr;
    size_t n = 0, left = in.len;
    for (; left >= 4; p += 4, left -= 4) {
        unsigned a = digits[p[0]], b = digits[p[1]], c = digits[p[2]], d = digits[p[3]];
        if ((a & b & c & d & BASE64_VALID) == 0) {
            return (size_t)-1;
        }
        out[n++] = (uint8_t)(a << 2 | (b & BASE64_VALUE) >> 4);
        out[n++] = (uint8_t)(b << 4 | (c & BASE64_VALUE) >> 2);
        out[n++] = (uint8_t)(c << 6 | (d & BASE64_VALUE));
    }
    if (left == 0) {
        return n;
    }
    unsigned a = digits[p[0]], b = digits[p[1]], c = left == 3 ? digits[p[2]] : BASE64_VALID;
    // What is left over of the last digit must be zero.
    if ((a & b & c & BASE64_VALID) == 0 || ((left == 3 ? c << 6 : b << 4) & 0xff) != 0) {
        return (size_t)-1;
    }
    out[n++] = (uint8_t)(a << 2 | (b & BASE64_VALUE) >> 4);
    if (left == 3) {
        out[n++] = (uint8_t)(b << 4 | (c & BASE64_VALUE) >> 2);
    }
    return n;
}

size_t base64url_decode(void *out, struct slice in) {
    return base64_decode_with(out, in, BASE64URL_DIGITS);
}

size_t base64_decode(void *out, struct slice in) {
    if (in.len % 4 == 0) {
        for (int i = 0; i < 2 && in.len > 0 && in.ptr[in.len - 1] == '='; i++) {
            in.len--;
        }
    }
    return base64_decode_with(out, in, BASE64_DIGITS);
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
