#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/json/json_scan.h"

static struct json_scan scan_of(const char *text) {
    struct json_scan s;
    json_scan_init(&s, slice_str(text));
    return s;
}

static void object__gives_members_in_order(void **state) {
    (void)state;
    struct json_scan s = scan_of(" { \"a\" : 1 , \"b\":[2, -3 ],\"c\":{}, \"d\":\"x\\n\" } ");
    struct slice key;
    int64_t v = 0;
    struct json_string text;
    assert_true(json_scan_enter_object(&s));
    assert_true(json_scan_key(&s, &key) && slice_eq_str(key, "a"));
    assert_true(json_scan_int(&s, &v) && v == 1);
    assert_true(json_scan_key(&s, &key) && slice_eq_str(key, "b"));
    assert_true(json_scan_enter_array(&s));
    assert_true(json_scan_item(&s) && json_scan_int(&s, &v) && v == 2);
    assert_true(json_scan_item(&s) && json_scan_int(&s, &v) && v == -3);
    assert_false(json_scan_item(&s));
    assert_true(json_scan_key(&s, &key) && slice_eq_str(key, "c"));
    assert_true(json_scan_skip(&s));
    assert_true(json_scan_key(&s, &key) && slice_eq_str(key, "d"));
    assert_true(json_scan_string(&s, &text) && text.escaped);
    char out[8];
    assert_int_equal(json_string_unescape(out, text.raw), 2);
    assert_memory_equal(out, "x\n", 2);
    assert_false(json_scan_key(&s, &key));
    assert_true(json_scan_finish(&s));
}

static void integers__know_both_ends(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } CASES[] = {
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999", false, 0},
        {"0", true, 0},
        {"-0", true, 0},
        {"01", false, 0},
        {"-", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"", false, 0},
        {"\"1\"", false, 0},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct json_scan s = scan_of(CASES[i].text);
        int64_t v = 0;
        bool ok = json_scan_int(&s, &v) && json_scan_finish(&s);
        assert_int_equal(ok, CASES[i].ok);
        if (ok) {
            assert_true(v == CASES[i].value);
        }
    }
}

static bool walk(struct json_scan *s) {
    struct slice key, number;
    struct json_string text;
    bool truth;
    switch (json_scan_peek(s)) {
    case JSON_KIND_OBJECT:
        json_scan_enter_object(s);
        while (json_scan_key(s, &key)) {
            walk(s);
        }
        return !json_scan_failed(s);
    case JSON_KIND_ARRAY:
        json_scan_enter_array(s);
        while (json_scan_item(s)) {
            walk(s);
        }
        return !json_scan_failed(s);
    case JSON_KIND_STRING: return json_scan_string(s, &text);
    case JSON_KIND_NUMBER: return json_scan_number(s, &number);
    case JSON_KIND_NULL: return json_scan_null(s);
    case JSON_KIND_NONE: return json_scan_fail(s);
    default: return json_scan_bool(s, &truth);
    }
}

static void pulling__refuses_what_is_no_json(void **state) {
    (void)state;
    static const char *const CASES[] = {
        "",
        "{",
        "{]",
        "[}",
        "[1}",
        "{\"a\"}",
        "{\"a\":}",
        "[1,]",
        "[,1]",
        "{,}",
        "{\"a\":1,}",
        "[1 2]",
        "{\"a\":1 \"b\":2}",
        "\"abc",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\t\"",
        "nul",
        "truex",
        "1.",
        "1e",
        "-",
        ".5",
        "+1",
        "[1]]",
        "{} {}",
        "\"\\",
        "[\"\\\"]",
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct json_scan s = scan_of(CASES[i]);
        walk(&s);
        if (json_scan_finish(&s)) {
            fail_msg("accepted: %s", CASES[i]);
        }
    }
}

static void depth__is_bounded(void **state) {
    (void)state;
    char text[2 * (JSON_SCAN_DEPTH_MAX + 1) + 1] = {0};
    for (int depth = JSON_SCAN_DEPTH_MAX; depth <= JSON_SCAN_DEPTH_MAX + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        struct json_scan pull, skip;
        json_scan_init(&pull, slice_of(text, 2 * (size_t)depth));
        json_scan_init(&skip, slice_of(text, 2 * (size_t)depth));
        walk(&pull);
        json_scan_skip(&skip);
        assert_int_equal(json_scan_finish(&pull), depth == JSON_SCAN_DEPTH_MAX);
        assert_int_equal(json_scan_finish(&skip), depth == JSON_SCAN_DEPTH_MAX);
    }
}

// Every length around the 16 and 64 byte steps, in memory of exact size.
static void skip__ends_where_the_value_ends_at_every_length(void **state) {
    (void)state;
    for (size_t pad = 0; pad < 200; pad++) {
        static const char *const INSIDE[] = {"x", "}", "\\\"", "\\\\", "]"};
        for (size_t k = 0; k < sizeof INSIDE / sizeof *INSIDE; k++) {
            size_t inside = strlen(INSIDE[k]);
            size_t len = pad + inside + 11;
            char *text = malloc(len);
            assert_non_null(text);
            memcpy(text, "[{\"k\":\"", 7);
            memset(text + 7, 'y', pad);
            memcpy(text + 7 + pad, INSIDE[k], inside);
            memcpy(text + 7 + pad + inside, "\"}]7", 4);
            struct json_scan s;
            json_scan_init(&s, slice_of(text, len));
            assert_true(json_scan_skip(&s));
            assert_int_equal(json_scan_offset(&s), len - 1);
            // Without its last bracket it never ends.
            json_scan_init(&s, slice_of(text, len - 2));
            assert_false(json_scan_skip(&s));
            free(text);
        }
    }
}

static void unescape__writes_utf8_and_replaces_lone_surrogates(void **state) {
    (void)state;
    char out[32];
    size_t n = json_string_unescape(out, SLICE_LIT("\\u00e9\\ud83d\\ude00\\/\\u0041"));
    assert_int_equal(n, 8);
    assert_memory_equal(out, "\xc3\xa9\xf0\x9f\x98\x80/A", 8);
    static const struct {
        const char *raw, *meaning;
    } LONE[] = {
        {"\\ud83d", "\xef\xbf\xbd"},
        {"\\ud83dxude00x", "\xef\xbf\xbdxude00x"},
        {"\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd"},
        {"\\ud83d\\ud83d\\ude00", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
        {"\\ud83d\\n", "\xef\xbf\xbd\n"},
    };
    for (size_t i = 0; i < sizeof LONE / sizeof *LONE; i++) {
        n = json_string_unescape(out, slice_str(LONE[i].raw));
        assert_true(slice_eq_str(slice_of(out, n), LONE[i].meaning));
    }
    assert_true(json_string_unescape(out, SLICE_LIT("\\q")) == (size_t)-1);
    assert_true(json_string_unescape(out, SLICE_LIT("\\u12")) == (size_t)-1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(object__gives_members_in_order),
        cmocka_unit_test(integers__know_both_ends),
        cmocka_unit_test(pulling__refuses_what_is_no_json),
        cmocka_unit_test(depth__is_bounded),
        cmocka_unit_test(skip__ends_where_the_value_ends_at_every_length),
        cmocka_unit_test(unescape__writes_utf8_and_replaces_lone_surrogates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
