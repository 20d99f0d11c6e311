// Whatever a client asks for, its line is read, and what was answered stands.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "core/brokerlog/broker_line.h"

static struct broker_line line;
static char *text;
static size_t text_len;
static FILE *out;

static int start(void **state) {
    (void)state;
    broker_line_init(&line);
    return 0;
}

static int stop(void **state) {
    (void)state;
    broker_line_done(&line);
    free(text);
    text = NULL;
    return 0;
}

// What of a FETCH v11 a client can choose, as JSON. NULL: an ordinary value.
struct asked {
    const char *client_id, *principal, *replica, *session, *epoch, *correlation;
    const char *bogus;          // name of a second topic
    const char *partition;      // of it
    const char *offset, *limit; // of it
    const char *answer;         // error of it
    const char *forgotten;      // topics
    const char *total_ms;
    const char *level;
};

#define OR(value, otherwise) ((value) == NULL ? (otherwise) : (value))

// Up to the first topic of the request.
static void begin(const struct asked *a) {
    free(text);
    out = open_memstream(&text, &text_len);
    check(out != NULL);
    fprintf(out,
            "[2026-11-22 10:00:01,000] %s Completed request:{\"isForwarded\":false,"
            "\"requestHeader\":{\"requestApiKey\":1,\"requestApiVersion\":11,\"correlationId\":%s,"
            "\"clientId\":%s,\"requestApiKeyName\":\"FETCH\"},\"request\":{\"replicaId\":%s,"
            "\"maxWaitMs\":500,\"minBytes\":1,\"maxBytes\":2147483647,\"isolationLevel\":1,"
            "\"sessionId\":%s,\"sessionEpoch\":%s,\"topics\":[",
            OR(a->level, "DEBUG"), OR(a->correlation, "1"), OR(a->client_id, "\"c\""),
            OR(a->replica, "-1"), OR(a->session, "0"), OR(a->epoch, "-1"));
}

// Behind the last topic of the response.
static void end(const struct asked *a) {
    fprintf(
        out,
        "]},\"connection\":\"127.0.0.1:9094-127.0.0.1:40001-0-1\",\"totalTimeMs\":%s,"
        "\"principal\":%s,\"listener\":\"CLIENT\",\"clientInformation\":{\"softwareName\":\"s\","
        "\"softwareVersion\":\"1\"}} (kafka.request.logger)",
        OR(a->total_ms, "1.5"), OR(a->principal, "\"User:u\""));
    fclose(out);
}

static const char *make(const struct asked *a) {
    begin(a);
    fputs("{\"topic\":\"orders\",\"partitions\":[{\"partition\":0,\"currentLeaderEpoch\":-1,"
          "\"fetchOffset\":7,\"logStartOffset\":-1,\"partitionMaxBytes\":1048576}]}",
          out);
    fprintf(out,
            ",{\"topic\":%s,\"partitions\":[{\"partition\":%s,\"currentLeaderEpoch\":%s,"
            "\"fetchOffset\":%s,\"logStartOffset\":%s,\"partitionMaxBytes\":%s}]}],"
            "\"forgottenTopicsData\":[%s],\"rackId\":\"\"},",
            OR(a->bogus, "\"nosuch\""), OR(a->partition, "0"), OR(a->partition, "-1"),
            OR(a->offset, "0"), OR(a->offset, "-1"), OR(a->limit, "1"), OR(a->forgotten, ""));
    fprintf(out,
            "\"response\":{\"throttleTimeMs\":0,\"errorCode\":0,\"sessionId\":0,\"responses\":["
            "{\"topic\":%s,\"partitions\":[{\"partitionIndex\":%s,\"errorCode\":%s,"
            "\"highWatermark\":-1,\"lastStableOffset\":-1,\"logStartOffset\":-1,"
            "\"abortedTransactions\":null,\"preferredReadReplica\":-1,\"recordsSizeInBytes\":0}]},",
            OR(a->bogus, "\"nosuch\""), OR(a->partition, "0"), OR(a->answer, "3"));
    fputs("{\"topic\":\"orders\",\"partitions\":[{\"partitionIndex\":0,\"errorCode\":0,"
          "\"highWatermark\":90,\"lastStableOffset\":90,\"logStartOffset\":0,"
          "\"abortedTransactions\":[],\"preferredReadReplica\":-1,\"recordsSizeInBytes\":1000}]}",
          out);
    end(a);
    return text;
}

static void expect_read(const struct asked *a) {
    const char *made = make(a);
    struct broker_line_brief brief;
    enum line_fault fault = broker_line_parse(&line, slice_of(made, text_len));
    if (fault != LINE_FAULT_NONE) {
        fail_msg("%s: %.3000s", line_fault_name(fault), made);
    }
    assert_int_equal(line.torn.len, 0);
    assert_int_equal(broker_line_classify(slice_of(made, text_len), &brief), LINE_FAULT_NONE);
    int64_t bytes = 0;
    for (uint32_t i = 0; i < line.answered.count; i++) {
        const struct broker_line_part *p = &line.answered.items[i];
        assert_true(p->topic < line.topic_count);
        bytes += p->bytes;
        if (p->bytes > 0) {
            assert_true(slice_eq_str(line.topics[p->topic].name, "orders"));
        }
    }
    assert_int_equal(bytes, 1000);
    assert_int_equal(line.asked.items[0].offset, 7);
}

// A name of `len` characters as JSON, in memory of its own.
static char *name_of(size_t len) {
    char *name = malloc(len + 3);
    check(name != NULL);
    memset(name, 'x', len + 2);
    name[0] = name[len + 1] = '"';
    name[len + 2] = '\0';
    return name;
}

static void names__no_topic_can_have_are_left_out(void **state) {
    (void)state;
    static const size_t LENGTHS[] = {0, 250, 251, 300, 32767, 65535};
    for (size_t i = 0; i < sizeof LENGTHS / sizeof *LENGTHS; i++) {
        char *name = name_of(LENGTHS[i]);
        expect_read(&(struct asked){.bogus = name});
        assert_int_equal(line.topic_count, 2);
        assert_int_equal(line.asked.count, 1);
        assert_int_equal(line.answered.count, 1);
        free(name);
    }
    static const char *const NAMES[] = {
        "\".\"",     "\"..\"",   "\"a b\"",     "\"a/b\"",          "\"a\\u0000b\"",
        "\"a\\nb\"", "\"\xff\"", "\"\\ud800\"", "\"M\\u00fcller\"", "\"a\\\"b\""};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        expect_read(&(struct asked){.bogus = NAMES[i]});
        assert_int_equal(line.asked.count, 1);
        // Nothing was answered: with or without an error it says nothing.
        expect_read(&(struct asked){.bogus = NAMES[i], .answer = "0"});
    }
    char *longest = name_of(249);
    expect_read(&(struct asked){.bogus = longest});
    assert_int_equal(line.asked.count, 2);
    free(longest);
}

// Had the broker answered such a name with records, the line would not be what it seems.
static void name__no_topic_can_have_with_records_is_a_damaged_line(void **state) {
    (void)state;
    const char *made = make(&(struct asked){.bogus = "\"a b\"", .answer = "0"});
    char *at = strstr(made, "\"recordsSizeInBytes\":0");
    assert_non_null(at);
    at[strlen("\"recordsSizeInBytes\":")] = '5';
    assert_int_equal(broker_line_parse(&line, slice_of(made, text_len)), LINE_FAULT_BAD_VALUE);
}

static void numbers__at_the_ends_of_their_range_are_read(void **state) {
    (void)state;
    static const char *const INT32[] = {"-2147483648", "-1", "0", "2147483647"};
    static const char *const INT64[] = {
        "-9223372036854775808", "-9223372036854775807", "-1",
        "999999999999999999",   "1000000000000000000",  "9223372036854775807"};
    for (size_t i = 0; i < sizeof INT32 / sizeof *INT32; i++) {
        expect_read(&(struct asked){.partition = INT32[i], .limit = INT32[i]});
        expect_read(&(struct asked){.session = INT32[i], .epoch = INT32[i]});
        expect_read(&(struct asked){.correlation = INT32[i], .replica = INT32[i]});
        expect_read(&(struct asked){.answer = INT32[i]});
        char forgotten[128];
        snprintf(forgotten, sizeof forgotten,
                 "{\"topic\":\"orders\",\"partitions\":[%s]},{\"topic\":\"\",\"partitions\":[%s]}",
                 INT32[i], INT32[i]);
        expect_read(&(struct asked){.forgotten = forgotten});
        assert_int_equal(line.forgotten.count, 1);
    }
    for (size_t i = 0; i < sizeof INT64 / sizeof *INT64; i++) {
        expect_read(&(struct asked){.offset = INT64[i]});
        assert_int_equal(line.asked.items[1].offset, strtoll(INT64[i], NULL, 10));
    }
}

static void texts__are_what_they_mean(void **state) {
    (void)state;
    static const struct {
        const char *json;
        struct slice meaning;
    } TEXTS[] = {
        {"\"User:CN=a,O=\\\"b, c\\\",C=DE\"", SLICE_LIT("User:CN=a,O=\"b, c\",C=DE")},
        {"\"User:M\xc3\xbcller\"", SLICE_LIT("User:M\xc3\xbcller")},
        {"\"User:M\\u00fcller\"", SLICE_LIT("User:M\xc3\xbcller")},
        {"\"User:M\\u00FCller\"", SLICE_LIT("User:M\xc3\xbcller")},
        {"\"User:\\ud83d\\ude00\"", SLICE_LIT("User:\xf0\x9f\x98\x80")},
        {"\"User:a\\tb\"", SLICE_LIT("User:a\tb")},
        {"\"User:a\\u0009b\"", SLICE_LIT("User:a\tb")},
        {"\"User:a\\u0000b\"", SLICE_LIT("User:a\0b")},
        {"\"User:\\ud800x\"", SLICE_LIT("User:\xef\xbf\xbdx")},
        {"\"User:[2026-11-22 10:00:01,000] INFO Completed request:{\"",
         SLICE_LIT("User:[2026-11-22 10:00:01,000] INFO Completed request:{")},
        {"\"User: (kafka.request.logger)\"", SLICE_LIT("User: (kafka.request.logger)")},
        {"\"User:\"", SLICE_LIT("User:")},
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        expect_read(&(struct asked){.principal = TEXTS[i].json});
        assert_true(slice_eq(line.principal, TEXTS[i].meaning));
        expect_read(&(struct asked){.client_id = TEXTS[i].json});
        assert_true(slice_eq(line.client_id, TEXTS[i].meaning));
    }
    expect_read(&(struct asked){.client_id = "null"});
    expect_read(&(struct asked){.client_id = "\"\""});
    char *longest = name_of(65535);
    expect_read(&(struct asked){.client_id = longest, .principal = longest});
    free(longest);
}

static void level_info__is_read_like_debug(void **state) {
    (void)state;
    expect_read(&(struct asked){.level = "INFO"});
}

// Java's text of a double.
static void total_time__may_have_an_exponent(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t us;
    } TIMES[] = {
        {"0.0", 0},
        {"1.5", 1500},
        {"12.3456", 12345},
        {"1.08E7", 10800000000},
        {"1.0E-4", 0},
        {"9.99E-4", 0},
        {"1.0E10", 10000000000000},
        {"1.2345678E7", 12345678000},
        {"9999999.999", 9999999999},
        {"1.0E-300", 0},
        {"1.0E300", -1},
        {"0.12345678901234567", 123},
        {"123456789012", 123456789012000},
        {"-1.5", -1},
        {"1.234567890123456789E3", 1234567},
    };
    for (size_t i = 0; i < sizeof TIMES / sizeof *TIMES; i++) {
        expect_read(&(struct asked){.total_ms = TIMES[i].text});
        assert_int_equal(line.total_time_us, TIMES[i].us);
    }
}

static void many_partitions__are_read_and_their_memory_given_back(void **state) {
    (void)state;
    enum { MANY = 60000 };
    struct asked a = {0};
    begin(&a);
    fputs("{\"topic\":\"orders\",\"partitions\":[", out);
    for (int i = 0; i < MANY; i++) {
        fprintf(out,
                "%s{\"partition\":%d,\"currentLeaderEpoch\":-1,\"fetchOffset\":7,"
                "\"logStartOffset\":-1,\"partitionMaxBytes\":1048576}",
                i == 0 ? "" : ",", i);
    }
    fputs("]}],\"forgottenTopicsData\":[],\"rackId\":\"\"},\"response\":{\"throttleTimeMs\":0,"
          "\"errorCode\":0,\"sessionId\":0,\"responses\":[{\"topic\":\"orders\",\"partitions\":[",
          out);
    for (int i = 0; i < MANY; i++) {
        fprintf(out,
                "%s{\"partitionIndex\":%d,\"errorCode\":%d,\"highWatermark\":-1,"
                "\"lastStableOffset\":-1,\"logStartOffset\":-1,\"abortedTransactions\":null,"
                "\"preferredReadReplica\":-1,\"recordsSizeInBytes\":%d}",
                i == 0 ? "" : ",", i, i == 0 ? 0 : 3, i == 0 ? 1000 : 0);
    }
    fputs("]}", out);
    end(&a);
    assert_true(text_len > 10 << 20);
    assert_int_equal(broker_line_parse(&line, slice_of(text, text_len)), LINE_FAULT_NONE);
    assert_int_equal(line.asked.count, MANY);
    assert_int_equal(line.answered.count, MANY);
    assert_int_equal(line.answered.items[0].bytes, 1000);
    size_t bytes = (line.asked.cap + line.answered.cap) * sizeof *line.asked.items;
    assert_true(bytes < 7 << 20);
    expect_read(&a);
    assert_true(line.asked.cap * sizeof *line.asked.items <= 1 << 20);
    assert_true(line.answered.cap * sizeof *line.answered.items <= 1 << 20);
}

static enum line_fault parse_forgetting(const char *bogus, int times, int different) {
    char *list = NULL;
    size_t len = 0;
    FILE *forgotten = open_memstream(&list, &len);
    fprintf(forgotten, "{\"topic\":\"%s\",\"partitions\":[", bogus);
    for (int i = 0; i < times; i++) {
        fprintf(forgotten, "%s%d", i == 0 ? "" : ",", i % different);
    }
    fprintf(forgotten, "]},{\"topic\":\"orders\",\"partitions\":[0,1,0]}");
    fclose(forgotten);
    const char *made = make(&(struct asked){.forgotten = list});
    enum line_fault fault = broker_line_parse(&line, slice_of(made, text_len));
    free(list);
    return fault;
}

// Two bytes of the line each: their memory is bounded by how many different ones there are.
static void forgotten_partitions__are_kept_once(void **state) {
    (void)state;
    assert_int_equal(parse_forgetting("t", 3000000, 5000), LINE_FAULT_NONE);
    assert_true(line.forgotten.count >= 5002 && line.forgotten.count <= 7000);
    assert_int_equal(parse_forgetting("t", BROKER_LINE_FORGOTTEN_MAX - 2, INT32_MAX),
                     LINE_FAULT_NONE);
    assert_int_equal(line.forgotten.count, BROKER_LINE_FORGOTTEN_MAX);
    assert_int_equal(parse_forgetting("t", BROKER_LINE_FORGOTTEN_MAX, INT32_MAX),
                     LINE_FAULT_TOO_LONG);
    // Of a name no topic can have nothing stays, and what follows is no repetition of it.
    assert_int_equal(parse_forgetting("", 5000, 5000), LINE_FAULT_NONE);
    assert_true(line.forgotten.count == 2 || line.forgotten.count == 3);
}

static void line__of_the_greatest_length_is_read_and_one_above_not(void **state) {
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        const char *made = make(&(struct asked){0});
        size_t pad = BROKER_LINE_MAX + over - text_len;
        char *longest = malloc(text_len + pad);
        check(longest != NULL);
        const char *json = strchr(made, '{') + 1;
        size_t head = (size_t)(json - made);
        memcpy(longest, made, head);
        memset(longest + head, ' ', pad);
        memcpy(longest + head + pad, json, text_len - head);
        struct slice whole = slice_of(longest, text_len + pad);
        struct broker_line_brief brief;
        assert_int_equal(broker_line_parse(&line, whole),
                         over == 0 ? LINE_FAULT_NONE : LINE_FAULT_TOO_LONG);
        assert_int_equal(broker_line_classify(whole, &brief),
                         over == 0 ? LINE_FAULT_NONE : LINE_FAULT_TOO_LONG);
        free(longest);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(names__no_topic_can_have_are_left_out),
        CASE(name__no_topic_can_have_with_records_is_a_damaged_line),
        CASE(numbers__at_the_ends_of_their_range_are_read),
        CASE(texts__are_what_they_mean),
        CASE(level_info__is_read_like_debug),
        CASE(total_time__may_have_an_exponent),
        CASE(many_partitions__are_read_and_their_memory_given_back),
        CASE(forgotten_partitions__are_kept_once),
        CASE(line__of_the_greatest_length_is_read_and_one_above_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
