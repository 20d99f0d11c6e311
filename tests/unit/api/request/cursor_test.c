// Cursors: keys go out and come back, however long the database lets them be.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/request/cursor.h"

static struct arena arena;
static struct buf out;

static int setup(void **state) {
    (void)state;
    arena_init(&arena);
    buf_init(&out, 1 << 16);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    arena_done(&arena);
    buf_done(&out);
    return 0;
}

static void keys__come_back_as_they_were(void **state) {
    (void)state;
    const char *keys[CURSOR_KEYS_MAX] = {NULL};
    const struct slice two[] = {SLICE_LIT("2027-06-01 00:00:00+00"),
                                SLICE_LIT("CN=\xc3\xbc, O=\"x\"\n\n\x1ftopic")};
    assert_true(cursor_write(&out, two, 2));
    assert_true(cursor_read(&arena, buf_slice(&out), keys, 2));
    assert_string_equal(keys[0], two[0].ptr);
    assert_string_equal(keys[1], two[1].ptr);
    assert_null(strpbrk(out.ptr, "+/=&?\"\\ \n"));
    // One key may hold a newline of its own.
    buf_clear(&out);
    assert_true(cursor_write(&out, &two[1], 1));
    assert_true(cursor_read(&arena, buf_slice(&out), keys, 1));
    assert_string_equal(keys[0], two[1].ptr);
    // An empty second key is not a missing one.
    buf_clear(&out);
    assert_true(cursor_write(&out, (const struct slice[]){SLICE_LIT("a"), {NULL, 0}}, 2));
    assert_true(cursor_read(&arena, buf_slice(&out), keys, 2));
    assert_string_equal(keys[1], "");
}

static void keys__may_have_the_stated_length_and_no_more(void **state) {
    (void)state;
    static char text[CURSOR_BYTES_MAX];
    const char *keys[CURSOR_KEYS_MAX] = {NULL};
    memset(text, 'k', sizeof text);
    assert_true(cursor_write(&out, (const struct slice[]){slice_of(text, sizeof text)}, 1));
    assert_true(cursor_read(&arena, buf_slice(&out), keys, 1));
    assert_int_equal(strlen(keys[0]), sizeof text);
    buf_clear(&out);
    const struct slice fits[] = {SLICE_LIT("t"), slice_of(text, sizeof text - 2)};
    assert_true(cursor_write(&out, fits, 2));
    assert_true(cursor_read(&arena, buf_slice(&out), keys, 2));
    assert_int_equal(strlen(keys[1]), sizeof text - 2);
    buf_clear(&out);
    const struct slice above[] = {SLICE_LIT("t"), slice_of(text, sizeof text - 1)};
    assert_false(cursor_write(&out, above, 2));
    assert_int_equal(out.len, 0);
    assert_false(out.overflow);
}

static void read__refuses_what_is_no_cursor(void **state) {
    (void)state;
    static char large[2 * CURSOR_BYTES_MAX];
    const char *keys[CURSOR_KEYS_MAX] = {NULL};
    memset(large, 'Y', sizeof large);
    const struct slice bad[] = {
        SLICE_LIT(""),
        SLICE_LIT("!!"),
        SLICE_LIT("YQ=="),
        SLICE_LIT("_w"),   // 0xff
        SLICE_LIT("YQBi"), // a NUL inside
        slice_of(large, sizeof large),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(cursor_read(&arena, bad[i], keys, 1));
        assert_false(cursor_read(&arena, bad[i], keys, 2));
    }
    assert_true(cursor_read(&arena, SLICE_LIT("YQ"), keys, 1));
    assert_false(cursor_read(&arena, SLICE_LIT("YQ"), keys, 2)); // "a": no second key
}

static void write__beyond_the_answer_overflows_it(void **state) {
    (void)state;
    struct buf small;
    buf_init(&small, 4);
    assert_true(cursor_write(&small, (const struct slice[]){SLICE_LIT("abcdefgh")}, 1));
    assert_true(small.overflow);
    buf_done(&small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys__come_back_as_they_were, setup, teardown),
        cmocka_unit_test_setup_teardown(keys__may_have_the_stated_length_and_no_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(read__refuses_what_is_no_cursor, setup, teardown),
        cmocka_unit_test_setup_teardown(write__beyond_the_answer_overflows_it, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
