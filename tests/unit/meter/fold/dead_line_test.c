// What can still be read of a line that can't be.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/instant.h"
#include "meter/fold/dead_line.h"

#define FRONT                                                                                      \
    "[2026-11-22 16:00:00,500] DEBUG Completed request:{\"requestHeader\":{\"clientId\":\"%\","    \
    "\"requestApiKeyName\":\"FETCH\"}"

static struct dead_line read_line(struct slice text) {
    struct dead_line line;
    dead_line_read(text, &line);
    return line;
}

static void whole_line__tells_all(void **state) {
    (void)state;
    struct dead_line line = read_line(SLICE_LIT(FRONT ",\"principal\":\"User:alice\",\"x\":}"));
    int64_t at;
    assert_true(instant_parse(SLICE_LIT("2026-11-22T16:00:00.5Z"), &at));
    assert_int_equal(line.at_us, at);
    assert_true(slice_eq(line.api, SLICE_LIT("FETCH")));
    assert_true(slice_eq(line.principal, SLICE_LIT("alice")));
}

static void front_part__tells_what_it_has(void **state) {
    (void)state;
    struct dead_line line = read_line(SLICE_LIT(FRONT));
    assert_true(line.at_us > 0);
    assert_true(slice_eq(line.api, SLICE_LIT("FETCH")));
    assert_int_equal(line.principal.len, 0);
    line = read_line(SLICE_LIT(FRONT ",\"principal\":\"User:ali"));
    assert_int_equal(line.principal.len, 0);
}

static void garbage__tells_nothing(void **state) {
    (void)state;
    struct dead_line line = read_line(SLICE_LIT("garbage"));
    assert_true(line.at_us == INT64_MIN);
    assert_int_equal(line.api.len + line.principal.len, 0);
    line = read_line((struct slice){0});
    assert_true(line.at_us == INT64_MIN);
}

// The client's own id, as the broker writes it: its quotes are escaped.
static void text_of_a_client__is_not_taken_for_a_name(void **state) {
    (void)state;
    struct dead_line line = read_line(SLICE_LIT(
        "{\"clientId\":\"\\\"requestApiKeyName\\\":\\\"PRODUCE\\\",\\\"principal\\\":"
        "\\\"User:bob\\\"\",\"requestApiKeyName\":\"FETCH\",\"principal\":\"User:al\\\"ice\""));
    assert_true(slice_eq(line.api, SLICE_LIT("FETCH")));
    assert_int_equal(line.principal.len, 0); // with an escape: left alone
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_line__tells_all),
        cmocka_unit_test(front_part__tells_what_it_has),
        cmocka_unit_test(garbage__tells_nothing),
        cmocka_unit_test(text_of_a_client__is_not_taken_for_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
