#include "tap/follow/follow_expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { CALLS_MAX = 100 };

enum follow_kind follow_expect_next(struct follow *f, struct follow_item *ret) {
    for (int i = 0; i < CALLS_MAX; i++) {
        struct err e = {0};
        assert_int_equal(follow_next(f, ret, &e), ERR_OK);
        if (ret->kind != FOLLOW_NOTHING) {
            return ret->kind;
        }
    }
    return FOLLOW_NOTHING;
}

void follow_expect_nothing(struct follow *f) {
    struct follow_item item;
    assert_int_equal(follow_expect_next(f, &item), FOLLOW_NOTHING);
}

void follow_expect_line(struct follow *f, int64_t generation, uint64_t offset, const char *ending) {
    struct follow_item item;
    assert_int_equal(follow_expect_next(f, &item), FOLLOW_LINE);
    assert_int_equal(item.generation, generation);
    assert_int_equal(item.offset, offset);
    size_t n = strlen(ending);
    assert_true(item.text.len >= n);
    assert_memory_equal(item.text.ptr + item.text.len - n, ending, n);
}

void follow_expect_first_hole(struct follow *f, int64_t generation) {
    struct follow_item item;
    assert_int_equal(follow_expect_next(f, &item), FOLLOW_HOLE);
    assert_string_equal(item.why, "unknown_before");
    assert_false(item.has_from);
    assert_int_equal(item.generation, generation);
    assert_int_equal(item.offset, 0);
    assert_int_equal(item.to_ms, generation);
}

static struct follow_item expect_hole(struct follow *f, const char *why, int64_t from_generation,
                                      uint64_t from_offset, int64_t generation) {
    struct follow_item item;
    assert_int_equal(follow_expect_next(f, &item), FOLLOW_HOLE);
    assert_string_equal(item.why, why);
    assert_true(item.has_from);
    assert_int_equal(item.from_generation, from_generation);
    assert_int_equal(item.from_offset, from_offset);
    assert_int_equal(item.generation, generation);
    assert_true(item.from_ms > 0 && item.from_ms <= item.to_ms);
    return item;
}

void follow_expect_hole(struct follow *f, const char *why, int64_t from_generation,
                        uint64_t from_offset, int64_t generation) {
    (void)expect_hole(f, why, from_generation, from_offset, generation);
}

void follow_expect_hole_between(struct follow *f, const char *why, int64_t from_generation,
                                uint64_t from_offset, int64_t generation, int64_t from_ms,
                                int64_t to_ms) {
    struct follow_item item = expect_hole(f, why, from_generation, from_offset, generation);
    assert_int_equal(item.from_ms, from_ms);
    assert_int_equal(item.to_ms, to_ms);
}
