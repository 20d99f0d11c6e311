// Which files were begun. Their first lines alone don't tell: where a clock is set back, a file that
// was read begins later than one that was not, and is never to be read again. Pure.
#ifndef WEIR_TAP_FOLLOW_FOLLOW_PAST_H
#define WEIR_TAP_FOLLOW_FOLLOW_PAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tap/follow/log_file.h"

enum { FOLLOW_KNOWN_MAX = 1024 }; // files remembered as begun

struct follow_past {
    int64_t forgotten_ms; // a file that begins up to here and isn't the live one was read
    size_t count;
    struct {
        int64_t generation;
        struct log_file_ident ident;
    } items[FOLLOW_KNOWN_MAX]; // by generation
};

// Above FOLLOW_KNOWN_MAX the first is forgotten. One that is known already stays as it is.
void follow_past_add(struct follow_past *p, struct log_file_ident ident, int64_t generation);
bool follow_past_has(const struct follow_past *p, struct log_file_ident ident, bool live);
// Those up to a generation.
void follow_past_until(const struct follow_past *p, int64_t generation, struct follow_past *ret);

#endif
