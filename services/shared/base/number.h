// Whole numbers as text and back, with checked bounds. 128 bits for sums of usage.
#ifndef WEIR_BASE_NUMBER_H
#define WEIR_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

__extension__ typedef __int128 i128;
__extension__ typedef unsigned __int128 u128;

enum { U128_TEXT_MAX = 40, I128_TEXT_MAX = 41 }; // sign, 39 digits, NUL

// Plain decimal digits, whole slice, no sign for the unsigned ones ("-" allowed for the signed).
// False on anything else or on overflow; *ret changes only on success.
bool number_parse_u64(struct slice s, uint64_t *ret);
bool number_parse_i64(struct slice s, int64_t *ret);
bool number_parse_i128(struct slice s, i128 *ret);
bool number_parse_u128(struct slice s, u128 *ret);
// Writes digits and NUL; returns the length without the NUL.
size_t number_format_i128(char out[I128_TEXT_MAX], i128 value);
size_t number_format_u128(char out[U128_TEXT_MAX], u128 value);

#endif
