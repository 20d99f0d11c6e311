// What stands in front of a line's JSON: time, level, marker.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/brokerlog/line_prefix.h"

#define TIME "[2026-11-22 16:00:01,234]"
static const int64_t TIME_US = 1795363201234000;

static void time__is_read_strictly(void **state) {
    (void)state;
    int64_t us;
    assert_true(line_prefix_time(SLICE_LIT(TIME " DEBUG x"), &us));
    assert_int_equal(us, TIME_US);
    const char *bad[] = {
        "",
        TIME,
        "[2026-13-22 16:00:01,234] ",
        "[2026-02-29 16:00:01,234] ",
        "[2026-11-22 24:00:01,234] ",
        "[2026-11-22 16:00:60,234] ", // Java's clock has no leap seconds
        "[2026-11-22T16:00:01,234] ",
        "[2026-11-22 16:00:01.234] ",
        "[2026-11-2x 16:00:01,234] ",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(line_prefix_time(slice_str(bad[i]), &us));
    }
}

static void json__is_what_stands_between_marker_and_logger(void **state) {
    (void)state;
    int64_t us;
    struct slice json;
    assert_true(line_prefix_split(
        SLICE_LIT(TIME " DEBUG Completed request:{\"a\":1} (kafka.request.logger)"), &us, &json));
    assert_int_equal(us, TIME_US);
    assert_true(slice_eq_str(json, "{\"a\":1}"));
    assert_true(line_prefix_split(SLICE_LIT(TIME " DEBUG Completed request:{"), &us, &json));
    assert_true(slice_eq_str(json, "{"));
    assert_false(line_prefix_split(SLICE_LIT(TIME " DEBUG Completed request:"), &us, &json));
    assert_false(line_prefix_split(SLICE_LIT(TIME " WARN Completed request:{}"), &us, &json));
    assert_false(line_prefix_split(SLICE_LIT(TIME " INFO  Completed request:{}"), &us, &json));
}

// KAFKA-18272: of a request in a deprecated API version.
static void level_info__is_read_like_debug(void **state) {
    (void)state;
    int64_t us;
    struct slice json;
    assert_true(line_prefix_split(
        SLICE_LIT(TIME " INFO Completed request:{\"a\":1} (kafka.request.logger)"), &us, &json));
    assert_int_equal(us, TIME_US);
    assert_true(slice_eq_str(json, "{\"a\":1}"));
    struct slice torn = SLICE_LIT("[2026-11-22 16" TIME " INFO Completed request:{}[");
    assert_int_equal(line_prefix_last(torn, torn.len), 14);
}

static void last_prefix__is_found_behind_a_torn_line(void **state) {
    (void)state;
    struct slice torn = SLICE_LIT("[2026-11-22 16" TIME " DEBUG Completed request:{}[");
    assert_int_equal(line_prefix_last(torn, torn.len), 14);
    assert_int_equal(line_prefix_last(torn, 14), 0);
    struct slice whole = SLICE_LIT(TIME " DEBUG Completed request:{}");
    assert_int_equal(line_prefix_last(whole, whole.len), 0);
}

static void other_text__is_no_piece_of_a_request(void **state) {
    (void)state;
    const char *other[] = {
        "",
        " ",
        TIME " WARN something else",
        TIME " WARN",
        TIME " TRACE Processor 1 received request: FetchRequestData(clusterId=null) "
             "(kafka.network.RequestChannel$)",
        TIME " DEBUG Completed another thing (kafka.other)",
        "java.io.IOException: Connection reset by peer",
        "\tat java.base/sun.nio.ch.SocketDispatcher.write0(Native Method)",
        "[no time] DEBUG x",
        "log4j:WARN No appenders could be found",
        "{\"topics\":[]}",
        "\x1b[32mM\xc3\xbcller\x1b[0m\r",
        ")",
    };
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        if (!line_prefix_is_other(slice_str(other[i]))) {
            fail_msg("a piece of a request: %s", other[i]);
        }
    }
    const char *request[] = {
        TIME " DEBUG Completed request:{",
        TIME " INFO Completed request:{",
        TIME " WARN Completed request:{}", // of no level known
        "2026-11-22 16:00:01 DEBUG Completed request:{\"isForwarded\":false",
        "\"softwareVersion\":\"1\"}} (kafka.request.logger)",
        " (kafka.request.logger)",
        "st.logger)",
        ":0}]}]},\"clientInformation\":{\"softwareName\":\"x",
        "{\"partitionIndex\":0,\"recordsSizeInBytes\":5},",
        "\"requestHeader\":{",
    };
    for (size_t i = 0; i < sizeof request / sizeof *request; i++) {
        if (line_prefix_is_other(slice_str(request[i]))) {
            fail_msg("other text: %s", request[i]);
        }
    }
    assert_false(line_prefix_is_other(SLICE_LIT("\x28\xb5\x2f\xfd\x04\x00")));
    assert_false(line_prefix_is_other(SLICE_LIT("a\0b")));
    // A request line cut anywhere in front of its JSON.
    struct slice debug = SLICE_LIT(TIME " DEBUG Completed request:{");
    struct slice info = SLICE_LIT(TIME " INFO Completed request:{");
    for (size_t len = 1; len < debug.len; len++) {
        assert_false(line_prefix_is_other(slice_of(debug.ptr, len)));
        assert_false(line_prefix_is_other(slice_of(info.ptr, len < info.len ? len : info.len)));
    }
}

static void nuls__are_the_leading_ones(void **state) {
    (void)state;
    assert_int_equal(line_prefix_nuls(SLICE_LIT("")), 0);
    assert_int_equal(line_prefix_nuls(SLICE_LIT("a\0")), 0);
    assert_int_equal(line_prefix_nuls(SLICE_LIT("\0\0a\0")), 2);
    assert_int_equal(line_prefix_nuls(SLICE_LIT("\0\0")), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(time__is_read_strictly),
        cmocka_unit_test(json__is_what_stands_between_marker_and_logger),
        cmocka_unit_test(last_prefix__is_found_behind_a_torn_line),
        cmocka_unit_test(level_info__is_read_like_debug),
        cmocka_unit_test(other_text__is_no_piece_of_a_request),
        cmocka_unit_test(nuls__are_the_leading_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
