// Is the log in UTC, and this broker's?
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tap/follow/log_file.h"
#include "tap/follow/start_check.h"
#include "tap/log_folder.h"

enum { MINUTE_MS = 60000 };

static struct log_folder folder;

static int setup(void **state) {
    (void)state;
    log_folder_init(&folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    log_folder_done(&folder);
    return 0;
}

static void written_at(int64_t ms) {
    struct timespec times[2] = {{ms / 1000, ms % 1000 * 1000000}, {ms / 1000, ms % 1000 * 1000000}};
    assert_int_equal(utimensat(AT_FDCWD, folder.live, times, 0), 0);
}

static void zone__is_a_whole_number_of_quarter_hours(void **state) {
    (void)state;
    const int64_t t = 1795363200000;
    assert_int_equal(start_check_zone_minutes(t, t), 0);
    assert_int_equal(start_check_zone_minutes(t - 4000, t), 0);
    assert_int_equal(start_check_zone_minutes(t + 60 * MINUTE_MS, t), 60);
    assert_int_equal(start_check_zone_minutes(t + 345 * MINUTE_MS - 3000, t), 345); // Nepal
    assert_int_equal(start_check_zone_minutes(t - 300 * MINUTE_MS, t), -300);
    assert_int_equal(start_check_zone_minutes(t - 57 * MINUTE_MS, t), 0); // just old
    assert_int_equal(start_check_zone_minutes(t - 24 * 60 * MINUTE_MS, t), 0);
}

static void address__is_the_brokers_side(void **state) {
    (void)state;
    const char *const any[] = {"10.0.0.7", "10.0.0.8:9092", NULL};
    assert_true(start_check_is_local(SLICE_LIT("10.0.0.7:1-1.2.3.4:5-0-1"), any));
    assert_true(start_check_is_local(SLICE_LIT("10.0.0.8:9092-1.2.3.4:5-0-1"), any));
    assert_false(start_check_is_local(SLICE_LIT("10.0.0.8:9093-1.2.3.4:5-0-1"), any));
    assert_false(start_check_is_local(SLICE_LIT("10.0.0.9:1-10.0.0.7:5-0-1"), any));
    assert_true(start_check_is_local(SLICE_LIT("10.0.0.9:1-10.0.0.7:5-0-1"), NULL));
    const char *const v6[] = {"0:0:0:0:0:0:0:1", NULL};
    assert_true(start_check_is_local(SLICE_LIT("0:0:0:0:0:0:0:1:9092-::2:5-0-1"), v6));
}

static enum err_code ask(bool utc, const char *const *addresses, bool *done, struct err *e) {
    const struct start_check_options o = {folder.live, utc, addresses};
    return start_check(&o, done, e);
}

static void missing_log__is_asked_again(void **state) {
    (void)state;
    bool done = true;
    struct err e;
    assert_int_equal(ask(true, NULL, &done, &e), ERR_OK);
    assert_false(done);
    log_folder_append(&folder, NULL, "[2026-11-22 16:00:0");
    assert_int_equal(ask(true, NULL, &done, &e), ERR_OK);
    assert_false(done);
}

static void local_time__is_refused_with_what_to_do(void **state) {
    (void)state;
    bool done;
    struct err e;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    log_folder_append(&folder, NULL, log_folder_line(30, "b"));
    written_at(log_folder_ms(30));
    assert_int_equal(ask(true, NULL, &done, &e), ERR_OK);
    assert_true(done);
    written_at(log_folder_ms(30) - 120 * MINUTE_MS);
    assert_int_equal(ask(true, NULL, &done, &e), ERR_CONFIG);
    assert_string_equal(e.field, "log_file");
    assert_non_null(strstr(e.text, "120 minutes ahead"));
    assert_non_null(strstr(e.hint, "user.timezone=UTC"));
    assert_int_equal(ask(false, NULL, &done, &e), ERR_OK);
}

static void other_brokers_log__is_refused(void **state) {
    (void)state;
    bool done;
    struct err e;
    log_folder_append(
        &folder, NULL,
        "[2026-11-22 16:04:03,659] DEBUG Completed request:{\"isForwarded\":false,"
        "\"requestHeader\":{\"requestApiKey\":18,\"requestApiVersion\":4,\"correlationId\":1,"
        "\"clientId\":\"1\",\"requestApiKeyName\":\"API_VERSIONS\"},\"request\":{},\"response\":{},"
        "\"connection\":\"10.0.0.9:9092-10.0.0.1:5-0-1\",\"totalTimeMs\":1.0,"
        "\"requestQueueTimeMs\":1.0,\"localTimeMs\":1.0,\"remoteTimeMs\":0.0,"
        "\"throttleTimeMs\":0,\"responseQueueTimeMs\":0.1,\"sendTimeMs\":0.1,"
        "\"securityProtocol\":\"PLAINTEXT\",\"principal\":\"User:a\",\"listener\":\"CLIENT\","
        "\"clientInformation\":{\"softwareName\":\"x\",\"softwareVersion\":\"1\"}} "
        "(kafka.request.logger)\n");
    const char *const mine[] = {"10.0.0.7", NULL};
    const char *const its[] = {"10.0.0.9", NULL};
    assert_int_equal(ask(false, mine, &done, &e), ERR_CONFIG);
    assert_string_equal(e.field, "broker_address");
    assert_int_equal(ask(false, its, &done, &e), ERR_OK);
    assert_true(done);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(zone__is_a_whole_number_of_quarter_hours),
        CASE(address__is_the_brokers_side),
        CASE(missing_log__is_asked_again),
        CASE(local_time__is_refused_with_what_to_do),
        CASE(other_brokers_log__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
