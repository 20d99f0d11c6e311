// A line in parts, however they are cut and however often they come; and the offset that stays.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "meter/fold/log_partitions.h"

static const char LINE[] = "0123456789";
enum { LINE_LEN = sizeof LINE - 1 };

static struct log_partitions all;
static struct log_partition *partition;
static int64_t kafka_offset;

static int setup(void **state) {
    (void)state;
    log_partitions_init(&all);
    partition = log_partitions_own(&all, 0);
    kafka_offset = 100;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    log_partitions_done(&all);
    return 0;
}

static struct slice whole;

// The bytes [from, to) of the line at `offset`, in the next block.
static enum log_verdict part(int32_t broker, uint64_t offset, size_t from, size_t to) {
    const struct broker_record r = {.kind = BROKER_RECORD_LINE,
                                    .pos = {broker, 1000, offset},
                                    .part_from = from,
                                    .line_bytes = LINE_LEN};
    log_partitions_begin(partition, kafka_offset++);
    whole = (struct slice){0};
    enum log_verdict v =
        log_partitions_judge_part(&all, partition, &r, slice_of(LINE + from, to - from), &whole);
    if (v == LOG_TAKE) {
        assert_true(slice_eq_str(whole, LINE));
        log_partitions_line_done(partition, &r);
    }
    log_partitions_end(partition);
    return v;
}

static enum log_verdict line(int32_t broker, uint64_t offset) {
    const struct broker_record r = {.kind = BROKER_RECORD_LINE, .pos = {broker, 1000, offset}};
    log_partitions_begin(partition, kafka_offset++);
    enum log_verdict v = log_partitions_judge(&all, partition, &r);
    log_partitions_end(partition);
    return v;
}

static void parts__are_a_line_with_the_last(void **state) {
    (void)state;
    assert_int_equal(part(1, 50, 0, 4), LOG_WAIT);
    assert_int_equal(part(1, 50, 4, 9), LOG_WAIT);
    assert_false(log_partitions_broker(partition, 1)->has_watermark);
    assert_int_equal(part(1, 50, 9, 10), LOG_TAKE);
    assert_int_equal(log_partitions_broker(partition, 1)->watermark.offset, 50);
    assert_int_equal(part(1, 50, 0, 4), LOG_DUPLICATE);
}

static void offset__stays_at_the_first_part(void **state) {
    (void)state;
    assert_int_equal(line(1, 40), LOG_TAKE);
    assert_int_equal(partition->next_offset, 101);
    assert_int_equal(part(1, 50, 0, 4), LOG_WAIT);
    assert_int_equal(line(2, 7), LOG_TAKE);
    assert_int_equal(part(2, 8, 0, 4), LOG_WAIT);
    assert_int_equal(partition->next_offset, 101);
    assert_int_equal(partition->read_offset, 104);
    assert_int_equal(part(1, 50, 4, 10), LOG_TAKE);
    assert_int_equal(partition->next_offset, 103);
    assert_int_equal(part(2, 8, 4, 10), LOG_TAKE);
    assert_int_equal(partition->next_offset, 106);
}

static void parts_cut_anew__go_on_where_the_bytes_end(void **state) {
    (void)state;
    assert_int_equal(part(1, 50, 0, 4), LOG_WAIT);
    assert_int_equal(part(1, 50, 0, 3), LOG_DUPLICATE);
    assert_int_equal(part(1, 50, 3, 6), LOG_WAIT);
    assert_int_equal(part(1, 50, 4, 8), LOG_WAIT); // of the tap before, late
    assert_int_equal(part(1, 50, 6, 9), LOG_WAIT);
    assert_int_equal(part(1, 50, 8, 10), LOG_TAKE);
}

static void missing_part__is_a_gap(void **state) {
    (void)state;
    assert_int_equal(part(1, 50, 4, 8), LOG_GAP);
    assert_int_equal(all.gap_count, 1);
    assert_int_equal(part(1, 50, 0, 4), LOG_WAIT);
    assert_int_equal(part(1, 50, 5, 10), LOG_GAP);
    assert_int_equal(log_partitions_open_gaps(&all), 1);
    assert_int_equal(part(1, 50, 4, 10), LOG_TAKE);
    assert_int_equal(log_partitions_open_gaps(&all), 0);
    const struct broker_record behind = {.kind = BROKER_RECORD_LINE,
                                         .has_prev = true,
                                         .pos = {1, 1000, 70},
                                         .prev = {1, 1000, 60},
                                         .line_bytes = LINE_LEN};
    assert_int_equal(log_partitions_judge_part(&all, partition, &behind, slice_of(LINE, 4), &whole),
                     LOG_GAP);
}

static void line_passed_over__holds_nothing(void **state) {
    (void)state;
    assert_int_equal(part(1, 50, 0, 4), LOG_WAIT);
    assert_int_equal(line(1, 45), LOG_TAKE); // more is shipped the second time
    assert_int_equal(partition->next_offset, 100);
    assert_int_equal(line(1, 60), LOG_TAKE); // and the long line is not
    assert_int_equal(partition->next_offset, 103);
    assert_int_equal(part(1, 50, 4, 10), LOG_DUPLICATE);
}

static void line_whose_beginning_expired__waits_for_what_is_behind_it(void **state) {
    (void)state;
    assert_int_equal(line(1, 40), LOG_TAKE);
    log_partitions_expire(partition, 500);
    const struct broker_record rest = {.kind = BROKER_RECORD_LINE,
                                       .has_prev = true,
                                       .pos = {1, 1000, 70},
                                       .prev = {1, 1000, 60},
                                       .part_from = 4,
                                       .line_bytes = LINE_LEN};
    struct log_position from;
    assert_int_equal(
        log_partitions_judge_part(&all, partition, &rest, slice_of(LINE + 4, 6), &whole), LOG_GAP);
    assert_false(log_partitions_jump(&all, partition, &rest, &from));
    const struct broker_record next = {
        .kind = BROKER_RECORD_LINE, .has_prev = true, .pos = {1, 1000, 80}, .prev = {1, 1000, 70}};
    assert_int_equal(log_partitions_judge(&all, partition, &next), LOG_GAP);
    assert_true(log_partitions_jump(&all, partition, &next, &from));
    assert_int_equal(from.offset, 40);
    assert_int_equal(log_partitions_judge(&all, partition, &next), LOG_TAKE);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(parts__are_a_line_with_the_last),
        CASE(offset__stays_at_the_first_part),
        CASE(parts_cut_anew__go_on_where_the_bytes_end),
        CASE(missing_part__is_a_gap),
        CASE(line_passed_over__holds_nothing),
        CASE(line_whose_beginning_expired__waits_for_what_is_behind_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
