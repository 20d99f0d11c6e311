// Shipping against librdkafka's mock broker, whose answers can be made to fail. The judge is a
// consumer that takes a record iff prev <= watermark < position, as the meter does.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include <librdkafka/rdkafka_mock.h>

#include "core/brokerlog/log_block.h"
#include "core/brokerlog/log_pack.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"
#include "tap/ship/pending_holes.h"
#include "tap/ship/ship.h"

enum {
    PARTITIONS = 4,
    LINES = 300,
    GENERATION = 1000,
    DEADLINE_S = 30,
    // This one and the one after it are longer than a block.
    LONG_LINE = 140,
    LONG_BYTES = 2 * LOG_PART_MAX + 1, // the mock broker keeps 5 MiB
};
static const char TOPIC[] = "weir.broker-log.test";

static rd_kafka_t *host;
static rd_kafka_mock_cluster_t *mock;
static struct kafka_settings settings;
static struct state known; // large
static bool stop;

static bool stopping(void) {
    return stop;
}

static void small_batches(rd_kafka_conf_t *conf) {
    char text[256];
    assert_int_equal(rd_kafka_conf_set(conf, "batch.num.messages", "10", text, sizeof text),
                     RD_KAFKA_CONF_OK);
    assert_int_equal(rd_kafka_conf_set(conf, "linger.ms", "0", text, sizeof text),
                     RD_KAFKA_CONF_OK);
}

static int setup(void **state) {
    (void)state;
    char text[256];
    log_init("ship_test", LOG_LEVEL_ERROR);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "log_level", "0", text, sizeof text);
    host = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(host);
    mock = rd_kafka_mock_cluster_new(host, 1);
    assert_non_null(mock);
    assert_int_equal(rd_kafka_mock_topic_create(mock, TOPIC, PARTITIONS, 1), 0);
    settings = (struct kafka_settings){.bootstrap = rd_kafka_mock_cluster_bootstraps(mock),
                                       .security_protocol = "PLAINTEXT",
                                       .sasl_mechanism = "PLAIN"};
    stop = false;
    return 0;
}

static int teardown(void **state) {
    (void)state;
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(host);
    return 0;
}

static struct ship *ship_begin(const struct state *state, int64_t queue_bytes) {
    const struct ship_options o = {.kafka = &settings,
                                   .topic = TOPIC,
                                   .broker = 1,
                                   .queue_bytes = queue_bytes,
                                   .stopping = stopping,
                                   .configure = small_batches,
                                   .state = state};
    struct ship *s = ship_new(&o);
    struct err e;
    assert_int_equal(ship_reset(s, &e), ERR_OK);
    assert_int_equal(ship_partitions(s), PARTITIONS);
    return s;
}

// What line i holds: its number, then the same letters up to its length.
static size_t line_len(uint64_t i) {
    return i == LONG_LINE ? LONG_BYTES : i == LONG_LINE + 1 ? LOG_PART_MAX + 1 : 16 + i % 16;
}

static char line_byte(uint64_t i, size_t at) {
    return (char)('a' + (i * 7 + at) % 26);
}

// Line i stands at offset 10 * i and belongs to one of seven principals.
static bool ship_one(struct ship *s, uint64_t i) {
    char key[32];
    static char value[LONG_BYTES];
    int k = snprintf(key, sizeof key, "User:p%d", (int)(i % 7));
    for (size_t at = 0; at < line_len(i); at++) {
        value[at] = line_byte(i, at);
    }
    struct ship_origin origin = {GENERATION, i * 10};
    return ship_line(s, BROKER_RECORD_LINE, origin, i * 10, slice_of(key, (size_t)k),
                     slice_of(value, line_len(i)));
}

// Ships lines [from, to) as the tap does: after a failure from the last place without a gap on.
// Returns how often it had to go back.
static int ship_all(struct ship *s, uint64_t from, uint64_t to) {
    int rewinds = 0;
    uint64_t next = from;
    int64_t end = clock_monotonic_us() + DEADLINE_S * US_PER_SECOND;
    while (next < to || !ship_flush(s, 100)) {
        assert_true(clock_monotonic_us() < end);
        struct err why;
        if (ship_failed(s, &why)) {
            struct ship_origin at = {GENERATION, next * 10};
            (void)ship_resume(s, &at);
            assert_int_equal(at.generation, GENERATION);
            assert_true(at.offset <= next * 10 && at.offset % 10 == 0);
            next = at.offset / 10;
            assert_int_equal(ship_reset(s, &why), ERR_OK);
            rewinds++;
        } else if (next < to && ship_one(s, next)) {
            next++;
        }
        ship_poll(s, 0);
    }
    return rewinds;
}

struct judged {
    bool taken[LINES];
    size_t blocks, lines, parts, duplicates, gaps, notices;
    size_t part_len[PARTITIONS];
    struct log_position watermark[PARTITIONS];
    bool has[PARTITIONS];
};

static struct slice header_of(const rd_kafka_headers_t *headers, const char *name) {
    const void *value;
    size_t size;
    assert_int_equal(rd_kafka_header_get_last(headers, name, &value, &size), 0);
    return slice_of(value, size);
}

// A part has its place: what comes twice or late is the same bytes.
static bool judge_part(struct judged *j, int32_t p, const struct broker_record *r,
                       struct slice text) {
    uint64_t i = r->pos.offset / 10;
    for (size_t k = 0; k < text.len; k++) {
        assert_int_equal(text.ptr[k], line_byte(i, (size_t)r->part_from + k));
    }
    if (r->line_bytes == 0) {
        assert_int_equal(text.len, line_len(i));
        return true;
    }
    assert_true(text.len <= LOG_PART_MAX);
    assert_int_equal(r->line_bytes, line_len(i));
    j->parts++;
    if (r->part_from == 0) {
        j->part_len[p] = 0;
    }
    if (r->part_from > j->part_len[p]) {
        j->gaps++;
        return false;
    }
    j->part_len[p] = (size_t)r->part_from + text.len;
    return j->part_len[p] == r->line_bytes;
}

static void judge_one(struct judged *j, int32_t p, const struct broker_record *record,
                      struct slice text) {
    struct broker_record r = *record;
    enum log_verdict v = broker_record_verdict(&r, j->has[p] ? &j->watermark[p] : NULL);
    if (!broker_record_kind_advances(r.kind)) {
        assert_int_equal(v, LOG_TAKE);
        j->notices++;
        return;
    }
    j->duplicates += v == LOG_DUPLICATE && r.part_from == 0;
    j->gaps += v == LOG_GAP;
    if (v != LOG_TAKE) {
        return;
    }
    uint64_t i = r.pos.offset / 10;
    assert_true(i < LINES);
    assert_false(j->taken[i]);
    if (!judge_part(j, p, &r, text)) {
        return;
    }
    j->taken[i] = true;
    j->lines++;
    j->watermark[p] = r.pos;
    j->has[p] = true;
}

static void judge_block(struct judged *j, const rd_kafka_message_t *m) {
    rd_kafka_headers_t *headers;
    assert_int_equal(rd_kafka_message_headers(m, &headers), 0);
    const struct log_block_headers h = {.block = header_of(headers, "block"),
                                        .pos = header_of(headers, "pos"),
                                        .prev = header_of(headers, "prev")};
    struct log_block block;
    struct err e;
    struct slice unpacked;
    struct log_unpacker *unpacker = log_unpacker_new();
    assert_int_equal(log_unpacker_unpack(unpacker, slice_of(m->payload, m->len), &unpacked, &e),
                     ERR_OK);
    assert_int_equal(log_block_open(&h, unpacked, &block, &e), ERR_OK);
    j->blocks++;
    struct broker_record r;
    struct slice text;
    while (log_block_next(&block, &r, &text)) {
        judge_one(j, m->partition, &r, text);
    }
    log_unpacker_free(unpacker);
}

static struct judged judge(void) {
    static struct judged j;
    memset(&j, 0, sizeof j);
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", settings.bootstrap, text, sizeof text);
    rd_kafka_conf_set(conf, "group.id", "judge", text, sizeof text);
    rd_kafka_conf_set(conf, "enable.partition.eof", "true", text, sizeof text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    assert_non_null(rk);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(PARTITIONS);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        rd_kafka_topic_partition_list_add(all, TOPIC, p)->offset = 0;
    }
    assert_int_equal(rd_kafka_assign(rk, all), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(all);
    int64_t end = clock_monotonic_us() + DEADLINE_S * US_PER_SECOND;
    for (int eof = 0; eof < PARTITIONS;) {
        assert_true(clock_monotonic_us() < end);
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, 100);
        if (m != NULL && m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            eof++;
        } else if (m != NULL && m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            judge_block(&j, m);
        }
        if (m != NULL) {
            rd_kafka_message_destroy(m);
        }
    }
    rd_kafka_destroy(rk);
    return j;
}

static void expect_all(const struct judged *j, uint64_t count) {
    assert_int_equal(j->lines, count);
}

// Where nothing failed, no reader ever sees a gap. (Behind a failure it may see one, takes nothing,
// and then gets all of it in order.)
static void expect_unbroken(const struct judged *j, uint64_t count) {
    assert_int_equal(j->gaps, 0);
    expect_all(j, count);
}

static void lines__arrive_once_in_an_unbroken_chain(void **state) {
    (void)state;
    struct ship *s = ship_begin(NULL, 1 << 20);
    assert_int_equal(ship_all(s, 0, LINES), 0);
    assert_int_equal(ship_pending(s), 0);
    assert_int_equal(ship_acked_count(s), LINES);
    ship_free(s);
    struct judged j = judge();
    expect_unbroken(&j, LINES);
    assert_int_equal(j.duplicates, 0);
    assert_int_equal(j.parts, 3 + 2);
    assert_true(j.blocks < LINES / 10);
}

// Nobody asks for it: a block is sent because of its age.
static void block_with_room__is_sent_soon(void **state) {
    (void)state;
    struct ship *s = ship_begin(NULL, 1 << 20);
    assert_true(ship_one(s, 0));
    int64_t end = clock_monotonic_us() + DEADLINE_S * US_PER_SECOND;
    while (ship_pending(s) > 0) {
        assert_true(clock_monotonic_us() < end);
        ship_poll(s, 10);
    }
    ship_free(s);
    struct judged j = judge();
    expect_unbroken(&j, 1);
}

// A batch that fails for good while later ones are on their way: without going back it is lost.
static void failed_delivery__goes_back_and_loses_nothing(void **state) {
    (void)state;
    struct ship *s = ship_begin(NULL, 1 << 20);
    assert_int_equal(ship_all(s, 0, 50), 0);
    rd_kafka_mock_push_request_errors(mock, 0 /* Produce */, 3, RD_KAFKA_RESP_ERR_NO_ERROR,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                      RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_true(ship_all(s, 50, LINES) >= 1);
    ship_free(s);
    struct judged j = judge();
    expect_all(&j, LINES);
}

static void many_failures__lose_nothing(void **state) {
    (void)state;
    struct ship *s = ship_begin(NULL, 1 << 20);
    unsigned seed = 7;
    int rewinds = 0;
    for (uint64_t from = 0; from < LINES; from += 30) {
        seed = seed * 1103515245U + 12345;
        for (unsigned i = 0; i < (seed >> 16) % 4; i++) {
            rd_kafka_mock_push_request_errors(mock, 0, 1, RD_KAFKA_RESP_ERR_NO_ERROR);
        }
        rd_kafka_mock_push_request_errors(mock, 0, 1,
                                          (seed >> 20) % 2 == 0
                                              ? RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
                                              : RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
        rewinds += ship_all(s, from, from + 30);
    }
    assert_true(rewinds > 0);
    ship_free(s);
    struct judged j = judge();
    expect_all(&j, LINES);
}

static void passing_errors__are_retried_without_going_back(void **state) {
    (void)state;
    struct ship *s = ship_begin(NULL, 1 << 20);
    rd_kafka_mock_push_request_errors(mock, 0, 3, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                      RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    // One request at a time while they fail: the mock knows no sequence numbers, and would take a
    // later batch before the one that is sent again. A real broker refuses it.
    for (uint64_t i = 0; i < PARTITIONS * 5; i++) {
        assert_int_equal(ship_all(s, i, i + 1), 0);
    }
    assert_int_equal(ship_all(s, (uint64_t)PARTITIONS * 5, LINES), 0);
    ship_free(s);
    struct judged j = judge();
    expect_unbroken(&j, LINES);
    assert_int_equal(j.duplicates, 0);
}

// The state of a moment, then a crash: what comes after is shipped again by another process.
static void restart_from_state__repeats_only_what_was_seen(void **state) {
    (void)state;
    struct ship *s = ship_begin(NULL, 1 << 20);
    assert_int_equal(ship_all(s, 0, 100), 0);
    memset(&known, 0, sizeof known);
    ship_save(s, &known);
    assert_int_equal(ship_all(s, 100, 150), 0);
    ship_free(s);
    s = ship_begin(&known, 1 << 20);
    assert_int_equal(ship_all(s, 100, LINES), 0);
    ship_free(s);
    struct judged j = judge();
    expect_unbroken(&j, LINES);
    assert_int_equal(j.duplicates, 50);
    // Without any state: all again, and still nothing twice.
    s = ship_begin(NULL, 1 << 20);
    assert_int_equal(ship_all(s, 0, LINES), 0);
    ship_free(s);
    j = judge();
    expect_unbroken(&j, LINES);
    assert_int_equal(j.duplicates, 50 + LINES);
}

static void acknowledged_positions__are_not_sent_again(void **state) {
    (void)state;
    struct ship *s = ship_begin(NULL, 1 << 20);
    assert_int_equal(ship_all(s, 0, 100), 0);
    assert_int_equal(ship_all(s, 0, 100), 0);
    assert_int_equal(ship_acked_count(s), 100);
    ship_free(s);
}

static void full_queue__waits_and_gives_up_when_stopping(void **state) {
    (void)state;
    struct ship *s = ship_begin(NULL, 256); // bytes: a few lines
    rd_kafka_mock_broker_set_down(mock, 1);
    uint64_t i = 0;
    while (i < 4) {
        assert_true(ship_one(s, i));
        i++;
    }
    stop = true;
    while (ship_one(s, i)) {
        assert_true(++i < 20);
    }
    assert_false(ship_failed(s, NULL));
    struct ship_origin at;
    assert_true(ship_resume(s, &at));
    assert_int_equal(at.offset, 0);
    stop = false;
    rd_kafka_mock_broker_set_up(mock, 1);
    assert_int_equal(ship_all(s, i, LINES), 0);
    ship_free(s);
    struct judged j = judge();
    expect_unbroken(&j, LINES);
}

static void notices__reach_every_partition_with_its_last_position(void **state) {
    (void)state;
    struct ship *s = ship_begin(NULL, 1 << 20);
    struct ship_origin origin = {GENERATION, 0};
    assert_true(ship_notice(s, BROKER_RECORD_CONTROL, origin, SLICE_LIT("{}")));
    assert_int_equal(ship_all(s, 0, 100), 0);
    assert_false(ship_hole_pending(s));
    assert_true(ship_notice(s, BROKER_RECORD_HOLE, origin, SLICE_LIT("{}")));
    assert_true(ship_hole_pending(s));
    uint64_t sequence = ship_sequence(s);
    assert_false(ship_is_settled(s, sequence));
    assert_true(ship_flush(s, DEADLINE_S * 1000));
    assert_true(ship_is_settled(s, sequence));
    assert_false(ship_hole_pending(s));
    assert_int_equal(ship_all(s, 100, LINES), 0);
    ship_free(s);
    struct judged j = judge();
    expect_unbroken(&j, LINES);
    assert_int_equal(j.notices, 2 * PARTITIONS);
}

// Its lines are not found again when reading goes back, so it is kept until it has arrived.
static void hole_whose_delivery_failed__is_sent_again(void **state) {
    (void)state;
    struct ship *s = ship_begin(NULL, 1 << 20);
    struct pending_holes holes = {0};
    struct ship_origin origin = {GENERATION, 0};
    assert_int_equal(ship_all(s, 0, 50), 0);
    assert_true(pending_holes_send(&holes, s, origin, SLICE_LIT("User:p1"), SLICE_LIT("{}")));
    assert_true(ship_flush(s, DEADLINE_S * 1000));
    rd_kafka_mock_push_request_errors(mock, 0, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    assert_true(pending_holes_send(&holes, s, origin, SLICE_LIT("User:p1"), SLICE_LIT("{}")));
    assert_int_equal(holes.count, 1); // the first has arrived
    int64_t end = clock_monotonic_us() + DEADLINE_S * US_PER_SECOND;
    while (!ship_failed(s, NULL)) {
        assert_true(clock_monotonic_us() < end);
        ship_poll(s, 10);
    }
    pending_holes_settle(&holes, s);
    assert_int_equal(holes.count, 1);
    struct err e;
    assert_int_equal(ship_reset(s, &e), ERR_OK);
    assert_true(pending_holes_again(&holes, s, origin));
    assert_true(ship_hole_pending(s));
    assert_int_equal(ship_all(s, 50, LINES), 0);
    pending_holes_settle(&holes, s);
    assert_int_equal(holes.count, 0);
    pending_holes_done(&holes);
    ship_free(s);
    struct judged j = judge();
    expect_all(&j, LINES);
    assert_int_equal(j.notices, 2);
}

static void other_number_of_partitions__is_refused(void **state) {
    (void)state;
    memset(&known, 0, sizeof known);
    known.broker = 1;
    known.partitions = PARTITIONS * 2;
    const struct ship_options o = {.kafka = &settings,
                                   .topic = TOPIC,
                                   .broker = 1,
                                   .queue_bytes = 1 << 20,
                                   .stopping = stopping,
                                   .configure = small_batches,
                                   .state = &known};
    struct ship *s = ship_new(&o);
    struct err e;
    assert_int_equal(ship_reset(s, &e), ERR_CONFIG);
    assert_string_equal(e.field, "log_topic");
    ship_free(s);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(lines__arrive_once_in_an_unbroken_chain),
        CASE(block_with_room__is_sent_soon),
        CASE(failed_delivery__goes_back_and_loses_nothing),
        CASE(many_failures__lose_nothing),
        CASE(passing_errors__are_retried_without_going_back),
        CASE(restart_from_state__repeats_only_what_was_seen),
        CASE(acknowledged_positions__are_not_sent_again),
        CASE(full_queue__waits_and_gives_up_when_stopping),
        CASE(notices__reach_every_partition_with_its_last_position),
        CASE(hole_whose_delivery_failed__is_sent_again),
        CASE(other_number_of_partitions__is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
