// What a log's folder can hold that isn't simply the next file: copies, damaged and foreign files,
// names of other rotators, files that are gone. Nothing is passed over without a hole.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tap/follow/follow.h"
#include "tap/follow/follow_expect.h"
#include "tap/log_folder.h"

enum {
    LINE = 34,      // bytes of a line "[…] DEBUG a\n"
    HOUR = 3600,    // seconds
    NOBODY = 65534, // a user without rights
};

static struct log_folder folder;
static struct follow_past past;

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

static void put(const char *name, int second, const char *text) {
    log_folder_append(&folder, name, log_folder_line(second, text));
}

static struct follow *begin(void) {
    return follow_new(folder.live, LINE_MAX_BYTES, NULL, NULL);
}

static void gzip(const char *name, const char *to) {
    log_folder_gzip(&folder, name, to);
    log_folder_remove(&folder, name);
}

// A reader that has read line "a" of the live file and was stopped; its mark. What is done to the
// folder then happens while it is away.
static struct follow_mark read_one_line(int second) {
    struct follow *f = begin();
    struct follow_mark mark;
    follow_expect_first_hole(f, log_folder_ms(second));
    follow_expect_line(f, log_folder_ms(second), 0, "a");
    assert_true(follow_mark(f, &mark));
    follow_past_at(f, mark.generation, &past);
    follow_free(f);
    return mark;
}

static struct follow *begin_again(const struct follow_mark *mark) {
    return follow_new(folder.live, LINE_MAX_BYTES, mark, &past);
}

// --- copies --------------------------------------------------------------------------------------

// Lines 1 to 6 in the renamed file, 1 to 3 in a copy of an earlier time, 7 in the live file.
static void put_copy_and_original(const char *copy, const char *original) {
    for (int i = 1; i <= 6; i++) {
        put(original, i, "a");
        if (i <= 3) {
            put(copy, i, "a");
        }
    }
    put(NULL, 7, "z");
}

static void expect_all_seven(struct follow *f, int from) {
    for (int i = from; i < 6; i++) {
        follow_expect_line(f, log_folder_ms(1), (uint64_t)i * LINE, "a");
    }
    follow_expect_line(f, log_folder_ms(7), 0, "z");
    follow_expect_nothing(f);
}

static void stale_copy__the_longest_is_read(void **state) {
    (void)state;
    put_copy_and_original("kafka-request.log.2026-11-22", "kafka-request.log.2026-11-22-16");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    expect_all_seven(f, 0);
    follow_free(f);
}

static void stale_copy__does_not_stop_a_restart(void **state) {
    (void)state;
    put(NULL, 1, "a");
    struct follow_mark mark = read_one_line(1);
    put(NULL, 2, "a");
    put(NULL, 3, "a");
    log_folder_copy(&folder, NULL, "kafka-request.log.2026-11-22");
    put(NULL, 4, "a");
    put(NULL, 5, "a");
    put(NULL, 6, "a");
    log_folder_rename(&folder, NULL, "kafka-request.log.2026-11-22-16");
    put(NULL, 7, "z");
    struct follow *f = begin_again(&mark);
    expect_all_seven(f, 1);
    follow_free(f);
}

static void packed_original__is_longer_than_a_plain_copy(void **state) {
    (void)state;
    put_copy_and_original("kafka-request.log.2026-11-22", "kafka-request.log.2026-11-22-16");
    gzip("kafka-request.log.2026-11-22-16", "kafka-request.log.2026-11-22-16.gz");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    expect_all_seven(f, 0);
    follow_free(f);
}

static void packed_copy__is_shorter_than_the_original(void **state) {
    (void)state;
    put_copy_and_original("kafka-request.log.2026-11-22", "kafka-request.log.2026-11-22-16");
    log_folder_zstd(&folder, "kafka-request.log.2026-11-22", "kafka-request.log.2026-11-22.zst");
    log_folder_remove(&folder, "kafka-request.log.2026-11-22");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    expect_all_seven(f, 0);
    follow_free(f);
}

static void copy_of_the_live_file__changes_nothing(void **state) {
    (void)state;
    put(NULL, 1, "a");
    log_folder_copy(&folder, NULL, "kafka-request.log.saved");
    put(NULL, 2, "b");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(1), LINE, "b");
    follow_expect_nothing(f);
    assert_true(follow_caught_up(f));
    follow_free(f);
}

static void copy_that_goes_on_otherwise__is_a_hole(void **state) {
    (void)state;
    for (int i = 1; i <= 4; i++) {
        put("kafka-request.log.2026-11-22-16", i, "a");
    }
    put("kafka-request.log.other", 1, "a");
    put("kafka-request.log.other", 2, "a");
    put("kafka-request.log.other", 3, "b");
    put(NULL, 7, "z");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    for (int i = 0; i < 4; i++) {
        follow_expect_line(f, log_folder_ms(1), (uint64_t)i * LINE, "a");
    }
    follow_expect_hole_between(f, "forked", log_folder_ms(1), 3 * LINE - 2, log_folder_ms(7),
                               log_folder_ms(2), log_folder_ms(7));
    follow_expect_line(f, log_folder_ms(7), 0, "z");
    follow_free(f);
}

static void earlier_copy_alone__is_a_hole(void **state) {
    (void)state;
    put(NULL, 1, "a");
    log_folder_copy(&folder, NULL, "kafka-request.log.saved");
    put(NULL, 2, "b");
    struct follow *f = begin();
    struct follow_mark mark;
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(1), LINE, "b");
    assert_true(follow_mark(f, &mark));
    follow_past_at(f, mark.generation, &past);
    follow_free(f);
    log_folder_remove(&folder, "kafka-request.log");
    put(NULL, 9, "z");
    f = begin_again(&mark);
    follow_expect_hole(f, "removed", log_folder_ms(1), 2 * LINE, log_folder_ms(9));
    follow_expect_line(f, log_folder_ms(9), 0, "z");
    follow_free(f);
}

// --- what can't be read --------------------------------------------------------------------------

// Stopped in the first hour's file; then come a file that can't be read and the live one.
static void expect_damaged_between(const struct follow_mark *mark) {
    struct follow *f = begin_again(mark);
    follow_expect_line(f, log_folder_ms(1), LINE, "b");
    follow_expect_hole_between(f, "damaged", log_folder_ms(1), 2 * LINE, log_folder_ms(2 * HOUR),
                               log_folder_ms(2), log_folder_ms(2 * HOUR));
    follow_expect_line(f, log_folder_ms(2 * HOUR), 0, "z");
    follow_expect_nothing(f);
    follow_free(f);
}

static void file_between_without_a_line__is_a_hole(void **state) {
    (void)state;
    static const struct {
        const char *ending;
        size_t cut;
    } CASES[] = {{".gz", 0},  {".gz", 1},   {".gz", 10},  {".gz", 40},  {".gz", 60},
                 {".zst", 0}, {".zst", 3},  {".zst", 10}, {".zst", 40}, {".xz", 0},
                 {".xz", 60}, {".bz2", 40}, {"", 20}};
    char text[2000];
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        char name[64];
        put(NULL, 1, "a");
        struct follow_mark mark = read_one_line(1);
        put(NULL, 2, "b");
        log_folder_rename(&folder, NULL, "kafka-request.log.2026-11-22-16");
        for (size_t n = 0; n < sizeof text - 1; n++) {
            text[n] = (char)('0' + n * n % 61);
        }
        text[sizeof text - 1] = '\0';
        put("plain", HOUR, text);
        log_folder_gzip(&folder, "plain", "packed.gz");
        log_folder_zstd(&folder, "plain", "packed.zst");
        log_folder_copy(&folder, "plain", "packed.xz"); // not looked into
        log_folder_copy(&folder, "plain", "packed.bz2");
        log_folder_copy(&folder, "plain", "packed");
        snprintf(name, sizeof name, "packed%s", CASES[i].ending);
        log_folder_truncate(&folder, name, CASES[i].cut);
        char to[96];
        snprintf(to, sizeof to, "kafka-request.log.2026-11-22-17%s", CASES[i].ending);
        log_folder_rename(&folder, name, to);
        put(NULL, 2 * HOUR, "z");
        expect_damaged_between(&mark);
        log_folder_done(&folder);
        log_folder_init(&folder);
    }
}

static void file_of_nuls_between__is_a_hole(void **state) {
    (void)state;
    put(NULL, 1, "a");
    struct follow_mark mark = read_one_line(1);
    put(NULL, 2, "b");
    log_folder_rename(&folder, NULL, "kafka-request.log.2026-11-22-16");
    log_folder_append(&folder, "kafka-request.log.2026-11-22-17", "");
    log_folder_truncate(&folder, "kafka-request.log.2026-11-22-17", 1ULL << 32);
    put(NULL, 2 * HOUR, "z");
    expect_damaged_between(&mark);
}

static void file_whose_plain_one_is_there__is_no_hole(void **state) {
    (void)state;
    put("kafka-request.log.2026-11-22-16", 1, "a");
    put("kafka-request.log.2026-11-22-17", HOUR, "b");
    log_folder_write(&folder, "kafka-request.log.2026-11-22-17.gz", "\x1f\x8b", 2); // begun
    put(NULL, 2 * HOUR, "z");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(HOUR), 0, "b");
    follow_expect_line(f, log_folder_ms(2 * HOUR), 0, "z");
    follow_free(f);
}

static void damaged_files__stand_where_their_names_say(void **state) {
    (void)state;
    put("kafka-request.log.2026-11-22-16", 1, "a");
    put("kafka-request.log.2026-11-22-17", HOUR, "b");
    put("kafka-request.log.2026-11-22-19", 3 * HOUR, "c");
    put("kafka-request.log.2026-11-22-20", 4 * HOUR, "d");
    log_folder_write(&folder, "kafka-request.log.2026-11-22-15.gz", "\x1f\x8b", 2);
    log_folder_write(&folder, "kafka-request.log.2026-11-22-18.gz", "\x1f\x8b", 2);
    put(NULL, 5 * HOUR, "z");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(HOUR), 0, "b");
    follow_expect_hole_between(f, "damaged", log_folder_ms(HOUR), LINE, log_folder_ms(3 * HOUR),
                               log_folder_ms(HOUR), log_folder_ms(3 * HOUR));
    follow_expect_line(f, log_folder_ms(3 * HOUR), 0, "c");
    follow_expect_line(f, log_folder_ms(4 * HOUR), 0, "d");
    follow_expect_line(f, log_folder_ms(5 * HOUR), 0, "z");
    follow_free(f);
}

static void damaged_file_of_numbers__stands_between_its_neighbours(void **state) {
    (void)state;
    put("kafka-request.log.12", 1, "a");
    put("kafka-request.log.10", 3, "b");
    put("kafka-request.log.9", 4, "c");
    log_folder_write(&folder, "kafka-request.log.11.zst", "\x28\xb5\x2f\xfd", 4);
    put(NULL, 13, "z");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_hole(f, "damaged", log_folder_ms(1), LINE, log_folder_ms(3));
    follow_expect_line(f, log_folder_ms(3), 0, "b");
    follow_expect_line(f, log_folder_ms(4), 0, "c");
    follow_expect_line(f, log_folder_ms(13), 0, "z");
    follow_free(f);
}

// What was read before it was packed is not missing.
static void damaged_file_that_was_read__is_no_hole(void **state) {
    (void)state;
    put(NULL, 1, "a");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_nothing(f);
    log_folder_remove(&folder, "kafka-request.log");
    log_folder_write(&folder, "kafka-request.log.2026-11-22-16.gz", "\x1f\x8b", 2);
    int64_t now = (int64_t)time(NULL) * 1000;
    char line[64];
    struct tm tm;
    time_t seconds = now / 1000;
    strftime(line, sizeof line, "[%Y-%m-%d %H:%M:%S,000] DEBUG z\n", gmtime_r(&seconds, &tm));
    log_folder_append(&folder, NULL, line);
    follow_expect_line(f, now, 0, "z");
    follow_free(f);
}

static void what_is_no_file__is_left_out_and_told_once(void **state) {
    (void)state;
    char path[512];
    put("kafka-request.log.2026-11-22-15", 1, "a");
    assert_int_equal(mkdir(log_folder_path(&folder, "kafka-request.log.archive", path), 0700), 0);
    assert_int_equal(mkfifo(log_folder_path(&folder, "kafka-request.log.pipe", path), 0600), 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    log_folder_path(&folder, "kafka-request.log.sock", path);
    assert_true(strlen(path) < sizeof address.sun_path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    log_folder_write(&folder, "kafka-request.log.2026-11-22-14.xz", "\xfd", 1);
    put(NULL, 9, "z");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(9), 0, "z");
    char *told;
    enum log_dir_kind kind;
    size_t others = 0, damaged = 0;
    while (follow_left_out(f, &told, &kind)) {
        others += kind == LOG_DIR_OTHER;
        damaged += kind == LOG_DIR_DAMAGED;
        free(told);
    }
    assert_int_equal(others, 3);
    assert_int_equal(damaged, 1);
    log_folder_rename(&folder, NULL, "kafka-request.log.2026-11-22-16");
    put(NULL, 10, "y");
    follow_expect_line(f, log_folder_ms(10), 0, "y");
    assert_false(follow_left_out(f, &told, &kind));
    follow_free(f);
}

static void file_without_the_right__is_waited_for(void **state) {
    (void)state;
    char path[512];
    assert_int_equal(chmod(folder.dir, 0755), 0);
    put("kafka-request.log.2026-11-22-16", 1, "a");
    put("kafka-request.log.2026-11-22-17", HOUR, "b");
    put(NULL, 2 * HOUR, "z");
    assert_int_equal(chmod(log_folder_path(&folder, "kafka-request.log.2026-11-22-17", path), 0),
                     0);
    bool root = geteuid() == 0;
    assert_int_equal(root ? seteuid(NOBODY) : 0, 0);
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    struct follow_item item;
    struct err e;
    int refused = 0;
    for (int i = 0; i < 100; i++) {
        refused += follow_next(f, &item, &e) == ERR_DENIED;
        assert_int_equal(item.kind, FOLLOW_NOTHING);
    }
    assert_true(refused > 1);
    char *told;
    enum log_dir_kind kind;
    assert_true(follow_left_out(f, &told, &kind));
    assert_int_equal(kind, LOG_DIR_DENIED);
    free(told);
    assert_int_equal(root ? seteuid(0) : 0, 0);
    if (*state != NULL) { // the right comes, or the file goes
        assert_int_equal(chmod(path, 0644), 0);
        follow_expect_line(f, log_folder_ms(HOUR), 0, "b");
    } else {
        assert_int_equal(unlink(path), 0);
        follow_expect_hole_between(f, "removed", log_folder_ms(1), LINE, log_folder_ms(2 * HOUR),
                                   log_folder_ms(1), log_folder_ms(2 * HOUR));
    }
    follow_expect_line(f, log_folder_ms(2 * HOUR), 0, "z");
    follow_free(f);
}

static void file_without_the_right__is_read_once_there_is_one(void **state) {
    static int readable;
    *state = &readable;
    file_without_the_right__is_waited_for(state);
}

// --- names ---------------------------------------------------------------------------------------

static void names_of_other_rotators__are_files_of_the_log(void **state) {
    (void)state;
    static const char *const NAMES[] = {"kafka-request.log.2026-11-22-16",
                                        "kafka-request.log-20261122",
                                        "kafka-request.log-20261122-1795363200",
                                        "kafka-request.log.1",
                                        "kafka-request.log_1",
                                        "kafka-request.log.old",
                                        "kafka-request-2026-11-22.log",
                                        "kafka-request.2026-11-22-16.log",
                                        "kafka-request-20261122.log",
                                        "kafka-request.log.20261122T160000Z"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        put(NULL, 1, "a");
        struct follow_mark mark = read_one_line(1);
        put(NULL, 2, "b");
        log_folder_rename(&folder, NULL, NAMES[i]);
        put(NULL, 3, "c");
        struct follow *f = begin_again(&mark);
        follow_expect_line(f, log_folder_ms(1), LINE, "b");
        follow_expect_line(f, log_folder_ms(3), 0, "c");
        follow_expect_nothing(f);
        follow_free(f);
        log_folder_done(&folder);
        log_folder_init(&folder);
    }
}

static void names_of_other_logs__are_not(void **state) {
    (void)state;
    put("kafka-request-2.log", 1, "a");
    put("kafka-request.1.log", 1, "a");
    put("kafka-request-audit.log", 1, "a");
    put("kafka-request.logs", 1, "a");
    put("kafka-request.log~", 1, "a");
    put("kafka-request.log.", 1, "a");
    put("my-kafka-request.log", 1, "a");
    put(NULL, 5, "z");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(5));
    follow_expect_line(f, log_folder_ms(5), 0, "z");
    follow_free(f);
}

// A name that is not known is no loss as long as the rename is watched.
static void any_new_name__is_no_hole_while_watching(void **state) {
    (void)state;
    char line[64];
    struct tm tm;
    time_t now = time(NULL);
    put(NULL, 1, "a");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_nothing(f);
    put(NULL, 2, "b");
    log_folder_rename(&folder, NULL, "elsewhere");
    strftime(line, sizeof line, "[%Y-%m-%d %H:%M:%S,000] DEBUG z\n", gmtime_r(&now, &tm));
    log_folder_append(&folder, NULL, line);
    follow_expect_line(f, log_folder_ms(1), LINE, "b");
    follow_expect_line(f, (int64_t)now * 1000, 0, "z");
    follow_free(f);
}

// --- files that are gone -------------------------------------------------------------------------

// Away over two renames: what was written at 17:00 is gone, or packed in a way that isn't read.
static void file_between_that_is_gone__is_a_hole(void **state) {
    (void)state;
    put(NULL, 0, "a");
    struct follow_mark mark = read_one_line(0);
    put(NULL, HOUR / 2, "b");
    log_folder_rename(&folder, NULL, "kafka-request.log.2026-11-22-16");
    put(NULL, 2 * HOUR, "z");
    for (int known = 0; known < 2; known++) { // an earlier release's state didn't know the file
        mark.id = known == 0 ? 0 : mark.id;
        struct follow *f = begin_again(&mark);
        follow_expect_line(f, log_folder_ms(0), LINE, "b");
        follow_expect_hole_between(f, "removed", log_folder_ms(0), 2 * LINE,
                                   log_folder_ms(2 * HOUR), log_folder_ms(HOUR / 2),
                                   log_folder_ms(2 * HOUR));
        follow_expect_line(f, log_folder_ms(2 * HOUR), 0, "z");
        follow_free(f);
    }
}

static void number_that_is_missing__is_a_hole(void **state) {
    (void)state;
    put("kafka-request.log.3", 0, "a");
    put("kafka-request.log.1", 300, "b");
    put(NULL, 600, "z");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(0));
    follow_expect_line(f, log_folder_ms(0), 0, "a");
    follow_expect_hole(f, "removed", log_folder_ms(0), LINE, log_folder_ms(300));
    follow_expect_line(f, log_folder_ms(300), 0, "b");
    follow_expect_line(f, log_folder_ms(600), 0, "z");
    follow_free(f);
}

static void quiet_hours__are_no_holes(void **state) {
    (void)state;
    put("kafka-request.log.2026-11-22-16", 0, "a");
    put("kafka-request.log.2026-11-22-17", 2 * HOUR - 1, "b");
    put(NULL, 2 * HOUR + 3000, "z");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(0));
    follow_expect_line(f, log_folder_ms(0), 0, "a");
    follow_expect_line(f, log_folder_ms(2 * HOUR - 1), 0, "b");
    follow_expect_line(f, log_folder_ms(2 * HOUR + 3000), 0, "z");
    follow_free(f);
}

// --- copytruncate --------------------------------------------------------------------------------

static void expect_truncated(const struct follow_mark *mark) {
    struct follow *f = begin_again(mark);
    follow_expect_line(f, log_folder_ms(0), LINE, "b");
    follow_expect_hole_between(f, "truncated", log_folder_ms(0), 2 * LINE, log_folder_ms(2 * HOUR),
                               log_folder_ms(HOUR / 2), log_folder_ms(2 * HOUR));
    follow_expect_line(f, log_folder_ms(2 * HOUR), 0, "z");
    follow_expect_nothing(f);
    follow_free(f);
}

// Renames the live file, again until that is at a moment at which no job of the machine begins. The
// moment, in milliseconds.
static int64_t rename_live(const char *to) {
    char path[512];
    struct stat st;
    const char *from = NULL;
    for (;;) {
        log_folder_rename(&folder, from, to);
        assert_int_equal(stat(log_folder_path(&folder, to, path), &st), 0);
        if (st.st_ctim.tv_sec % 60 >= 6) {
            return (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
        }
        log_folder_rename(&folder, to, "kafka-request.log.again");
        from = "kafka-request.log.again";
        usleep(100000);
    }
}

// As log4j does after hours without a line: the first new line renames the file.
static void silence_that_the_next_line_ended__is_no_hole(void **state) {
    (void)state;
    for (int late = 0; late <= 1; late++) {
        put(NULL, 1, "a");
        struct follow_mark mark = read_one_line(1);
        int64_t first_ms = rename_live("kafka-request.log.2026-11-22-16") - (late ? 60000 : 0);
        char at[32], line[64];
        time_t first_s = first_ms / 1000;
        struct tm tm;
        strftime(at, sizeof at, "%Y-%m-%d %H:%M:%S", gmtime_r(&first_s, &tm));
        snprintf(line, sizeof line, "[%s,%03d] DEBUG z\n", at, (int)(first_ms % 1000));
        log_folder_append(&folder, NULL, line);
        struct follow *f = begin_again(&mark);
        if (late) {
            // Renamed by a line of a file that is gone, or touched since.
            follow_expect_hole(f, "removed", log_folder_ms(1), LINE, first_ms);
        }
        follow_expect_line(f, first_ms, 0, "z");
        follow_free(f);
        log_folder_remove(&folder, NULL);
        log_folder_remove(&folder, "kafka-request.log.2026-11-22-16");
    }
}

static void copytruncate_while_away__is_a_hole(void **state) {
    (void)state;
    put(NULL, 0, "a");
    struct follow_mark mark = read_one_line(0);
    put(NULL, HOUR / 2, "b");
    log_folder_copy(&folder, NULL, "kafka-request.log.1");
    log_folder_truncate(&folder, NULL, 0);
    put(NULL, 2 * HOUR, "z");
    expect_truncated(&mark);
    struct follow_mark unknown = mark;
    unknown.id = 0; // of an earlier release: the name tells
    expect_truncated(&unknown);
    gzip("kafka-request.log.1", "kafka-request.log.1.gz");
    expect_truncated(&mark);
}

static void rename_while_away__is_none(void **state) {
    (void)state;
    put(NULL, 0, "a");
    struct follow_mark mark = read_one_line(0);
    put(NULL, HOUR / 2, "b");
    log_folder_rename(&folder, NULL, "kafka-request.log.1");
    put(NULL, 2 * HOUR, "z");
    for (int packed = 0; packed < 2; packed++) {
        struct follow *f = begin_again(&mark);
        follow_expect_line(f, log_folder_ms(0), LINE, "b");
        follow_expect_line(f, log_folder_ms(2 * HOUR), 0, "z");
        follow_expect_nothing(f);
        follow_free(f);
        if (packed == 0) {
            gzip("kafka-request.log.1", "kafka-request.log.1.gz");
        }
    }
}

// Begun in the copy, stopped and started again there: still a copy.
static void copy__stays_one_over_a_restart(void **state) {
    (void)state;
    put(NULL, 0, "a");
    struct follow_mark mark = read_one_line(0);
    put(NULL, HOUR / 2, "b");
    log_folder_copy(&folder, NULL, "kafka-request.log.1");
    log_folder_truncate(&folder, NULL, 0);
    put(NULL, 2 * HOUR, "z");
    struct follow *f = begin_again(&mark);
    follow_expect_line(f, log_folder_ms(0), LINE, "b");
    assert_true(follow_mark(f, &mark));
    follow_past_at(f, mark.generation, &past);
    follow_free(f);
    f = begin_again(&mark);
    follow_expect_hole(f, "truncated", log_folder_ms(0), 2 * LINE, log_folder_ms(2 * HOUR));
    follow_expect_line(f, log_folder_ms(2 * HOUR), 0, "z");
    follow_free(f);
}

// --- NULs ----------------------------------------------------------------------------------------

// The logger wrote on at its old place of a file that was truncated.
static void nuls_left_by_copytruncate__are_passed_over(void **state) {
    (void)state;
    put(NULL, 1, "a");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_nothing(f);
    log_folder_copy(&folder, NULL, "kafka-request.log.1");
    log_folder_truncate(&folder, NULL, 0);
    log_folder_truncate(&folder, NULL, 1ULL << 33);
    put(NULL, 5, "z");
    follow_expect_hole_between(f, "truncated", log_folder_ms(1), LINE, log_folder_ms(5),
                               log_folder_ms(1), log_folder_ms(5));
    follow_expect_line(f, log_folder_ms(5), 1ULL << 33, "z");
    follow_expect_nothing(f);
    assert_true(follow_caught_up(f));
    follow_free(f);
}

static void nuls_in_front_of_a_first_line__belong_to_the_hole(void **state) {
    (void)state;
    log_folder_write(&folder, NULL, (char[100]){0}, 100);
    put(NULL, 5, "z");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(5));
    follow_expect_line(f, log_folder_ms(5), 100, "z");
    follow_expect_nothing(f);
    follow_free(f);
}

static void nuls_in_front_of_the_next_file__are_a_hole(void **state) {
    (void)state;
    put("kafka-request.log.1", 1, "a");
    log_folder_write(&folder, NULL, (char[100]){0}, 100);
    put(NULL, 5, "z");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    struct follow_item item;
    assert_int_equal(follow_expect_next(f, &item), FOLLOW_HOLE);
    assert_string_equal(item.why, "truncated");
    assert_int_equal(item.from_generation, log_folder_ms(5));
    assert_int_equal(item.from_offset, 0);
    assert_int_equal(item.to_offset, 100);
    assert_int_equal(item.from_ms, log_folder_ms(1));
    assert_int_equal(item.to_ms, log_folder_ms(5));
    follow_expect_line(f, log_folder_ms(5), 100, "z");
    follow_free(f);
}

// A machine that crashed leaves NULs where content never reached the disk.
static void nuls_in_a_file__are_a_hole(void **state) {
    (void)state;
    static const char HALF[] = "[2026-11-22 16:00:01,500] DEBUG half";
    static char nuls[5000];
    for (int torn = 0; torn < 2; torn++) {
        uint64_t half = torn ? sizeof HALF - 1 : 0;
        put(NULL, 1, "a");
        log_folder_write(&folder, NULL, HALF, half);
        log_folder_write(&folder, NULL, nuls, sizeof nuls);
        struct follow *f = begin();
        struct follow_item item;
        follow_expect_first_hole(f, log_folder_ms(1));
        follow_expect_line(f, log_folder_ms(1), 0, "a");
        if (torn) {
            assert_int_equal(follow_expect_next(f, &item), FOLLOW_TORN);
            assert_int_equal(item.offset, LINE);
            assert_int_equal(item.bytes, half);
        }
        follow_expect_nothing(f); // nothing stands behind them yet
        put(NULL, 9, "z");
        for (int again = 0; again < 2; again++) { // also after a failed delivery
            assert_int_equal(follow_expect_next(f, &item), FOLLOW_HOLE);
            assert_string_equal(item.why, "damaged");
            assert_int_equal(item.generation, log_folder_ms(1));
            assert_int_equal(item.from_generation, log_folder_ms(1));
            assert_int_equal(item.from_offset, LINE + half);
            assert_int_equal(item.to_offset, LINE + half + sizeof nuls);
            assert_int_equal(item.to_ms, log_folder_ms(9));
            if (again == 0) {
                follow_rewind(f, item.generation, item.offset);
            }
        }
        follow_expect_line(f, log_folder_ms(1), LINE + half + sizeof nuls, "z");
        follow_expect_nothing(f);
        follow_free(f);
        log_folder_remove(&folder, "kafka-request.log");
    }
}

static void nuls_at_the_end_of_a_file__are_a_hole(void **state) {
    (void)state;
    put("kafka-request.log.1", 1, "a");
    log_folder_write(&folder, "kafka-request.log.1", (char[300]){0}, 300);
    put(NULL, 5, "z");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_hole_between(f, "damaged", log_folder_ms(1), LINE, log_folder_ms(5),
                               log_folder_ms(1), log_folder_ms(5));
    follow_expect_line(f, log_folder_ms(5), 0, "z");
    follow_free(f);
}

// --- ends that were lost -------------------------------------------------------------------------

static void lost_end__is_a_hole_with_an_end(void **state) {
    (void)state;
    put(NULL, 1, "a");
    put(NULL, 2, "b");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(1), LINE, "b");
    log_folder_truncate(&folder, NULL, LINE);
    int64_t before_ms = (int64_t)time(NULL) * 1000;
    struct follow_item item;
    assert_int_equal(follow_expect_next(f, &item), FOLLOW_HOLE);
    assert_string_equal(item.why, "truncated");
    assert_true(item.to_ms >= before_ms); // nothing that is lost was written later than now
    assert_true(item.from_ms <= item.to_ms);
    follow_free(f);
}

// Lost while the reader was away, and longer again since: the mark is in the middle of a line.
static void lost_end_while_away__goes_on_with_the_next_line(void **state) {
    (void)state;
    put(NULL, 1, "a");
    put(NULL, 2, "a");
    struct follow *f = begin();
    struct follow_mark mark;
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_line(f, log_folder_ms(1), 0, "a");
    follow_expect_line(f, log_folder_ms(1), LINE, "a");
    assert_true(follow_mark(f, &mark));
    follow_past_at(f, mark.generation, &past);
    follow_free(f);
    log_folder_truncate(&folder, NULL, LINE);
    put(NULL, 9, "other");
    put(NULL, 10, "z");
    f = begin_again(&mark);
    struct follow_item item;
    assert_int_equal(follow_expect_next(f, &item), FOLLOW_HOLE);
    assert_string_equal(item.why, "truncated");
    assert_int_equal(item.from_offset, 2 * LINE);
    assert_int_equal(item.generation, log_folder_ms(1) + 1);
    assert_int_equal(item.to_offset, 2 * LINE + 4);
    assert_int_equal(item.to_ms, log_folder_ms(10));
    follow_expect_line(f, log_folder_ms(1) + 1, 2 * LINE + 4, "z");
    follow_free(f);
}

// --- packed --------------------------------------------------------------------------------------

static void zstd__is_read_from_any_place(void **state) {
    (void)state;
    enum { LINES = 3000 };
    put(NULL, 1, "a");
    struct follow_mark mark = read_one_line(1);
    for (int i = 1; i < LINES; i++) {
        put(NULL, 1, "a");
    }
    log_folder_rename(&folder, NULL, "kafka-request.log.2026-11-22-16");
    log_folder_zstd(&folder, "kafka-request.log.2026-11-22-16",
                    "kafka-request.log.2026-11-22-16.zst");
    log_folder_remove(&folder, "kafka-request.log.2026-11-22-16");
    // Frames behind each other are one content.
    put("more", 2, "b");
    log_folder_zstd(&folder, "more", "kafka-request.log.2026-11-22-16.zst");
    put(NULL, 9, "z");
    struct follow *f = begin_again(&mark);
    for (int again = 0; again < 2; again++) {
        for (int i = 1; i < LINES; i++) {
            follow_expect_line(f, log_folder_ms(1), (uint64_t)i * LINE, "a");
        }
        follow_expect_line(f, log_folder_ms(1), (uint64_t)LINES * LINE, "b");
        if (again == 0) {
            follow_rewind(f, log_folder_ms(1), LINE);
        }
    }
    follow_expect_line(f, log_folder_ms(9), 0, "z");
    follow_free(f);
}

static void damaged_zstd__is_a_hole(void **state) {
    (void)state;
    for (int i = 0; i < 6000; i++) {
        char text[64];
        snprintf(text, sizeof text, "%d %u", i, (unsigned)i * 2654435761U);
        put("plain", 1, text);
    }
    log_folder_zstd(&folder, "plain", "kafka-request.log.2026-11-22-16.zst");
    char path[512];
    struct stat st;
    assert_int_equal(
        stat(log_folder_path(&folder, "kafka-request.log.2026-11-22-16.zst", path), &st), 0);
    log_folder_truncate(&folder, "kafka-request.log.2026-11-22-16.zst", (uint64_t)st.st_size - 20);
    put(NULL, 9, "z");
    struct follow *f = begin();
    follow_expect_first_hole(f, log_folder_ms(1));
    struct follow_item item;
    uint64_t lines = 0;
    while (follow_expect_next(f, &item) != FOLLOW_HOLE) {
        assert_int_not_equal(item.kind, FOLLOW_NOTHING);
        lines += item.kind == FOLLOW_LINE;
    }
    assert_true(lines > 0 && lines < 6000);
    assert_string_equal(item.why, "damaged");
    follow_expect_line(f, log_folder_ms(9), 0, "z");
    follow_free(f);
}

// A first line may be longer than what is searched for one.
static void long_first_line__is_enough_to_know_a_file(void **state) {
    (void)state;
    static char text[1 << 20];
    memset(text, 'x', sizeof text - 1);
    log_folder_append(&folder, NULL, "[2026-11-22 16:00:01,000] DEBUG ");
    for (int i = 0; i < 20; i++) {
        log_folder_append(&folder, NULL, text);
    }
    struct follow *f = begin();
    struct follow_item item;
    follow_expect_first_hole(f, log_folder_ms(1));
    follow_expect_nothing(f);
    log_folder_append(&folder, NULL, "\n");
    assert_int_equal(follow_expect_next(f, &item), FOLLOW_TOO_LONG);
    follow_free(f);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(stale_copy__the_longest_is_read),
        CASE(stale_copy__does_not_stop_a_restart),
        CASE(packed_original__is_longer_than_a_plain_copy),
        CASE(packed_copy__is_shorter_than_the_original),
        CASE(copy_of_the_live_file__changes_nothing),
        CASE(copy_that_goes_on_otherwise__is_a_hole),
        CASE(earlier_copy_alone__is_a_hole),
        CASE(file_between_without_a_line__is_a_hole),
        CASE(file_of_nuls_between__is_a_hole),
        CASE(file_whose_plain_one_is_there__is_no_hole),
        CASE(damaged_files__stand_where_their_names_say),
        CASE(damaged_file_of_numbers__stands_between_its_neighbours),
        CASE(damaged_file_that_was_read__is_no_hole),
        CASE(what_is_no_file__is_left_out_and_told_once),
        CASE(file_without_the_right__is_waited_for),
        CASE(file_without_the_right__is_read_once_there_is_one),
        CASE(names_of_other_rotators__are_files_of_the_log),
        CASE(names_of_other_logs__are_not),
        CASE(any_new_name__is_no_hole_while_watching),
        CASE(file_between_that_is_gone__is_a_hole),
        CASE(number_that_is_missing__is_a_hole),
        CASE(quiet_hours__are_no_holes),
        CASE(silence_that_the_next_line_ended__is_no_hole),
        CASE(copytruncate_while_away__is_a_hole),
        CASE(rename_while_away__is_none),
        CASE(copy__stays_one_over_a_restart),
        CASE(nuls_left_by_copytruncate__are_passed_over),
        CASE(nuls_in_front_of_a_first_line__belong_to_the_hole),
        CASE(nuls_in_front_of_the_next_file__are_a_hole),
        CASE(nuls_in_a_file__are_a_hole),
        CASE(nuls_at_the_end_of_a_file__are_a_hole),
        CASE(lost_end__is_a_hole_with_an_end),
        CASE(lost_end_while_away__goes_on_with_the_next_line),
        CASE(zstd__is_read_from_any_place),
        CASE(damaged_zstd__is_a_hole),
        CASE(long_first_line__is_enough_to_know_a_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
