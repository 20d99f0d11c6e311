// What a page of counters says.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tap/counters/counter_page.h"

static struct counter_page page;
static char said[4096];

static void take(void *ctx, struct slice topic, uint64_t value) {
    (void)ctx;
    size_t len = strlen(said);
    snprintf(said + len, sizeof said - len, "%.*s=%llu;", SLICE_ARG(topic),
             (unsigned long long)value);
}

static bool read_page(const char *text, size_t step) {
    said[0] = '\0';
    counter_page_begin(&page, "out_total", "topic", take, NULL);
    for (size_t at = 0, len = strlen(text); at < len; at += step) {
        assert_true(
            counter_page_feed(&page, slice_of(text + at, len - at < step ? len - at : step)));
    }
    return counter_page_end(&page);
}

static const char *value_of(const char *number) {
    char text[256];
    snprintf(text, sizeof text, "out_total{topic=\"t\"} %s\n", number);
    assert_true(read_page(text, 1000));
    return said;
}

static void samples__are_those_of_the_metric_with_the_label(void **state) {
    (void)state;
    const char *text = "# HELP out_total Bytes\n# TYPE out_total counter\n"
                       "out_total 5.0\n" // of all topics
                       "out_total{topic=\"orders\",} 2.24226E5\n"
                       "out_total{broker=\"1\",topic=\"acme.x\"} 17 1795363201234\n"
                       "out_total{broker=\"1\"} 18\n"
                       "out_total_more{topic=\"other\"} 19\n"
                       "more_out_total{topic=\"other\"} 20\n"
                       "\n"
                       "out_total{topic=\"last\"} 21";
    for (size_t step = 1; step < 40; step++) {
        assert_true(read_page(text, step));
        assert_string_equal(said, "orders=224226;acme.x=17;last=21;");
        assert_int_equal(page.samples, 3);
    }
}

static void numbers__are_whole_and_exact(void **state) {
    (void)state;
    assert_string_equal(value_of("0"), "t=0;");
    assert_string_equal(value_of("0.0"), "t=0;");
    assert_string_equal(value_of("+7"), "t=7;");
    assert_string_equal(value_of("224226.0"), "t=224226;");
    assert_string_equal(value_of("1.0E7"), "t=10000000;");
    assert_string_equal(value_of("1.23456789012E11"), "t=123456789012;");
    assert_string_equal(value_of("9.007199254740993e+15"), "t=9007199254740993;");
    assert_string_equal(value_of("12.9"), "t=12;");
    assert_string_equal(value_of("125E-1"), "t=12;");
    assert_string_equal(value_of("1.0E-5"), "t=0;");
    assert_string_equal(value_of("0.00000000000000000000000001"), "t=0;");
    assert_string_equal(value_of("9.2E18"), "t=9200000000000000000;");
    const char *const none[] = {"NaN", "+Inf", "-Inf", "-1",   "-0.5",  "",       ".",     "1e",
                                "e5",  "1e5x", "0x1",  "1e19", "1E400", "1e-401", "1.2.3", "1,5"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_string_equal(value_of(none[i]), "");
    }
}

static void label__is_unescaped(void **state) {
    (void)state;
    assert_true(
        read_page("out_total{x=\"topic=\\\"no\\\",\",topic=\"a\\\"b\\\\c\\n}\"} 1\n", 1000));
    assert_string_equal(said, "a\"b\\c\n}=1;");
    const char *const none[] = {"out_total{topic=\"a} 1\n",  "out_total{topic=a} 1\n",
                                "out_total{topic} 1\n",      "out_total{\n",
                                "out_total{topic=\"\"} 1\n", "out_total{topic=\"a\" 1\n"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        assert_true(read_page(none[i], 1000));
        assert_string_equal(said, "");
    }
}

static void exporter_that_failed__is_not_relied_on(void **state) {
    (void)state;
    assert_true(read_page("jmx_scrape_error 0.0\nout_total{topic=\"t\"} 1\n", 1000));
    assert_false(read_page("jmx_scrape_error 1.0\nout_total{topic=\"t\"} 1\n", 1000));
    assert_false(read_page("jmx_scrape_error NaN\n", 1000));
}

static void long_line__is_passed_over(void **state) {
    (void)state;
    static char text[3 * COUNTER_PAGE_LINE_MAX];
    int n = snprintf(text, sizeof text,
                     "out_total{x=\"%0*d\",topic=\"a\"} 1\nout_total{topic=\"b\"} 2\n",
                     COUNTER_PAGE_LINE_MAX, 0);
    assert_true(n > 0 && (size_t)n < sizeof text);
    assert_true(read_page(text, 100));
    assert_string_equal(said, "b=2;");
}

static void endless_page__is_refused(void **state) {
    (void)state;
    static char piece[1 << 20];
    memset(piece, '#', sizeof piece);
    counter_page_begin(&page, "out_total", "topic", take, NULL);
    for (size_t i = 0; i < COUNTER_PAGE_BYTES_MAX / sizeof piece; i++) {
        assert_true(counter_page_feed(&page, slice_of(piece, sizeof piece)));
    }
    assert_false(counter_page_feed(&page, slice_of(piece, 1)));
    assert_false(counter_page_end(&page));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples__are_those_of_the_metric_with_the_label),
        cmocka_unit_test(numbers__are_whole_and_exact),
        cmocka_unit_test(label__is_unescaped),
        cmocka_unit_test(exporter_that_failed__is_not_relied_on),
        cmocka_unit_test(long_line__is_passed_over),
        cmocka_unit_test(endless_page__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
