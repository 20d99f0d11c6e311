// Lines of a file, whatever stands where a buffer ends.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/check.h"
#include "core/brokerlog/broker_line.h"
#include "ctl/log_reader.h"

static char path[64];

static int start(void **state) {
    (void)state;
    snprintf(path, sizeof path, "/tmp/weir_log_reader_test_%d", (int)getpid());
    return 0;
}

static int stop(void **state) {
    (void)state;
    unlink(path);
    return 0;
}

static struct log_reader *open_with(const char *content, size_t len) {
    struct log_reader *r;
    struct err e;
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, len, f), len);
    fclose(f);
    if (log_reader_open(path, &r, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
    return r;
}

// What a run of bytes is cut into: up to newlines and NULs, the NULs passed over.
static void expect_lines(const char *content, size_t len) {
    struct log_reader *r = open_with(content, len);
    struct log_line line;
    uint64_t nuls = 0;
    size_t at = 0;
    for (;;) {
        while (at < len && content[at] == '\0') {
            nuls++;
            at++;
        }
        if (at == len) {
            break;
        }
        size_t end = at;
        while (end < len && content[end] != '\n' && content[end] != '\0') {
            end++;
        }
        assert_true(log_reader_next(r, &line));
        assert_int_equal(line.offset, at);
        assert_int_equal(line.len, end - at);
        assert_true(slice_eq(line.text, slice_of(content + at, end - at)));
        assert_int_equal(line.finished, end < len);
        assert_false(line.too_long);
        at = end + (end < len && content[end] == '\n');
    }
    assert_false(log_reader_next(r, &line));
    assert_int_equal(log_reader_nuls(r), nuls);
    assert_int_equal(log_reader_error(r, NULL), ERR_OK);
    log_reader_close(r);
}

static void any_bytes__are_cut_at_newlines_and_nuls(void **state) {
    (void)state;
    enum { SIZE = 600000 };
    char *content = malloc(SIZE);
    check(content != NULL);
    srand(1);
    // Runs of one kind, from short ones to those above the reader's buffer.
    for (int longest = 2; longest < SIZE; longest *= 7) {
        for (size_t at = 0; at < SIZE;) {
            size_t run = (size_t)(rand() % longest) + 1;
            char c = "a\n\0"[rand() % 3];
            run = run > SIZE - at ? SIZE - at : run;
            memset(content + at, c, run);
            at += run;
        }
        expect_lines(content, SIZE);
        expect_lines(content, SIZE / 2 + 1);
    }
    expect_lines(content, 0);
    free(content);
}

static void too_long_line__is_passed_over_and_the_next_is_read(void **state) {
    (void)state;
    static const char HEAD[] =
        "[2026-11-22 10:00:00,000] DEBUG Completed request:{\"requestApiKey\":1,";
    static const char TAIL[] =
        ",\"recordsSizeInBytes\":7,\"principal\":\"User:u\",\"x\":1}\nnext\n";
    for (size_t over = 0; over < 2; over++) {
        size_t len = BROKER_LINE_MAX + over + sizeof "next\n" - 1 + 1;
        char *content = malloc(len);
        check(content != NULL);
        memset(content, ' ', len);
        memcpy(content, HEAD, sizeof HEAD - 1);
        memcpy(content + len - (sizeof TAIL - 1), TAIL, sizeof TAIL - 1);
        struct log_reader *r = open_with(content, len);
        struct log_line line;
        assert_true(log_reader_next(r, &line));
        assert_int_equal(line.len, BROKER_LINE_MAX + over);
        assert_int_equal(line.too_long, over);
        assert_true(line.finished);
        if (over > 0) {
            const struct line_remains *remains = log_reader_remains(r);
            assert_true(remains->has_time);
            assert_int_equal(remains->api_key, 1);
            assert_int_equal(remains->record_bytes, 7);
            assert_true(slice_eq_str(line_remains_principal(remains), "User:u"));
        }
        assert_true(log_reader_next(r, &line));
        assert_true(slice_eq_str(line.text, "next"));
        assert_int_equal(line.offset, len - strlen("next\n"));
        assert_false(log_reader_next(r, &line));
        log_reader_close(r);
        free(content);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(any_bytes__are_cut_at_newlines_and_nuls),
        CASE(too_long_line__is_passed_over_and_the_next_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
