#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meter/fold/log_partitions.h"

#define NOW_US (100 * LOG_SILENT_US)

static struct broker_record at(enum broker_record_kind kind, uint64_t offset, int64_t prev) {
    struct broker_record r = {.kind = kind, .pos = {1, 1000, offset}};
    if (prev >= 0) {
        r.has_prev = true;
        r.prev = (struct log_position){1, 1000, (uint64_t)prev};
    }
    return r;
}

static int setup(void **state) {
    static struct log_partitions p;
    log_partitions_init(&p);
    (void)log_partitions_own(&p, 3);
    *state = &p;
    return 0;
}

static int teardown(void **state) {
    log_partitions_done(*state);
    return 0;
}

static enum log_verdict judge(struct log_partitions *p, struct broker_record r) {
    return log_partitions_judge(p, log_partitions_find(p, 3), &r);
}

static void chain__is_taken_once(void **state) {
    struct log_partitions *p = *state;
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 10, -1)), LOG_TAKE);
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 20, 10)), LOG_TAKE);
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 10, -1)), LOG_DUPLICATE);
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 20, 10)), LOG_DUPLICATE);
    assert_int_equal(p->gap_count, 0);
}

static void missing_record__is_a_gap_until_it_comes(void **state) {
    struct log_partitions *p = *state;
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 10, -1)), LOG_TAKE);
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 30, 20)), LOG_GAP);
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 40, 30)), LOG_GAP);
    assert_int_equal(judge(p, at(BROKER_RECORD_CONTROL, 40, -1)), LOG_GAP);
    assert_int_equal(p->gap_count, 1);
    assert_int_equal(p->gaps[0].records, 3);
    assert_int_equal(p->gaps[0].above.offset, 10);
    assert_int_equal(log_partitions_open_gaps(p), 1);
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 20, 10)), LOG_TAKE);
    assert_int_equal(log_partitions_open_gaps(p), 0);
    assert_true(log_partitions_broker(log_partitions_find(p, 3), 1)->gap_closed);
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 30, 20)), LOG_TAKE);
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 40, 30)), LOG_TAKE);
}

static void brokers__have_watermarks_of_their_own(void **state) {
    struct log_partitions *p = *state;
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 1000, -1)), LOG_TAKE);
    struct broker_record other = {.kind = BROKER_RECORD_LINE, .pos = {2, 500, 5}};
    assert_int_equal(judge(p, other), LOG_TAKE);
}

static void control__moves_no_watermark(void **state) {
    struct log_partitions *p = *state;
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 10, -1)), LOG_TAKE);
    assert_int_equal(judge(p, at(BROKER_RECORD_CONTROL, 10, -1)), LOG_TAKE);
    assert_int_equal(judge(p, at(BROKER_RECORD_HOLE, 10, -1)), LOG_TAKE);
    assert_int_equal(log_partitions_broker(log_partitions_find(p, 3), 1)->watermark.offset, 10);
}

static void expired_records__are_jumped_over_once(void **state) {
    struct log_partitions *p = *state;
    struct log_partition *one = log_partitions_find(p, 3);
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 10, -1)), LOG_TAKE);
    one->next_offset = 1000;
    log_partitions_expire(one, 7);
    assert_int_equal(one->next_offset, 7); // even below: the topic may have been made anew
    struct broker_record r = at(BROKER_RECORD_LINE, 50, 40);
    struct log_position from;
    assert_int_equal(log_partitions_judge(p, one, &r), LOG_GAP);
    assert_true(log_partitions_jump(p, one, &r, &from));
    assert_int_equal(from.offset, 10);
    assert_int_equal(p->gap_count, 0);
    assert_int_equal(log_partitions_judge(p, one, &r), LOG_TAKE);
    struct broker_record later = at(BROKER_RECORD_LINE, 90, 80);
    assert_int_equal(log_partitions_judge(p, one, &later), LOG_GAP);
    assert_false(log_partitions_jump(p, one, &later, &from));
}

static void horizon__needs_every_expected_broker(void **state) {
    struct log_partitions *p = *state;
    struct log_partition *one = log_partitions_find(p, 3);
    const struct log_expected expected[] = {{.id = 1}, {.id = 2}};
    assert_true(log_partitions_horizon(one, expected, 2, NOW_US) == INT64_MIN);
    log_partitions_heard(one, 1, 500, 500);
    assert_true(log_partitions_horizon(one, expected, 2, NOW_US) == INT64_MIN);
    log_partitions_heard(one, 2, 400, 400);
    log_partitions_heard(one, 2, 300, 300); // times never go back
    assert_int_equal(log_partitions_horizon(one, expected, 2, NOW_US), 400);
    log_partitions_heard(one, 9, 100, 100); // no broker of the cluster any more
    assert_int_equal(log_partitions_horizon(one, expected, 2, NOW_US), 400);
    assert_int_equal(log_partitions_horizon(one, NULL, 0, NOW_US), 100);
}

static void silent_broker__holds_back_for_25_hours(void **state) {
    struct log_partitions *p = *state;
    struct log_partition *one = log_partitions_find(p, 3);
    const struct log_expected expected[] = {{.id = 1}, {.id = 2, .listed_us = 1000}};
    log_partitions_heard(one, 1, 900, 1000 + LOG_SILENT_US);
    assert_true(log_partitions_horizon(one, expected, 2, NOW_US) == INT64_MIN); // never heard yet
    log_partitions_heard(one, 1, 901, 1001 + LOG_SILENT_US);
    assert_true(log_partitions_silent(one, &expected[1], NOW_US));
    assert_int_equal(log_partitions_horizon(one, expected, 2, NOW_US), 901);
    // It is back, and silent again from then on.
    log_partitions_heard(one, 2, 700, 1001 + LOG_SILENT_US);
    assert_false(log_partitions_silent(one, &expected[1], NOW_US));
    assert_int_equal(log_partitions_horizon(one, expected, 2, NOW_US), 700);
    log_partitions_heard(one, 1, 2000, 1001 + 2 * LOG_SILENT_US);
    assert_int_equal(log_partitions_horizon(one, expected, 2, NOW_US), 700);
    log_partitions_heard(one, 1, 2000, 1002 + 2 * LOG_SILENT_US);
    assert_int_equal(log_partitions_horizon(one, expected, 2, NOW_US), 2000);
}

static void silence__is_not_measured_by_a_clock_ahead(void **state) {
    struct log_partitions *p = *state;
    struct log_partition *one = log_partitions_find(p, 3);
    const struct log_expected expected[] = {{.id = 1}, {.id = 2}};
    log_partitions_heard(one, 2, 500, 500);
    log_partitions_heard(one, 1, NOW_US * 2, NOW_US * 2);
    assert_false(log_partitions_silent(one, &expected[1], 600));
    assert_int_equal(log_partitions_horizon(one, expected, 2, 600), 500);
}

static void all_silent__nobody_is(void **state) {
    struct log_partitions *p = *state;
    struct log_partition *one = log_partitions_find(p, 3);
    const struct log_expected expected[] = {{.id = 1}, {.id = 2}};
    log_partitions_heard(one, 1, 500, 500);
    log_partitions_heard(one, 2, 600, 600);
    assert_int_equal(log_partitions_horizon(one, expected, 2, NOW_US), 500);
}

static void dropped_partition__takes_its_gaps_along(void **state) {
    struct log_partitions *p = *state;
    (void)log_partitions_own(p, 7);
    assert_int_equal(judge(p, at(BROKER_RECORD_LINE, 30, 20)), LOG_GAP);
    struct broker_record r = at(BROKER_RECORD_LINE, 30, 20);
    assert_int_equal(log_partitions_judge(p, log_partitions_find(p, 7), &r), LOG_GAP);
    log_partitions_drop(p, 3);
    assert_int_equal(p->gap_count, 1);
    assert_int_equal(p->gaps[0].partition, 7);
    assert_int_equal(p->owned, 1);
    assert_null(log_partitions_find(p, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(chain__is_taken_once, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_record__is_a_gap_until_it_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(brokers__have_watermarks_of_their_own, setup, teardown),
        cmocka_unit_test_setup_teardown(control__moves_no_watermark, setup, teardown),
        cmocka_unit_test_setup_teardown(expired_records__are_jumped_over_once, setup, teardown),
        cmocka_unit_test_setup_teardown(horizon__needs_every_expected_broker, setup, teardown),
        cmocka_unit_test_setup_teardown(silent_broker__holds_back_for_25_hours, setup, teardown),
        cmocka_unit_test_setup_teardown(silence__is_not_measured_by_a_clock_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(all_silent__nobody_is, setup, teardown),
        cmocka_unit_test_setup_teardown(dropped_partition__takes_its_gaps_along, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
