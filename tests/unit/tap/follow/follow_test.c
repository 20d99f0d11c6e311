// Reading a log across rename, compression, truncation and restart, in a temporary folder.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap/follow/follow.h"
#include "tap/follow/follow_expect.h"
#include "tap/log_folder.h"

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

static struct follow *begin(const struct follow_mark *start) {
    return follow_new(folder.live, LINE_MAX_BYTES, start, NULL);
}

static void missing_file__is_waited_for(void **state) {
    (void)state;
    struct follow *f = begin(NULL);
    struct follow_mark mark;
    follow_expect_nothing(f);
    assert_false(follow_mark(f, &mark));
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_nothing(f);
    assert_true(follow_caught_up(f));
    follow_free(f);
}

static void lines__come_only_when_complete(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    log_folder_append(&folder, NULL, "[2026-11-22 16:0");
    follow_expect_nothing(f);
    assert_false(follow_caught_up(f));
    log_folder_append(&folder, NULL, "0:02,000] DEBUG b\n");
    follow_expect_line(f, log_folder_ms(1), 34, "b");
    follow_expect_nothing(f);
    assert_true(follow_caught_up(f));
    follow_free(f);
}

static void rename__goes_on_with_the_new_file(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_nothing(f);
    // Written after the last look and before the rename.
    log_folder_append(&folder, NULL, log_folder_line(2, "b"));
    log_folder_rename(&folder, NULL, "kafka-request.log.2026-11-22-16");
    follow_expect_line(f, log_folder_ms(1), 34, "b");
    follow_expect_nothing(f); // no new file yet
    assert_false(follow_caught_up(f));
    log_folder_append(&folder, NULL, "");
    follow_expect_nothing(f); // nor a line in it
    log_folder_append(&folder, NULL, log_folder_line(3, "c"));
    follow_expect_line(f, log_folder_ms(3), 0, "c");
    follow_expect_nothing(f);
    assert_true(follow_caught_up(f));
    follow_free(f);
}

static void several_renames__are_read_in_order(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    log_folder_rename(&folder, NULL, "kafka-request.log.2026-11-22-16");
    log_folder_append(&folder, "kafka-request.log.2026-11-22-17", log_folder_line(2, "b"));
    log_folder_append(&folder, "kafka-request.log.2026-11-22-18", log_folder_line(3, "c"));
    log_folder_gzip(&folder, "kafka-request.log.2026-11-22-17",
                    "kafka-request.log.2026-11-22-17.gz");
    log_folder_remove(&folder, "kafka-request.log.2026-11-22-17");
    log_folder_append(&folder, NULL, log_folder_line(4, "d"));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(2), 0, "b");
    follow_expect_line(f, log_folder_ms(3), 0, "c");
    follow_expect_line(f, log_folder_ms(4), 0, "d");
    follow_expect_nothing(f);
    follow_free(f);
}

static void generation__is_always_above_the_one_before(void **state) {
    (void)state;
    log_folder_append(&folder, "kafka-request.log.1", log_folder_line(5, "a"));
    log_folder_append(&folder, NULL, log_folder_line(5, "b"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(5));
    follow_expect_line(f, log_folder_ms(5), 0, "a");
    follow_expect_line(f, log_folder_ms(5) + 1, 0, "b");
    // A clock that went back: the live file's first line is older.
    log_folder_rename(&folder, NULL, "kafka-request.log.2");
    log_folder_append(&folder, NULL, log_folder_line(2, "c"));
    follow_expect_line(f, log_folder_ms(5) + 2, 0, "c");
    follow_free(f);
}

// File "b" begins after "c" by its own words, for the clock was set back in it.
static void clock_set_back__no_file_is_read_twice(void **state) {
    (void)state;
    static struct follow_past past;
    log_folder_append(&folder, "kafka-request.log.1", log_folder_line(1, "a"));
    log_folder_append(&folder, NULL, log_folder_line(20, "b"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(20), 0, "b");
    log_folder_rename(&folder, NULL, "kafka-request.log.2");
    log_folder_append(&folder, NULL, log_folder_line(15, "c"));
    follow_expect_line(f, log_folder_ms(20) + 1, 0, "c");
    struct follow_mark mark;
    assert_true(follow_mark(f, &mark));
    follow_past_at(f, mark.generation, &past);
    log_folder_rename(&folder, NULL, "kafka-request.log.3");
    log_folder_append(&folder, NULL, log_folder_line(30, "d"));
    follow_expect_line(f, log_folder_ms(30), 0, "d");
    follow_expect_nothing(f);
    follow_free(f);
    f = follow_new(folder.live, LINE_MAX_BYTES, &mark, &past); // neither after a restart
    follow_expect_line(f, log_folder_ms(30), 0, "d");
    follow_expect_nothing(f);
    follow_free(f);
}

static void clock_set_back__no_file_is_passed_over(void **state) {
    (void)state;
    static struct follow_past past;
    log_folder_append(&folder, "kafka-request.log.0", log_folder_line(1, "first"));
    log_folder_append(&folder, NULL, log_folder_line(20, "a"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "first");
    follow_expect_line(f, log_folder_ms(20), 0, "a");
    struct follow_mark mark;
    assert_true(follow_mark(f, &mark));
    follow_past_at(f, mark.generation, &past);
    follow_free(f);
    // Two rotations while nobody looked.
    log_folder_rename(&folder, NULL, "kafka-request.log.1");
    log_folder_append(&folder, "kafka-request.log.2", log_folder_line(10, "b"));
    log_folder_append(&folder, NULL, log_folder_line(15, "c"));
    f = follow_new(folder.live, LINE_MAX_BYTES, &mark, &past);
    follow_expect_line(f, log_folder_ms(20) + 1, 0, "b");
    follow_expect_line(f, log_folder_ms(20) + 2, 0, "c");
    follow_expect_nothing(f);
    follow_free(f);
}

// The mark stays behind what is read: files begun after it are read again from it.
static void clock_set_back__what_was_begun_behind_the_mark_is_read(void **state) {
    (void)state;
    static struct follow_past past;
    log_folder_append(&folder, "kafka-request.log.1", log_folder_line(1, "a"));
    log_folder_append(&folder, NULL, log_folder_line(2, "b"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    struct follow_mark mark;
    assert_true(follow_mark(f, &mark));
    follow_expect_line(f, log_folder_ms(2), 0, "b");
    follow_past_at(f, mark.generation, &past);
    follow_free(f);
    f = follow_new(folder.live, LINE_MAX_BYTES, &mark, &past);
    follow_expect_line(f, log_folder_ms(2), 0, "b");
    follow_expect_nothing(f);
    follow_free(f);
}

static void generation__is_the_first_line_with_a_time(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, "left over from a crash\n");
    struct follow *f = begin(NULL);
    follow_expect_nothing(f);
    log_folder_append(&folder, NULL, log_folder_line(7, "a"));
    follow_expect_first_hole(f, log_folder_ms(7));
    follow_expect_line(f, log_folder_ms(7), 0, "crash");
    follow_expect_line(f, log_folder_ms(7), 23, "a");
    follow_free(f);
}

static void unfinished_end__is_torn_once_the_file_is_done(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    log_folder_append(&folder, NULL, "[2026-11-22 16:00:02,000] DEBUG half");
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_nothing(f);
    log_folder_rename(&folder, NULL, "kafka-request.log.2026-11-22-16");
    log_folder_append(&folder, NULL, log_folder_line(3, "c"));
    struct follow_item item;
    assert_int_equal(follow_expect_next(f, &item), FOLLOW_TORN);
    assert_int_equal(item.offset, 34);
    assert_int_equal(item.bytes, 36);
    follow_expect_line(f, log_folder_ms(3), 0, "c");
    follow_free(f);
}

static void long_line__is_given_by_its_head(void **state) {
    (void)state;
    static char text[30000];
    memset(text, 'x', sizeof text - 1);
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    log_folder_append(&folder, NULL, log_folder_line(2, text));
    log_folder_append(&folder, NULL, log_folder_line(3, "c"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    struct follow_item item;
    assert_int_equal(follow_expect_next(f, &item), FOLLOW_TOO_LONG);
    assert_int_equal(item.offset, 34);
    assert_int_equal(item.bytes, 32 + sizeof text - 1);
    assert_int_equal(item.text.len, FOLLOW_HEAD_MAX);
    follow_expect_line(f, log_folder_ms(1), 34 + 33 + sizeof text - 1, "c");
    follow_free(f);
}

// A line so long that it is never whole in memory, and still unfinished at first.
static void long_line__needs_no_memory_of_its_size(void **state) {
    (void)state;
    static char block[1 << 20];
    memset(block, 'y', sizeof block - 1);
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    log_folder_append(&folder, NULL, "[2026-11-22 16:00:02,000] DEBUG ");
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    struct follow_mark mark;
    for (int i = 0; i < 3; i++) {
        log_folder_append(&folder, NULL, block);
        follow_expect_nothing(f);
        assert_true(follow_mark(f, &mark));
        assert_int_equal(mark.offset, 34);
    }
    log_folder_append(&folder, NULL, "\n");
    struct follow_item item;
    assert_int_equal(follow_expect_next(f, &item), FOLLOW_TOO_LONG);
    assert_int_equal(item.offset, 34);
    assert_int_equal(item.bytes, 32 + 3 * (sizeof block - 1));
    log_folder_append(&folder, NULL, log_folder_line(3, "c"));
    follow_expect_line(f, log_folder_ms(1), 34 + item.bytes + 1, "c");
    follow_free(f);
}

// Whole or never whole in memory: who asked, in which session, and what was answered.
static void long_line__tells_what_can_be_read_of_it(void **state) {
    (void)state;
    static const char HEAD[] =
        "Completed request:{\"requestHeader\":{\"requestApiKey\":1},\"request\":"
        "{\"sessionId\":7,\"sessionEpoch\":12,\"topics\":[";
    static const char TAIL[] =
        "]},\"connection\":\"c\",\"principal\":\"User:late\",\"listener\":\"L\"}\n";
    static const char PART[] = "{\"partitionIndex\":0,\"recordsSizeInBytes\":3},";
    const int few = 100,
              many = 40000; // parts: 4 kB, above the maximum, and 1.8 MB, in several reads
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    for (int parts = few; parts <= many; parts += many - few) {
        log_folder_append(&folder, NULL, "[2026-11-22 16:00:02,000] DEBUG ");
        log_folder_append(&folder, NULL, HEAD);
        for (int i = 0; i < parts; i++) {
            log_folder_append(&folder, NULL, PART);
            if (i % 1000 == 7) {
                follow_expect_nothing(f);
            }
        }
        log_folder_append(&folder, NULL, TAIL);
        struct follow_item item;
        assert_int_equal(follow_expect_next(f, &item), FOLLOW_TOO_LONG);
        assert_non_null(item.remains);
        assert_int_equal(item.remains->record_bytes, 3 * parts);
        assert_int_equal(item.remains->api_key, 1);
        assert_int_equal(item.remains->session_id, 7);
        assert_int_equal(item.remains->session_epoch, 12);
        assert_true(item.remains->has_time);
        assert_true(slice_eq_str(line_remains_principal(item.remains), "User:late"));
    }
    // Of the next line nothing is left of it.
    log_folder_append(&folder, NULL, log_folder_line(3, "c"));
    struct follow_item item;
    assert_int_equal(follow_expect_next(f, &item), FOLLOW_LINE);
    assert_null(item.remains);
    follow_free(f);
}

static void line_of_exactly_the_maximum__is_a_line(void **state) {
    (void)state;
    char text[LINE_MAX_BYTES + 1];
    memset(text, 'z', sizeof text);
    text[LINE_MAX_BYTES - 32] = '\0';
    log_folder_append(&folder, NULL, log_folder_line(1, text));
    text[LINE_MAX_BYTES - 32] = 'z';
    text[LINE_MAX_BYTES - 31] = '\0';
    log_folder_append(&folder, NULL, log_folder_line(2, text));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "z");
    struct follow_item item;
    assert_int_equal(follow_expect_next(f, &item), FOLLOW_TOO_LONG);
    follow_free(f);
}

// Lines of 34 bytes: a, b, c were read.
static struct follow_mark read_three(void) {
    for (int i = 1; i <= 3; i++) {
        log_folder_append(&folder, NULL, log_folder_line(i, i == 1 ? "a" : i == 2 ? "b" : "c"));
    }
    struct follow *f = begin(NULL);
    struct follow_mark mark;
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(1), 34, "b");
    follow_expect_line(f, log_folder_ms(1), 68, "c");
    assert_true(follow_mark(f, &mark));
    follow_free(f);
    log_folder_append(&folder, NULL, log_folder_line(4, "d"));
    return mark;
}

static void look_back__begins_at_a_line_before_the_start(void **state) {
    (void)state;
    struct follow_mark mark = read_three();
    static const struct {
        uint64_t bytes;
        uint64_t from;
    } CASES[] = {{0, 102}, {33, 102}, {34, 102}, {35, 68},
                 {68, 68}, {101, 34}, {102, 0},  {9999, 0}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        struct follow *f = begin(&mark);
        follow_look_back(f, CASES[i].bytes);
        for (uint64_t at = CASES[i].from; at <= 102; at += 34) {
            const char *const text[] = {"a", "b", "c", "d"};
            follow_expect_line(f, log_folder_ms(1), at, text[at / 34]);
        }
        follow_expect_nothing(f);
        follow_free(f);
    }
    // Also renamed and packed.
    log_folder_gzip(&folder, NULL, "kafka-request.log.2026-11-22-16.gz");
    log_folder_remove(&folder, NULL);
    struct follow *f = begin(&mark);
    follow_look_back(f, 40);
    follow_expect_line(f, log_folder_ms(1), 68, "c");
    follow_expect_line(f, log_folder_ms(1), 102, "d");
    follow_free(f);
}

// Where positions were others, and across what was lost, nothing is read again.
static void look_back__stays_within_what_was_read_in_a_row(void **state) {
    (void)state;
    struct follow_mark mark = read_three();
    mark.generation++;
    struct follow *f = begin(&mark);
    follow_look_back(f, 9999);
    follow_expect_line(f, mark.generation, 102, "d");
    follow_free(f);

    static char nuls[200];
    log_folder_remove(&folder, NULL);
    log_folder_write(&folder, NULL, log_folder_line(1, "a"), 34);
    log_folder_write(&folder, NULL, nuls, sizeof nuls);
    log_folder_append(&folder, NULL, log_folder_line(2, "b"));
    log_folder_append(&folder, NULL, log_folder_line(3, "c"));
    log_folder_append(&folder, NULL, log_folder_line(4, "d"));
    mark.generation--;
    mark.offset = 34 + sizeof nuls + 68;
    f = begin(&mark);
    follow_look_back(f, 9999);
    follow_expect_line(f, log_folder_ms(1), 34 + sizeof nuls + 34, "c");
    follow_expect_line(f, log_folder_ms(1), mark.offset, "d");
    follow_free(f);
}

static void restart__goes_on_where_it_was(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    log_folder_append(&folder, NULL, log_folder_line(2, "b"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    struct follow_mark mark;
    assert_true(follow_mark(f, &mark));
    follow_free(f);
    // Renamed and compressed while nobody looked.
    log_folder_rename(&folder, NULL, "kafka-request.log.2026-11-22-16");
    log_folder_gzip(&folder, "kafka-request.log.2026-11-22-16",
                    "kafka-request.log.2026-11-22-16.gz");
    log_folder_remove(&folder, "kafka-request.log.2026-11-22-16");
    log_folder_append(&folder, NULL, log_folder_line(3, "c"));
    f = begin(&mark);
    follow_expect_line(f, log_folder_ms(1), 34, "b");
    follow_expect_line(f, log_folder_ms(3), 0, "c");
    follow_expect_nothing(f);
    follow_free(f);
}

static void restart_after_removal__is_a_hole(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    log_folder_append(&folder, NULL, log_folder_line(2, "b"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    struct follow_mark mark;
    assert_true(follow_mark(f, &mark));
    follow_free(f);
    log_folder_remove(&folder, "kafka-request.log");
    f = begin(&mark);
    follow_expect_nothing(f); // perhaps only hidden by a rename
    log_folder_append(&folder, NULL, log_folder_line(9, "z"));
    follow_expect_hole(f, "removed", log_folder_ms(1), 34, log_folder_ms(9));
    follow_expect_line(f, log_folder_ms(9), 0, "z");
    follow_free(f);
}

static void truncation__begins_a_generation_with_a_hole(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    log_folder_truncate(&folder, NULL, 0);
    follow_expect_nothing(f);
    log_folder_append(&folder, NULL, log_folder_line(4, "b"));
    follow_expect_hole(f, "truncated", log_folder_ms(1), 34, log_folder_ms(4));
    follow_expect_line(f, log_folder_ms(4), 0, "b");
    follow_expect_nothing(f);
    assert_true(follow_caught_up(f));
    follow_free(f);
}

// Begun anew and grown past the old place between two looks: only the content tells.
static void truncation__is_seen_when_the_file_is_longer_again(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_nothing(f);
    log_folder_truncate(&folder, NULL, 0);
    log_folder_append(&folder, NULL, log_folder_line(4, "b"));
    log_folder_append(&folder, NULL, log_folder_line(5, "c"));
    follow_expect_hole(f, "truncated", log_folder_ms(1), 34, log_folder_ms(4));
    follow_expect_line(f, log_folder_ms(4), 0, "b");
    follow_expect_line(f, log_folder_ms(4), 34, "c");
    follow_free(f);
}

static void copytruncate__reads_on_in_the_copy(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    log_folder_append(&folder, NULL, log_folder_line(2, "b"));
    log_folder_append(&folder, "kafka-request.log.1", log_folder_line(1, "a"));
    log_folder_append(&folder, "kafka-request.log.1", log_folder_line(2, "b"));
    log_folder_truncate(&folder, NULL, 0);
    log_folder_append(&folder, NULL, log_folder_line(5, "c"));
    follow_expect_line(f, log_folder_ms(1), 34, "b");
    // What was written between copy and truncation nobody knows.
    follow_expect_hole(f, "truncated", log_folder_ms(1), 68, log_folder_ms(5));
    follow_expect_line(f, log_folder_ms(5), 0, "c");
    follow_expect_nothing(f);
    follow_free(f);
}

static void lost_end__goes_on_behind_what_is_left(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    log_folder_append(&folder, NULL, log_folder_line(2, "b"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(1), 34, "b");
    log_folder_truncate(&folder, NULL, 34);
    follow_expect_hole(f, "truncated", log_folder_ms(1), 68, log_folder_ms(1) + 1);
    log_folder_append(&folder, NULL, log_folder_line(3, "c"));
    follow_expect_line(f, log_folder_ms(1) + 1, 34, "c");
    follow_free(f);
}

static void damaged_gzip__is_a_hole(void **state) {
    (void)state;
    for (int i = 0; i < 2000; i++) {
        char text[64];
        snprintf(text, sizeof text, "%d %u", i, (unsigned)i * 2654435761U);
        log_folder_append(&folder, "kafka-request.log.1", log_folder_line(1, text));
    }
    log_folder_gzip(&folder, "kafka-request.log.1", "kafka-request.log.1.gz");
    log_folder_remove(&folder, "kafka-request.log.1");
    log_folder_truncate(&folder, "kafka-request.log.1.gz", 9000);
    log_folder_append(&folder, NULL, log_folder_line(9, "z"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    struct follow_item item;
    uint64_t lines = 0;
    uint64_t end = 0;
    while (follow_expect_next(f, &item) != FOLLOW_HOLE) {
        lines += item.kind == FOLLOW_LINE;
        end = item.offset + item.bytes;
    }
    assert_true(lines > 0 && lines < 2000);
    assert_string_equal(item.why, "damaged");
    assert_true(item.from_offset >= end);
    follow_expect_line(f, log_folder_ms(9), 0, "z");
    follow_free(f);
}

// logrotate's dateext, the default of some distributions, and other rotators.
static void rotators__name_files_in_their_own_ways(void **state) {
    (void)state;
    static const char *const NAMES[] = {"kafka-request.log-20261122", "kafka-request.log_2",
                                        "kafka-request.log.1"};
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    for (int i = 0; i < 3; i++) {
        log_folder_rename(&folder, NULL, NAMES[i]);
        log_folder_append(&folder, NULL, log_folder_line(2 + i, "b"));
        follow_expect_line(f, log_folder_ms(2 + i), 0, "b");
    }
    follow_expect_nothing(f);
    follow_free(f);
}

static void folder_named_like_the_log__is_no_file_of_it(void **state) {
    (void)state;
    char path[512];
    assert_int_equal(mkdir(log_folder_path(&folder, "kafka-request.log.archive", path), 0755), 0);
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_nothing(f);
    follow_free(f);
    assert_int_equal(rmdir(path), 0);
}

// An operator's copy of the live file, and the file itself grown and renamed.
static void stale_copy__is_not_read_for_the_longer_file(void **state) {
    (void)state;
    log_folder_append(&folder, "kafka-request.log.2026-11-22", log_folder_line(1, "a"));
    log_folder_append(&folder, "kafka-request.log.2026-11-22-16", log_folder_line(1, "a"));
    log_folder_append(&folder, "kafka-request.log.2026-11-22-16", log_folder_line(2, "b"));
    log_folder_append(&folder, NULL, log_folder_line(3, "c"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(1), 34, "b");
    follow_expect_line(f, log_folder_ms(3), 0, "c");
    follow_free(f);
}

// Whatever stands between two files and can't be read is a hole, told once.
static void unreadable_file_between__is_a_hole(void **state) {
    (void)state;
    static const char *const NAMES[] = {
        "kafka-request.log.2026-11-22-17.gz", "kafka-request.log.2026-11-22-17.xz",
        "kafka-request.log.2026-11-22-17.zst", "kafka-request.log.2026-11-22-17"};
    for (int i = 0; i < 4; i++) {
        log_folder_append(&folder, "kafka-request.log.2026-11-22-16", log_folder_line(1, "a"));
        log_folder_append(&folder, NAMES[i], "\x1f\x8b no line at all");
        log_folder_append(&folder, NULL, log_folder_line(3, "c"));
        struct follow *f = begin(NULL);
        follow_expect_first_hole(f, log_folder_ms(1));
        follow_expect_line(f, log_folder_ms(1), 0, "a");
        follow_expect_hole(f, "damaged", log_folder_ms(1), 34, log_folder_ms(3));
        follow_expect_line(f, log_folder_ms(3), 0, "c");
        log_folder_rename(&folder, NULL, "kafka-request.log.2026-11-22-18");
        log_folder_append(&folder, NULL, log_folder_line(4, "d"));
        follow_expect_line(f, log_folder_ms(4), 0, "d");
        follow_expect_nothing(f);
        follow_free(f);
        log_folder_done(&folder);
        log_folder_init(&folder);
    }
}

// What was read and then compressed in a way that can't be read is no hole.
static void read_file_in_another_compression__is_no_hole(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    log_folder_rename(&folder, NULL, "kafka-request.log.2026-11-22-16");
    log_folder_append(&folder, "kafka-request.log.2026-11-22-16.xz", "packed");
    log_folder_append(&folder, NULL, log_folder_line(2, "b"));
    follow_expect_line(f, log_folder_ms(2), 0, "b");
    follow_expect_nothing(f);
    follow_free(f);
}

static void rewind__gives_the_same_positions_even_of_removed_files(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    log_folder_append(&folder, NULL, log_folder_line(2, "b"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(1), 34, "b");
    log_folder_rename(&folder, NULL, "kafka-request.log.1");
    log_folder_append(&folder, NULL, log_folder_line(3, "c"));
    follow_expect_line(f, log_folder_ms(3), 0, "c");
    log_folder_remove(&folder, "kafka-request.log.1");
    follow_rewind(f, log_folder_ms(1), 34);
    follow_expect_line(f, log_folder_ms(1), 34, "b");
    follow_expect_line(f, log_folder_ms(3), 0, "c");
    follow_rewind(f, log_folder_ms(1), 0);
    follow_expect_first_hole(f, log_folder_ms(1)); // not yet acknowledged either
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(1), 34, "b");
    follow_expect_line(f, log_folder_ms(3), 0, "c");
    follow_release(f, log_folder_ms(3));
    struct follow_mark mark;
    assert_false(follow_mark_at(f, log_folder_ms(1), 0, &mark));
    assert_true(follow_mark_at(f, log_folder_ms(3), 5, &mark));
    follow_expect_nothing(f);
    follow_free(f);
}

static void rewind_into_truncated_content__widens_the_hole(void **state) {
    (void)state;
    log_folder_append(&folder, NULL, log_folder_line(1, "a"));
    log_folder_append(&folder, NULL, log_folder_line(2, "b"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(1), 34, "b");
    log_folder_truncate(&folder, NULL, 0);
    log_folder_append(&folder, NULL, log_folder_line(4, "c"));
    follow_expect_hole(f, "truncated", log_folder_ms(1), 68, log_folder_ms(4));
    follow_rewind(f, log_folder_ms(1), 34); // b was not acknowledged, and is gone
    follow_expect_hole(f, "truncated", log_folder_ms(1), 34, log_folder_ms(4));
    follow_expect_line(f, log_folder_ms(4), 0, "c");
    follow_free(f);
}

// The same folder read in one go and in pieces, with restarts at every line: equal positions.
static void any_restart__gives_the_same_positions(void **state) {
    (void)state;
    enum { FILES = 4, LINES = 25 };
    unsigned seed = 20261122;
    for (int file = 0; file < FILES; file++) {
        char name[64];
        snprintf(name, sizeof name, "kafka-request.log.%d", file);
        for (int i = 0; i < LINES; i++) {
            char text[256];
            seed = seed * 1103515245U + 12345;
            memset(text, 'a' + i, sizeof text);
            text[seed >> 16 & 0xff] = '\0';
            log_folder_append(&folder, file == FILES - 1 ? NULL : name,
                              log_folder_line(file * 100 + i, text));
        }
        if (file == 1) {
            log_folder_gzip(&folder, name, "kafka-request.log.1.gz");
            log_folder_remove(&folder, name);
        }
    }
    struct {
        int64_t generation;
        uint64_t offset;
    } seen[FILES * LINES];
    struct follow *f = begin(NULL);
    struct follow_item item;
    follow_expect_first_hole(f, log_folder_ms(0));
    for (int i = 0; i < FILES * LINES; i++) {
        assert_int_equal(follow_expect_next(f, &item), FOLLOW_LINE);
        seen[i].generation = item.generation;
        seen[i].offset = item.offset;
    }
    follow_expect_nothing(f);
    follow_free(f);
    f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(0));
    for (int i = 0; i < FILES * LINES; i++) {
        assert_int_equal(follow_expect_next(f, &item), FOLLOW_LINE);
        assert_int_equal(item.generation, seen[i].generation);
        assert_int_equal(item.offset, seen[i].offset);
        struct follow_mark mark;
        assert_true(follow_mark(f, &mark));
        follow_free(f);
        f = begin(&mark);
    }
    follow_free(f);
}

static void unreadable_folder__is_an_error_and_not_an_end(void **state) {
    (void)state;
    log_folder_append(&folder, "kafka-request.log.1", log_folder_line(1, "a"));
    char path[600];
    snprintf(path, sizeof path, "%s/kafka-request.log.1/kafka-request.log", folder.dir);
    struct follow *f = follow_new(path, LINE_MAX_BYTES, NULL, NULL);
    struct follow_item item;
    struct err e;
    assert_int_equal(follow_next(f, &item, &e), ERR_IO);
    follow_free(f);
}

static void lag__counts_what_is_not_taken(void **state) {
    (void)state;
    log_folder_append(&folder, "kafka-request.log.1", log_folder_line(1, "a"));
    log_folder_append(&folder, NULL, log_folder_line(2, "b"));
    struct follow *f = begin(NULL);
    follow_expect_first_hole(f, log_folder_ms(1));
    assert_int_equal(follow_lag_bytes(f), 68);
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    assert_int_equal(follow_lag_bytes(f), 34);
    follow_expect_line(f, log_folder_ms(2), 0, "b");
    assert_int_equal(follow_lag_bytes(f), 0);
    follow_free(f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(missing_file__is_waited_for),
        CASE(lines__come_only_when_complete),
        CASE(rename__goes_on_with_the_new_file),
        CASE(several_renames__are_read_in_order),
        CASE(generation__is_always_above_the_one_before),
        CASE(clock_set_back__no_file_is_read_twice),
        CASE(clock_set_back__no_file_is_passed_over),
        CASE(clock_set_back__what_was_begun_behind_the_mark_is_read),
        CASE(generation__is_the_first_line_with_a_time),
        CASE(unfinished_end__is_torn_once_the_file_is_done),
        CASE(long_line__is_given_by_its_head),
        CASE(long_line__needs_no_memory_of_its_size),
        CASE(long_line__tells_what_can_be_read_of_it),
        CASE(line_of_exactly_the_maximum__is_a_line),
        CASE(look_back__begins_at_a_line_before_the_start),
        CASE(look_back__stays_within_what_was_read_in_a_row),
        CASE(restart__goes_on_where_it_was),
        CASE(restart_after_removal__is_a_hole),
        CASE(truncation__begins_a_generation_with_a_hole),
        CASE(truncation__is_seen_when_the_file_is_longer_again),
        CASE(copytruncate__reads_on_in_the_copy),
        CASE(lost_end__goes_on_behind_what_is_left),
        CASE(damaged_gzip__is_a_hole),
        CASE(rotators__name_files_in_their_own_ways),
        CASE(folder_named_like_the_log__is_no_file_of_it),
        CASE(stale_copy__is_not_read_for_the_longer_file),
        CASE(unreadable_file_between__is_a_hole),
        CASE(read_file_in_another_compression__is_no_hole),
        CASE(rewind__gives_the_same_positions_even_of_removed_files),
        CASE(rewind_into_truncated_content__widens_the_hole),
        CASE(any_restart__gives_the_same_positions),
        CASE(unreadable_folder__is_an_error_and_not_an_end),
        CASE(lag__counts_what_is_not_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
