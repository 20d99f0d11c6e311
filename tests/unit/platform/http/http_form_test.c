#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "platform/http/http_form.h"

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_done(&arena);
    return 0;
}

static void unescape__follows_the_form_encoding(void **state) {
    (void)state;
    assert_string_equal(http_form_unescape(&arena, SLICE_LIT("a+b%20c%2Bd")), "a b c+d");
    assert_string_equal(http_form_unescape(&arena, SLICE_LIT("%c3%BC")), "\xc3\xbc");
    assert_string_equal(http_form_unescape(&arena, SLICE_LIT("")), "");
}

static void unescape__refuses_what_is_malformed(void **state) {
    (void)state;
    assert_null(http_form_unescape(&arena, SLICE_LIT("%")));
    assert_null(http_form_unescape(&arena, SLICE_LIT("%2")));
    assert_null(http_form_unescape(&arena, SLICE_LIT("abc%4")));
    assert_null(http_form_unescape(&arena, SLICE_LIT("%zz")));
    assert_null(http_form_unescape(&arena, SLICE_LIT("a%00b")));
    assert_null(http_form_unescape(&arena, SLICE_LIT("%ff")));
}

static void unescape__the_limit_counts_bytes_after_it(void **state) {
    (void)state;
    char text[3 * HTTP_FORM_VALUE_MAX + 4];
    for (size_t i = 0; i < HTTP_FORM_VALUE_MAX + 1; i++) {
        memcpy(text + 3 * i, "%41", 3);
    }
    assert_non_null(http_form_unescape(&arena, slice_of(text, 3 * HTTP_FORM_VALUE_MAX)));
    assert_null(http_form_unescape(&arena, slice_of(text, 3 * (HTTP_FORM_VALUE_MAX + 1))));
    memset(text, 'a', sizeof text);
    assert_non_null(http_form_unescape(&arena, slice_of(text, HTTP_FORM_VALUE_MAX)));
    assert_null(http_form_unescape(&arena, slice_of(text, HTTP_FORM_VALUE_MAX + 1)));
}

static void find__takes_the_first_whole_name(void **state) {
    (void)state;
    struct slice form = SLICE_LIT("aa=1&a=2&a=3&b&c=&=4");
    assert_true(slice_eq_str(http_form_find(form, "a"), "2"));
    assert_true(slice_eq_str(http_form_find(form, "aa"), "1"));
    assert_int_equal(http_form_find(form, "b").len, 0);
    assert_non_null(http_form_find(form, "b").ptr);
    assert_int_equal(http_form_find(form, "c").len, 0);
    assert_null(http_form_find(form, "d").ptr);
    assert_null(http_form_find((struct slice){NULL, 0}, "a").ptr);
    assert_null(http_form_find(SLICE_LIT("&&&"), "a").ptr);
}

static void valid__looks_at_every_pair(void **state) {
    (void)state;
    assert_true(http_form_valid(&arena, SLICE_LIT("a=1&b=%20&&c")));
    assert_true(http_form_valid(&arena, (struct slice){NULL, 0}));
    assert_false(http_form_valid(&arena, SLICE_LIT("a=1&b=%00&c=2")));
    assert_false(http_form_valid(&arena, SLICE_LIT("a=1&%zz=1")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unescape__follows_the_form_encoding),
        cmocka_unit_test(unescape__refuses_what_is_malformed),
        cmocka_unit_test(unescape__the_limit_counts_bytes_after_it),
        cmocka_unit_test(find__takes_the_first_whole_name),
        cmocka_unit_test(valid__looks_at_every_pair),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
