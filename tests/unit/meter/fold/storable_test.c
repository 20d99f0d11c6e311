// Text on its way into the database.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meter/fold/storable.h"

static void assert_stored(struct slice text, size_t max, struct slice expected) {
    struct arena a;
    arena_init(&a);
    struct slice got = storable_text(&a, text, max);
    assert_true(slice_eq(got, expected));
    assert_true(storable(got));
    arena_done(&a);
}

static void good_text__stays_as_it_is(void **state) {
    (void)state;
    assert_stored(SLICE_LIT("Bj\xc3\xb6rn"), 100, SLICE_LIT("Bj\xc3\xb6rn"));
    assert_stored((struct slice){0}, 100, SLICE_LIT(""));
}

static void what_cannot_be_stored__is_a_question_mark(void **state) {
    (void)state;
    assert_false(storable(SLICE_LIT("a\0b")));
    assert_false(storable(SLICE_LIT("\xff")));
    assert_stored(SLICE_LIT("a\0b\xff\xc3"), 100, SLICE_LIT("a?b??"));
}

static void long_text__is_cut_between_characters(void **state) {
    (void)state;
    assert_stored(SLICE_LIT("ab\xc3\xb6x"), 3, SLICE_LIT("ab"));
    assert_stored(SLICE_LIT("ab\xc3\xb6x"), 4, SLICE_LIT("ab\xc3\xb6"));
    assert_stored(SLICE_LIT("ab"), 0, SLICE_LIT(""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_text__stays_as_it_is),
        cmocka_unit_test(what_cannot_be_stored__is_a_question_mark),
        cmocka_unit_test(long_text__is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
