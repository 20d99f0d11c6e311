// When an epoch that skips is a line that is missing.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tap/select/session_memory.h"

enum { SESSION = 77, LINE_BYTES = 100 };
#define CONNECTION "127.0.0.1:9092-127.0.0.1:5555-1-0"
#define ANOTHER "127.0.0.1:9092-127.0.0.1:5556-1-1"

static struct session_memory *memory;
static struct session_skip skip;
static uint64_t offset;

static int setup(void **state) {
    (void)state;
    memory = session_memory_new();
    offset = 0;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    session_memory_free(memory);
    return 0;
}

// Served: answered within the session it asks in.
static struct broker_line fetch(const char *connection, int32_t session, int32_t epoch) {
    return (struct broker_line){
        .time_us = 1000000 + (int64_t)offset,
        .api_key = KAFKA_API_FETCH,
        .api_version = 18,
        .has_request = true,
        .has_response = true,
        .connection = slice_str(connection),
        .session_id = session,
        .session_epoch = epoch,
        .response_session_id = session,
        .replica_id = -1,
    };
}

static bool take(struct broker_line l) {
    const struct session_place at = {7, offset, offset + LINE_BYTES};
    offset += LINE_BYTES;
    return session_memory_skips(memory, &l, at, &skip);
}

static bool take_epoch(int32_t epoch) {
    return take(fetch(CONNECTION, SESSION, epoch));
}

// A full fetch that is granted the session.
static bool open_session(const char *connection, int32_t session) {
    struct broker_line l = fetch(connection, 0, 0);
    l.response_session_id = session;
    return take(l);
}

static void epochs_in_a_row__miss_nothing(void **state) {
    (void)state;
    assert_false(open_session(CONNECTION, SESSION));
    for (int32_t epoch = 1; epoch < 100; epoch++) {
        assert_false(take_epoch(epoch));
    }
}

static void skipped_epochs__are_missing_lines(void **state) {
    (void)state;
    assert_false(open_session(CONNECTION, SESSION));
    assert_false(take_epoch(1));
    assert_true(take_epoch(5));
    assert_int_equal(skip.lines, 3);
    assert_int_equal(skip.from_generation, 7);
    assert_int_equal(skip.from_offset, 2 * LINE_BYTES);
    assert_int_equal(skip.from_us, 1000000 + LINE_BYTES);
    // Told once.
    assert_false(take_epoch(6));
    assert_true(take_epoch(8));
    assert_int_equal(skip.lines, 1);
}

static void line_after_the_grant__may_be_missing_too(void **state) {
    (void)state;
    assert_false(open_session(CONNECTION, SESSION));
    assert_true(take_epoch(2));
    assert_int_equal(skip.lines, 1);
}

static void epochs__begin_again_behind_the_highest(void **state) {
    (void)state;
    assert_false(take_epoch(INT32_MAX - 1));
    assert_false(take_epoch(INT32_MAX));
    assert_false(take_epoch(1));
    assert_false(take_epoch(2));
    session_memory_clear(memory);
    assert_false(take_epoch(INT32_MAX - 1));
    assert_true(take_epoch(2));
    assert_int_equal(skip.lines, 2);
}

static void first_line_seen_of_a_session__says_nothing(void **state) {
    (void)state;
    assert_false(take_epoch(1000));
    assert_false(take_epoch(1001));
}

static void emptied_memory__says_nothing(void **state) {
    (void)state;
    assert_false(take_epoch(10));
    session_memory_clear(memory);
    assert_false(take_epoch(20));
    assert_true(take_epoch(22));
}

static void line_read_again__says_nothing(void **state) {
    (void)state;
    assert_false(take_epoch(1));
    assert_false(take_epoch(2));
    assert_true(take_epoch(4));
    offset = 0; // a delivery failed
    assert_false(take_epoch(1));
    assert_false(take_epoch(2));
    assert_false(take_epoch(4));
    assert_false(take_epoch(5));
    assert_true(take_epoch(7));
}

static void line_written_twice__says_nothing(void **state) {
    (void)state;
    assert_false(take_epoch(1));
    assert_false(take_epoch(1));
    assert_false(take_epoch(2));
}

// A refused epoch is the client's own number: it proves nothing, now or later.
static void refused_epoch__says_nothing(void **state) {
    (void)state;
    const int32_t refusals[] = {70, 71, 106, -1};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        assert_false(take_epoch(1));
        struct broker_line l = fetch(CONNECTION, SESSION, 1000);
        l.error = refusals[i];
        l.response_session_id = 0;
        assert_false(take(l));
        assert_false(take_epoch(7));
        session_memory_clear(memory);
    }
}

static void refusal_of_another_client__changes_nothing(void **state) {
    (void)state;
    assert_false(take_epoch(1));
    struct broker_line l = fetch(ANOTHER, SESSION, 9);
    l.error = 71;
    assert_false(take(l));
    assert_false(take_epoch(2));
    assert_true(take_epoch(4));
}

static void unanswered_fetch__says_nothing(void **state) {
    (void)state;
    assert_false(take_epoch(1));
    struct broker_line l = fetch(CONNECTION, SESSION, 2);
    l.has_response = false;
    l.response_session_id = 0;
    assert_false(take(l));
    assert_false(take_epoch(5));
}

// The logger was off when the request came: its line is there, without the epoch.
static void line_without_a_request__is_not_missing(void **state) {
    (void)state;
    assert_false(take_epoch(1));
    struct broker_line l = fetch(CONNECTION, 0, -1);
    l.has_request = false;
    l.response_session_id = SESSION;
    assert_false(take(l));
    assert_false(take_epoch(3));
    assert_false(take(l));
    assert_true(take_epoch(9));
    assert_int_equal(skip.lines, 4);
}

static void session_on_another_connection__says_nothing(void **state) {
    (void)state;
    // It moved: its client paused, and the broker closed the idle connection.
    assert_false(take_epoch(5));
    assert_false(take(fetch(ANOTHER, SESSION, 9)));
    assert_true(take(fetch(ANOTHER, SESSION, 11)));
    // And back, which no honest client does.
    assert_false(take_epoch(20));
}

// Evicted, and its id given to another client.
static void id_granted_again__is_another_session(void **state) {
    (void)state;
    assert_false(take_epoch(57));
    assert_false(open_session(ANOTHER, SESSION));
    assert_false(take(fetch(ANOTHER, SESSION, 1)));
    // To the same client, whose grant was not written.
    assert_false(take_epoch(57));
    assert_false(take_epoch(1));
    assert_false(take_epoch(2));
}

static void closed_session__is_forgotten(void **state) {
    (void)state;
    for (int32_t closing = -1; closing <= 0; closing++) {
        assert_false(take_epoch(3));
        struct broker_line l = fetch(CONNECTION, SESSION, closing);
        l.response_session_id = 0;
        assert_false(take(l));
        assert_false(take_epoch(9));
        session_memory_clear(memory);
    }
    // Its last partition was forgotten: served without a session.
    assert_false(take_epoch(3));
    struct broker_line l = fetch(CONNECTION, SESSION, 4);
    l.response_session_id = 0;
    assert_false(take(l));
    assert_false(take_epoch(9));
}

static struct line_remains remains(int32_t session, int32_t epoch, size_t principal_len) {
    return (struct line_remains){
        .session_id = session, .session_epoch = epoch, .principal_len = principal_len};
}

static void dead_letter_with_a_principal__is_not_told_twice(void **state) {
    (void)state;
    struct line_remains r = remains(SESSION, 2, 10);
    assert_false(take_epoch(1));
    session_memory_dead(memory, &r);
    assert_false(take_epoch(3));
    r = remains(SESSION, 4, 10);
    session_memory_dead(memory, &r);
    assert_true(take_epoch(6));
    assert_int_equal(skip.lines, 1);
}

// The hole then tells whose line it was.
static void dead_letter_without_a_principal__is_missing(void **state) {
    (void)state;
    struct line_remains r = remains(SESSION, 2, 0);
    assert_false(take_epoch(1));
    session_memory_dead(memory, &r);
    assert_true(take_epoch(3));
    r = remains(0, 0, 10);
    session_memory_dead(memory, &r);
    assert_true(take_epoch(5));
}

static void full_memory__forgets_the_silent_ones(void **state) {
    (void)state;
    assert_false(take_epoch(1));
    for (int32_t id = 1000; id < 1000 + 3 * SESSION_MEMORY_SLOTS; id++) {
        assert_false(take(fetch(ANOTHER, id, 1)));
    }
    assert_false(take_epoch(5));
    assert_true(take_epoch(7));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(epochs_in_a_row__miss_nothing),
        CASE(skipped_epochs__are_missing_lines),
        CASE(line_after_the_grant__may_be_missing_too),
        CASE(epochs__begin_again_behind_the_highest),
        CASE(first_line_seen_of_a_session__says_nothing),
        CASE(emptied_memory__says_nothing),
        CASE(line_read_again__says_nothing),
        CASE(line_written_twice__says_nothing),
        CASE(refused_epoch__says_nothing),
        CASE(refusal_of_another_client__changes_nothing),
        CASE(unanswered_fetch__says_nothing),
        CASE(line_without_a_request__is_not_missing),
        CASE(session_on_another_connection__says_nothing),
        CASE(id_granted_again__is_another_session),
        CASE(closed_session__is_forgotten),
        CASE(dead_letter_with_a_principal__is_not_told_twice),
        CASE(dead_letter_without_a_principal__is_missing),
        CASE(full_memory__forgets_the_silent_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
