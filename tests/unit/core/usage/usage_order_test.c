// Whatever the batches a log is cut into, the totals are the same; and for readers, who move between
// brokers, are killed and read again, however the lines of several brokers are mixed. Random
// histories of one principal; the seed is printed when a case fails.
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

enum { BROKERS = 3, LINES_MAX = 240, HISTORIES = 120, MIXTURES = 12 };

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

// One that reads a partition of its own: 10 bytes a message, 20 messages a batch.
struct reader {
    int broker, connection, offset, at_kill;
    bool waits; // its last fetch brought records
};

static void reader_goes_on(struct maker *m, struct reader *r, int partition, int *connections) {
    char asked[64], answered[64], committed[64];
    uint32_t happens = rnd(12);
    if (happens == 0) {
        // The leader moves: the next broker, from where it has read to.
        r->broker = 1 + (r->broker + (int)rnd(2)) % BROKERS;
        r->connection = ++*connections;
    } else if (happens == 1) {
        // Killed: it begins again where it committed last.
        r->offset = r->at_kill;
        r->connection = ++*connections;
    }
    m->broker = r->broker;
    m->client = partition == 1 ? "a" : "b";
    m->connection = r->connection;
    bool records = rnd(4) != 0;
    snprintf(asked, sizeof asked, "%d@%d", partition, r->offset);
    snprintf(answered, sizeof answered, "%d:%d/%d", partition, records ? 200 : 0, r->offset + 40);
    maker_plain_fetch(m, asked, answered);
    r->offset += records ? 20 : 0;
    if (rnd(4) == 0) {
        m->at_ms += 2;
        m->broker = BROKERS;
        m->connection = 1000 + partition;
        snprintf(committed, sizeof committed, "%d@%d", partition, r->offset);
        maker_commit(m, committed);
        r->at_kill = r->offset;
    }
}

static void make_readers_history(struct history *h) {
    struct maker m;
    struct reader readers[2] = {{.broker = 1, .connection = 1}, {.broker = 2, .connection = 2}};
    int connections = 2;
    memset(h, 0, sizeof *h);
    maker_init(&m);
    capture_to = h;
    maker_capture = capture;
    // Two lines at most each.
    for (int i = 0; i < LINES_MAX / 2; i++) {
        m.topic = TOPIC_A;
        // Farther apart than clocks: within a second only the broker knows what was first.
        m.at_ms += 1100 + rnd(400);
        int at = (int)rnd(2);
        reader_goes_on(&m, &readers[at], at + 1, &connections);
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

static int line_count(const struct history *h) {
    int count = 0;
    for (int b = 0; b < BROKERS; b++) {
        count += h->count[b];
    }
    return count;
}

static int earliest(const struct history *h, const int *at) {
    int best = -1;
    for (int b = 0; b < BROKERS; b++) {
        if (at[b] < h->count[b] &&
            (best < 0 || h->times_ms[b][at[b]] < h->times_ms[best][at[best]])) {
            best = b;
        }
    }
    return best;
}

// What no broker can send any more is let go.
static void prune(const struct history *h, const int *at, struct maker *m) {
    int next = earliest(h, at);
    if (next >= 0) {
        int64_t horizon_ms = h->times_ms[next][at[next]];
        usage_fold_prune(m->state, days_from_civil(2026, 11, 1) * US_PER_DAY + horizon_ms * 1000,
                         &m->sink);
    }
}

// In the order of time, or in runs of one broker as batches of a topic's partition hold them. Only
// the sum over fresh and replay has to agree.
static void fold_history(struct history *h, struct maker *m, bool mixed, bool cut) {
    int at[BROKERS] = {0};
    int known_after = mixed ? (int)rnd(20) : 10;
    maker_init(m);
    for (int done = 0, turns = 0, count = line_count(h); done < count; turns++) {
        int b = mixed ? (int)rnd(BROKERS) : earliest(h, at);
        for (int run = mixed ? 1 + (int)rnd(30) : 1; run > 0 && at[b] < h->count[b]; run--) {
            m->broker = b + 1;
            maker_text(m, h->lines[b][at[b]++]);
            done++;
            if (cut && rnd(5) == 0) {
                maker_store_and_load(m);
            }
        }
        if (turns == known_after) {
            m->at_ms = 0;
            maker_fact(m, TOPIC_A, "orders", TOPIC_SEEN);
        }
        if (mixed ? rnd(3) == 0 : turns % 10 == 0) {
            prune(h, at, m);
        }
    }
    m->at_ms = 0;
    maker_fact(m, TOPIC_A, "orders", TOPIC_SEEN);
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

static void compare(void (*make)(struct history *h), bool mixed) {
    static struct history h;
    int64_t messages = 0, open = 0;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        random_state = seed * 0x9e3779b97f4a7c15ULL;
        struct maker first, other;
        make(&h);
        fold_history(&h, &first, false, false);
        messages += first.all.messages;
        open += first.all.open;
        for (int i = 0; i < MIXTURES; i++) {
            fold_history(&h, &other, mixed, !mixed || i % 2 == 1);
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
    assert_true(messages > 1000 && open > 20);
}

static void any_batches__give_the_same_totals(void **state) {
    (void)state;
    compare(make_history, false);
}

static void any_mixture_of_readers__gives_the_same_totals(void **state) {
    (void)state;
    compare(make_readers_history, true);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_batches__give_the_same_totals),
        cmocka_unit_test(any_mixture_of_readers__gives_the_same_totals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
