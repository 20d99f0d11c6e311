// Text encodings of bytes: hex, base64 (RFC 4648 §4 and §5), base32 (§6, lower case), UTF-8.
// Writers take `out` with at least the stated room and add no NUL; they return the bytes written.
#ifndef WEIR_BASE_ENCODING_H
#define WEIR_BASE_ENCODING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

// 2 * len characters, lower case.
size_t hex_encode(char *out, const void *data, size_t len);
// False unless `in` is exactly 2 * len hex digits.
bool hex_decode(void *out, size_t len, struct slice in);
// Without padding: (len * 8 + 5) / 6 characters.
size_t base64url_encode(char *out, const void *data, size_t len);
// Accepts no padding and no white space. Returns bytes written (at most in.len * 3 / 4 + 2),
// or (size_t)-1.
size_t base64url_decode(void *out, struct slice in);
// Standard alphabet, padding optional; otherwise as base64url_decode.
size_t base64_decode(void *out, struct slice in);
// Without padding, a-z2-7: (len * 8 + 4) / 5 characters.
size_t base32_encode(char *out, const void *data, size_t len);
// Length 1..4 of the well-formed UTF-8 sequence at `s` (RFC 3629), 0 if there is none.
size_t utf8_sequence(const char *s, size_t len);
bool utf8_valid(struct slice s);

#endif
