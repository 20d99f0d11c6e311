// The codec of the broker-log topic: positions, verdicts, partitions, values.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/brokerlog/broker_record.h"
#include "core/brokerlog/log_value.h"

static struct log_position at(int64_t generation, uint64_t offset) {
    return (struct log_position){7, generation, offset};
}

static void position__survives_text(void **state) {
    (void)state;
    struct log_position in = {INT32_MAX, INT64_MAX, INT64_MAX};
    char text[LOG_POSITION_TEXT_MAX];
    size_t n = log_position_format(text, &in);
    struct log_position out;
    assert_true(log_position_parse(slice_of(text, n), &out));
    assert_int_equal(out.broker, in.broker);
    assert_int_equal(log_position_cmp(&in, &out), 0);
    in = (struct log_position){0, 0, 0};
    log_position_format(text, &in);
    assert_string_equal(text, "0:0:0");
}

static void position__refuses_what_is_none(void **state) {
    (void)state;
    const char *bad[] = {"",
                         "1",
                         "1:2",
                         "1:2:",
                         ":2:3",
                         "1::3",
                         "1:2:3:4",
                         "-1:2:3",
                         "1:-2:3",
                         "1:2:-3",
                         "1:2:3 ",
                         "a:2:3",
                         "2147483648:1:1",
                         "1:9223372036854775808:1",
                         "1:1:9223372036854775808"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct log_position p = at(5, 6);
        assert_false(log_position_parse(slice_str(bad[i]), &p));
        assert_int_equal(p.generation, 5);
    }
}

static void position__orders_by_generation_then_offset(void **state) {
    (void)state;
    struct log_position a = at(1, 900), b = at(2, 0), c = at(2, 1);
    assert_true(log_position_cmp(&a, &b) < 0);
    assert_true(log_position_cmp(&b, &c) < 0);
    assert_true(log_position_cmp(&c, &a) > 0);
    assert_int_equal(log_position_cmp(&c, &c), 0);
}

static void kinds__survive_text(void **state) {
    (void)state;
    for (int k = BROKER_RECORD_LINE; k <= BROKER_RECORD_HOLE; k++) {
        enum broker_record_kind kind;
        assert_true(broker_record_kind_parse(
            slice_str(broker_record_kind_name((enum broker_record_kind)k)), &kind));
        assert_int_equal(kind, k);
    }
    enum broker_record_kind kind;
    assert_false(broker_record_kind_parse(SLICE_LIT("lines"), &kind));
    assert_false(broker_record_kind_parse(SLICE_LIT(""), &kind));
    assert_true(broker_record_kind_advances(BROKER_RECORD_LINE));
    assert_true(broker_record_kind_advances(BROKER_RECORD_REFUSAL));
    assert_false(broker_record_kind_advances(BROKER_RECORD_CONTROL));
    assert_false(broker_record_kind_advances(BROKER_RECORD_HOLE));
}

static void headers__parse_or_name_the_bad_one(void **state) {
    (void)state;
    struct broker_record r;
    struct err e;
    assert_int_equal(
        broker_record_parse(SLICE_LIT("line"), SLICE_LIT("7:1:2"), SLICE_LIT("7:1:0"), &r, &e),
        ERR_OK);
    assert_int_equal(r.kind, BROKER_RECORD_LINE);
    assert_true(r.has_prev);
    assert_int_equal(r.pos.offset, 2);
    assert_int_equal(
        broker_record_parse(SLICE_LIT("fact"), SLICE_LIT("7:1:2"), (struct slice){0}, &r, &e),
        ERR_OK);
    assert_false(r.has_prev);
    assert_int_equal(broker_record_parse(SLICE_LIT("x"), SLICE_LIT("7:1:2"), SLICE_LIT(""), &r, &e),
                     ERR_INVALID);
    assert_string_equal(e.field, "kind");
    assert_int_equal(broker_record_parse(SLICE_LIT("line"), SLICE_LIT(""), SLICE_LIT(""), &r, &e),
                     ERR_INVALID);
    assert_string_equal(e.field, "pos");
    assert_int_equal(
        broker_record_parse(SLICE_LIT("line"), SLICE_LIT("7:1:2"), SLICE_LIT("8:1:0"), &r, &e),
        ERR_INVALID);
    assert_string_equal(e.field, "prev");
}

static enum log_verdict verdict(enum broker_record_kind kind, uint64_t prev, uint64_t pos,
                                uint64_t watermark) {
    struct broker_record r = {.kind = kind, .has_prev = prev != 0, .pos = at(1, pos)};
    r.prev = at(1, prev);
    struct log_position w = at(1, watermark);
    return broker_record_verdict(&r, watermark == 0 ? NULL : &w);
}

static void verdict__takes_only_what_follows(void **state) {
    (void)state;
    assert_int_equal(verdict(BROKER_RECORD_LINE, 10, 20, 10), LOG_TAKE);
    assert_int_equal(verdict(BROKER_RECORD_LINE, 10, 20, 15), LOG_TAKE);
    assert_int_equal(verdict(BROKER_RECORD_LINE, 10, 20, 20), LOG_DUPLICATE);
    assert_int_equal(verdict(BROKER_RECORD_LINE, 10, 20, 30), LOG_DUPLICATE);
    assert_int_equal(verdict(BROKER_RECORD_LINE, 10, 20, 9), LOG_GAP);
    assert_int_equal(verdict(BROKER_RECORD_LINE, 0, 20, 10), LOG_TAKE);
    assert_int_equal(verdict(BROKER_RECORD_LINE, 0, 20, 25), LOG_DUPLICATE);
    assert_int_equal(verdict(BROKER_RECORD_LINE, 0, 20, 0), LOG_TAKE);
    assert_int_equal(verdict(BROKER_RECORD_LINE, 10, 20, 0), LOG_GAP);
}

static void verdict__of_control_needs_all_before_it(void **state) {
    (void)state;
    assert_int_equal(verdict(BROKER_RECORD_CONTROL, 20, 20, 20), LOG_TAKE);
    assert_int_equal(verdict(BROKER_RECORD_CONTROL, 20, 20, 30), LOG_TAKE);
    assert_int_equal(verdict(BROKER_RECORD_HOLE, 20, 20, 19), LOG_GAP);
    assert_int_equal(verdict(BROKER_RECORD_CONTROL, 20, 20, 0), LOG_GAP);
    struct broker_record none = {.kind = BROKER_RECORD_CONTROL, .pos = {7, 0, 0}};
    assert_int_equal(broker_record_verdict(&none, NULL), LOG_TAKE);
}

// Vectors of Kafka's UtilsTest.testMurmur2.
static void partition__is_kafkas_own(void **state) {
    (void)state;
    const struct {
        const char *key;
        int32_t hash;
    } cases[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int32_t positive = cases[i].hash & 0x7fffffff;
        assert_int_equal(broker_record_partition(slice_str(cases[i].key), 4093), positive % 4093);
        assert_int_equal(broker_record_partition(slice_str(cases[i].key), 64), positive % 64);
        assert_int_equal(broker_record_partition(slice_str(cases[i].key), 1), 0);
    }
}

static void values__survive_the_record(void **state) {
    (void)state;
    struct buf b;
    struct arena a;
    struct err e;
    buf_init(&b, BROKER_RECORD_VALUE_MAX);
    arena_init(&a);

    const struct log_topic topics[] = {
        {SLICE_LIT("YPusGw0rSSyuwfEQtKYsug"), SLICE_LIT("acme.orders"), TOPIC_SEEN},
        {SLICE_LIT(""), SLICE_LIT("acme.old"), TOPIC_DELETED},
    };
    struct log_fact fact = {.at_us = 1795363443659000, .count = 2, .topics = topics};
    log_value_encode_fact(&b, &fact);
    assert_string_equal(b.ptr, "{\"at_us\":1795363443659000,\"topics\":["
                               "{\"id\":\"YPusGw0rSSyuwfEQtKYsug\",\"name\":\"acme.orders\","
                               "\"event\":\"seen\"},"
                               "{\"id\":\"\",\"name\":\"acme.old\",\"event\":\"deleted\"}]}");
    struct log_fact fact_back;
    assert_int_equal(log_value_decode_fact(buf_slice(&b), &a, &fact_back, &e), ERR_OK);
    assert_int_equal(fact_back.count, 2);
    assert_true(slice_eq(fact_back.topics[0].id, topics[0].id));
    assert_int_equal(fact_back.topics[1].event, TOPIC_DELETED);

    buf_clear(&b);
    log_value_encode_control(&b, &(struct log_control){1, 2, 3, 5000, SLICE_LIT("0.1\"x")});
    struct log_control control;
    assert_int_equal(log_value_decode_control(buf_slice(&b), &a, &control, &e), ERR_OK);
    assert_int_equal(control.offset, 3);
    assert_true(slice_eq_str(control.version, "0.1\"x"));

    buf_clear(&b);
    log_value_encode_dead(&b, &(struct log_dead){.reason = SLICE_LIT("torn"),
                                                 .bytes = 9000,
                                                 .text = SLICE_LIT("a\0\xff{"),
                                                 .has_time = true,
                                                 .time_us = -5,
                                                 .api_key = 1,
                                                 .principal = SLICE_LIT("User:\"\0"),
                                                 .record_bytes = 77});
    struct log_dead dead;
    assert_int_equal(log_value_decode_dead(buf_slice(&b), &a, &dead, &e), ERR_OK);
    assert_int_equal(dead.bytes, 9000);
    assert_true(slice_eq(dead.text, SLICE_LIT("a\0\xff{")));
    assert_true(dead.has_time);
    assert_int_equal(dead.time_us, -5);
    assert_int_equal(dead.api_key, 1);
    assert_int_equal(dead.record_bytes, 77);
    assert_true(slice_eq(dead.principal, SLICE_LIT("User:\"\0")));
    // As an earlier release wrote it.
    assert_int_equal(
        log_value_decode_dead(SLICE_LIT("{\"reason\":\"torn\",\"bytes\":9,\"text\":\"\"}"), &a,
                              &dead, &e),
        ERR_OK);
    assert_int_equal(dead.api_key, -1);
    assert_false(dead.has_time);
    assert_int_equal(dead.principal.len, 0);
    assert_int_equal(dead.record_bytes, 0);

    buf_clear(&b);
    struct log_hole hole = {.has_from = true,
                            .from = at(1, 2),
                            .to = at(3, 4),
                            .kind = SLICE_LIT("truncated"),
                            .lines_at_least = 5,
                            .principal = SLICE_LIT("User:x"),
                            .topic = SLICE_LIT("orders"),
                            .bytes_at_least = INT64_MAX,
                            .from_us = 6,
                            .to_us = 7};
    log_value_encode_hole(&b, &hole);
    struct log_hole hole_back;
    assert_int_equal(log_value_decode_hole(buf_slice(&b), &a, &hole_back, &e), ERR_OK);
    assert_int_equal(log_position_cmp(&hole_back.from, &hole.from), 0);
    assert_int_equal(log_position_cmp(&hole_back.to, &hole.to), 0);
    assert_int_equal(hole_back.lines_at_least, 5);
    assert_int_equal(hole_back.from_us, 6);
    assert_int_equal(hole_back.to_us, 7);
    assert_true(slice_eq_str(hole_back.principal, "User:x"));
    assert_true(slice_eq_str(hole_back.topic, "orders"));
    assert_int_equal(hole_back.bytes_at_least, INT64_MAX);
    // As an earlier release wrote it.
    assert_int_equal(log_value_decode_hole(
                         SLICE_LIT("{\"from\":\"\",\"to\":\"1:3:4\",\"from_us\":0,\"to_us\":7,"
                                   "\"kind\":\"removed\",\"lines_at_least\":0,\"principal\":\"\"}"),
                         &a, &hole_back, &e),
                     ERR_OK);
    assert_int_equal(hole_back.topic.len, 0);
    assert_int_equal(hole_back.bytes_at_least, 0);

    buf_clear(&b);
    log_value_encode_refusal(
        &b, &(struct log_refusal){1, SLICE_LIT("User:x"), 3, 29, SLICE_LIT("t"), 4});
    struct log_refusal refusal;
    assert_int_equal(log_value_decode_refusal(buf_slice(&b), &a, &refusal, &e), ERR_OK);
    assert_int_equal(refusal.error_code, 29);
    assert_int_equal(refusal.count, 4);

    buf_done(&b);
    arena_done(&a);
}

// At its limits no value outgrows a record.
static void values__at_their_limit_fit(void **state) {
    (void)state;
    static struct log_topic topics[LOG_FACT_TOPICS_MAX];
    char name[TOPIC_NAME_MAX + 1];
    memset(name, 'x', sizeof name);
    for (size_t i = 0; i < LOG_FACT_TOPICS_MAX; i++) {
        topics[i].id = SLICE_LIT("YPusGw0rSSyuwfEQtKYsug");
        topics[i].name = slice_of(name, TOPIC_NAME_MAX);
    }
    struct buf b;
    struct arena a;
    buf_init(&b, BROKER_RECORD_VALUE_MAX);
    arena_init(&a);
    struct log_fact fact = {.count = LOG_FACT_TOPICS_MAX, .topics = topics}, back;
    log_value_encode_fact(&b, &fact);
    assert_false(b.overflow);
    assert_int_equal(log_value_decode_fact(buf_slice(&b), &a, &back, NULL), ERR_OK);
    buf_clear(&b);
    char long_text[LOG_DEAD_TEXT_MAX + 100];
    memset(long_text, 'y', sizeof long_text);
    log_value_encode_dead(&b, &(struct log_dead){.reason = SLICE_LIT("too_long"),
                                                 .bytes = sizeof long_text,
                                                 .text = slice_of(long_text, sizeof long_text)});
    struct log_dead dead;
    assert_int_equal(log_value_decode_dead(buf_slice(&b), &a, &dead, NULL), ERR_OK);
    assert_int_equal(dead.text.len, LOG_DEAD_TEXT_MAX);
    assert_int_equal(dead.bytes, LOG_DEAD_TEXT_MAX + 100);
    buf_done(&b);
    arena_done(&a);
}

static void values__of_another_shape_are_refused(void **state) {
    (void)state;
    struct arena a;
    struct err e;
    arena_init(&a);
    const char *bad[] = {
        "",
        "[]",
        "{",
        "{}",
        "{\"at_us\":1}",
        "{\"at_us\":1,\"topics\":[{}]}",
        "{\"at_us\":1,\"topics\":[{\"id\":\"\",\"name\":\"\",\"event\":\"seen\"}]}",
        "{\"at_us\":1,\"topics\":[{\"id\":\"short\",\"name\":\"n\",\"event\":\"seen\"}]}",
        "{\"at_us\":1,\"topics\":[{\"id\":\"\",\"name\":\"n\",\"event\":\"gone\"}]}",
        "{\"from\":\"1:1:1\",\"to\":\"2:1:1\",\"kind\":\"k\",\"lines_at_least\":0}",
        "{\"reason\":\"r\",\"bytes\":-1,\"text\":\"\"}",
        "{\"reason\":\"r\",\"bytes\":1,\"text\":\"*\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct log_fact fact;
        struct log_control control;
        struct log_dead dead;
        struct log_hole hole;
        struct log_refusal refusal;
        struct slice v = slice_str(bad[i]);
        assert_int_equal(log_value_decode_fact(v, &a, &fact, &e), ERR_INVALID);
        assert_int_equal(log_value_decode_control(v, &a, &control, &e), ERR_INVALID);
        assert_int_equal(log_value_decode_dead(v, &a, &dead, &e), ERR_INVALID);
        assert_int_equal(log_value_decode_hole(v, &a, &hole, &e), ERR_INVALID);
        assert_int_equal(log_value_decode_refusal(v, &a, &refusal, &e), ERR_INVALID);
    }
    arena_done(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(position__survives_text),
        cmocka_unit_test(position__refuses_what_is_none),
        cmocka_unit_test(position__orders_by_generation_then_offset),
        cmocka_unit_test(kinds__survive_text),
        cmocka_unit_test(headers__parse_or_name_the_bad_one),
        cmocka_unit_test(verdict__takes_only_what_follows),
        cmocka_unit_test(verdict__of_control_needs_all_before_it),
        cmocka_unit_test(partition__is_kafkas_own),
        cmocka_unit_test(values__survive_the_record),
        cmocka_unit_test(values__at_their_limit_fit),
        cmocka_unit_test(values__of_another_shape_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
