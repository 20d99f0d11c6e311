// The state file: whole, torn, foreign.
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
#include <zlib.h>

#include "tap/log_folder.h"
#include "tap/ship/state.h"

static struct log_folder folder;
static char path[512];
static struct state saved, loaded; // 200 kB each

static int setup(void **state) {
    (void)state;
    log_folder_init(&folder);
    log_folder_path(&folder, "x.state", path);
    memset(&saved, 0, sizeof saved);
    saved.broker = 7;
    saved.resume = (struct follow_mark){1795363200000, 123456, {1795363199999, UINT64_MAX}, 4711};
    saved.past.forgotten_ms = 1795363190000;
    saved.past.count = 3;
    for (size_t i = 0; i < FOLLOW_KNOWN_MAX; i++) {
        saved.past.items[i].generation = (int64_t)i;
        saved.past.items[i].ident = (struct log_file_ident){1795363199999, UINT64_MAX - i};
    }
    saved.partitions = LOG_PARTITIONS_MAX;
    for (int32_t p = 0; p < saved.partitions; p += 2) {
        saved.acked[p].has = true;
        saved.acked[p].pos = (struct log_position){7, 1795363200000, (uint64_t)p * 1000};
    }
    return 0;
}

static int teardown(void **state) {
    (void)state;
    log_folder_done(&folder);
    return 0;
}

static void state__is_read_as_it_was_written(void **state) {
    (void)state;
    struct err e;
    saved.past.count = FOLLOW_KNOWN_MAX;
    assert_int_equal(state_write(path, &saved, &e), ERR_OK);
    assert_int_equal(state_read(path, &loaded, &e), ERR_OK);
    assert_int_equal(loaded.broker, 7);
    assert_int_equal(loaded.resume.generation, saved.resume.generation);
    assert_int_equal(loaded.resume.offset, saved.resume.offset);
    assert_true(log_file_ident_eq(loaded.resume.ident, saved.resume.ident));
    assert_int_equal(loaded.resume.id, 4711);
    assert_int_equal(loaded.past.forgotten_ms, saved.past.forgotten_ms);
    assert_int_equal(loaded.past.count, FOLLOW_KNOWN_MAX);
    assert_memory_equal(loaded.past.items, saved.past.items, sizeof saved.past.items);
    assert_int_equal(loaded.partitions, LOG_PARTITIONS_MAX);
    for (int32_t p = 0; p < loaded.partitions; p++) {
        assert_int_equal(loaded.acked[p].has, p % 2 == 0);
        if (loaded.acked[p].has) {
            assert_int_equal(log_position_cmp(&loaded.acked[p].pos, &saved.acked[p].pos), 0);
        }
    }
    // A second one replaces it.
    saved.resume.offset++;
    assert_int_equal(state_write(path, &saved, &e), ERR_OK);
    assert_int_equal(state_read(path, &loaded, &e), ERR_OK);
    assert_int_equal(loaded.resume.offset, 123457);
}

static void missing_state__is_not_found(void **state) {
    (void)state;
    struct err e;
    assert_int_equal(state_read(path, &loaded, &e), ERR_NOT_FOUND);
}

// Cut off anywhere, or with any byte changed, it is no state.
static void torn_state__is_refused_at_every_byte(void **state) {
    (void)state;
    struct err e;
    saved.partitions = 4;
    assert_int_equal(state_write(path, &saved, &e), ERR_OK);
    char text[4096];
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof text, f);
    fclose(f);
    assert_true(len > 100 && len < sizeof text);
    loaded.broker = 99;
    for (size_t cut = 0; cut < len; cut++) {
        f = fopen(path, "wb");
        assert_int_equal(fwrite(text, 1, cut, f), cut);
        fclose(f);
        assert_int_equal(state_read(path, &loaded, &e), ERR_INVALID);
    }
    for (size_t i = 0; i < len; i++) {
        char was = text[i];
        text[i] = (char)(was ^ 1);
        f = fopen(path, "wb");
        assert_int_equal(fwrite(text, 1, len, f), len);
        fclose(f);
        text[i] = was;
        assert_int_equal(state_read(path, &loaded, &e), ERR_INVALID);
    }
    assert_int_equal(loaded.broker, 99);
}

// Written without the number of the file.
static void state_of_the_release_before__is_read(void **state) {
    (void)state;
    static const char TEXT[] =
        "weir-tap state 2\nbroker 7\nresume 1795363200000 81 1795363199999 5\n"
        "forgotten 1795363190000\nbegun 1795363200000 1795363199999 5\n"
        "partitions 2\nacked 1 7:1795363200000:40\n";
    struct err e;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fprintf(f, "%ssum %08lx\n", TEXT, crc32(0, (const unsigned char *)TEXT, sizeof TEXT - 1));
    fclose(f);
    assert_int_equal(state_read(path, &loaded, &e), ERR_OK);
    assert_int_equal(loaded.resume.offset, 81);
    assert_int_equal(loaded.resume.id, 0);
    assert_int_equal(loaded.past.count, 1);
    assert_true(loaded.acked[1].has);
}

static void failed_write__leaves_the_old_state(void **state) {
    (void)state;
    struct err e;
    assert_int_equal(state_write(path, &saved, &e), ERR_OK);
    char next[600];
    snprintf(next, sizeof next, "%s.new", path);
    assert_int_equal(mkdir(next, 0700), 0);
    saved.resume.offset = 1;
    assert_int_equal(state_write(path, &saved, &e), ERR_IO);
    assert_int_equal(rmdir(next), 0);
    assert_int_equal(state_read(path, &loaded, &e), ERR_OK);
    assert_int_equal(loaded.resume.offset, 123456);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(state__is_read_as_it_was_written),     CASE(missing_state__is_not_found),
        CASE(torn_state__is_refused_at_every_byte), CASE(state_of_the_release_before__is_read),
        CASE(failed_write__leaves_the_old_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
