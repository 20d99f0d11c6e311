// The open batch: what records add to it, and what a commit or a reset leaves.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/instant.h"
#include "meter/fold/fold.h"

static struct fold fold;
static struct log_partition *partition;
static uint64_t place;

static int setup(void **state) {
    (void)state;
    fold_init(&fold);
    partition = log_partitions_own(&fold.partitions, 0);
    place = 0;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    fold_done(&fold);
    return 0;
}

static struct broker_record next_record(enum broker_record_kind kind) {
    struct broker_record r = {.kind = kind, .pos = {1, 1000, place + 10}};
    if (place > 0) {
        r.has_prev = true;
        r.prev = (struct log_position){1, 1000, place};
    }
    place += 10;
    return r;
}

static void take(enum broker_record_kind kind, const char *text) {
    struct broker_record r = next_record(kind);
    fold_record(&fold, partition, &r, slice_str(text), -1);
}

static int64_t at(const char *text) {
    int64_t us;
    assert_true(instant_parse(slice_str(text), &us));
    return us;
}

// A fetch of one partition of acme.orders by name, on a connection of its own per principal, that
// took `total` milliseconds.
static void take_fetch_of(const char *time, const char *principal, int64_t offset, int64_t bytes,
                          const char *total) {
    char line[2048];
    int n = snprintf(
        line, sizeof line,
        "[2026-11-01 %s] DEBUG Completed request:{\"isForwarded\":false,\"requestHeader\":{"
        "\"requestApiKey\":1,\"requestApiVersion\":11,\"correlationId\":1,\"clientId\":\"c\","
        "\"requestApiKeyName\":\"FETCH\"},\"request\":{\"replicaId\":-1,\"maxWaitMs\":500,"
        "\"minBytes\":1,\"maxBytes\":52428800,\"isolationLevel\":1,\"sessionId\":0,"
        "\"sessionEpoch\":-1,\"topics\":[{\"topic\":\"acme.orders\",\"partitions\":[{"
        "\"partition\":0,\"currentLeaderEpoch\":-1,\"fetchOffset\":%lld,\"logStartOffset\":-1,"
        "\"partitionMaxBytes\":1048576}]}],\"forgottenTopicsData\":[],\"rackId\":\"\"},"
        "\"response\":{\"throttleTimeMs\":0,\"errorCode\":0,\"sessionId\":0,\"responses\":[{"
        "\"topic\":\"acme.orders\",\"partitions\":[{\"partitionIndex\":0,\"errorCode\":0,"
        "\"highWatermark\":1000,\"lastStableOffset\":1000,\"logStartOffset\":0,"
        "\"abortedTransactions\":[],\"preferredReadReplica\":-1,\"recordsSizeInBytes\":%lld}]}]},"
        "\"connection\":\"127.0.0.1:19092-127.0.0.1:34428-2-5\",\"totalTimeMs\":%s,"
        "\"requestQueueTimeMs\":0.158,\"localTimeMs\":1.871,\"remoteTimeMs\":0.0,"
        "\"throttleTimeMs\":0,\"responseQueueTimeMs\":0.133,\"sendTimeMs\":0.47,"
        "\"securityProtocol\":\"SASL_PLAINTEXT\",\"principal\":\"User:%s\",\"listener\":"
        "\"INTERNAL\",\"clientInformation\":{\"softwareName\":\"librdkafka\","
        "\"softwareVersion\":\"2.0.2\"}} (kafka.request.logger)",
        time, (long long)offset, (long long)bytes, total, principal);
    assert_true(n > 0 && (size_t)n < sizeof line);
    take(BROKER_RECORD_LINE, line);
}

static void take_fetch(const char *time, const char *principal, int64_t offset, int64_t bytes) {
    take_fetch_of(time, principal, offset, bytes, "2.633");
}

static const struct usage_row *row_from(const char *from) {
    for (size_t i = 0; i < fold.rows.count; i++) {
        if (fold.rows.items[i].from_us == at(from)) {
            return &fold.rows.items[i];
        }
    }
    return NULL;
}

static void fetches__add_up_in_one_row(void **state) {
    (void)state;
    take_fetch("10:15:30,123", "alice", 0, 500);
    take_fetch("10:16:30,123", "alice", 40, 700);
    assert_int_equal(fold.rows.count, 1);
    const struct usage_row *row = row_from("2026-11-01T10:15:00Z");
    assert_non_null(row);
    assert_int_equal(row->bytes, 1200);
    assert_int_equal(row->messages, 40);
    assert_int_equal(row->fetches, 2);
    assert_int_equal(row->open_fetches, 1);
    assert_int_equal(row->evidence->lines, 2);
    assert_int_equal(row->evidence->first.offset, 10);
    assert_int_equal(row->evidence->last.offset, 20);
    assert_int_equal(fold.counts.lines, 2);
}

static void correction__goes_to_the_part_of_the_fetch_it_corrects(void **state) {
    (void)state;
    struct borders borders = {0};
    borders_add(&borders, at("2026-11-01T10:20:00Z"));
    borders_finish(&borders);
    assert_true(fold_rebound(&fold, SLICE_LIT("alice"), &borders));
    take_fetch("10:20:00,002", "alice", 0, 500); // arrived at 10:19:59.999367
    take_fetch("10:20:00,003", "alice", 40, 700);
    assert_int_equal(fold.rows.count, 2);
    const struct usage_row *before = row_from("2026-11-01T10:15:00Z");
    const struct usage_row *after = row_from("2026-11-01T10:20:00Z");
    assert_int_equal(before->bytes, 500);
    assert_int_equal(before->messages, 40);
    assert_int_equal(before->open_fetches, 0);
    assert_int_equal(before->evidence->lines, 1);
    assert_int_equal(after->bytes, 700);
    assert_int_equal(after->messages, 0);
    assert_int_equal(after->open_fetches, 1);
    assert_int_equal(before->day_from_us, at("2026-11-01T00:00:00Z"));
    assert_int_equal(after->day_from_us, at("2026-11-01T10:20:00Z"));
}

static void border__inside_the_open_batch_is_refused(void **state) {
    (void)state;
    take_fetch_of("10:19:07,000", "alice", 0, 500, "7000.0");
    struct borders late = {0};
    borders_add(&late, at("2026-11-01T10:19:00.001Z"));
    assert_true(fold_rebound(&fold, SLICE_LIT("alice"), &late));
    struct borders inside = {0};
    borders_add(&inside, at("2026-11-01T10:19:00Z"));
    assert_false(fold_rebound(&fold, SLICE_LIT("alice"), &inside));
    struct borders other = {0};
    borders_add(&other, at("2026-11-01T10:19:00Z"));
    assert_true(fold_rebound(&fold, SLICE_LIT("bob"), &other));
}

// The right of one subscription ends and another's begins while the broker waits for records.
static void fetch_that_waited__goes_to_whoever_had_let_it_in(void **state) {
    (void)state;
    struct borders borders = {0};
    borders_add(&borders, at("2026-11-01T10:20:00Z"));
    borders_add_end(&borders, at("2026-11-01T10:20:00Z"));
    borders_finish(&borders);
    assert_true(fold_rebound(&fold, SLICE_LIT("alice"), &borders));
    take_fetch_of("10:20:00,400", "alice", 0, 500, "500.0");
    take_fetch_of("10:20:00,400", "bob", 0, 600, "500.0");
    take_fetch_of("10:20:00,401", "alice", 40, 700, "0.9");
    take_fetch_of("10:30:00,100", "alice", 60, 900, "300.0"); // over a quarter hour, too
    assert_int_equal(row_from("2026-11-01T10:20:00Z")->bytes, 700);
    assert_int_equal(row_from("2026-11-01T10:20:00Z")->messages, 20);
    assert_int_equal(row_from("2026-11-01T10:21:00Z")->bytes, 900);
    assert_int_equal(fold.rows.count, 4);
    assert_int_equal(fold.rows.items[0].bytes, 500);
    assert_int_equal(fold.rows.items[0].messages, 40);
    assert_int_equal(fold.rows.items[0].from_us, at("2026-11-01T10:15:00Z"));
    assert_int_equal(fold.rows.items[1].bytes, 600);
    assert_int_equal(fold.rows.items[1].from_us, at("2026-11-01T10:15:00Z"));
}

static void stored_batch__leaves_state_but_no_rows(void **state) {
    (void)state;
    take_fetch("10:15:30,123", "alice", 0, 500);
    assert_false(fold_empty(&fold));
    assert_int_equal(fold.dirty_count, 1);
    fold_stored(&fold);
    assert_true(fold_empty(&fold));
    assert_int_equal(fold.rows.count, 0);
    assert_int_equal(fold.dirty_count, 0);
    take_fetch("10:16:30,123", "alice", 40, 0); // closes the fetch of the batch before
    const struct usage_row *row = row_from("2026-11-01T10:15:00Z");
    assert_non_null(row);
    assert_int_equal(row->messages, 40);
    assert_int_equal(row->open_fetches, -1);
    assert_int_equal(row->bytes, 0);
}

static void duplicate_and_gap__add_nothing(void **state) {
    (void)state;
    take_fetch("10:15:30,123", "alice", 0, 500);
    place -= 10;
    take(BROKER_RECORD_LINE, "never read"); // the same position again
    place += 10;
    take(BROKER_RECORD_LINE, "never read"); // its prev was never seen
    assert_int_equal(fold.counts.duplicates, 1);
    assert_int_equal(fold.counts.gaps, 1);
    assert_int_equal(fold.counts.lines, 1);
    assert_int_equal(fold.dead.count, 0);
}

static void unreadable_record__is_a_dead_letter_and_taken(void **state) {
    (void)state;
    take(BROKER_RECORD_LINE, "garbage");
    take(BROKER_RECORD_FACT, "{}");
    take(BROKER_RECORD_DEAD, "{\"reason\":\"too_long\",\"bytes\":9000000,\"text\":\"YWJj\"}");
    assert_int_equal(fold.dead.count, 3);
    assert_true(slice_eq_str(fold.dead.items[0].reason, "bad_prefix"));
    assert_true(slice_eq_str(fold.dead.items[0].head, "garbage"));
    assert_true(slice_eq_str(fold.dead.items[1].reason, "bad_record"));
    assert_true(slice_eq_str(fold.dead.items[2].reason, "too_long"));
    assert_int_equal(fold.dead.items[2].line_bytes, 9000000);
    assert_int_equal(fold.dead.items[2].at.offset, 30);
    take_fetch("10:15:30,123", "alice", 0, 500);
    assert_int_equal(fold.counts.lines, 1);
}

static void flood__is_counted_beyond_the_hours_limit(void **state) {
    (void)state;
    for (int i = 0; i < 10; i++) {
        take(BROKER_RECORD_LINE, "garbage");
    }
    dead_letters_limit_begin(&fold.dead);
    dead_letters_stored(&fold.dead, 1, SLICE_LIT("bad_prefix"), DEAD_PER_HOUR_MAX - 4);
    dead_letters_limit(&fold.dead);
    assert_false(fold.dead.items[3].counted_only);
    assert_true(fold.dead.items[4].counted_only);
    assert_int_equal(fold.dead.flood_count, 1);
    assert_int_equal(fold.dead.floods[0].counted, 6);
    assert_int_equal(fold.dead.floods[0].first.offset, 50);
    assert_int_equal(fold.dead.floods[0].last.offset, 100);
    // The commit failed, an hour later it is judged again.
    dead_letters_limit_begin(&fold.dead);
    dead_letters_limit(&fold.dead);
    assert_int_equal(fold.dead.floods[0].counted, 0);
    assert_false(fold.dead.items[9].counted_only);
}

static void sums__go_beyond_64_bits(void **state) {
    (void)state;
    struct principal *p = principals_get(&fold.principals, SLICE_LIT("alice"));
    struct usage_delta d = {.topic = {.name = SLICE_LIT("t")}, .bytes = UINT64_MAX, .lines = 1};
    const struct log_position here = {1, 1, 1};
    d.messages = INT64_MIN;
    usage_rows_add(&fold.rows, p, &here, &d);
    usage_rows_add(&fold.rows, p, &here, &d);
    assert_int_equal(fold.rows.count, 1);
    assert_true(fold.rows.items[0].bytes == (i128)UINT64_MAX * 2);
    assert_true(fold.rows.items[0].messages == (i128)INT64_MIN * 2);
}

static void many_rows__are_found_again(void **state) {
    (void)state;
    const struct log_position here = {1, 1, 1};
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5000; i++) {
            char name[32];
            int n = snprintf(name, sizeof name, "p%d", i);
            struct principal *p = principals_get(&fold.principals, slice_of(name, (size_t)n));
            struct usage_delta d = {.topic = {.name = SLICE_LIT("t")}, .bytes = 1, .lines = 1};
            usage_rows_add(&fold.rows, p, &here, &d);
        }
    }
    assert_int_equal(fold.rows.count, 5000);
    assert_int_equal(fold.principals.count, 5000);
    for (size_t i = 0; i < 5000; i++) {
        assert_int_equal(fold.rows.items[i].bytes, 2);
    }
}

static void control_record__of_an_impossible_time_is_a_dead_letter(void **state) {
    (void)state;
    take_fetch("10:15:30,123", "alice", 0, 500);
    struct broker_record r = {.kind = BROKER_RECORD_CONTROL, .pos = {1, 1000, place}};
    fold_record(&fold, partition, &r,
                SLICE_LIT("{\"broker_time_us\":9223372036854775807,\"generation\":1,"
                          "\"offset\":1,\"interval_ms\":5000,\"version\":\"x\"}"),
                -1);
    assert_int_equal(fold.dead.count, 1);
    assert_false(log_partitions_broker(partition, 1)->has_time);
}

static void refused_state__is_forgotten_when_the_batch_is_stored(void **state) {
    (void)state;
    take_fetch("10:15:30,123", "alice", 0, 500);
    take_fetch("10:15:30,123", "bob", 0, 500);
    struct principal *alice = principals_find(&fold.principals, SLICE_LIT("alice"));
    alice->unstorable = true;
    fold_stored(&fold);
    assert_null(alice->state);
    assert_non_null(principals_find(&fold.principals, SLICE_LIT("bob"))->state);
    take_fetch("10:16:30,123", "alice", 40, 500);
    assert_non_null(alice->state);
    assert_false(alice->unstorable);
}

static void batch_of_many_gaps__is_full(void **state) {
    (void)state;
    for (int i = 0; i < GAPS_MAX; i++) {
        assert_false(fold_full(&fold));
        struct broker_record r = {.kind = BROKER_RECORD_LINE,
                                  .pos = {i, 1000, 20},
                                  .has_prev = true,
                                  .prev = {i, 1000, 10}};
        fold_record(&fold, partition, &r, SLICE_LIT("x"), -1);
    }
    assert_int_equal(fold.partitions.gap_count, GAPS_MAX);
    assert_true(fold_full(&fold));
}

static void empty_state__goes(void **state) {
    (void)state;
    struct principal *p = principals_get(&fold.principals, SLICE_LIT("alice"));
    p->state = usage_state_new(); // as loaded
    p->partition = 0;
    p->stored = true;
    fold_finish(&fold, 0);
    assert_int_equal(fold.dirty_count, 1);
    assert_ptr_equal(fold.dirty[0], p);
    fold_stored(&fold);
    assert_null(p->state);
}

// Whoever is gone is looked at once a day, until nothing is known of him any more.
static void state_of_whoever_is_gone__goes(void **state) {
    (void)state;
    int64_t began = at("2026-11-01T10:00:00Z");
    fold.expected[fold.expected_count++] = (struct log_expected){.id = 1};
    take_fetch("10:15:30,123", "alice", 0, 500);
    take_fetch("10:16:30,123", "alice", 40, 0);
    struct principal *p = principals_find(&fold.principals, SLICE_LIT("alice"));
    int64_t pruned = 0;
    for (int64_t hour = 1; hour <= 24 * 401 && p->state != NULL; hour++) {
        int64_t now = began + hour * 3600 * US_PER_SECOND;
        log_partitions_heard(partition, 1, now, now);
        fold_finish(&fold, now);
        pruned += hour > 48 && p->dirty;
        assert_true(p->state != NULL || hour > 24 * 400);
        fold_stored(&fold);
    }
    assert_null(p->state);
    assert_in_range(pruned, 398, 400);
}

static void silent_broker__is_marked_and_does_not_stop_pruning(void **state) {
    (void)state;
    take_fetch("10:15:30,123", "alice", 0, 500);
    fold.expected[fold.expected_count++] = (struct log_expected){.id = 1};
    fold.expected[fold.expected_count++] = (struct log_expected){.id = 2};
    int64_t now = at("2026-11-03T00:00:00Z");
    log_partitions_heard(partition, 2, at("2026-11-01T10:00:00Z"), at("2026-11-01T10:00:00Z"));
    log_partitions_heard(partition, 1, at("2026-11-02T11:00:00Z"), at("2026-11-02T11:00:00Z"));
    fold_finish(&fold, now);
    assert_false(fold.expected[0].silent || fold.expected[1].silent);
    assert_int_equal(partition->horizon_us, at("2026-11-01T10:00:00Z"));
    log_partitions_heard(partition, 1, at("2026-11-02T11:00:01Z"), at("2026-11-02T11:00:01Z"));
    fold_finish(&fold, now);
    assert_true(fold.expected[1].silent && !fold.expected[0].silent);
    assert_int_equal(partition->horizon_us, at("2026-11-02T11:00:01Z"));
    assert_int_equal(fold.dirty[0]->pruned_us, partition->horizon_us);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fetches__add_up_in_one_row, setup, teardown),
        cmocka_unit_test_setup_teardown(correction__goes_to_the_part_of_the_fetch_it_corrects,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(border__inside_the_open_batch_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(fetch_that_waited__goes_to_whoever_had_let_it_in, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(stored_batch__leaves_state_but_no_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(duplicate_and_gap__add_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(unreadable_record__is_a_dead_letter_and_taken, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(flood__is_counted_beyond_the_hours_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(sums__go_beyond_64_bits, setup, teardown),
        cmocka_unit_test_setup_teardown(control_record__of_an_impossible_time_is_a_dead_letter,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(refused_state__is_forgotten_when_the_batch_is_stored, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(batch_of_many_gaps__is_full, setup, teardown),
        cmocka_unit_test_setup_teardown(empty_state__goes, setup, teardown),
        cmocka_unit_test_setup_teardown(state_of_whoever_is_gone__goes, setup, teardown),
        cmocka_unit_test_setup_teardown(silent_broker__is_marked_and_does_not_stop_pruning, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(many_rows__are_found_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
