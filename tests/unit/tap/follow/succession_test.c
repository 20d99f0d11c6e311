// What is known of the way from one file to the next.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tap/follow/succession.h"

enum { SECOND = 1000, HOUR = 3600 * SECOND };

static void expect(struct succession s, const char *kind) {
    const char *got = succession_hole(&s);
    if (kind == NULL) {
        assert_null(got);
    } else {
        assert_non_null(got);
        assert_string_equal(got, kind);
    }
}

static void files_that_follow_at_once__leave_nothing_out(void **state) {
    (void)state;
    expect((struct succession){.last_ms = HOUR, .first_ms = HOUR + SECOND}, NULL);
    expect((struct succession){.last_ms = HOUR, .first_ms = HOUR + SUCCESSION_SILENCE_MS}, NULL);
    expect((struct succession){.last_ms = 2 * HOUR, .first_ms = HOUR}, NULL); // clock set back
}

static void silence__may_hide_a_file(void **state) {
    (void)state;
    struct succession s = {.last_ms = HOUR, .first_ms = HOUR + SUCCESSION_SILENCE_MS + 1};
    expect(s, "removed");
    s.adjoining = true;
    expect(s, NULL);
}

static void whole_period__is_needed_for_a_file(void **state) {
    (void)state;
    struct succession s = {
        .period_ms = HOUR, .last_ms = HOUR + SECOND, .first_ms = 3 * HOUR - SECOND};
    expect(s, NULL);
    s.first_ms = 3 * HOUR;
    expect(s, "removed");
}

static void file_renamed_by_the_next_line__was_live_until_then(void **state) {
    (void)state;
    const int64_t first = 30 * (int64_t)HOUR + 17 * 60 * SECOND + 23 * SECOND;
    struct succession s = {.last_ms = HOUR, .first_ms = first, .renamed_ms = first + 3};
    expect(s, NULL);
    s.renamed_ms = first + 1000;
    expect(s, NULL);
    s.renamed_ms = first - 1000;
    expect(s, NULL);
    // Renamed by a line of the file that is missing; touched later; not known.
    const int64_t others[] = {2 * HOUR, first - 1001, first + 1001, first + HOUR, 0};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        s.renamed_ms = others[i];
        expect(s, "removed");
    }
    // A job of that minute may have touched it.
    s.first_ms -= 19 * SECOND;
    s.renamed_ms = s.first_ms + 3;
    expect(s, "removed");
    // What is known to be lost stays so.
    s = (struct succession){
        .last_ms = HOUR, .first_ms = first, .renamed_ms = first, .unreadable = true};
    expect(s, "damaged");
    s.unreadable = false;
    s.gone = true;
    expect(s, "removed");
}

static void watched_rename__leaves_nothing_out(void **state) {
    (void)state;
    struct succession s = {.seen_live_ms = 9 * HOUR,
                           .last_ms = HOUR,
                           .first_ms = 9 * HOUR + SECOND,
                           .gone = true,
                           .unreadable = true,
                           .lost = true};
    expect(s, NULL);
    s.first_ms = 9 * HOUR + SUCCESSION_SILENCE_MS + 1; // it slept since
    expect(s, "damaged");
    s.unreadable = false;
    expect(s, "removed");
    s.first_ms = 9 * HOUR;
    s.copied = true; // content was lost all the same
    expect(s, "truncated");
    s.damaged = true;
    expect(s, "damaged");
}

static void what_was_seen_and_is_gone__is_missing(void **state) {
    (void)state;
    expect((struct succession){.last_ms = HOUR, .first_ms = HOUR, .gone = true}, "removed");
    expect((struct succession){.last_ms = HOUR, .first_ms = HOUR, .lost = true}, "removed");
    expect((struct succession){.last_ms = HOUR, .first_ms = HOUR, .unreadable = true}, "damaged");
    expect((struct succession){.last_ms = HOUR, .first_ms = HOUR, .replaced = true}, "truncated");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_that_follow_at_once__leave_nothing_out),
        cmocka_unit_test(silence__may_hide_a_file),
        cmocka_unit_test(whole_period__is_needed_for_a_file),
        cmocka_unit_test(file_renamed_by_the_next_line__was_live_until_then),
        cmocka_unit_test(watched_rename__leaves_nothing_out),
        cmocka_unit_test(what_was_seen_and_is_gone__is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
