// Fetch sessions as real brokers and clients have them: in captured logs nothing is missing, and any line
// of a session that is taken out is missed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/brokerlog/broker_line.h"
#include "tap/select/session_memory.h"

static const char FOLDER[] = "tests/golden/request-log";
enum { LINES_MAX = 20000, LINE_BYTES_MAX = 1 << 20 };

struct capture {
    char *lines[LINES_MAX];
    size_t count;
};

static void read_capture(const char *name, struct capture *ret) {
    static char line[LINE_BYTES_MAX];
    char path[512];
    snprintf(path, sizeof path, "%s/%s", FOLDER, name);
    gzFile f = gzopen(path, "rb");
    assert_non_null(f);
    ret->count = 0;
    while (gzgets(f, line, sizeof line) != NULL) {
        assert_true(ret->count < LINES_MAX);
        line[strcspn(line, "\n")] = '\0';
        ret->lines[ret->count] = strdup(line);
        assert_non_null(ret->lines[ret->count]);
        ret->count++;
    }
    gzclose(f);
}

static void free_capture(struct capture *c) {
    while (c->count > 0) {
        free(c->lines[--c->count]);
    }
}

// How many lines are missing, without line `out`.
static uint64_t missing(const struct capture *c, size_t out) {
    struct session_memory *memory = session_memory_new();
    struct broker_line l;
    uint64_t lines = 0;
    broker_line_init(&l);
    for (size_t i = 0; i < c->count; i++) {
        struct session_skip skip;
        const struct session_place at = {1, i * 10, i * 10 + 10};
        if (i != out && strstr(c->lines[i], "\"FETCH\"") != NULL &&
            broker_line_parse(&l, slice_str(c->lines[i])) == LINE_FAULT_NONE &&
            l.api_key == KAFKA_API_FETCH && !broker_line_is_follower(&l) &&
            session_memory_skips(memory, &l, at, &skip)) {
            lines += skip.lines;
        }
    }
    broker_line_done(&l);
    session_memory_free(memory);
    return lines;
}

static void captured_log__misses_nothing(void **state) {
    (void)state;
    static struct capture c;
    int logs = 0;
    DIR *dir = opendir(FOLDER);
    assert_non_null(dir);
    for (const struct dirent *d; (d = readdir(dir)) != NULL;) {
        if (strstr(d->d_name, ".log.gz") != NULL) {
            read_capture(d->d_name, &c);
            assert_int_equal(missing(&c, SIZE_MAX), 0);
            free_capture(&c);
            logs++;
        }
    }
    closedir(dir);
    assert_true(logs >= 8);
}

// The session of an incremental fetch; 0: it is none.
static int32_t session_of(const char *text) {
    struct broker_line l;
    broker_line_init(&l);
    bool read = strstr(text, "\"FETCH\"") != NULL &&
                broker_line_parse(&l, slice_str(text)) == LINE_FAULT_NONE &&
                l.api_key == KAFKA_API_FETCH && l.session_epoch > 0;
    int32_t session = read ? l.session_id : 0;
    broker_line_done(&l);
    return session;
}

static void line_taken_out__is_missed(void **state) {
    (void)state;
    static struct capture c;
    static int32_t sessions[LINES_MAX];
    size_t tried = 0;
    read_capture("sessions.log.gz", &c);
    for (size_t i = 0; i < c.count; i++) {
        sessions[i] = session_of(c.lines[i]);
    }
    for (size_t i = 0; i < c.count; i++) {
        bool goes_on = false;
        for (size_t k = i + 1; k < c.count && sessions[i] != 0; k++) {
            goes_on = goes_on || sessions[k] == sessions[i];
        }
        if (sessions[i] != 0) {
            assert_int_equal(missing(&c, i), goes_on ? 1 : 0);
            tried++;
        }
    }
    assert_true(tried > 20);
    free_capture(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(captured_log__misses_nothing),
        cmocka_unit_test(line_taken_out__is_missed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
