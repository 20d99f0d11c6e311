// When usage is counted: a fetch in the quarter hour in which its request arrived, wherever the line
// stands that closes it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/instant.h"
#include "core/usage/usage_fold.h"
#include "line_maker.h"

enum { MINUTE_MS = 60000, QUARTER_MS = 15 * MINUTE_MS };

// As the release before wrote it, by which usage was put where its line was completed: what u's
// fetches at 00:10 of TOPIC_B and at 00:15:00.000 of TOPIC_A left, the latter of partitions 0 (3,000
// bytes at 10, then 400 at 40) and 1 (500 at 0), all 1.5 ms after their requests.
static const char OLD_STATE[] =
    "0280d9d1b8fdcaaf06ffffffffffffffffff010204020000000000000000000000000000000002d00f320000"
    "000000000000000000000000000001b8171e010cf41b2c51d4abd6c6e181cd0fcb9a2e020000ecb8e9f9b7fb"
    "974f02000280b8ab9d0200019dd7cddce9a2e8c6950102000200030000ac0280b8ab9d02010002000080c1a5"
    "9e0201c801ac02ffffffffffffffffff0100000001005000010102000080b518031450ffffffffffffffffff"
    "0100000001020180b518010102000080b51803000affffffffffffffffff0100000003130000ac02c80102c8"
    "0180c1a59e021701015050021480b51810500058a00600040102010000001701020000010080b5181000000a"
    "e80780b51803010201000000";

static const struct maker_sum *quarter_of(const struct maker *m, int64_t at_ms) {
    int64_t day_us = days_from_civil(2026, 11, 1) * US_PER_DAY;
    for (int i = 0; i < m->quarter_count; i++) {
        if (m->quarters[i].quarter_us == day_us + at_ms * 1000) {
            return &m->quarters[i];
        }
    }
    fail_msg("no quarter hour at %lld ms", (long long)at_ms);
    return NULL;
}

static void fetch_that_waited__is_counted_when_it_arrived(void **state) {
    struct maker *m = *state;
    m->at_ms = QUARTER_MS + 4000;
    m->total = "5000.25";
    maker_plain_fetch(m, "0@100", "0:2000/150");
    assert_int_equal(m->quarter_count, 1);
    const struct maker_sum *first = quarter_of(m, 0);
    assert_int_equal(first->bytes, 2000);
    assert_int_equal(first->fetches, 1);
    assert_int_equal(first->open, 1);
    assert_int_equal(first->lines, 1);
    // Its successor arrived later, and closes it where it is counted, also over a restart.
    maker_store_and_load(m);
    m->at_ms += 300;
    m->total = "2.0";
    maker_plain_fetch(m, "0@130", "0:700/150");
    assert_int_equal(quarter_of(m, 0)->messages, 30);
    assert_int_equal(quarter_of(m, 0)->open, 0);
    assert_int_equal(quarter_of(m, QUARTER_MS)->bytes, 700);
    assert_int_equal(quarter_of(m, QUARTER_MS)->messages, 0);
}

static void fetch_in_a_session__is_counted_when_it_arrived(void **state) {
    struct maker *m = *state;
    m->at_ms = QUARTER_MS - 100;
    maker_fetch(m, 0, 0, 7, "0@100", "0:0/100", NULL);
    m->at_ms = QUARTER_MS + 400;
    m->total = "499.9";
    maker_fetch(m, 7, 1, 7, "", "0:2000/150", NULL);
    assert_int_equal(quarter_of(m, 0)->bytes, 2000);
    assert_int_equal(m->quarter_count, 1);
}

static void share_fetch_that_waited__is_counted_when_it_arrived(void **state) {
    struct maker *m = *state;
    m->at_ms = QUARTER_MS + 400;
    m->total = "4.009e2";
    maker_share(m, 0, 10, 19, 1);
    assert_int_equal(quarter_of(m, 0)->share_messages, 10);
}

static void what_was_produced__is_counted_when_it_was_done(void **state) {
    struct maker *m = *state;
    m->at_ms = QUARTER_MS;
    m->total = "400.0";
    maker_produce(m, -1, "0:1000/7");
    assert_int_equal(quarter_of(m, QUARTER_MS)->produced_bytes, 1000);
}

// What a line says of its time decides a row: nothing it can say leads out of the calendar.
static void time_that_cannot_be__is_bounded(void **state) {
    struct maker *m = *state;
    struct broker_line line = {.time_us = INT64_C(1793491200000000), .total_time_us = -1};
    assert_int_equal(broker_line_arrived_us(&line), line.time_us);
    line.total_time_us = INT64_MAX;
    assert_int_equal(broker_line_arrived_us(&line), line.time_us - BROKER_LINE_TOTAL_MAX_US);
    line.time_us = -INT64_C(62167219200000000); // the year 0
    assert_int_equal(broker_line_arrived_us(&line), line.time_us - BROKER_LINE_TOTAL_MAX_US);
    m->at_ms = QUARTER_MS;
    m->total = "-3.0"; // a clock was set back
    maker_plain_fetch(m, "0@0", "0:10/10");
    assert_int_equal(quarter_of(m, QUARTER_MS)->bytes, 10);
}

static void state_of_the_release_before__stays_where_it_was_counted(void **state) {
    struct maker *m = *state;
    maker_load(m, OLD_STATE);
    maker_store_and_load(m);
    m->connection = 2;
    m->at_ms = QUARTER_MS + 500;
    maker_plain_fetch(m, "0@44 1@5", "");
    assert_int_equal(m->quarter_count, 1);
    assert_int_equal(quarter_of(m, QUARTER_MS)->messages, 4 + 5);
    assert_int_equal(quarter_of(m, QUARTER_MS)->open, -2);
    // It knows what was read before, too.
    m->topic = TOPIC_B;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    assert_int_equal(m->all.bytes, 2000);
    assert_int_equal(m->fresh.bytes, 0);
}

static void state_of_the_release_before__goes_when_it_has_been_idle(void **state) {
    struct maker *m = *state;
    int64_t day_us = days_from_civil(2026, 11, 1) * US_PER_DAY;
    maker_load(m, OLD_STATE);
    usage_fold_prune(m->state, day_us + 399 * US_PER_DAY, &m->sink);
    assert_false(usage_state_empty(m->state));
    usage_fold_prune(m->state, day_us + 401 * US_PER_DAY, &m->sink);
    assert_true(usage_state_empty(m->state));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, maker_start, maker_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(fetch_that_waited__is_counted_when_it_arrived),
        CASE(fetch_in_a_session__is_counted_when_it_arrived),
        CASE(share_fetch_that_waited__is_counted_when_it_arrived),
        CASE(what_was_produced__is_counted_when_it_was_done),
        CASE(time_that_cannot_be__is_bounded),
        CASE(state_of_the_release_before__stays_where_it_was_counted),
        CASE(state_of_the_release_before__goes_when_it_has_been_idle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
