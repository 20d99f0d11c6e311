// What a test expects of a reader of the request log, item by item.
#ifndef WEIR_TESTS_TAP_FOLLOW_FOLLOW_EXPECT_H
#define WEIR_TESTS_TAP_FOLLOW_FOLLOW_EXPECT_H

#include "tap/follow/follow.h"

enum { LINE_MAX_BYTES = 1000 };

// The next item, asked for often enough that looks at the folder happen.
enum follow_kind follow_expect_next(struct follow *f, struct follow_item *ret);
void follow_expect_nothing(struct follow *f);
void follow_expect_line(struct follow *f, int64_t generation, uint64_t offset, const char *ending);
void follow_expect_first_hole(struct follow *f, int64_t generation);
// A hole up to the beginning of `generation`.
void follow_expect_hole(struct follow *f, const char *why, int64_t from_generation,
                        uint64_t from_offset, int64_t generation);
// The same, with its times.
void follow_expect_hole_between(struct follow *f, const char *why, int64_t from_generation,
                                uint64_t from_offset, int64_t generation, int64_t from_ms,
                                int64_t to_ms);

#endif
