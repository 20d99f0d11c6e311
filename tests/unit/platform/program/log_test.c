#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/instant.h"
#include "platform/program/log.h"

static int64_t fixed_us(void *ctx) {
    (void)ctx;
    return 1812000000LL * 1000000 + 250000;
}

static const struct clock FIXED = {.now_us = fixed_us};
static FILE *out;
static char text[65536];

static int set_up(void **state) {
    (void)state;
    out = tmpfile();
    log_init("weir-test", LOG_LEVEL_INFO);
    log_redirect(fileno(out), &FIXED);
    return out == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    return fclose(out);
}

static const char *written(void) {
    rewind(out);
    size_t n = fread(text, 1, sizeof text - 1, out);
    text[n] = '\0';
    return text;
}

static void line__has_ids_first_and_typed_fields(void **state) {
    (void)state;
    log_info("batch committed", log_int("rows", -3), log_id("cluster", "c1"),
             log_bool("late", true), log_uint("bytes", UINT64_MAX), log_str("none", NULL),
             log_slice("s", SLICE_LIT("ab")));
    assert_string_equal(
        written(), "{\"time\":\"2027-06-03T05:20:00.250000Z\",\"level\":\"info\","
                   "\"program\":\"weir-test\",\"cluster\":\"c1\",\"event\":\"batch committed\","
                   "\"rows\":-3,\"late\":true,\"bytes\":18446744073709551615,\"none\":null,"
                   "\"s\":\"ab\"}\n");
}

static void text__cannot_break_the_line(void **state) {
    (void)state;
    log_warn("odd input", log_str("text", "a\n\"}\x1b[0m\xff"));
    const char *line = written();
    assert_non_null(strstr(line, "\"a\\n\\\"}\\u001b[0m\xEF\xBF\xBD\""));
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void error__shows_its_parts(void **state) {
    (void)state;
    struct err e;
    (void)err_field(&e, ERR_CONFLICT, "/name", "taken");
    memcpy(e.sqlstate, "23505", 6);
    log_error("failed", log_err(&e));
    assert_non_null(strstr(written(), "\"error\":{\"code\":\"conflict\",\"text\":\"taken\","
                                      "\"field\":\"/name\",\"sqlstate\":\"23505\"}}\n"));
}

static void line__is_bounded_and_stays_json(void **state) {
    (void)state;
    static char big[LOG_LINE_MAX * 2];
    memset(big, 'x', sizeof big - 1);
    log_info("big", log_str("a", big), log_str("b", big), log_str("c", big), log_str("d", big),
             log_int("small", 1));
    const char *line = written();
    assert_true(strlen(line) <= LOG_LINE_MAX);
    json_error_t error;
    json_t *json = json_loads(line, 0, &error);
    assert_non_null(json);
    assert_int_equal(json_string_length(json_object_get(json, "a")), LOG_VALUE_MAX);
    assert_true(json_is_true(json_object_get(json, "cut")));
    assert_null(json_object_get(json, "d"));
    assert_int_equal(json_integer_value(json_object_get(json, "small")), 1);
    json_decref(json);
}

static void level__holds_back(void **state) {
    (void)state;
    log_debug("not this");
    assert_string_equal(written(), "");
    enum log_level level = LOG_LEVEL_ERROR;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_LEVEL_DEBUG);
    assert_false(log_level_parse("loud", &level));
    log_init("weir-test", level);
    log_debug("but this");
    assert_non_null(strstr(written(), "\"level\":\"debug\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(line__has_ids_first_and_typed_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(text__cannot_break_the_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(error__shows_its_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(line__is_bounded_and_stays_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(level__holds_back, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("platform/log", tests, NULL, NULL);
}
