#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/instant.h"
#include "core/brokerlog/broker_line.h"

#define PREFIX "[2026-11-01 10:15:30,123] DEBUG Completed request:"
#define HEAD(api, version)                                                                         \
    "{\"isForwarded\":false,\"requestHeader\":{\"requestApiKey\":" #api                            \
    ",\"requestApiVersion\":" #version ",\"correlationId\":7,\"clientId\":\"c\"},"
#define TAIL                                                                                       \
    ",\"connection\":\"127.0.0.1:9092-10.0.0.7:40000-2-5\",\"totalTimeMs\":12.3456,"               \
    "\"principal\":\"User:u\",\"listener\":\"CLIENT\","                                            \
    "\"clientInformation\":{\"softwareName\":\"s\",\"softwareVersion\":\"1\"}}"                    \
    " (kafka.request.logger)"
#define FETCH_REQUEST                                                                              \
    "\"request\":{\"sessionId\":5,\"sessionEpoch\":6,\"topics\":[{\"topicId\":"                    \
    "\"AAAAAAAAAAAAAAAAAAAAAQ\",\"partitions\":[{\"partition\":3,\"fetchOffset\":42}]}],"          \
    "\"forgottenTopicsData\":[{\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAQ\",\"partitions\":[1,2]}]},"
#define FETCH_RESPONSE                                                                             \
    "\"response\":{\"errorCode\":0,\"sessionId\":5,\"responses\":[{\"topicId\":"                   \
    "\"AAAAAAAAAAAAAAAAAAAAAQ\",\"partitions\":[{\"partitionIndex\":3,\"errorCode\":0,"            \
    "\"highWatermark\":50,\"recordsSizeInBytes\":1234},{\"partitionIndex\":4,\"errorCode\":0,"     \
    "\"highWatermark\":50,\"records\":null}]}]}"
#define FETCH PREFIX HEAD(1, 18) FETCH_REQUEST FETCH_RESPONSE TAIL

static struct broker_line line;

static int start(void **state) {
    (void)state;
    broker_line_init(&line);
    return 0;
}

static int stop(void **state) {
    (void)state;
    broker_line_done(&line);
    return 0;
}

static enum line_fault parse(const char *text) {
    return broker_line_parse(&line, slice_str(text));
}

static void fetch__gives_every_number(void **state) {
    (void)state;
    int64_t time_us = 0;
    assert_int_equal(parse(FETCH), LINE_FAULT_NONE);
    assert_true(instant_parse(SLICE_LIT("2026-11-01T10:15:30.123Z"), &time_us));
    assert_true(line.time_us == time_us);
    assert_int_equal(line.api_key, 1);
    assert_int_equal(line.api_version, 18);
    assert_int_equal(line.correlation_id, 7);
    assert_int_equal(line.session_id, 5);
    assert_int_equal(line.session_epoch, 6);
    assert_int_equal(line.response_session_id, 5);
    assert_int_equal(line.total_time_us, 12345);
    assert_true(slice_eq_str(line.client_address, "10.0.0.7"));
    assert_true(slice_eq_str(line.local_address, "127.0.0.1:9092"));
    assert_true(slice_eq_str(line.software_name, "s"));
    assert_int_equal(line.asked.count, 1);
    assert_int_equal(line.asked.items[0].offset, 42);
    assert_int_equal(line.forgotten.count, 2);
    assert_int_equal(line.forgotten.items[1].partition, 2);
    assert_int_equal(line.answered.count, 2);
    assert_int_equal(line.answered.items[0].bytes, 1234);
    assert_int_equal(line.answered.items[0].high_watermark, 50);
    assert_int_equal(line.answered.items[1].bytes, -1);
    assert_true(line.topics[line.answered.items[0].topic].has_id);
    assert_false(broker_line_is_follower(&line));
}

static void escapes__are_resolved_and_order_does_not_matter(void **state) {
    (void)state;
    // The header last: bodies are read once it is known.
    assert_int_equal(
        parse(PREFIX "{" FETCH_REQUEST FETCH_RESPONSE
                     ",\"connection\":\"0:0:0:0:0:0:0:1:9092-0:0:0:0:0:0:0:2:40000-5\","
                     "\"principal\":\"User:\\u00e9\\\"\",\"listener\":\"C\",\"requestHeader\":{"
                     "\"requestApiKey\":1,\"requestApiVersion\":18,\"clientId\":null}}"),
        LINE_FAULT_NONE);
    assert_true(slice_eq_str(line.principal, "User:\xc3\xa9\""));
    assert_true(slice_eq_str(line.client_address, "0:0:0:0:0:0:0:2"));
    assert_int_equal(line.answered.count, 2);
    assert_false(line.has_client_id);
}

static void missing_and_wrong_fields__are_faults_and_never_zero(void **state) {
    (void)state;
    static const struct {
        enum line_fault fault;
        const char *text;
    } CASES[] = {
        {LINE_FAULT_BAD_PREFIX, ""},
        {LINE_FAULT_BAD_PREFIX, "[2026-13-01 10:15:30,123] DEBUG Completed request:{}"},
        {LINE_FAULT_BAD_PREFIX, "[2026-02-30 10:15:30,123] DEBUG Completed request:{}"},
        {LINE_FAULT_BAD_PREFIX, "[2026-11-01 10:15:30,123] INFO something else, long enough to be"},
        {LINE_FAULT_MISSING_FIELD, PREFIX "{}"},
        {LINE_FAULT_MALFORMED_JSON, PREFIX "{\"a\":1"},
        {LINE_FAULT_MALFORMED_JSON, PREFIX "{} trailing"},
        {LINE_FAULT_MISSING_FIELD, PREFIX HEAD(1, 18) FETCH_REQUEST "\"x\":1" TAIL},
        {LINE_FAULT_MISSING_FIELD, PREFIX HEAD(1, 18) FETCH_REQUEST
         "\"response\":{\"errorCode\":0,\"sessionId\":5,\"responses\":[{\"topicId\":"
         "\"AAAAAAAAAAAAAAAAAAAAAQ\",\"partitions\":[{\"partitionIndex\":3,\"errorCode\":0,"
         "\"highWatermark\":50}]}]}" TAIL},
        {LINE_FAULT_MISSING_FIELD,
         PREFIX HEAD(1, 18) "\"request\":{\"topics\":[]}," FETCH_RESPONSE TAIL},
        {LINE_FAULT_MALFORMED_JSON,
         PREFIX HEAD(1, 18) "\"request\":{\"sessionId\":\"5\"}," FETCH_RESPONSE TAIL},
        {LINE_FAULT_BAD_VALUE,
         PREFIX HEAD(1, 18) "\"request\":{\"sessionId\":5000000000,\"sessionEpoch\":1,"
                            "\"topics\":[]}," FETCH_RESPONSE TAIL},
        {LINE_FAULT_BAD_VALUE,
         PREFIX HEAD(0, 10) "\"request\":{\"acks\":1,\"topicData\":[{\"name\":\"t\","
                            "\"partitionData\":[{\"index\":0,\"recordsSizeInBytes\":-1}]}]},"
                            "\"response\":\"\"" TAIL},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        enum line_fault fault = parse(CASES[i].text);
        if (fault != CASES[i].fault) {
            fail_msg("case %zu: %s, not %s", i, line_fault_name(fault),
                     line_fault_name(CASES[i].fault));
        }
    }
}

// The disk was full: the front of one line, then a whole one.
static void torn_line__is_told_and_the_whole_one_read(void **state) {
    (void)state;
    static const char TORN[] = PREFIX HEAD(1, 18) "\"request\":{\"sessionId\":5,\"sess";
    for (size_t len = 1; len < sizeof TORN; len++) {
        char text[8192];
        int n = snprintf(text, sizeof text, "%.*s%s", (int)len, TORN, FETCH);
        assert_true(n > 0 && (size_t)n < sizeof text);
        assert_int_equal(parse(text), LINE_FAULT_NONE);
        assert_int_equal(line.torn.len, len);
        assert_int_equal(line.answered.items[0].bytes, 1234);
        struct broker_line_brief brief;
        assert_int_equal(broker_line_classify(slice_str(text), &brief), LINE_FAULT_NONE);
        assert_int_equal(brief.torn.len, len);
    }
}

// A client names itself so that its lines look torn: they are read all the same.
static void client_id__that_looks_like_a_prefix_hides_nothing(void **state) {
    (void)state;
    static const char EVIL[] =
        "{\"isForwarded\":false,\"requestHeader\":{\"requestApiKey\":1,\"requestApiVersion\":18,"
        "\"clientId\":\"[2026-11-01 10:15:30,123] DEBUG Completed request:{\"},";
    char text[4096], torn[8192];
    snprintf(text, sizeof text, PREFIX "%s" FETCH_REQUEST FETCH_RESPONSE TAIL, EVIL);
    assert_int_equal(parse(text), LINE_FAULT_NONE);
    assert_int_equal(line.torn.len, 0);
    assert_int_equal(line.answered.items[0].bytes, 1234);
    snprintf(torn, sizeof torn, PREFIX "{\"isForw%s", text);
    assert_int_equal(parse(torn), LINE_FAULT_NONE);
    assert_int_equal(line.torn.len, sizeof PREFIX - 1 + 8);
    assert_int_equal(line.answered.items[0].bytes, 1234);
}

static void brief__agrees_with_the_whole(void **state) {
    (void)state;
    struct broker_line_brief brief;
    assert_int_equal(broker_line_classify(SLICE_LIT(FETCH), &brief), LINE_FAULT_NONE);
    assert_int_equal(brief.api_key, 1);
    assert_int_equal(brief.api_version, 18);
    assert_false(brief.forwarded);
    assert_false(brief.escaped);
    assert_true(slice_eq_str(brief.principal, "User:u"));
    assert_true(slice_eq_str(brief.listener, "CLIENT"));
    assert_true(slice_eq_str(brief.client_id, "c"));
}

static void facts__leave_out_errors_and_the_zero_id(void **state) {
    (void)state;
    assert_int_equal(parse(PREFIX HEAD(3, 13) "\"request\":{},\"response\":{\"topics\":["
                                              "{\"errorCode\":0,\"name\":\"a\","
                                              "\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAQ\"},"
                                              "{\"errorCode\":3,\"name\":\"b\","
                                              "\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAg\"},"
                                              "{\"errorCode\":0,\"name\":\"c\","
                                              "\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAA\"},"
                                              "{\"errorCode\":0,\"name\":\"d\"}]}" TAIL),
                     LINE_FAULT_NONE);
    assert_int_equal(line.fact_count, 1);
    assert_true(slice_eq_str(line.facts[0].name, "a"));
    assert_int_equal(line.facts[0].event, TOPIC_SEEN);
}

static void fault_names__are_read_back(void **state) {
    (void)state;
    for (int i = 0; i < LINE_FAULT_COUNT; i++) {
        enum line_fault fault = LINE_FAULT_COUNT;
        assert_true(line_fault_parse(slice_str(line_fault_name((enum line_fault)i)), &fault));
        assert_int_equal(fault, i);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(fetch__gives_every_number),
        CASE(escapes__are_resolved_and_order_does_not_matter),
        CASE(missing_and_wrong_fields__are_faults_and_never_zero),
        CASE(torn_line__is_told_and_the_whole_one_read),
        CASE(client_id__that_looks_like_a_prefix_hides_nothing),
        CASE(brief__agrees_with_the_whole),
        CASE(facts__leave_out_errors_and_the_zero_id),
        CASE(fault_names__are_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
