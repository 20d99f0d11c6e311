// What the counters say beyond the lines.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tap/counters/counter_balance.h"

enum { SECOND = 1000000, PAGE_EVERY = 15 * SECOND, SETTLE = 60 * SECOND };
static const int64_t BEGIN = 1795363200LL * SECOND;

static struct counter_balance *balance;
static int64_t now;     // broker and tap share the clock
static uint64_t offset; // of the log's next line
static int64_t counter; // of topic "a"; below zero: not on the page
static int64_t counter_b;
static char found[4096]; // "topic bytes from-to;"

static int setup(void **state) {
    (void)state;
    balance = counter_balance_new(SETTLE);
    now = BEGIN;
    offset = 0;
    counter = 1000000;
    counter_b = -1;
    found[0] = '\0';
    return 0;
}

static int teardown(void **state) {
    (void)state;
    counter_balance_free(balance);
    return 0;
}

static void keep(void *ctx, const struct counter_excess *x) {
    (void)ctx;
    size_t len = strlen(found);
    snprintf(found + len, sizeof found - len, "%.*s %llu %lld-%lld;", SLICE_ARG(x->topic),
             (unsigned long long)x->bytes, (long long)((x->from_us - BEGIN) / SECOND),
             (long long)((x->to_us - BEGIN) / SECOND));
    assert_true(log_position_cmp(&x->from, &x->to) <= 0);
}

static struct log_position place(void) {
    return (struct log_position){.broker = 1, .generation = 5, .offset = offset};
}

static void ask(void) {
    counter_balance_ask(balance, place(), now);
}

static void answer(void) {
    if (counter >= 0) {
        counter_balance_sample(balance, SLICE_LIT("a"), (uint64_t)counter);
    }
    if (counter_b >= 0) {
        counter_balance_sample(balance, SLICE_LIT("b"), (uint64_t)counter_b);
    }
    counter_balance_answer(balance, now, true);
}

// A page; then time goes on.
static void page(void) {
    ask();
    answer();
    now += PAGE_EVERY;
    counter_balance_settle(balance, now, keep, NULL);
}

static void pages(int n) {
    for (int i = 0; i < n; i++) {
        page();
    }
}

// Enough for all that came before to be settled.
static void wait(void) {
    pages(8);
}

static struct topic_key named(const char *name) {
    return (struct topic_key){.name = slice_str(name)};
}

static void line_sent_since(struct topic_key key, int64_t bytes, int64_t send_us) {
    struct broker_line_part parts[2] = {{.bytes = bytes / 2}, {.bytes = bytes - bytes / 2}};
    struct broker_line l = {
        .time_us = now,
        .send_time_us = send_us,
        .api_key = KAFKA_API_FETCH,
        .replica_id = -1,
        .topics = &key,
        .topic_count = 1,
        .answered = {.items = parts, .count = 2},
    };
    offset += 100;
    counter_balance_line(balance, place(), &l);
}

// The broker sent the bytes, and wrote a line.
static void line(int64_t bytes) {
    counter += bytes;
    line_sent_since(named("a"), bytes, 0);
}

static void lines_and_counter_agree__is_nothing(void **state) {
    (void)state;
    for (int i = 0; i < 100; i++) {
        line(1000 + i);
        page();
    }
    assert_string_equal(found, "");
}

static void lost_lines__are_a_hole_of_their_topic_and_bytes(void **state) {
    (void)state;
    counter_b = 5;
    pages(2);
    line(1000);
    page();         // at 30
    counter += 777; // sent, and never written
    line(10);
    page(); // at 45
    assert_string_equal(found, "");
    wait();
    assert_string_equal(found, "a 777 30-45;");
    wait(); // told once
    assert_string_equal(found, "a 777 30-45;");
    counter += 1;
    wait();
    wait();
    assert_non_null(strstr(found, ";a 1 "));
}

// While the logger is off nothing moves in the log.
static void holes_without_any_line__are_each_told(void **state) {
    (void)state;
    pages(2);
    for (int i = 0; i < 3; i++) {
        counter += 100;
        page();
    }
    wait();
    assert_string_equal(found, "a 100 15-30;a 100 30-45;a 100 45-60;");
}

static void response_on_its_way__is_waited_for(void **state) {
    (void)state;
    pages(2);
    counter += 5000; // ready at 30; its client reads slowly
    int64_t ready = now;
    pages(3);
    line_sent_since(named("a"), 5000, now - ready);
    wait();
    wait();
    assert_string_equal(found, "");
}

// One response a cycle, each sent two cycles later; the page is asked for in between.
static void slow_cycle(bool line_too) {
    counter += 3000;
    if (line_too) {
        line_sent_since(named("a"), 3000, 2 * (int64_t)(PAGE_EVERY + 7 * SECOND));
    }
    now += 7 * SECOND;
    page();
}

// At no page the counter equals the lines.
static void many_responses_on_their_way__are_nothing(void **state) {
    (void)state;
    for (int i = 0; i < 60; i++) {
        slow_cycle(i >= 2);
    }
    assert_string_equal(found, "");
    counter += 400;
    for (int i = 0; i < 10; i++) {
        slow_cycle(true);
    }
    assert_true(strncmp(found, "a 400 ", 6) == 0);
}

static void response_slower_than_is_waited_for__is_given_back(void **state) {
    (void)state;
    pages(2);
    counter += 5000;
    int64_t ready = now;
    wait();
    assert_string_equal(found, "a 5000 15-30;");
    line_sent_since(named("a"), 5000, now - ready);
    assert_int_equal(counter_balance_given_back(balance), 5000);
    wait();
    assert_string_equal(found, "a 5000 15-30;");
    // What is lost later is found, whole.
    counter += 300;
    wait();
    assert_non_null(strstr(found, ";a 300 "));
}

static void line_read_before_its_page__may_be_counted_after_it(void **state) {
    (void)state;
    pages(2);
    ask();
    line(900); // counted or not when the page was made
    counter -= 900;
    answer();
    counter += 900;
    now += PAGE_EVERY;
    wait();
    line(100);
    wait();
    assert_string_equal(found, "");
}

static void line_read_again__counts_once(void **state) {
    (void)state;
    pages(2);
    line(700);
    offset -= 100;
    line_sent_since(named("a"), 700, 0); // a delivery failed
    counter += 50;
    wait();
    assert_string_equal(found, "a 50 15-30;");
}

static void counter_that_begins_anew__says_nothing_of_before(void **state) {
    (void)state;
    pages(2);
    counter = 40; // the broker was restarted
    wait();
    line(10);
    wait();
    assert_string_equal(found, "");
    counter += 3;
    wait();
    assert_non_null(strstr(found, "a 3 "));
}

static void topic_that_left_the_page__begins_anew(void **state) {
    (void)state;
    pages(2);
    int64_t before = counter;
    counter = -1;
    pages(2);
    counter = before + 12345;
    wait();
    assert_string_equal(found, "");
}

static void failed_page__is_none(void **state) {
    (void)state;
    pages(2);
    ask();
    counter_balance_sample(balance, SLICE_LIT("a"), 5);
    counter_balance_answer(balance, now, false);
    now += PAGE_EVERY;
    counter += 20;
    wait();
    assert_string_equal(found, "a 20 15-45;");
}

static void hole_of_the_log__begins_anew(void **state) {
    (void)state;
    pages(2);
    counter += 600;
    counter_balance_clear(balance);
    wait();
    assert_string_equal(found, "");
}

static void line_of_a_share_group(void) {
    struct topic_key key = named("a");
    struct broker_line_part part = {.delivery_count = 1};
    struct broker_line l = {.time_us = now,
                            .api_key = KAFKA_API_SHARE_FETCH,
                            .topics = &key,
                            .topic_count = 1,
                            .acquired = {.items = &part, .count = 1}};
    offset += 100;
    counter_balance_line(balance, place(), &l);
}

static void bytes_of_a_share_group__are_its_own(void **state) {
    (void)state;
    counter_b = 0;
    pages(2);
    for (int i = 0; i < 20; i++) {
        counter += 900;
        line_of_a_share_group();
        page();
    }
    counter_b += 8; // another topic goes on being watched
    wait();
    assert_true(strncmp(found, "b 8 ", 4) == 0);
    assert_null(strstr(found, "a "));
    // It has gone: what is missing from then on is.
    wait();
    counter += 50;
    wait();
    assert_non_null(strstr(found, ";a 50 "));
}

static void follower__is_not_in_the_counter(void **state) {
    (void)state;
    pages(2);
    struct topic_key key = named("a");
    struct broker_line_part part = {.bytes = 400};
    struct broker_line l = {.time_us = now,
                            .api_key = KAFKA_API_FETCH,
                            .replica_id = 2,
                            .topics = &key,
                            .topic_count = 1,
                            .answered = {.items = &part, .count = 1}};
    counter_balance_line(balance, place(), &l);
    counter += 30;
    wait();
    assert_string_equal(found, "a 30 15-30;");
}

static struct topic_key by_id(void) {
    struct topic_key key = {.has_id = true};
    memset(key.id, 7, sizeof key.id);
    return key;
}

static void learn(const char *name) {
    struct topic_fact fact = {.name = slice_str(name), .event = TOPIC_SEEN};
    memcpy(fact.id, by_id().id, sizeof fact.id);
    struct broker_line l = {
        .time_us = now, .api_key = KAFKA_API_METADATA, .facts = &fact, .fact_count = 1};
    counter_balance_line(balance, place(), &l);
}

static void topic_by_id__is_that_of_its_name(void **state) {
    (void)state;
    learn("a");
    pages(2);
    counter += 500;
    line_sent_since(by_id(), 480, 0);
    wait();
    assert_string_equal(found, "a 20 15-30;");
    assert_int_equal(counter_balance_unnamed(balance), 0);
}

// It could be of any topic, until its name is known.
static void topic_by_an_unknown_id__is_taken_off_all(void **state) {
    (void)state;
    pages(2);
    counter += 500;
    line_sent_since(by_id(), 480, 0);
    wait();
    assert_string_equal(found, "a 20 15-30;");
    assert_int_equal(counter_balance_unnamed(balance), 480);
    learn("other");
    wait();
    assert_non_null(strstr(found, ";a 480 "));
    assert_int_equal(counter_balance_unnamed(balance), 0);
}

static void dead_letter__is_not_told_twice(void **state) {
    (void)state;
    pages(2);
    counter += 500;
    offset += 100;
    counter_balance_dead(balance, place(), 450);
    wait();
    assert_string_equal(found, "a 50 15-30;");
}

static void more_pages_than_can_be_held__are_not_asked_for(void **state) {
    (void)state;
    for (int i = 0; i < COUNTER_PAGES_MAX; i++) {
        assert_true(counter_balance_has_room(balance));
        ask();
        assert_false(counter_balance_has_room(balance));
        answer();
        counter += i == 3 ? 44 : 0;
        now += PAGE_EVERY;
    }
    assert_false(counter_balance_has_room(balance));
    counter_balance_settle(balance, now + SETTLE, keep, NULL); // the tap had lagged
    assert_true(counter_balance_has_room(balance));
    assert_string_equal(found, "a 44 45-60;");
}

static void full_tables__begin_anew(void **state) {
    (void)state;
    pages(2);
    counter += 10;
    for (int i = 0; i <= COUNTER_FLOWS_MAX; i++) {
        char name[32];
        snprintf(name, sizeof name, "t%d", i);
        line_sent_since(named(name), 5, 0);
    }
    wait();
    assert_string_equal(found, "");
    counter += 10;
    wait();
    assert_non_null(strstr(found, "a 10 "));
}

// Topics come and go: only those that are there take room.
static void topics_that_are_gone__make_room(void **state) {
    (void)state;
    char name[32];
    for (int i = 0; i < 3; i++) {
        ask();
        counter_balance_sample(balance, SLICE_LIT("a"), (uint64_t)counter);
        for (int k = 1; k < COUNTER_TOPICS_MAX; k++) {
            snprintf(name, sizeof name, "t%d.%d", i, k);
            counter_balance_sample(balance, slice_str(name), 1);
        }
        assert_int_equal(counter_balance_unwatched(balance), i == 1 ? COUNTER_TOPICS_MAX - 1 : 0);
        counter_balance_answer(balance, now, true);
        now += PAGE_EVERY;
        // All those of before are still to be settled when the second page comes.
        if (i == 1) {
            wait();
        }
    }
    wait();
    counter += 5;
    wait();
    assert_string_equal(strstr(found, "a "), found); // the first, and the only one
    assert_true(strncmp(found, "a 5 ", 4) == 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(lines_and_counter_agree__is_nothing),
        CASE(lost_lines__are_a_hole_of_their_topic_and_bytes),
        CASE(holes_without_any_line__are_each_told),
        CASE(response_on_its_way__is_waited_for),
        CASE(many_responses_on_their_way__are_nothing),
        CASE(response_slower_than_is_waited_for__is_given_back),
        CASE(line_read_before_its_page__may_be_counted_after_it),
        CASE(line_read_again__counts_once),
        CASE(counter_that_begins_anew__says_nothing_of_before),
        CASE(topic_that_left_the_page__begins_anew),
        CASE(failed_page__is_none),
        CASE(hole_of_the_log__begins_anew),
        CASE(bytes_of_a_share_group__are_its_own),
        CASE(follower__is_not_in_the_counter),
        CASE(topic_by_id__is_that_of_its_name),
        CASE(topic_by_an_unknown_id__is_taken_off_all),
        CASE(dead_letter__is_not_told_twice),
        CASE(more_pages_than_can_be_held__are_not_asked_for),
        CASE(full_tables__begin_anew),
        CASE(topics_that_are_gone__make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
