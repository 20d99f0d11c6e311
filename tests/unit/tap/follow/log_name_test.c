// Names that rotators make, their order, and what they tell.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tap/follow/log_name.h"

static const char LIVE[] = "kafka-request.log";

static void expect_part(const char *name, const char *part, bool packed) {
    struct log_name n;
    assert_true(log_name_parse(LIVE, name, &n));
    assert_false(n.live);
    assert_int_equal(n.packed, packed);
    assert_true(slice_eq_str(n.part, part));
}

static void names_of_the_log__have_a_part_of_the_rotator(void **state) {
    (void)state;
    struct log_name n;
    assert_true(log_name_parse(LIVE, LIVE, &n));
    assert_true(n.live);
    assert_false(n.packed);
    expect_part("kafka-request.log.2026-11-22-16", "2026-11-22-16", false);
    expect_part("kafka-request.log.2026-11-22-16.gz", "2026-11-22-16", true);
    expect_part("kafka-request.log-20261122.xz", "20261122", true);
    expect_part("kafka-request.log_3.bz2", "3", true);
    expect_part("kafka-request.log.gz", "", true);
    expect_part("kafka-request-2026-11-22.log.zst", "2026-11-22", true);
    expect_part("kafka-request.2026-11-22-16.log", "2026-11-22-16", false);
}

static void other_names__are_no_files_of_the_log(void **state) {
    (void)state;
    static const char *const NAMES[] = {"",
                                        "kafka",
                                        "kafka-request.log.",
                                        "kafka-request.logs",
                                        "kafka-request.log~",
                                        ".kafka-request.log.swp",
                                        "kafka-request-2.log",
                                        "kafka-request-audit.log",
                                        "kafka-request-2026-11-22-audit.log",
                                        "kafka-request-.log"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        struct log_name n;
        assert_false(log_name_parse(LIVE, NAMES[i], &n));
    }
}

static void parts__have_an_order_among_their_kind(void **state) {
    (void)state;
    struct slice hour9 = SLICE_LIT("2026-11-22-9"), hour10 = SLICE_LIT("2026-11-22-10");
    assert_true(log_name_alike(hour9, hour10));
    assert_true(log_name_order(hour9, hour10) < 0);
    assert_true(log_name_order(hour10, hour10) == 0);
    assert_false(log_name_alike(hour9, SLICE_LIT("2026-11-22")));
    assert_false(log_name_alike(SLICE_LIT("3"), SLICE_LIT("20261122")));
    assert_true(log_name_order(SLICE_LIT("9"), SLICE_LIT("10")) < 0);
    assert_true(log_name_order(SLICE_LIT("010"), SLICE_LIT("10")) == 0);
    assert_true(log_name_adjoin(SLICE_LIT("9"), SLICE_LIT("10")));
    assert_true(log_name_adjoin(SLICE_LIT("2"), SLICE_LIT("1")));
    assert_false(log_name_adjoin(SLICE_LIT("1"), SLICE_LIT("3")));
    assert_false(log_name_adjoin(SLICE_LIT("20261122"), SLICE_LIT("20261123")));
}

static void dates__tell_how_long_a_file_is_written(void **state) {
    (void)state;
    static const struct {
        const char *part;
        int64_t seconds;
    } CASES[] = {{"2026-11-22", 86400},
                 {"20261122", 86400},
                 {"2026-11-22-16", 3600},
                 {"2026112216", 3600},
                 {"2026-11-22-16-05", 60},
                 {"2026-11-22-16-05-09", 1},
                 {"20261122T1605", 0},
                 {"1795363200", 0},
                 {"20261122-1795363200", 0},
                 {"2026-11-22-16.1", 0},
                 {"3", 0},
                 {"old", 0},
                 {"", 0}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        assert_int_equal(log_name_period_ms(slice_str(CASES[i].part)), CASES[i].seconds * 1000);
    }
}

static void names_of_logrotate__may_be_copies(void **state) {
    (void)state;
    assert_true(log_name_may_be_copy(LIVE, "kafka-request.log.1"));
    assert_true(log_name_may_be_copy(LIVE, "kafka-request.log.1.gz"));
    assert_true(log_name_may_be_copy(LIVE, "kafka-request.log-20261122"));
    assert_false(log_name_may_be_copy(LIVE, "kafka-request.log.2026-11-22-16"));
    assert_false(log_name_may_be_copy(LIVE, LIVE));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_the_log__have_a_part_of_the_rotator),
        cmocka_unit_test(other_names__are_no_files_of_the_log),
        cmocka_unit_test(parts__have_an_order_among_their_kind),
        cmocka_unit_test(dates__tell_how_long_a_file_is_written),
        cmocka_unit_test(names_of_logrotate__may_be_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
