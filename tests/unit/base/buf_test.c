#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/encoding.h"
#include "base/err.h"

static void buf__stops_at_its_maximum_and_says_so(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    buf_add_str(&b, "abcd");
    assert_false(b.overflow);
    buf_add_char(&b, 'e');
    assert_true(b.overflow);
    assert_string_equal(b.ptr, "abcd");
    buf_done(&b);
}

static void json_string__escapes_and_repairs(void **state) {
    (void)state;
    struct buf b;
    buf_init(&b, 1024);
    buf_add_json_string(&b, SLICE_LIT("a\"\\\n\x01\xC3\xA4\xFFz"));
    assert_string_equal(b.ptr, "\"a\\\"\\\\\\n\\u0001\xC3\xA4\xEF\xBF\xBDz\"");
    buf_done(&b);
}

static void arena__gives_aligned_zeroed_memory_and_resets(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 40000; size = size * 2 + 1) {
            unsigned char *p = arena_alloc(&a, size);
            assert_int_equal((uintptr_t)p % 16, 0);
            for (size_t i = 0; i < size; i++) {
                assert_int_equal(p[i], 0);
                p[i] = 0xAA;
            }
        }
        assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
        arena_reset(&a);
    }
    arena_done(&a);
}

static void encodings__round_trip(void **state) {
    (void)state;
    unsigned char data[33];
    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = (unsigned char)(i * 37 + 11);
    }
    for (size_t len = 0; len <= sizeof data; len++) {
        char text[128];
        unsigned char back[64];
        size_t n = base64url_encode(text, data, len);
        assert_int_equal(base64url_decode(back, slice_of(text, n)), len);
        assert_memory_equal(back, data, len);
        n = hex_encode(text, data, len);
        assert_true(hex_decode(back, len, slice_of(text, n)));
        assert_memory_equal(back, data, len);
    }
    char text[32];
    assert_int_equal(base32_encode(text, "foobar", 6), 10);
    assert_memory_equal(text, "mzxw6ytboi", 10);
    unsigned char out[8];
    assert_int_equal(base64_decode(out, SLICE_LIT("Zm9vYg==")), 4);
    assert_memory_equal(out, "foob", 4);
    assert_int_equal(base64url_decode(out, SLICE_LIT("Z")), (size_t)-1);
    assert_int_equal(base64url_decode(out, SLICE_LIT("Zn")), (size_t)-1);
}

static void utf8__refuses_overlong_surrogates_and_torn(void **state) {
    (void)state;
    assert_true(utf8_valid(SLICE_LIT("gr\xC3\xBC\xC3\x9F \xF0\x9F\x8C\x8A")));
    assert_false(utf8_valid(SLICE_LIT("\xC0\xAF")));
    assert_false(utf8_valid(SLICE_LIT("\xED\xA0\x80")));
    assert_false(utf8_valid(SLICE_LIT("\xF4\x90\x80\x80")));
    assert_false(utf8_valid(SLICE_LIT("\xE2\x82")));
}

static void err__keeps_its_code_under_context(void **state) {
    (void)state;
    struct err e;
    assert_int_equal(err_field(&e, ERR_INVALID, "/name", "name is empty"), ERR_INVALID);
    assert_int_equal(err_hint(&e, "give a name"), ERR_INVALID);
    assert_int_equal(err_context(&e, "product %d", 3), ERR_INVALID);
    assert_string_equal(e.text, "product 3: name is empty");
    assert_string_equal(e.field, "/name");
    assert_string_equal(e.hint, "give a name");
    assert_int_equal(err_set(NULL, ERR_IO, "no one listens"), ERR_IO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf__stops_at_its_maximum_and_says_so),
        cmocka_unit_test(json_string__escapes_and_repairs),
        cmocka_unit_test(arena__gives_aligned_zeroed_memory_and_resets),
        cmocka_unit_test(encodings__round_trip),
        cmocka_unit_test(utf8__refuses_overlong_surrogates_and_torn),
        cmocka_unit_test(err__keeps_its_code_under_context),
    };
    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
