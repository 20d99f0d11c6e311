// Whatever the batches a log is cut into, and however the lines of several brokers are mixed, the
// totals are the same. Random histories of one principal; the seed is printed when a case fails.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/instant.h"
#include "line_maker.h"

enum { BROKERS = 3, LINES_MAX = 240, HISTORIES = 60, MIXTURES = 12 };

struct history {
    char *lines[BROKERS][LINES_MAX];
    int64_t times_ms[BROKERS][LINES_MAX];
    int count[BROKERS];
};

static struct history *capture_to;

static uint64_t random_state;

static uint32_t rnd(uint32_t below) {
    // xorshift64* (Vigna 2016)
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return (uint32_t)((random_state * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

static void capture(struct maker *m, const char *text) {
    int b = m->broker - 1;
    int at = capture_to->count[b]++;
    assert_true(at < LINES_MAX);
    capture_to->lines[b][at] = strdup(text);
    capture_to->times_ms[b][at] = m->at_ms;
}

// Partitions of each broker are its own, but for one that all have (leaders move).
static int some_partition(int broker) {
    return rnd(3) == 0 ? 0 : broker;
}

static void some_line(struct maker *m) {
    static const char *const CLIENTS[] = {"a", "b", "a"};
    char asked[64], answered[64];
    int partition = some_partition(m->broker);
    int offset = (int)rnd(60), high = offset + (int)rnd(30);
    int session = 70 + (int)rnd(3);
    m->client = CLIENTS[rnd(3)];
    m->address = rnd(4) == 0 ? "10.0.0.7" : "10.0.0.9";
    m->connection = 1 + (int)rnd(4);
    // A client names topics in one way on a connection.
    m->topic = m->connection == 1 ? "orders" : TOPIC_A;
    snprintf(asked, sizeof asked, "%d@%d", partition, offset);
    snprintf(answered, sizeof answered, "%d:%d/%d%s", partition,
             rnd(3) == 0 ? 0 : 1 + (int)rnd(900), high, rnd(12) == 0 ? "!6" : "");
    uint32_t kind = rnd(8);
    if (kind >= 2 && kind <= 4 && m->connection == 1) {
        m->connection = 2;
    }
    switch (kind) {
    case 0:
    case 1: maker_plain_fetch(m, asked, answered); break;
    case 2:
        m->topic = TOPIC_A;
        maker_fetch(m, 0, 0, session, asked, answered, NULL);
        break;
    case 3:
        m->topic = TOPIC_A;
        maker_fetch(m, session, 5, session, rnd(2) == 0 ? asked : "", answered, NULL);
        break;
    case 4:
        m->topic = TOPIC_A;
        maker_fetch(m, session, rnd(2) == 0 ? 0 : -1, 0, asked, "", NULL);
        break;
    case 5:
    case 6:
        m->topic = "orders";
        maker_commit(m, asked);
        break;
    default:
        // A batch is sent again as it was sent first: by name or by id.
        snprintf(answered, sizeof answered, "%d:%d/%d", partition, 100,
                 offset * 2 + (m->connection == 1));
        maker_produce(m, -1, answered);
    }
}

static void make_history(struct history *h) {
    struct maker m;
    memset(h, 0, sizeof *h);
    maker_init(&m);
    capture_to = h;
    maker_capture = capture;
    int64_t clock_ms[BROKERS] = {0, 300, 700};
    for (int i = 0; i < LINES_MAX; i++) {
        int b = (int)rnd(BROKERS);
        clock_ms[b] += rnd(3) == 0 ? 0 : rnd(1500);
        m.broker = b + 1;
        m.at_ms = clock_ms[b];
        some_line(&m);
    }
    maker_capture = NULL;
    maker_done(&m);
}

static void free_history(struct history *h) {
    for (int b = 0; b < BROKERS; b++) {
        for (int i = 0; i < h->count[b]; i++) {
            free(h->lines[b][i]);
        }
    }
}

// Only the sum over fresh and replay has to agree.
static void fold_mixed(struct history *h, struct maker *m, bool cut) {
    int at[BROKERS] = {0};
    bool known = false;
    maker_init(m);
    for (int done = 0; done < LINES_MAX;) {
        int b = (int)rnd(BROKERS);
        // Runs of one broker, as batches of a topic's partition hold them.
        for (int run = 1 + (int)rnd(30); run > 0 && at[b] < h->count[b]; run--, done++) {
            m->broker = b + 1;
            maker_text(m, h->lines[b][at[b]++]);
            if (cut && rnd(5) == 0) {
                maker_store_and_load(m);
            }
        }
        if (!known && rnd(4) == 0) {
            m->at_ms = 0;
            maker_fact(m, TOPIC_A, "orders", TOPIC_SEEN);
            known = true;
        }
        // What no broker can send any more is let go.
        if (rnd(3) == 0) {
            int64_t horizon_ms = INT64_MAX;
            for (int i = 0; i < BROKERS; i++) {
                if (at[i] < h->count[i] && h->times_ms[i][at[i]] < horizon_ms) {
                    horizon_ms = h->times_ms[i][at[i]];
                }
            }
            if (horizon_ms != INT64_MAX) {
                usage_fold_prune(m->state,
                                 days_from_civil(2026, 11, 1) * US_PER_DAY + horizon_ms * 1000,
                                 &m->sink);
            }
        }
    }
    if (!known) {
        maker_fact(m, TOPIC_A, "orders", TOPIC_SEEN);
    }
}

static void expect_same(uint64_t seed, const struct maker_sum *a, const struct maker_sum *b) {
    if (a->quarter_us != b->quarter_us || a->messages != b->messages || a->bytes != b->bytes ||
        a->fetches != b->fetches || a->open != b->open || a->produced_bytes != b->produced_bytes ||
        a->produced_messages != b->produced_messages) {
        fail_msg("seed %llu: messages %lld %lld, bytes %llu %llu, open %lld %lld, produced %lld "
                 "%lld",
                 (unsigned long long)seed, (long long)a->messages, (long long)b->messages,
                 (unsigned long long)a->bytes, (unsigned long long)b->bytes, (long long)a->open,
                 (long long)b->open, (long long)a->produced_messages,
                 (long long)b->produced_messages);
    }
}

static void any_mixture_and_any_batches__give_the_same_totals(void **state) {
    (void)state;
    static struct history h;
    int64_t messages = 0, open = 0;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        random_state = seed * 0x9e3779b97f4a7c15ULL;
        struct maker first, other;
        make_history(&h);
        fold_mixed(&h, &first, false);
        messages += first.all.messages;
        open += first.all.open;
        for (int i = 0; i < MIXTURES; i++) {
            fold_mixed(&h, &other, i % 2 == 1);
            expect_same(seed, &first.all, &other.all);
            assert_int_equal(first.quarter_count, other.quarter_count);
            for (int q = 0; q < first.quarter_count; q++) {
                expect_same(seed, &first.quarters[q], &other.quarters[q]);
            }
            maker_done(&other);
        }
        maker_done(&first);
        free_history(&h);
    }
    // The histories do something.
    assert_true(messages > 1000 && open > 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_mixture_and_any_batches__give_the_same_totals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
