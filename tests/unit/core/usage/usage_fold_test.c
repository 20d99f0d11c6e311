// Every counting rule on lines of its own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/instant.h"
#include "base/number.h"
#include "core/usage/usage_model.h"
#include "line_maker.h"

static void successor__counts_the_fetch_before(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    assert_int_equal(m->all.bytes, 2000);
    assert_int_equal(m->all.fetches, 1);
    assert_int_equal(m->all.messages, 0);
    assert_int_equal(m->all.open, 1);
    maker_plain_fetch(m, "0@130", "0:0/150");
    assert_int_equal(m->all.messages, 30);
    assert_int_equal(m->all.open, 0);
    assert_int_equal(m->all.fetches, 1);
}

// Seen on a live 4.3.1: an answer with records whose high watermark is still that of before them.
static void successor__counts_past_a_high_watermark_read_too_early(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@1934", "0:1179/1934");
    maker_plain_fetch(m, "0@1962", "0:0/2009");
    assert_int_equal(m->all.messages, 28);
}

static void successor__that_goes_back_counts_nothing(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    maker_plain_fetch(m, "0@0", "0:3000/150");
    assert_int_equal(m->all.messages, 0);
    assert_int_equal(m->all.open, 2);
    // What the second read again is counted for the second.
    maker_plain_fetch(m, "0@150", "");
    assert_int_equal(m->all.messages, 150);
    assert_int_equal(m->all.open, 0);
}

// A tail that the limit cut off is sent twice and counted twice in bytes, once in messages.
static void cut_tail__counts_bytes_twice_and_messages_once(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@0", "0:3000/60");
    maker_plain_fetch(m, "0@20", "0:3000/60");
    maker_plain_fetch(m, "0@40", "0:3000/60");
    maker_plain_fetch(m, "0@60", "0:0/60");
    assert_int_equal(m->all.bytes, 9000);
    assert_int_equal(m->all.messages, 60);
    assert_int_equal(m->all.fetches, 3);
}

static void commits__between_two_fetches_change_nothing(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@0", "0:90000/2000");
    for (int c = 10; c < 2000; c += 10) {
        char text[32];
        snprintf(text, sizeof text, "0@%d", c);
        m->at_ms++;
        m->connection = 2;
        maker_commit(m, text);
        assert_int_equal(m->all.messages, c);
    }
    m->connection = 1;
    maker_plain_fetch(m, "0@2000", "0:0/2000");
    assert_int_equal(m->all.messages, 2000);
    maker_commit(m, "0@1500");
    assert_int_equal(m->all.messages, 2000);
}

static void last_fetch__is_closed_by_a_later_chain(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    m->at_ms += 1000;
    m->connection = 2;
    maker_plain_fetch(m, "0@140", "0:0/150");
    assert_int_equal(m->all.messages, 40);
    assert_int_equal(m->all.open, 0);
    // The chain goes on after all: its successor alone counts.
    m->connection = 1;
    maker_plain_fetch(m, "0@120", "");
    assert_int_equal(m->all.messages, 20);
}

static void last_fetch__is_not_closed_by_a_start_outside(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    m->at_ms += 1000;
    static const char *const STARTS[] = {"0@100", "0@151", "0@0", "1@140"};
    for (int i = 0; i < 4; i++) {
        m->connection = 2 + i;
        maker_plain_fetch(m, STARTS[i], "");
        assert_int_equal(m->all.open, 1);
    }
}

static void last_fetch__is_not_closed_by_an_earlier_chain(void **state) {
    struct maker *m = *state;
    m->at_ms = 10000;
    m->connection = 2;
    maker_plain_fetch(m, "0@140", "");
    m->at_ms = 10001;
    m->connection = 1;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    assert_int_equal(m->all.open, 1);
    // Of another broker, whose clock may be a second off, it is.
    m->broker = 2;
    m->connection = 3;
    m->at_ms = 9500;
    maker_plain_fetch(m, "0@130", "");
    assert_int_equal(m->all.messages, 30);
}

static void the_first_start_that_fits__closes(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    m->at_ms += 1000;
    m->client = "other";
    m->connection = 2;
    maker_plain_fetch(m, "0@110", "");
    assert_int_equal(m->all.messages, 10);
    m->at_ms += 1000;
    m->client = "client";
    m->connection = 3;
    maker_plain_fetch(m, "0@140", "");
    assert_int_equal(m->all.messages, 10);
    assert_int_equal(m->all.open, 0);
}

static void last_fetch__is_closed_by_the_largest_commit(void **state) {
    struct maker *m = *state;
    m->at_ms = 5000;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    m->connection = 2;
    m->at_ms = 6000;
    maker_commit(m, "0@130");
    assert_int_equal(m->all.messages, 30);
    assert_int_equal(m->all.open, 0);
    m->at_ms = 7000;
    maker_commit(m, "0@120");
    assert_int_equal(m->all.messages, 30);
    maker_commit(m, "0@145!16");
    assert_int_equal(m->all.messages, 30);
    maker_commit(m, "0@150");
    assert_int_equal(m->all.messages, 50);
}

static void commit__of_another_group_far_above_closes_nothing(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    m->at_ms += 10;
    m->connection = 2;
    maker_commit(m, "0@1900");
    assert_int_equal(m->all.open, 1);
}

static void commit__of_another_client_or_address_closes_nothing(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    m->at_ms += 10;
    m->client = "other";
    maker_commit(m, "0@140");
    m->client = "client";
    m->address = "10.0.0.10";
    maker_commit(m, "0@140");
    assert_int_equal(m->all.open, 1);
}

static void old_commit__closes_nothing(void **state) {
    struct maker *m = *state;
    m->at_ms = 100000;
    maker_commit(m, "0@140");
    m->broker = 2;
    maker_commit(m, "0@130");
    m->at_ms = 101001;
    m->broker = 1;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    assert_int_equal(m->all.open, 1);
    // Another broker's line of within a second, read later.
    m->broker = 2;
    m->at_ms = 100500;
    maker_commit(m, "0@120");
    assert_int_equal(m->all.messages, 20);
}

static void commit__after_the_clients_next_chain_closes_nothing(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    m->at_ms += 1000;
    m->connection = 2;
    maker_commit(m, "0@110");
    // A restart that reads the same again; what it commits belongs to it.
    m->at_ms += 1000;
    m->connection = 3;
    maker_plain_fetch(m, "0@90", "0:2000/150");
    m->at_ms += 1000;
    maker_commit(m, "0@150");
    assert_int_equal(m->all.messages, 10 + 60);
}

static void facts__later_than_a_day_close_nothing(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    m->at_ms += 86400000 + 1;
    maker_commit(m, "0@140");
    m->connection = 2;
    maker_plain_fetch(m, "0@140", "");
    assert_int_equal(m->all.open, 1);
}

static void commit_by_name__meets_a_fetch_by_id_once_the_name_is_known(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    m->topic = "orders";
    m->at_ms += 10;
    maker_commit(m, "0@140");
    assert_int_equal(m->all.open, 1);
    assert_true(usage_state_has_unresolved(m->state));
    maker_store_and_load(m);
    maker_fact(m, TOPIC_A, "orders", TOPIC_SEEN);
    assert_int_equal(m->all.messages, 40);
    assert_int_equal(m->all.open, 0);
    assert_false(usage_state_has_unresolved(m->state));
    // And at once from then on.
    maker_commit(m, "0@150");
    assert_int_equal(m->all.messages, 50);
}

static void topic_created_again__is_another_topic(void **state) {
    struct maker *m = *state;
    m->topic = "orders";
    maker_fact(m, TOPIC_A, "orders", TOPIC_CREATED);
    maker_plain_fetch(m, "0@0", "0:2000/50");
    m->at_ms += 1000;
    maker_fact(m, TOPIC_A, "orders", TOPIC_DELETED);
    m->at_ms += 1000;
    maker_fact(m, TOPIC_B, "orders", TOPIC_CREATED);
    m->at_ms += 1000;
    m->connection = 2;
    maker_plain_fetch(m, "0@20", "0:2000/90");
    assert_int_equal(m->all.messages, 0);
    assert_int_equal(m->all.open, 2);
    assert_int_equal(m->fresh.bytes, 4000);
}

static void offset_out_of_range__above_the_log_closes_nothing(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@99999999", "0:0/-1!1");
    maker_plain_fetch(m, "0@0", "0:2000/50");
    maker_plain_fetch(m, "0@99999999", "0:0/-1!1");
    assert_int_equal(m->all.messages, 0);
    assert_int_equal(m->all.open, 1);
    // The reset after it is no advance.
    maker_plain_fetch(m, "0@40", "0:500/50");
    assert_int_equal(m->all.messages, 0);
    assert_int_equal(m->all.open, 2);
    maker_plain_fetch(m, "0@50", "");
    assert_int_equal(m->all.messages, 10);
}

// The broker compared the offset with its log, and what is at or below the watermark was read.
static void offset_out_of_range__below_the_watermark_closes(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@0", "0:2000/50");
    maker_plain_fetch(m, "0@40", "0:0/-1!1");
    assert_int_equal(m->all.messages, 40);
    maker_plain_fetch(m, "0@45", "0:500/50");
    assert_int_equal(m->all.messages, 40);
    // As the first request of a later chain too.
    m->connection = 2;
    maker_plain_fetch(m, "0@48", "0:0/-1!1");
    assert_int_equal(m->all.messages, 43);
    assert_int_equal(m->all.open, 0);
}

// Rights taken away, a leader moved: the offset asked is where the client has read to.
static void refused_fetch__closes_the_one_before(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@0", "0:2000/50");
    maker_plain_fetch(m, "0@50", "0:0/-1!29");
    assert_int_equal(m->all.messages, 50);
    assert_int_equal(m->all.open, 0);
    assert_int_equal(m->all.bytes, 2000);
}

static void session__keeps_offsets_that_requests_leave_out(void **state) {
    struct maker *m = *state;
    maker_fetch(m, 0, 0, 77, "0@0 1@0", "0:1000/30 1:0/0", NULL);
    maker_fetch(m, 77, 1, 77, "0@30", "0:0/30", NULL);
    // Partition 1 was last named two lines ago.
    maker_fetch(m, 77, 2, 77, "", "1:500/10", NULL);
    maker_fetch(m, 77, 3, 77, "1@10", "", NULL);
    assert_int_equal(m->all.bytes, 1500);
    assert_int_equal(m->all.messages, 40);
    assert_int_equal(m->all.open, 0);
}

static void session__goes_on_over_another_connection(void **state) {
    struct maker *m = *state;
    maker_fetch(m, 0, 0, 77, "0@0", "0:1000/30", NULL);
    m->connection = 9;
    maker_fetch(m, 77, 1, 77, "0@30", "", NULL);
    assert_int_equal(m->all.messages, 30);
}

static void session__may_add_a_partition_by_an_empty_request(void **state) {
    struct maker *m = *state;
    maker_fetch(m, 0, 0, 77, "0@0", "0:0/0", NULL);
    maker_fetch(m, 77, 1, 77, "1@500", "", NULL);
    maker_fetch(m, 77, 2, 77, "", "1:9000/1000", NULL);
    maker_fetch(m, 77, 3, 77, "1@1000", "", NULL);
    assert_int_equal(m->all.messages, 500);
    assert_int_equal(m->all.open, 0);
}

static void session__that_forgets_a_partition_counts_it_when_it_is_added_again(void **state) {
    struct maker *m = *state;
    maker_fetch(m, 0, 0, 77, "0@0 1@0", "0:1000/30 1:1000/30", NULL);
    maker_fetch(m, 77, 1, 77, "1@30", "", "0");
    assert_int_equal(m->all.messages, 30);
    assert_int_equal(m->all.open, 1);
    maker_fetch(m, 77, 2, 77, "0@25", "", NULL);
    assert_int_equal(m->all.messages, 55);
    assert_int_equal(m->all.open, 0);
}

static void session__left_out_and_without_news_is_not_closed(void **state) {
    struct maker *m = *state;
    maker_fetch(m, 0, 0, 77, "0@0 1@0", "0:1000/30 1:0/0", NULL);
    maker_fetch(m, 77, 1, 77, "", "1:100/5", NULL);
    assert_int_equal(m->all.open, 2);
    maker_fetch(m, 77, 2, 77, "0@30 1@5", "", NULL);
    assert_int_equal(m->all.messages, 35);
}

static void session_id__given_again_is_a_new_chain(void **state) {
    struct maker *m = *state;
    maker_fetch(m, 0, 0, 77, "0@0", "0:1000/30", NULL);
    m->at_ms += 1000;
    m->client = "somebody";
    maker_fetch(m, 0, 0, 77, "0@0", "0:1000/30", NULL);
    assert_int_equal(m->all.open, 2);
    m->at_ms += 1000;
    maker_fetch(m, 77, 1, 77, "0@30", "", NULL);
    // The first session's fetch was read again.
    assert_int_equal(m->all.messages, 30);
    assert_int_equal(m->all.open, 0);
}

static void session__closed_and_opened_again_counts_its_last_fetch(void **state) {
    struct maker *m = *state;
    maker_fetch(m, 0, 0, 77, "0@0", "0:1000/30", NULL);
    maker_fetch(m, 77, 0, 78, "0@30", "0:1000/60", NULL);
    assert_int_equal(m->all.messages, 30);
    maker_fetch(m, 78, -1, 0, "", "", NULL);
    assert_int_equal(m->all.open, 1);
}

// The broker died; the client read on at the next leader, and came back with its old session's id.
static void session__given_up_after_the_client_read_elsewhere_is_no_successor(void **state) {
    struct maker *m = *state;
    maker_fetch(m, 0, 0, 77, "0@0", "0:1000/30", NULL);
    m->broker = 2;
    maker_fetch(m, 0, 0, 12, "0@30", "0:1000/60", NULL);
    maker_fetch(m, 12, 1, 12, "0@60", "0:0/60", NULL);
    m->broker = 1;
    maker_fetch(m, 77, 0, 78, "0@300", "0:100/330", NULL);
    assert_int_equal(m->all.messages, 60);
    assert_int_equal(m->all.open, 1);
}

static void same_session_id_of_two_brokers__is_two_chains(void **state) {
    struct maker *m = *state;
    maker_fetch(m, 0, 0, 77, "0@0", "0:1000/30", NULL);
    m->broker = 2;
    maker_fetch(m, 0, 0, 77, "1@0", "1:1000/30", NULL);
    m->broker = 1;
    maker_fetch(m, 77, 1, 77, "0@30", "", NULL);
    m->broker = 2;
    maker_fetch(m, 77, 1, 77, "1@20", "", NULL);
    assert_int_equal(m->all.messages, 50);
}

static void session_met_in_the_middle__counts_bytes_and_stays_open(void **state) {
    struct maker *m = *state;
    maker_fetch(m, 77, 5, 77, "", "0:1000/30", NULL);
    assert_int_equal(m->all.bytes, 1000);
    assert_int_equal(m->all.open, 1);
    maker_fetch(m, 77, 6, 77, "0@30", "0:500/45", NULL);
    maker_fetch(m, 77, 7, 77, "0@45", "", NULL);
    assert_int_equal(m->all.messages, 15);
    assert_int_equal(m->all.open, 1);
}

static void parallel_chains__count_apart(void **state) {
    struct maker *m = *state;
    m->connection = 1;
    maker_plain_fetch(m, "0@0", "0:1000/100");
    m->connection = 2;
    maker_plain_fetch(m, "0@0", "0:1000/100");
    for (int i = 10; i <= 100; i += 10) {
        char text[32];
        snprintf(text, sizeof text, "0@%d", i);
        m->at_ms += 5;
        m->connection = 1;
        maker_plain_fetch(m, text, i < 100 ? "0:1000/100" : "");
        m->connection = 2;
        maker_plain_fetch(m, text, i < 100 ? "0:1000/100" : "");
    }
    assert_int_equal(m->all.messages, 200);
    assert_int_equal(m->all.open, 0);
    assert_int_equal(m->all.bytes, 20000);
}

static void one_fetch_per_connection__is_counted_but_for_the_last(void **state) {
    struct maker *m = *state;
    for (int i = 0; i < 1000; i++) {
        char asked[32];
        snprintf(asked, sizeof asked, "0@%d", i * 10);
        m->connection = i + 1;
        m->at_ms += 100;
        maker_plain_fetch(m, asked, "0:1000/10000");
    }
    assert_int_equal(m->all.messages, 9990);
    assert_int_equal(m->all.open, 1);
    assert_int_equal(m->fresh.bytes, m->all.bytes);
}

static void replay__is_told_from_fresh(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@0", "0:1000/100");
    maker_plain_fetch(m, "0@100", "");
    m->connection = 2;
    maker_plain_fetch(m, "0@0", "0:1000/100");
    maker_plain_fetch(m, "0@100", "0:70/107");
    assert_int_equal(m->fresh.bytes, 1070);
    assert_int_equal(m->all.bytes, 2070);
    assert_int_equal(m->fresh.fetches, 2);
    assert_int_equal(m->all.fetches, 3);
}

static void fetches__count_requests_not_partitions(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@0 1@0 2@0", "0:10/5 1:10/5 2:-/0");
    assert_int_equal(m->all.fetches, 1);
    assert_int_equal(m->all.open, 2);
    assert_int_equal(m->all.lines, 1);
}

static void messages__land_in_the_quarter_of_their_fetch(void **state) {
    struct maker *m = *state;
    m->at_ms = 14 * 60000;
    maker_plain_fetch(m, "0@0", "0:1000/100");
    m->at_ms = 16 * 60000;
    maker_plain_fetch(m, "0@100", "0:500/150");
    assert_int_equal(m->quarter_count, 2);
    assert_int_equal(m->quarters[0].messages, 100);
    assert_int_equal(m->quarters[0].bytes, 1000);
    assert_int_equal(m->quarters[1].messages, 0);
    assert_int_equal(m->quarters[1].bytes, 500);
    assert_int_equal(m->quarters[1].open, 1);
}

static void add_wide(void *ctx, const struct usage_delta *d) {
    *(i128 *)ctx += d->messages;
}

// Two advances of 2^63 - 1 in one line: their sum leaves int64, so they come as two deltas.
static void sums__hold_at_the_ends_of_64_bits(void **state) {
    struct maker *m = *state;
    i128 messages = 0;
    struct usage_closing most = {.messages = INT64_MAX, .open_fetches = -1};
    maker_plain_fetch(m, "0@0 1@0", "0:2147483647/50 1:1/50");
    m->sink = (struct usage_sink){.add = add_wide, .ctx = &messages};
    m->state->sink = &m->sink;
    usage_delta_close(m->state, 0, USAGE_FRESH, m->at_ms, &most);
    usage_delta_close(m->state, 0, USAGE_FRESH, m->at_ms, &most);
    usage_delta_flush(m->state);
    assert_true(messages == 2 * (i128)INT64_MAX);
    assert_int_equal(m->all.bytes, 2147483648ULL);
}

static void produce__counts_each_batch_once(void **state) {
    struct maker *m = *state;
    maker_produce(m, -1, "0:1000/0 1:500/0");
    maker_produce(m, -1, "0:1000/10");
    maker_produce(m, -1, "0:900/30");
    // Lines come in order of completion.
    maker_produce(m, -1, "0:800/20");
    // A retry is answered with the first base offset.
    maker_produce(m, -1, "0:1000/10");
    maker_produce(m, -1, "0:700/25!6");
    assert_int_equal(m->all.produced_bytes, 1000 + 500 + 1000 + 900 + 800);
    assert_int_equal(m->all.produced_messages, 30);
    m->at_ms += 11 * 60000;
    maker_produce(m, -1, "0:1000/10");
    assert_int_equal(m->all.produced_bytes, 5200);
}

static void produce__without_acks_is_counted_as_asked(void **state) {
    struct maker *m = *state;
    maker_produce(m, 0, "0:1000/0");
    maker_produce(m, 0, "0:1000/0");
    assert_int_equal(m->all.produced_bytes, 2000);
    assert_int_equal(m->all.produced_messages, 0);
}

static void produce__keeps_its_sums_when_the_window_moves(void **state) {
    struct maker *m = *state;
    for (int i = 0; i <= 100; i++) {
        char text[40];
        snprintf(text, sizeof text, "0:100/%d", i * 7);
        m->at_ms = i * 30000;
        maker_produce(m, -1, text);
        usage_fold_prune(m->state,
                         days_from_civil(2026, 11, 1) * US_PER_DAY + (int64_t)m->at_ms * 1000,
                         &m->sink);
    }
    assert_int_equal(m->all.produced_messages, 700);
    assert_int_equal(m->all.produced_bytes, 10100);
    // Below the window everything has been given to somebody.
    maker_produce(m, -1, "0:100/1");
    assert_int_equal(m->all.produced_messages, 700);
}

static void share_fetch__counts_records_and_no_bytes(void **state) {
    struct maker *m = *state;
    maker_share(m, 0, 0, 337, 1);
    maker_share(m, 1, 10, 19, 2);
    assert_int_equal(m->all.share_messages, 348);
    assert_int_equal(m->fresh.share_messages, 338);
    assert_int_equal(m->all.share_fetches, 2);
    assert_int_equal(m->all.messages, 0);
    assert_int_equal(m->all.bytes, 0);
}

static void prune__loses_nothing_of_a_live_session(void **state) {
    struct maker *m = *state;
    int64_t day_us = days_from_civil(2026, 11, 1) * US_PER_DAY;
    maker_fetch(m, 0, 0, 77, "0@0 1@500", "0:1000/30 1:0/500", NULL);
    maker_fetch(m, 77, 1, 77, "0@30", "", NULL);
    for (int hour = 1; hour < 60; hour++) {
        m->at_ms = hour * 3600000LL;
        maker_fetch(m, 77, hour + 1, 77, "", "", NULL);
        usage_fold_prune(m->state, day_us + m->at_ms * 1000, &m->sink);
        maker_store_and_load(m);
    }
    maker_fetch(m, 77, 61, 77, "", "1:100/510", NULL);
    maker_fetch(m, 77, 62, 77, "1@510", "", NULL);
    assert_int_equal(m->all.messages, 40);
    assert_int_equal(m->all.open, 0);
}

static void prune__lets_go_of_idle_chains(void **state) {
    struct maker *m = *state;
    int64_t day_us = days_from_civil(2026, 11, 1) * US_PER_DAY;
    for (int i = 0; i < 200; i++) {
        char asked[32];
        snprintf(asked, sizeof asked, "%d@0", i);
        m->connection = i;
        maker_plain_fetch(m, asked, "");
        m->at_ms += 10;
    }
    size_t before = usage_state_memory(m->state);
    usage_fold_prune(m->state, day_us + 3 * US_PER_DAY, &m->sink);
    assert_true(usage_state_memory(m->state) < before);
    assert_true(usage_state_empty(m->state));
}

// How far the partition of the one topic was read, -1: not known.
static int64_t read_up_to(const struct maker *m, int32_t partition) {
    for (uint32_t i = 0; i < m->state->slot_count; i++) {
        if (m->state->slots[i].partition == partition) {
            return m->state->slots[i].highest;
        }
    }
    return -1;
}

// It is known for 400 days after the last line that named the partition.
static void prune__forgets_what_was_read_after_400_idle_days(void **state) {
    struct maker *m = *state;
    int64_t day_us = days_from_civil(2026, 11, 1) * US_PER_DAY;
    maker_plain_fetch(m, "0@0 1@0", "0:2000/50 1:900/9");
    m->at_ms += 1000;
    maker_plain_fetch(m, "0@50 1@9", "");
    m->at_ms += 3 * 86400000;
    m->connection = 2;
    maker_plain_fetch(m, "1@9", "");
    usage_fold_prune(m->state, day_us + 399 * US_PER_DAY, &m->sink);
    assert_true(usage_state_rests(m->state));
    maker_store_and_load(m);
    assert_int_equal(read_up_to(m, 0), 50);
    usage_fold_prune(m->state, day_us + 401 * US_PER_DAY, &m->sink);
    assert_int_equal(read_up_to(m, 0), -1);
    assert_int_equal(read_up_to(m, 1), 9);
    assert_false(usage_state_empty(m->state));
    maker_store_and_load(m);
    usage_fold_prune(m->state, day_us + 404 * US_PER_DAY, &m->sink);
    assert_true(usage_state_empty(m->state));
    maker_store_and_load(m);
    // Who comes back begins anew: the figures are the same, all of it fresh.
    struct maker_sum before = m->all, fresh = m->fresh;
    m->connection = 3;
    maker_plain_fetch(m, "0@0", "0:2000/50");
    maker_plain_fetch(m, "0@50", "");
    assert_int_equal(m->all.bytes - before.bytes, 2000);
    assert_int_equal(m->all.messages - before.messages, 50);
    assert_int_equal(m->fresh.bytes - fresh.bytes, 2000);
}

static void prune__keeps_what_was_read_where_something_waits(void **state) {
    struct maker *m = *state;
    int64_t day_us = days_from_civil(2026, 11, 1) * US_PER_DAY;
    maker_produce(m, -1, "0:1000/7");
    maker_plain_fetch(m, "0@0", "0:2000/50");
    assert_false(usage_state_rests(m->state));
    usage_fold_prune(m->state, day_us + 7200 * US_PER_SECOND, &m->sink);
    assert_false(usage_state_rests(m->state));
}

static void prune__keeps_a_commit_in_the_fetch_it_closed(void **state) {
    struct maker *m = *state;
    int64_t day_us = days_from_civil(2026, 11, 1) * US_PER_DAY;
    maker_plain_fetch(m, "0@100", "0:2000/150");
    m->at_ms += 100;
    maker_commit(m, "0@140");
    usage_fold_prune(m->state, day_us + 600 * US_PER_SECOND, &m->sink);
    maker_store_and_load(m);
    m->at_ms += 100;
    maker_commit(m, "0@120");
    assert_int_equal(m->all.messages, 40);
}

static void followers__are_not_counted(void **state) {
    struct maker *m = *state;
    maker_text(
        m, "[2026-11-01 00:00:00,000] DEBUG Completed request:{\"isForwarded\":false,"
           "\"requestHeader\":{\"requestApiKey\":1,\"requestApiVersion\":11,\"correlationId\":1,"
           "\"clientId\":\"broker-2\"},\"request\":{\"replicaId\":2,\"sessionId\":0,"
           "\"sessionEpoch\":-1,\"topics\":[{\"topic\":\"t\",\"partitions\":[{\"partition\":0,"
           "\"fetchOffset\":0}]}],\"forgottenTopicsData\":[]},\"response\":{\"errorCode\":0,"
           "\"sessionId\":0,\"responses\":[{\"topic\":\"t\",\"partitions\":[{\"partitionIndex\":0,"
           "\"errorCode\":0,\"highWatermark\":5,\"recordsSizeInBytes\":500}]}]},"
           "\"connection\":\"a:1-b:2-0-0\",\"principal\":\"User:broker\",\"listener\":\"INTERNAL\"}"
           " (kafka.request.logger)");
    assert_int_equal(m->all.bytes, 0);
    assert_int_equal(m->all.open, 0);
}

static void many_partitions__are_bounded(void **state) {
    struct maker *m = *state;
    for (int i = 0; i < USAGE_CHAINS_MAX + 2000; i++) {
        m->connection = i;
        m->at_ms += 1;
        char asked[32];
        snprintf(asked, sizeof asked, "%d@0", i % 3000);
        maker_plain_fetch(m, asked, "");
    }
    assert_true(usage_state_memory(m->state) < 32 * 1024 * 1024);
    maker_plain_fetch(m, "0@0", "0:10/10");
    maker_plain_fetch(m, "0@10", "");
    assert_int_equal(m->all.messages, 10);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, maker_start, maker_stop)

// Due while nothing was known of the topic: looked at again with the next line, also of a state that
// was stored in between.
static void due_before_anything_is_known__is_derived_after_a_load_too(void **state) {
    struct maker *m = *state;
    maker_plain_fetch(m, "0@0", "0:1000/100");
    m->connection = 2;
    m->at_ms += 3660000;
    maker_plain_fetch(m, "1@0", "1:100/100");
    assert_int_equal(m->all.open, 2);
    maker_store_and_load(m);
    m->at_ms += 1000;
    maker_plain_fetch(m, "1@10", "1:0/100");
    m->at_ms += 1000;
    maker_plain_fetch(m, "1@10", "1:0/100");
    assert_int_equal(m->all.messages, 10 + 100);
    assert_int_equal(m->all.open, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(successor__counts_the_fetch_before),
        CASE(successor__counts_past_a_high_watermark_read_too_early),
        CASE(successor__that_goes_back_counts_nothing),
        CASE(cut_tail__counts_bytes_twice_and_messages_once),
        CASE(commits__between_two_fetches_change_nothing),
        CASE(last_fetch__is_closed_by_a_later_chain),
        CASE(last_fetch__is_not_closed_by_a_start_outside),
        CASE(last_fetch__is_not_closed_by_an_earlier_chain),
        CASE(the_first_start_that_fits__closes),
        CASE(last_fetch__is_closed_by_the_largest_commit),
        CASE(commit__of_another_group_far_above_closes_nothing),
        CASE(commit__of_another_client_or_address_closes_nothing),
        CASE(old_commit__closes_nothing),
        CASE(commit__after_the_clients_next_chain_closes_nothing),
        CASE(facts__later_than_a_day_close_nothing),
        CASE(commit_by_name__meets_a_fetch_by_id_once_the_name_is_known),
        CASE(topic_created_again__is_another_topic),
        CASE(offset_out_of_range__above_the_log_closes_nothing),
        CASE(offset_out_of_range__below_the_watermark_closes),
        CASE(refused_fetch__closes_the_one_before),
        CASE(session__keeps_offsets_that_requests_leave_out),
        CASE(session__goes_on_over_another_connection),
        CASE(session__may_add_a_partition_by_an_empty_request),
        CASE(session__that_forgets_a_partition_counts_it_when_it_is_added_again),
        CASE(session__left_out_and_without_news_is_not_closed),
        CASE(session_id__given_again_is_a_new_chain),
        CASE(session__closed_and_opened_again_counts_its_last_fetch),
        CASE(session__given_up_after_the_client_read_elsewhere_is_no_successor),
        CASE(same_session_id_of_two_brokers__is_two_chains),
        CASE(session_met_in_the_middle__counts_bytes_and_stays_open),
        CASE(parallel_chains__count_apart),
        CASE(one_fetch_per_connection__is_counted_but_for_the_last),
        CASE(replay__is_told_from_fresh),
        CASE(fetches__count_requests_not_partitions),
        CASE(messages__land_in_the_quarter_of_their_fetch),
        CASE(sums__hold_at_the_ends_of_64_bits),
        CASE(produce__counts_each_batch_once),
        CASE(produce__without_acks_is_counted_as_asked),
        CASE(produce__keeps_its_sums_when_the_window_moves),
        CASE(share_fetch__counts_records_and_no_bytes),
        CASE(prune__loses_nothing_of_a_live_session),
        CASE(prune__lets_go_of_idle_chains),
        CASE(prune__forgets_what_was_read_after_400_idle_days),
        CASE(prune__keeps_what_was_read_where_something_waits),
        CASE(prune__keeps_a_commit_in_the_fetch_it_closed),
        CASE(followers__are_not_counted),
        CASE(due_before_anything_is_known__is_derived_after_a_load_too),
        CASE(many_partitions__are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
