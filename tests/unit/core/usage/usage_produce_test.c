// Batches of topics that somebody keeps: handed over with what was counted of them taken back.
#include "core/usage/line_maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/usage/usage_blob.h"

enum { TOLD_MAX = 64 };

// Whoever keeps batches, and what it was told.
struct keeper {
    struct maker maker;
    bool keeps;
    int asked;
    struct usage_appended told[TOLD_MAX];
    int count;
};

static bool keeps(void *ctx, const struct topic_key *topic) {
    struct keeper *k = ctx;
    assert_true(topic->has_id || topic->name.len > 0);
    k->asked++;
    return k->keeps;
}

static void appended(void *ctx, const struct usage_appended *b) {
    struct keeper *k = ctx;
    assert_true(k->count < TOLD_MAX);
    k->told[k->count++] = *b;
}

static void (*maker_add)(void *ctx, const struct usage_delta *d);

static void add(void *ctx, const struct usage_delta *d) {
    struct keeper *k = ctx;
    maker_add(&k->maker, d);
}

static struct usage_sink sink_of(struct keeper *k) {
    return (struct usage_sink){.add = add, .keeps = keeps, .appended = appended, .ctx = k};
}

static int start(void **state) {
    struct keeper *k = calloc(1, sizeof *k);
    assert_non_null(k);
    maker_init(&k->maker);
    maker_add = k->maker.sink.add;
    k->maker.sink = sink_of(k);
    *state = k;
    return 0;
}

static int stop(void **state) {
    struct keeper *k = *state;
    maker_done(&k->maker);
    free(k);
    return 0;
}

// The messages that the batches have together with the newest open, as whoever keeps all counts them.
static int64_t kept_messages(const struct keeper *k, int32_t partition) {
    int64_t low = INT64_MAX, high = INT64_MIN;
    for (int i = 0; i < k->count; i++) {
        if (k->told[i].partition == partition) {
            low = k->told[i].base < low ? k->told[i].base : low;
            high = k->told[i].base > high ? k->told[i].base : high;
        }
    }
    return high - low;
}

static void not_kept__counts_as_before_and_asks(void **state) {
    struct keeper *k = *state;
    maker_produce(&k->maker, -1, "0:1000/0");
    maker_produce(&k->maker, -1, "0:1000/10 1:700/3");
    assert_int_equal(k->maker.all.produced_messages, 10);
    assert_int_equal(k->count, 0);
    assert_true(k->asked >= 3);
}

static void kept_from_the_start__tells_each_batch_once_and_counts_no_messages(void **state) {
    struct keeper *k = *state;
    k->keeps = true;
    maker_produce(&k->maker, -1, "0:1000/0 1:500/7");
    maker_produce(&k->maker, -1, "0:900/30");
    maker_produce(&k->maker, -1, "0:900/30"); // sent again
    maker_produce(&k->maker, -1, "0:800/10");
    assert_int_equal(k->count, 4);
    assert_int_equal(k->maker.all.produced_messages, 0);
    assert_int_equal(k->maker.all.produced_bytes, 1000 + 500 + 900 + 800);
    assert_int_equal(k->told[3].base, 10);
    assert_int_equal(k->told[3].bytes, 800);
    assert_int_equal(kept_messages(k, 0), 30);
}

static void kept_later__takes_back_what_was_counted(void **state) {
    struct keeper *k = *state;
    maker_produce(&k->maker, -1, "0:1000/0");
    maker_produce(&k->maker, -1, "0:900/30");
    maker_produce(&k->maker, -1, "0:800/10");
    assert_int_equal(k->maker.all.produced_messages, 30);
    k->keeps = true;
    usage_fold_hand_over(k->maker.state, &k->maker.sink);
    assert_int_equal(k->maker.all.produced_messages, 0);
    assert_int_equal(k->count, 3);
    maker_store_and_load(&k->maker);
    usage_fold_hand_over(k->maker.state, &k->maker.sink);
    assert_int_equal(k->count, 3); // for good
    maker_produce(&k->maker, -1, "0:700/60");
    assert_int_equal(k->count, 4);
    assert_int_equal(k->maker.all.produced_messages, 0);
    assert_int_equal(k->maker.all.produced_bytes, 3400);
}

static void kept_under_a_name__is_not_told_again_when_its_id_is_known(void **state) {
    struct keeper *k = *state;
    struct maker *m = &k->maker;
    maker_produce(m, -1, "0:1000/0"); // by id, not kept
    maker_produce(m, -1, "0:1000/50");
    assert_int_equal(m->all.produced_messages, 50);
    k->keeps = true;
    m->topic = "orders";
    maker_produce(m, -1, "0:1000/20");
    maker_produce(m, -1, "0:1000/30");
    assert_int_equal(k->count, 2);
    maker_fact(m, TOPIC_A, "orders", TOPIC_SEEN);
    maker_produce(m, -1, "0:1000/70");
    assert_int_equal(k->count, 5); // those by id, and the new one
    assert_int_equal(m->all.produced_messages, 0);
    assert_true(k->told[4].topic.has_id);
    assert_false(k->told[4].named.has_id);
    assert_int_equal(kept_messages(k, 0), 70);
}

static void held_batches__outlive_the_pruning(void **state) {
    struct keeper *k = *state;
    struct maker *m = &k->maker;
    int64_t begin_us = 0;
    for (int i = 0; i < 10; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "0:100/%d", i * 10);
        maker_produce(m, -1, text);
        begin_us = i == 0 ? m->line.time_us : begin_us;
        m->at_ms += 60000;
    }
    usage_state_hold_batches(m->state, begin_us);
    usage_fold_prune(m->state, begin_us + 7200LL * 1000000, &m->sink);
    k->keeps = true;
    usage_fold_hand_over(m->state, &m->sink);
    assert_int_equal(k->count, 10);
    assert_int_equal(m->all.produced_messages, 0);
}

static void late_batch_below_those_let_go__is_given_nothing_and_takes_nothing(void **state) {
    struct keeper *k = *state;
    struct maker *m = &k->maker;
    maker_produce(m, -1, "0:100/0");
    maker_produce(m, -1, "0:100/100");
    m->at_ms += 1800000;
    maker_produce(m, -1, "0:100/200");
    usage_fold_prune(m->state, m->line.time_us, &m->sink);
    maker_produce(m, -1, "0:100/40"); // inside what the first one was given
    maker_produce(m, -1, "0:100/50");
    assert_int_equal(m->all.produced_messages, 200);
    k->keeps = true;
    usage_fold_hand_over(m->state, &m->sink);
    assert_int_equal(m->all.produced_messages, 100); // the first one's, which is gone
}

// Written by the release before: batches at 0, 10 and 30 of partition 0, at 7 of partition 1, 30
// messages counted, and an open fetch.
static const char BEFORE[] =
    "02808092def6caaf06ffffffffffffffffff010104010000000000000000000000000000000001000001"
    "0cf41b2c51d4abd6c6e181cd0fcb9a2e010000ecb8e9f9b7fb974f0200010002000001000100020000"
    "0004003cffffffffffffffffff01000006000000000a00000014000000000201000000000207000000"
    "0117000000000100001000003cd81d0004000200000000";

static void state_of_the_release_before__is_handed_over(void **state) {
    struct keeper *k = *state;
    char bytes[sizeof BEFORE / 2];
    for (size_t i = 0; i < sizeof bytes; i++) {
        unsigned byte;
        assert_int_equal(sscanf(BEFORE + 2 * i, "%2x", &byte), 1);
        bytes[i] = (char)byte;
    }
    struct usage_state *before = NULL;
    struct err e = {0};
    assert_int_equal(usage_blob_decode(slice_of(bytes, sizeof bytes), &before, &e), ERR_OK);
    usage_state_free(k->maker.state);
    k->maker.state = before;
    k->keeps = true;
    usage_fold_hand_over(before, &k->maker.sink);
    assert_int_equal(k->count, 4);
    assert_int_equal(k->maker.all.produced_messages, -30);
    assert_int_equal(k->told[0].bytes, -1); // it didn't keep them
    maker_store_and_load(&k->maker);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(not_kept__counts_as_before_and_asks),
        CASE(kept_from_the_start__tells_each_batch_once_and_counts_no_messages),
        CASE(kept_later__takes_back_what_was_counted),
        CASE(kept_under_a_name__is_not_told_again_when_its_id_is_known),
        CASE(held_batches__outlive_the_pruning),
        CASE(late_batch_below_those_let_go__is_given_nothing_and_takes_nothing),
        CASE(state_of_the_release_before__is_handed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
