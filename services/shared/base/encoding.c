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

static int base64_digit(char c, char c62, char c63) {
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == c62 ? 62 : c == c63 ? 63 : -1;
}

static size_t base64_decode_with(uint8_t *out, struct slice in, char c62, char c63) {
    if (in.len % 4 == 1) {
        return (size_t)-1;
    }
    uint32_t acc = 0;
    unsigned have = 0;
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        int d = base64_digit(in.ptr[i], c62, c63);
        if (d < 0) {
            return (size_t)-1;
        }
        acc = (acc << 6 | (uint32_t)d) & 0xffffff;
        have += 6;
        if (have >= 8) {
            have -= 8;
            out[n++] = (uint8_t)(acc >> have);
        }
    }
    return (acc & ((1u << have) - 1)) == 0 ? n : (size_t)-1;
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
