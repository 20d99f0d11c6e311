// Blocks of two brokers in one partition of the log: however they are cut, sent again, lost on the
// way or cut off by a crash of either side, every line is counted once. The log topic, the taps and
// the database are simulated; the fold and the codec are the real ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/brokerlog/log_block.h"
#include "meter/fold/fold.h"

enum {
    BROKERS = 2,
    LINES = 40,         // of each broker
    TOPIC_MAX = 100000, // blocks
    LINE_MAX = 8192,
    SEEDS = 400,
    STEPS_MAX = 20000,
};

// --- chance --------------------------------------------------------------------------------------

static uint64_t dice;

static uint32_t roll(uint32_t below) {
    dice = dice * 6364136223846793005ULL + 1442695040888963407ULL;
    return (uint32_t)(dice >> 33) % below;
}

// --- the topic -----------------------------------------------------------------------------------

struct stored_block {
    struct buf value;
    char pos[LOG_POSITION_TEXT_MAX], prev[LOG_POSITION_TEXT_MAX];
    bool bare; // as the release before blocks wrote
};

static struct stored_block topic[TOPIC_MAX];
static size_t topic_end;

// --- the taps ------------------------------------------------------------------------------------

struct tap {
    char lines[LINES][LINE_MAX];
    struct log_position at[LINES];
    size_t acked; // lines known to have arrived, in order
    size_t sent;
    bool bare;
};

static struct tap taps[BROKERS];
static int64_t expected_bytes;

// Two fetches in ten are long, some of them very.
static void make_line(struct tap *t, int32_t broker, size_t i, uint64_t offset) {
    uint32_t kind = roll(10);
    size_t pad = kind > 1 ? roll(100) : kind == 1 ? 1000 + roll(1000) : 5000 + roll(2000);
    char client[LINE_MAX] = "";
    memset(client, 'c', pad);
    int64_t bytes = 1 + (int64_t)roll(1000);
    int n = snprintf(
        t->lines[i], LINE_MAX,
        "[2026-11-01 10:15:30,123] DEBUG Completed request:{\"isForwarded\":false,"
        "\"requestHeader\":{\"requestApiKey\":1,\"requestApiVersion\":11,\"correlationId\":1,"
        "\"clientId\":\"%s\",\"requestApiKeyName\":\"FETCH\"},\"request\":{\"replicaId\":-1,"
        "\"maxWaitMs\":500,\"minBytes\":1,\"maxBytes\":52428800,\"isolationLevel\":1,"
        "\"sessionId\":0,\"sessionEpoch\":-1,\"topics\":[{\"topic\":\"acme.orders\","
        "\"partitions\":[{\"partition\":%d,\"currentLeaderEpoch\":-1,\"fetchOffset\":%zu,"
        "\"logStartOffset\":-1,\"partitionMaxBytes\":1048576}]}],\"forgottenTopicsData\":[],"
        "\"rackId\":\"\"},\"response\":{\"throttleTimeMs\":0,\"errorCode\":0,\"sessionId\":0,"
        "\"responses\":[{\"topic\":\"acme.orders\",\"partitions\":[{\"partitionIndex\":%d,"
        "\"errorCode\":0,\"highWatermark\":1000,\"lastStableOffset\":1000,\"logStartOffset\":0,"
        "\"abortedTransactions\":[],\"preferredReadReplica\":-1,\"recordsSizeInBytes\":%lld}]}]},"
        "\"connection\":\"127.0.0.1:19092-127.0.0.1:%d-2-5\",\"totalTimeMs\":2.633,"
        "\"requestQueueTimeMs\":0.158,\"localTimeMs\":1.871,\"remoteTimeMs\":0.0,"
        "\"throttleTimeMs\":0,\"responseQueueTimeMs\":0.133,\"sendTimeMs\":0.47,"
        "\"securityProtocol\":\"SASL_PLAINTEXT\",\"principal\":\"User:alice\",\"listener\":"
        "\"INTERNAL\",\"clientInformation\":{\"softwareName\":\"librdkafka\","
        "\"softwareVersion\":\"2.0.2\"}} (kafka.request.logger)",
        client, broker, i * 10, broker, (long long)bytes, 30000 + broker);
    assert_true(n > 0 && n < LINE_MAX);
    t->at[i] = (struct log_position){broker, i < LINES / 2 ? 1000 : 2000, offset};
    expected_bytes += bytes;
}

static void make_taps(void) {
    expected_bytes = 0;
    for (int32_t b = 0; b < BROKERS; b++) {
        uint64_t offset = 0;
        taps[b].acked = taps[b].sent = 0;
        taps[b].bare = roll(3) == 0;
        for (size_t i = 0; i < LINES; i++) {
            offset = i == LINES / 2 ? 0 : offset;
            make_line(&taps[b], b + 1, i, offset);
            offset += strlen(taps[b].lines[i]) + 1;
        }
    }
}

static struct stored_block *next_block(const struct tap *t, size_t last) {
    assert_true(topic_end < TOPIC_MAX);
    struct stored_block *block = &topic[topic_end];
    *block = (struct stored_block){.bare = t->bare};
    buf_init(&block->value, 1 << 20);
    log_position_format(block->pos, &t->at[last]);
    if (t->sent > 0) {
        log_position_format(block->prev, &t->at[t->sent - 1]);
    }
    return block;
}

// The whole line in parts of a random size; perhaps not to its end, or with a part missing.
static bool send_parts(struct tap *t) {
    const char *line = t->lines[t->sent];
    size_t len = strlen(line);
    size_t size = 300 + roll(2000);
    bool whole = true;
    for (size_t from = 0; from < len; from += size) {
        uint32_t fate = roll(60);
        if (fate == 0) {
            return false; // dies between two parts
        }
        size_t left = len - from;
        const struct broker_record r = {.kind = BROKER_RECORD_LINE,
                                        .pos = t->at[t->sent],
                                        .part_from = from,
                                        .line_bytes = size < len ? len : 0};
        struct stored_block *block = next_block(t, t->sent);
        block->bare = false;
        log_block_add(&block->value, &r, slice_of(line + from, left < size ? left : size));
        if (fate == 1) {
            buf_done(&block->value); // a delivery fails
            whole = false;
        } else {
            topic_end++;
        }
    }
    return whole;
}

// Ships some lines from `sent` on, as one block.
static bool send_block(struct tap *t) {
    size_t count = t->bare ? 1 : 1 + roll(6);
    size_t until = t->sent + count < LINES ? t->sent + count : LINES;
    if (strlen(t->lines[t->sent]) > 3000 && !t->bare) {
        return send_parts(t) && ++t->sent > 0;
    }
    size_t last = t->sent;
    while (last + 1 < until && t->at[last + 1].generation == t->at[last].generation) {
        last++;
    }
    struct stored_block *block = next_block(t, last);
    for (size_t i = t->sent; i <= last; i++) {
        const struct broker_record r = {.kind = BROKER_RECORD_LINE, .pos = t->at[i]};
        if (t->bare) {
            buf_add_str(&block->value, t->lines[i]);
        } else {
            log_block_add(&block->value, &r, slice_str(t->lines[i]));
        }
    }
    t->sent = last + 1;
    if (roll(10) == 0) {
        buf_done(&block->value); // a delivery fails, what comes next may yet arrive
        return false;
    }
    topic_end++;
    return true;
}

// What the tap does until something fails; then it knows some prefix of what has arrived.
static void tap_step(struct tap *t) {
    if (t->sent == LINES) {
        return;
    }
    size_t before = t->sent;
    if (send_block(t)) {
        t->acked = roll(2) == 0 ? t->sent : t->acked;
        return;
    }
    if (roll(2) == 0 && t->sent > before && t->sent < LINES) {
        (void)send_block(t); // on its way before the failure was known
    }
    // Goes back; after a crash with its state lost, to the very beginning. A new release begins
    // with a restart.
    t->sent = roll(20) == 0 ? 0 : t->acked;
    t->acked = t->sent;
    t->bare = t->bare && roll(2) == 0;
}

// --- the meter and its database ------------------------------------------------------------------

static struct fold fold;

static struct {
    int64_t next_offset;
    struct log_position watermark[BROKERS];
    bool has[BROKERS];
    int64_t bytes, fetches;
    uint64_t lines; // of evidence
} database;

static struct log_partition *load(void) {
    fold_reset(&fold);
    struct log_partition *p = log_partitions_own(&fold.partitions, 0);
    p->stored_offset = p->next_offset = database.next_offset;
    log_partitions_begin(p, p->next_offset);
    for (int32_t b = 0; b < BROKERS; b++) {
        struct log_broker *broker = log_partitions_broker(p, b + 1);
        broker->has_watermark = database.has[b];
        if (database.has[b]) {
            broker->watermark = database.watermark[b];
        }
    }
    return p;
}

static void commit(struct log_partition *p) {
    assert_true(p->next_offset >= database.next_offset && p->next_offset <= p->read_offset);
    database.next_offset = p->next_offset;
    for (int32_t b = 0; b < BROKERS; b++) {
        const struct log_broker *broker = log_partitions_broker(p, b + 1);
        database.has[b] = broker->has_watermark;
        database.watermark[b] = broker->watermark;
    }
    for (size_t i = 0; i < fold.rows.count; i++) {
        const struct usage_row *row = &fold.rows.items[i];
        database.bytes += row->bytes;
        database.fetches += row->fetches;
        for (const struct usage_evidence *e = row->evidence; e != NULL; e = e->next) {
            database.lines += e->lines;
        }
    }
    assert_int_equal(fold.dead.count, 0);
    fold_stored(&fold);
}

// Reads one block; may commit, or die, anywhere in it.
static struct log_partition *meter_step(struct log_partition *p) {
    if (p->read_offset == (int64_t)topic_end) {
        return p;
    }
    const struct stored_block *stored = &topic[p->read_offset];
    struct log_block_headers h = {.pos = slice_str(stored->pos), .prev = slice_str(stored->prev)};
    h.block = stored->bare ? (struct slice){0} : SLICE_LIT("1");
    h.kind = stored->bare ? SLICE_LIT("line") : (struct slice){0};
    struct log_block block;
    struct err e;
    assert_int_equal(log_block_open(&h, buf_slice(&stored->value), &block, &e), ERR_OK);
    log_partitions_begin(p, p->read_offset);
    struct broker_record r;
    struct slice text;
    while (log_block_next(&block, &r, &text)) {
        // The block's memory goes with it.
        char *copy = malloc(text.len + 1);
        memcpy(copy, text.ptr, text.len);
        fold_record(&fold, p, &r, slice_of(copy, text.len), -1);
        free(copy);
        uint32_t fate = roll(100);
        if (fate == 0) {
            commit(p);
        } else if (fate == 1) {
            return load();
        }
    }
    log_partitions_end(p);
    if (roll(4) == 0) {
        commit(p);
    }
    return roll(50) == 0 ? load() : p;
}

static void any_cut_and_any_crash__give_the_same_totals(void **state) {
    (void)state;
    size_t long_blocks = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        dice = seed;
        memset(&database, 0, sizeof database);
        topic_end = 0;
        make_taps();
        struct log_partition *p = load();
        int steps = 0;
        while (taps[0].sent < LINES || taps[1].sent < LINES ||
               p->read_offset < (int64_t)topic_end) {
            assert_true(steps++ < STEPS_MAX);
            uint32_t who = roll(4);
            if (who < BROKERS) {
                tap_step(&taps[who]);
            } else {
                p = meter_step(p);
            }
        }
        commit(p);
        if (database.lines != (uint64_t)BROKERS * LINES || database.bytes != expected_bytes) {
            fail_msg("seed %llu: %llu lines, %lld of %lld bytes", (unsigned long long)seed,
                     (unsigned long long)database.lines, (long long)database.bytes,
                     (long long)expected_bytes);
        }
        assert_int_equal(database.fetches, BROKERS * LINES);
        assert_int_equal(database.next_offset, topic_end);
        assert_int_equal(log_partitions_open_gaps(&fold.partitions), 0);
        for (size_t i = 0; i < topic_end; i++) {
            long_blocks += memchr(topic[i].value.ptr, '\n', topic[i].value.len) != NULL &&
                           strstr(topic[i].value.ptr, "DEBUG") == NULL;
            buf_done(&topic[i].value);
        }
    }
    assert_true(long_blocks > SEEDS); // parts other than first ones
}

static int setup(void **state) {
    (void)state;
    fold_init(&fold);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    fold_done(&fold);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(any_cut_and_any_crash__give_the_same_totals, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
