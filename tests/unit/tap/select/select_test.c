// What is shipped and what is not.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "core/brokerlog/log_value.h"
#include "tap/select/refusal_memory.h"
#include "tap/select/select.h"

enum { SENT_MAX = 64 };

struct sent {
    enum broker_record_kind kind;
    uint64_t offset;
    bool everywhere;
    char key[128];
    char *value;
    size_t len;
};

static struct sent sent[SENT_MAX];
static size_t sent_count;
static struct log_hole hole; // the last one given; its slices are gone
static size_t refuse_after;
static struct select *selector;
static char line_text[1 << 22];

static bool keep(void *ctx, const struct select_record *r) {
    (void)ctx;
    if (sent_count >= refuse_after) {
        return false;
    }
    assert_true(sent_count < SENT_MAX);
    struct sent *s = &sent[sent_count++];
    *s = (struct sent){.kind = r->kind, .offset = r->offset, .everywhere = r->everywhere};
    snprintf(s->key, sizeof s->key, "%.*s", SLICE_ARG(r->key));
    if (r->hole != NULL) {
        hole = *r->hole;
    }
    s->value = malloc(r->value.len + 1);
    memcpy(s->value, r->value.len == 0 ? "" : r->value.ptr, r->value.len);
    s->value[r->value.len] = '\0';
    s->len = r->value.len;
    return true;
}

static void forget_sent(void) {
    while (sent_count > 0) {
        free(sent[--sent_count].value);
    }
}

static int setup(void **state) {
    (void)state;
    static const char *const listeners[] = {"CONTROLLER", NULL};
    static const char *const own[] = {"User:weir-*", "User:broker", NULL};
    static const char *const kept[] = {"User:weir-canary", NULL};
    const struct select_options o = {
        .drop_listeners = listeners, .own_principals = own, .keep_principals = kept};
    refuse_after = SENT_MAX;
    selector = select_new(&o, keep, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    select_free(selector);
    forget_sent();
    return 0;
}

struct request {
    int key, version;
    const char *name, *request, *response, *principal, *listener, *connection;
    bool forwarded;
};

#define PRODUCE_REQUEST                                                                            \
    "{\"transactionalId\":null,\"acks\":-1,\"timeoutMs\":30000,\"topicData\":[]}"
#define PRODUCE_RESPONSE "{\"responses\":[],\"throttleTimeMs\":0}"

// A line as Kafka 4.3 writes it. Unset texts have an ordinary value.
static const char *line_of(struct request r) {
    int n = snprintf(
        line_text, sizeof line_text,
        "[2026-11-22 16:04:03,659] DEBUG Completed request:{\"isForwarded\":%s,\"requestHeader\":"
        "{\"requestApiKey\":%d,\"requestApiVersion\":%d,\"correlationId\":1,\"clientId\":\"c\","
        "\"requestApiKeyName\":\"%s\"},\"request\":%s,\"response\":%s,\"connection\":\"%s\","
        "\"totalTimeMs\":4.7,\"requestQueueTimeMs\":0.1,\"localTimeMs\":4.2,\"remoteTimeMs\":0.0,"
        "\"throttleTimeMs\":0,\"responseQueueTimeMs\":0.06,\"sendTimeMs\":0.2,"
        "\"securityProtocol\":\"SASL_PLAINTEXT\",\"principal\":\"%s\",\"listener\":\"%s\","
        "\"clientInformation\":{\"softwareName\":\"librdkafka\",\"softwareVersion\":\"2.0.2\"}} "
        "(kafka.request.logger)",
        r.forwarded ? "true" : "false", r.key, r.version, r.name == NULL ? "X" : r.name,
        r.request == NULL ? PRODUCE_REQUEST : r.request,
        r.response == NULL ? PRODUCE_RESPONSE : r.response,
        r.connection == NULL ? "127.0.0.1:9092-127.0.0.1:5555-1-0" : r.connection,
        r.principal == NULL ? "User:alice" : r.principal,
        r.listener == NULL ? "CLIENT" : r.listener);
    assert_true(n > 0 && (size_t)n < sizeof line_text);
    return line_text;
}

static enum select_drop take_text(const char *text, uint64_t offset) {
    int64_t time_us = 0;
    return select_line(selector, slice_str(text), offset, &time_us);
}

static enum select_drop take(struct request r) {
    return take_text(line_of(r), 1000);
}

// A FETCH of one partition; `topics` of the request given as text, the response's bytes and error.
static struct request fetch(int session, int epoch, const char *topics, int granted, int bytes,
                            int error) {
    static char request[2048], response[2048];
    snprintf(request, sizeof request,
             "{\"maxWaitMs\":500,\"minBytes\":1,\"maxBytes\":52428800,\"isolationLevel\":0,"
             "\"sessionId\":%d,\"sessionEpoch\":%d,\"topics\":%s,\"forgottenTopicsData\":[],"
             "\"rackId\":\"\"}",
             session, epoch, topics);
    snprintf(response, sizeof response,
             "{\"throttleTimeMs\":0,\"errorCode\":0,\"sessionId\":%d,\"responses\":[{\"topicId\":"
             "\"YPusGw0rSSyuwfEQtKYsug\",\"partitions\":[{\"partitionIndex\":0,\"errorCode\":%d,"
             "\"highWatermark\":429,\"lastStableOffset\":429,\"logStartOffset\":0,"
             "\"abortedTransactions\":null,\"preferredReadReplica\":-1,"
             "\"recordsSizeInBytes\":%d}]}]}",
             granted, error, bytes);
    return (struct request){
        .key = 1, .version = 18, .name = "FETCH", .request = request, .response = response};
}

#define PART(offset)                                                                               \
    "[{\"topicId\":\"YPusGw0rSSyuwfEQtKYsug\",\"partitions\":[{\"partition\":0,"                   \
    "\"currentLeaderEpoch\":0,\"fetchOffset\":" #offset                                            \
    ",\"lastFetchedEpoch\":-1,\"logStartOffset\":-1,\"partitionMaxBytes\":3000}]}]"

static void billable_line__is_shipped_whole_under_its_principal(void **state) {
    (void)state;
    struct request r = fetch(0, -1, PART(5), 0, 100, 0);
    assert_int_equal(take(r), SELECT_KEPT);
    assert_int_equal(sent_count, 1);
    assert_int_equal(sent[0].kind, BROKER_RECORD_LINE);
    assert_int_equal(sent[0].offset, 1000);
    assert_false(sent[0].everywhere);
    assert_string_equal(sent[0].key, "User:alice");
    assert_string_equal(sent[0].value, line_of(r));
}

static void api__is_on_the_list_or_dropped(void **state) {
    (void)state;
    const int shipped[] = {0, 8, 28, 78, 79};
    for (size_t i = 0; i < sizeof shipped / sizeof shipped[0]; i++) {
        assert_int_equal(take((struct request){.key = shipped[i]}), SELECT_KEPT);
    }
    forget_sent();
    for (int key = 0; key <= 100; key++) {
        bool listed = key == 1 || key == 3 || key == 19 || key == 20;
        for (size_t i = 0; i < sizeof shipped / sizeof shipped[0]; i++) {
            listed |= key == shipped[i];
        }
        if (!listed) {
            assert_int_equal(take((struct request){.key = key}), SELECT_API);
        }
    }
    assert_int_equal(sent_count, 0);
}

static void own_and_cluster_traffic__is_dropped_but_the_canary(void **state) {
    (void)state;
    assert_int_equal(take((struct request){.principal = "User:weir-meter"}), SELECT_OWN_PRINCIPAL);
    assert_int_equal(take((struct request){.principal = "User:broker"}), SELECT_OWN_PRINCIPAL);
    assert_int_equal(take((struct request){.listener = "CONTROLLER"}), SELECT_LISTENER);
    assert_int_equal(take((struct request){.forwarded = true}), SELECT_FORWARDED);
    // "\u0077eir-meter" is weir-meter, however it is written.
    assert_int_equal(take((struct request){.principal = "User:\\u0077eir-meter"}),
                     SELECT_OWN_PRINCIPAL);
    assert_int_equal(sent_count, 0);
    assert_int_equal(take((struct request){.principal = "User:weir-canary"}), SELECT_KEPT);
    assert_int_equal(take((struct request){.principal = "User:broker2"}), SELECT_KEPT);
    assert_int_equal(take((struct request){.principal = "User:weir"}), SELECT_KEPT);
    assert_int_equal(sent_count, 3);
}

static void escaped_principal__is_the_key_unescaped(void **state) {
    (void)state;
    assert_int_equal(take((struct request){.key = 8,
                                           .request = "{\"groupId\":\"g\",\"topics\":[]}",
                                           .response = "{\"throttleTimeMs\":0,\"topics\":[]}",
                                           .principal = "User:CN=\\\"x\\\"",
                                           .version = 9}),
                     SELECT_KEPT);
    assert_string_equal(sent[0].key, "User:CN=\"x\"");
}

static void follower__is_replication(void **state) {
    (void)state;
    struct request r = fetch(0, -1, PART(5), 0, 100, 0);
    char request[4096];
    snprintf(request, sizeof request, "{\"replicaState\":{\"replicaId\":2,\"replicaEpoch\":1},%s",
             r.request + 1);
    r.request = request;
    assert_int_equal(take(r), SELECT_FOLLOWER);
    assert_int_equal(sent_count, 0);
}

// --- empty fetches -------------------------------------------------------------------------------

static void second_empty_incremental_fetch__says_nothing(void **state) {
    (void)state;
    assert_int_equal(take(fetch(0, 0, PART(5), 77, 0, 0)), SELECT_KEPT); // grants the session
    assert_int_equal(take(fetch(77, 1, "[]", 77, 0, 0)), SELECT_EMPTY_FETCH);
    assert_int_equal(take(fetch(77, 2, "[]", 77, 0, 0)), SELECT_EMPTY_FETCH);
    assert_int_equal(take(fetch(77, 3, "[]", 77, 10, 0)), SELECT_KEPT); // bytes
    assert_int_equal(take(fetch(77, 4, "[]", 77, 0, 0)), SELECT_KEPT);  // the one before had some
    assert_int_equal(take(fetch(77, 5, "[]", 77, 0, 0)), SELECT_EMPTY_FETCH);
    assert_int_equal(take(fetch(77, 6, PART(9), 77, 0, 0)), SELECT_KEPT); // a position
    assert_int_equal(take(fetch(77, 7, "[]", 77, 0, 0)), SELECT_EMPTY_FETCH);
    assert_int_equal(take(fetch(77, 8, "[]", 77, 0, 6)), SELECT_KEPT); // an error
    assert_int_equal(take(fetch(77, 9, "[]", 77, 0, 0)), SELECT_KEPT);
    assert_int_equal(take(fetch(77, -1, "[]", 0, 0, 0)), SELECT_KEPT); // the session's end
}

// The line at another time of the day; the session goes on.
static enum select_drop take_fetch_at(const char *time, int epoch) {
    char text[8192];
    snprintf(text, sizeof text, "%s", line_of(fetch(77, epoch, "[]", 77, 0, 0)));
    memcpy(text + strlen("[2026-11-22 "), time, strlen(time));
    return take_text(text, 1000);
}

static void idle_connection__tells_hourly_that_it_lives(void **state) {
    (void)state;
    assert_int_equal(take_fetch_at("00:00:00,000", 1), SELECT_KEPT);
    assert_int_equal(take_fetch_at("00:30:00,000", 2), SELECT_EMPTY_FETCH);
    assert_int_equal(take_fetch_at("00:59:59,999", 3), SELECT_EMPTY_FETCH);
    assert_int_equal(take_fetch_at("01:00:00,000", 4), SELECT_KEPT);
    assert_int_equal(take_fetch_at("01:00:00,500", 5), SELECT_EMPTY_FETCH);
    assert_int_equal(take_fetch_at("01:59:59,999", 6), SELECT_EMPTY_FETCH);
    assert_int_equal(take_fetch_at("02:00:00,000", 7), SELECT_KEPT);
    assert_int_equal(take_fetch_at("01:30:00,000", 8), SELECT_KEPT); // the clock is set back
    assert_int_equal(take_fetch_at("01:30:00,500", 9), SELECT_EMPTY_FETCH);
}

static void empty_fetch_of_another_session__is_shipped(void **state) {
    (void)state;
    assert_int_equal(take(fetch(0, 0, PART(5), 77, 0, 0)), SELECT_KEPT);
    assert_int_equal(take(fetch(78, 1, "[]", 78, 0, 0)), SELECT_KEPT);
    assert_int_equal(take(fetch(78, 2, "[]", 78, 0, 0)), SELECT_EMPTY_FETCH);
    assert_int_equal(take(fetch(0, 0, PART(5), 79, 0, 0)), SELECT_KEPT); // granted
}

static void full_fetch__says_nothing_only_unchanged(void **state) {
    (void)state;
    assert_int_equal(take(fetch(0, -1, PART(5), 0, 0, 0)), SELECT_KEPT);
    assert_int_equal(take(fetch(0, -1, PART(5), 0, 0, 0)), SELECT_EMPTY_FETCH);
    assert_int_equal(take(fetch(0, -1, PART(6), 0, 0, 0)), SELECT_KEPT);
    assert_int_equal(take(fetch(0, -1, PART(6), 0, 0, 0)), SELECT_EMPTY_FETCH);
    assert_int_equal(take(fetch(0, -1, "[]", 0, 0, 0)), SELECT_KEPT);
    assert_int_equal(take(fetch(0, 0, PART(6), 0, 0, 0)), SELECT_KEPT);
    assert_int_equal(take(fetch(0, 0, PART(6), 0, 0, 0)), SELECT_EMPTY_FETCH);
}

static void forgotten_topics__say_something(void **state) {
    (void)state;
    assert_int_equal(take(fetch(0, 0, PART(5), 77, 0, 0)), SELECT_KEPT);
    struct request r = fetch(77, 1, "[]", 77, 0, 0);
    char request[4096];
    const char *at = strstr(r.request, "\"forgottenTopicsData\":[]");
    assert_non_null(at);
    snprintf(request, sizeof request,
             "%.*s\"forgottenTopicsData\":[{\"topicId\":\"YPusGw0rSSyuwfEQtKYsug\","
             "\"partitions\":[0]}]%s",
             (int)(at - r.request), r.request, at + strlen("\"forgottenTopicsData\":[]"));
    r.request = request;
    assert_int_equal(take(r), SELECT_KEPT);
}

static void connections__are_kept_apart_and_memory_is_lost_on_request(void **state) {
    (void)state;
    struct request a = fetch(0, -1, PART(5), 0, 0, 0);
    struct request b = a;
    b.connection = "127.0.0.1:9092-127.0.0.1:5556-1-1";
    assert_int_equal(take(a), SELECT_KEPT);
    assert_int_equal(take(b), SELECT_KEPT);
    assert_int_equal(take(a), SELECT_EMPTY_FETCH);
    assert_int_equal(take(b), SELECT_EMPTY_FETCH);
    select_clear(selector);
    assert_int_equal(take(a), SELECT_KEPT);
}

static void unanswered_fetch__is_shipped(void **state) {
    (void)state;
    struct request r = fetch(0, -1, PART(5), 0, 0, 0);
    assert_int_equal(take(r), SELECT_KEPT);
    r.response = "\"\"";
    assert_int_equal(take(r), SELECT_KEPT);
    assert_int_equal(take(r), SELECT_KEPT);
}

// --- facts ---------------------------------------------------------------------------------------

static struct request metadata(const char *topics) {
    static char response[1 << 20];
    snprintf(response, sizeof response,
             "{\"throttleTimeMs\":0,\"brokers\":[],\"clusterId\":\"x\",\"controllerId\":1,"
             "\"topics\":[%s]}",
             topics);
    return (struct request){.key = 3, .version = 13, .name = "METADATA", .response = response};
}

#define TOPIC(id, name)                                                                            \
    "{\"errorCode\":0,\"name\":\"" name "\",\"topicId\":\"" id                                     \
    "\",\"isInternal\":false,\"partitions\":[]}"

static void fact__goes_everywhere_when_new(void **state) {
    (void)state;
    struct request r = metadata(TOPIC("YPusGw0rSSyuwfEQtKYsug", "acme.orders"));
    r.principal = "User:weir-access"; // whoever asked
    assert_int_equal(take(r), SELECT_OWN_PRINCIPAL);
    assert_int_equal(sent_count, 1);
    assert_int_equal(sent[0].kind, BROKER_RECORD_FACT);
    assert_true(sent[0].everywhere);
    assert_int_equal(sent[0].offset, 1000);
    struct arena a;
    arena_init(&a);
    struct log_fact fact;
    assert_int_equal(log_value_decode_fact(slice_of(sent[0].value, sent[0].len), &a, &fact, NULL),
                     ERR_OK);
    assert_int_equal(fact.count, 1);
    assert_int_equal(fact.at_us, 1795363443659000);
    assert_true(slice_eq_str(fact.topics[0].name, "acme.orders"));
    assert_true(slice_eq_str(fact.topics[0].id, "YPusGw0rSSyuwfEQtKYsug"));
    arena_done(&a);
    // Not again, but with what is new; and all again after going back.
    take(r);
    assert_int_equal(sent_count, 1);
    take(metadata(TOPIC("YPusGw0rSSyuwfEQtKYsug", "acme.orders") "," TOPIC("APusGw0rSSyuwfEQtKYsug",
                                                                           "acme.more")));
    assert_int_equal(sent_count, 2);
    assert_null(strstr(sent[1].value, "acme.orders"));
    assert_non_null(strstr(sent[1].value, "acme.more"));
    select_clear(selector);
    take(metadata(TOPIC("YPusGw0rSSyuwfEQtKYsug", "acme.orders")));
    assert_int_equal(sent_count, 3);
}

static void unknown_topic__is_no_fact(void **state) {
    (void)state;
    take(metadata("{\"errorCode\":3,\"name\":\"x\",\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAA\","
                  "\"isInternal\":false,\"partitions\":[]}"));
    assert_int_equal(sent_count, 0);
}

static void many_facts_of_one_line__have_positions_of_their_own(void **state) {
    (void)state;
    static char topics[1 << 19];
    size_t n = 0;
    const int count = SELECT_FACT_TOPICS_MAX * 2 + 1;
    for (int i = 0; i < count; i++) {
        n += (size_t)snprintf(topics + n, sizeof topics - n,
                              "%s{\"errorCode\":0,\"name\":\"t%d\",\"topicId\":"
                              "\"%04dGw0rSSyuwfEQtKYsug\",\"isInternal\":false,\"partitions\":[]}",
                              i == 0 ? "" : ",", i, i);
    }
    take(metadata(topics));
    assert_int_equal(sent_count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(sent[i].kind, BROKER_RECORD_FACT);
        assert_int_equal(sent[i].offset, 1000 + i);
    }
}

static void failed_shipment__stops_the_line(void **state) {
    (void)state;
    refuse_after = 0;
    struct request r = metadata(TOPIC("YPusGw0rSSyuwfEQtKYsug", "acme.orders"));
    take(r);
    assert_int_equal(sent_count, 0);
    refuse_after = SENT_MAX;
    select_clear(selector); // as after going back
    take(r);
    assert_int_equal(sent_count, 1);
}

// --- refusals ------------------------------------------------------------------------------------

static void refusals__are_shipped_by_row(void **state) {
    (void)state;
    const struct request r = {
        .key = 10,
        .version = 2,
        .name = "FIND_COORDINATOR",
        .request = "{\"key\":\"their.group\",\"keyType\":0}",
        .response = "{\"throttleTimeMs\":0,\"errorCode\":30,\"errorMessage\":\"Group "
                    "authorization failed.\",\"nodeId\":-1,\"host\":\"\",\"port\":-1}"};
    for (int i = 0; i < 5; i++) {
        assert_int_equal(take(r), SELECT_REFUSAL);
    }
    assert_int_equal(sent_count, 1);
    assert_int_equal(sent[0].kind, BROKER_RECORD_REFUSAL);
    assert_string_equal(sent[0].key, "User:alice");
    assert_non_null(strstr(sent[0].value, "\"resource\":\"their.group\""));
    assert_non_null(strstr(sent[0].value, "\"error_code\":30"));
    assert_int_equal(take(metadata("{\"errorCode\":29,\"name\":\"closed\",\"topicId\":"
                                   "\"AAAAAAAAAAAAAAAAAAAAAA\",\"isInternal\":false,"
                                   "\"partitions\":[]}")),
                     SELECT_REFUSAL);
    assert_int_equal(sent_count, 2);
    assert_non_null(strstr(sent[1].value, "\"resource\":\"closed\""));
    // 290 is another error, and a client's text is no error code.
    assert_int_equal(take(metadata("{\"errorCode\":290,\"name\":\"\\\"errorCode\\\":29,\","
                                   "\"topicId\":\"AAAAAAAAAAAAAAAAAAAAAA\",\"partitions\":[]}")),
                     SELECT_API);
}

static void refusal_row__begins_anew_after_a_minute_and_tells_the_count(void **state) {
    (void)state;
    static struct refusal_memory m;
    refusal_memory_clear(&m);
    assert_int_equal(refusal_memory_count(&m, SLICE_LIT("User:a"), 3, 29, 0), 1);
    assert_int_equal(refusal_memory_count(&m, SLICE_LIT("User:a"), 3, 29, 1), 0);
    assert_int_equal(refusal_memory_count(&m, SLICE_LIT("User:a"), 3, 29, REFUSAL_ROW_US - 1), 0);
    assert_int_equal(refusal_memory_count(&m, SLICE_LIT("User:a"), 3, 29, REFUSAL_ROW_US), 3);
    assert_int_equal(refusal_memory_count(&m, SLICE_LIT("User:a"), 3, 30, REFUSAL_ROW_US), 1);
}

// --- what can't be read --------------------------------------------------------------------------

static struct log_dead dead_of(size_t i, struct arena *a) {
    struct log_dead d;
    assert_int_equal(sent[i].kind, BROKER_RECORD_DEAD);
    assert_int_equal(log_value_decode_dead(slice_of(sent[i].value, sent[i].len), a, &d, NULL),
                     ERR_OK);
    return d;
}

static void torn_line__is_a_dead_letter_and_the_rest_is_a_line(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    char text[8192];
    const char *front = "[2026-11-22 16:04:03,600] DEBUG Completed request:{\"isForwarded\":fal";
    const char *good = line_of((struct request){.key = 0});
    snprintf(text, sizeof text, "%s%s", front, good);
    assert_int_equal(take_text(text, 5000), SELECT_KEPT);
    assert_int_equal(sent_count, 2);
    struct log_dead d = dead_of(0, &a);
    assert_true(slice_eq_str(d.reason, "torn"));
    assert_int_equal(d.bytes, strlen(front));
    assert_int_equal(sent[0].offset, 5000);
    assert_int_equal(sent[1].offset, 5000 + strlen(front));
    assert_string_equal(sent[1].value, good);
    arena_done(&a);
}

static void marker_inside_a_client_id__tears_nothing(void **state) {
    (void)state;
    char text[8192];
    const char *good = line_of((struct request){.key = 0});
    const char *at = strstr(good, "\"clientId\":\"c\"");
    assert_non_null(at);
    snprintf(text, sizeof text,
             "%.*s\"clientId\":\"x] DEBUG Completed request:{\\\"isForwarded\\\":false\"%s",
             (int)(at - good), good, at + strlen("\"clientId\":\"c\""));
    assert_int_equal(take_text(text, 0), SELECT_KEPT);
    assert_int_equal(sent_count, 1);
    assert_string_equal(sent[0].value, text);
}

static void nonsense__is_a_dead_letter_and_other_text_is_not(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_int_equal(take_text("this was a request} (kafka.request.logger)", 7), SELECT_DEAD);
    struct log_dead d = dead_of(0, &a);
    assert_int_equal(sent[0].offset, 7);
    assert_true(slice_eq_str(d.text, "this was a request} (kafka.request.logger)"));
    assert_int_equal(take_text("[2026-11-22 16:04:03,659] DEBUG Completed reque", 8), SELECT_DEAD);
    assert_int_equal(take_text("[2026-11-22 16:04:03,659] DEBUG Completed request:{\"a\":1", 9),
                     SELECT_DEAD);
    assert_int_equal(sent_count, 3);
    assert_int_equal(
        take_text("[2026-11-22 16:04:03,659] WARN Processor 1 received request: x (kafka)", 10),
        SELECT_NOT_A_REQUEST);
    static const char *const OTHER[] = {
        "",
        "java.io.IOException: Connection reset by peer",
        "\tat java.base/sun.nio.ch.SocketDispatcher.write0(Native Method)",
        "[2026-11-22 16:04:03,659] TRACE Processor 1 received request: x "
        "(kafka.network.RequestChannel$)",
    };
    for (size_t i = 0; i < sizeof OTHER / sizeof *OTHER; i++) {
        assert_int_equal(take_text(OTHER[i], 11), SELECT_NOT_A_REQUEST);
    }
    assert_int_equal(sent_count, 3);
    arena_done(&a);
}

// KAFKA-18272: a request in a deprecated API version.
static void level_info__is_shipped_like_debug(void **state) {
    (void)state;
    char text[8192];
    const char *debug = line_of((struct request){.key = 1,
                                                 .version = 11,
                                                 .request = "{\"topics\":[],\"sessionId\":0,"
                                                            "\"sessionEpoch\":-1}",
                                                 .response = "{\"errorCode\":0,"
                                                             "\"sessionId\":0,"
                                                             "\"responses\":[]}"});
    snprintf(text, sizeof text, "%.26sINFO%s", debug, debug + 26 + strlen("DEBUG"));
    assert_int_equal(take_text(text, 5), SELECT_KEPT);
    assert_int_equal(sent_count, 1);
    assert_int_equal(sent[0].kind, BROKER_RECORD_LINE);
    assert_string_equal(sent[0].value, text);
}

// The file was truncated under its writer.
static void nuls__in_front_are_passed_over(void **state) {
    (void)state;
    static char text[16384];
    const char *good = line_of((struct request){.key = 0});
    size_t len = strlen(good);
    memcpy(text + 5000, good, len);
    int64_t time_us = 0;
    assert_int_equal(select_line(selector, slice_of(text, 5000 + len), 100, &time_us), SELECT_KEPT);
    assert_int_equal(sent_count, 1);
    assert_int_equal(sent[0].offset, 5100);
    assert_string_equal(sent[0].value, good);
    assert_int_equal(select_line(selector, slice_of(text, 5000), 100, &time_us),
                     SELECT_NOT_A_REQUEST);
    assert_int_equal(sent_count, 1);
}

static enum select_drop take_last(const char *text, size_t len) {
    int64_t time_us = 0;
    return select_last(selector, slice_of(text, len), 100, &time_us);
}

static void end_of_a_file__is_a_line_or_dead_or_other_text(void **state) {
    (void)state;
    static char text[16384];
    struct arena a;
    arena_init(&a);
    const char *good = line_of((struct request){.key = 0});
    size_t len = strlen(good);
    memcpy(text + 10, good, len);
    // Only its newline is missing.
    assert_int_equal(take_last(text, 10 + len), SELECT_KEPT);
    assert_int_equal(sent[0].kind, BROKER_RECORD_LINE);
    assert_int_equal(sent[0].offset, 110);
    assert_int_equal(take_last(text, 10 + len - 30), SELECT_DEAD);
    assert_int_equal(sent[1].offset, 110);
    assert_true(slice_eq_str(dead_of(1, &a).reason, "torn"));
    assert_int_equal(take_last("[2026-11-22 1", 13), SELECT_DEAD);
    assert_int_equal(take_last(text, 10), SELECT_NOT_A_REQUEST); // NULs
    assert_int_equal(take_last("\tat java.ba", 11), SELECT_NOT_A_REQUEST);
    assert_int_equal(sent_count, 3);
    arena_done(&a);
}

static void dead_fetch__tells_principal_time_and_bytes(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    assert_int_equal(take((struct request){.key = 1,
                                           .version = 11,
                                           .principal = "User:M\\u00fcller",
                                           .request = "{\"x\":\"recordsSizeInBytes\"",
                                           .response = "{\"recordsSizeInBytes\":1234}"}),
                     SELECT_DEAD);
    struct log_dead d = dead_of(0, &a);
    assert_int_equal(d.api_key, 1);
    assert_true(d.has_time);
    assert_int_equal(d.time_us, 1795363443659000);
    assert_int_equal(d.record_bytes, 1234);
    assert_true(slice_eq_str(d.principal, "User:M\xc3\xbcller"));
    arena_done(&a);
}

static void dead_letter__masks_what_may_be_a_secret(void **state) {
    (void)state;
    struct arena a;
    arena_init(&a);
    // Cut off by a full disk: the salted password of a credential change.
    select_dead(selector, LINE_FAULT_TORN,
                SLICE_LIT("\"requestApiKey\":51,\"saltedPassword\":"
                          "\"q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=\",\"x\":"
                          "\"wabcdefghijklmnopqrstuvwxyz\",\"id\":\"YPusGw0rSSyuwfEQtKYsug\""),
                500, 3, NULL);
    struct log_dead d = dead_of(0, &a);
    assert_int_equal(d.bytes, 500);
    assert_null(memmem(d.text.ptr, d.text.len, "q83vEjRWeJ", 10));
    assert_null(memmem(d.text.ptr, d.text.len, "VniQq83vEj", 10));
    assert_non_null(memmem(d.text.ptr, d.text.len, "saltedPassword", 14));
    assert_non_null(memmem(d.text.ptr, d.text.len, "wabcdefghijklmnopqrstuvwxyz", 27));
    assert_non_null(memmem(d.text.ptr, d.text.len, "YPusGw0rSSyuwfEQtKYsug", 22));
    arena_done(&a);
}

static void skipped_epoch_of_a_session__is_a_hole_of_its_principal(void **state) {
    (void)state;
    select_generation(selector, 12);
    assert_int_equal(take_text(line_of(fetch(9, 1, PART(5), 9, 100, 0)), 1000), SELECT_KEPT);
    size_t len = strlen(line_text);
    select_generation(selector, 13);
    assert_int_equal(take_text(line_of(fetch(9, 4, PART(9), 9, 100, 0)), 50), SELECT_KEPT);
    assert_int_equal(sent_count, 3);
    assert_int_equal(sent[1].kind, BROKER_RECORD_HOLE);
    assert_false(sent[1].everywhere);
    assert_string_equal(sent[1].key, "User:alice");
    assert_int_equal(sent[2].kind, BROKER_RECORD_LINE);
    assert_true(hole.has_from);
    assert_int_equal(hole.from.generation, 12);
    assert_int_equal(hole.from.offset, 1000 + len + 1);
    assert_int_equal(hole.to.generation, 13);
    assert_int_equal(hole.to.offset, 50);
    assert_int_equal(hole.lines_at_least, 2);
    assert_true(hole.from_us > 0 && hole.from_us == hole.to_us);
    // Also where the line itself says nothing and isn't shipped.
    assert_int_equal(take_text(line_of(fetch(9, 5, "[]", 9, 0, 0)), 5000), SELECT_KEPT);
    assert_int_equal(take_text(line_of(fetch(9, 7, "[]", 9, 0, 0)), 9000), SELECT_EMPTY_FETCH);
    assert_int_equal(sent[sent_count - 1].kind, BROKER_RECORD_HOLE);
    assert_int_equal(hole.lines_at_least, 1);
    // A hole of the log is told already.
    select_hole(selector);
    size_t before = sent_count;
    assert_int_equal(take_text(line_of(fetch(9, 70, PART(9), 9, 100, 0)), 12000), SELECT_KEPT);
    assert_int_equal(sent_count, before + 1);
}

static void skipped_epoch_of_weir_itself__is_no_hole(void **state) {
    (void)state;
    for (int epoch = 1; epoch < 9; epoch += 3) {
        struct request r = fetch(9, epoch, PART(5), 9, 100, 0);
        r.principal = "User:weir-meter";
        assert_int_equal(take_text(line_of(r), (uint64_t)epoch * 1000), SELECT_OWN_PRINCIPAL);
    }
    assert_int_equal(sent_count, 0);
}

static char looked[256];

static void look(void *ctx, uint64_t at, const struct broker_line *l, uint64_t record_bytes) {
    (void)ctx;
    size_t len = strlen(looked);
    snprintf(looked + len, sizeof looked - len, "%d@%d:%d;", l == NULL ? -1 : l->api_key, (int)at,
             l == NULL ? (int)record_bytes : (int)l->answered.count);
}

// All that the broker counts is seen, whatever is shipped of it.
static void watch__sees_fetches_and_facts_shipped_or_not(void **state) {
    (void)state;
    static const char *const own[] = {"User:weir-*", NULL};
    const struct select_options o = {.own_principals = own, .watch = look};
    select_free(selector);
    selector = select_new(&o, keep, NULL);
    looked[0] = '\0';
    struct request r = fetch(0, -1, PART(5), 0, 100, 0);
    assert_int_equal(take_text(line_of(r), 100), SELECT_KEPT);
    r.principal = "User:weir-meter";
    assert_int_equal(take_text(line_of(r), 200), SELECT_OWN_PRINCIPAL);
    r = fetch(0, -1, PART(5), 0, 0, 0);
    assert_int_equal(take_text(line_of(r), 300), SELECT_KEPT);
    assert_int_equal(take_text(line_of(r), 400), SELECT_EMPTY_FETCH);
    assert_int_equal(take_text(line_of((struct request){.key = 0}), 500), SELECT_KEPT);
    assert_int_equal(take_text(line_of((struct request){
                                   .key = 3, .request = "{}", .response = "{\"topics\":[]}"}),
                               600),
                     SELECT_API);
    assert_string_equal(looked, "1@100:1;1@200:1;1@300:1;1@400:1;3@600:0;");
    // Unreadable, told as a dead letter, and of Weir's own, which is not told.
    looked[0] = '\0';
    r = fetch(0, -1, PART(5), 0, 77, 0);
    r.request = "{}";
    assert_int_equal(take_text(line_of(r), 700), SELECT_DEAD);
    r.principal = "User:weir-meter";
    assert_int_equal(take_text(line_of(r), 800), SELECT_OWN_PRINCIPAL);
    assert_string_equal(looked, "-1@700:77;-1@800:77;");
}

// What a share group's line is, the meter tells.
static void unreadable_share_fetch__is_shipped_as_ever(void **state) {
    (void)state;
    const struct request r = {.key = 78, .version = 2, .request = "{}", .response = "{\"x\":1}"};
    assert_int_equal(take(r), SELECT_KEPT);
    const struct select_options o = {.watch = look};
    select_free(selector);
    selector = select_new(&o, keep, NULL);
    assert_int_equal(take(r), SELECT_KEPT);
    assert_int_equal(sent_count, 2);
    assert_string_equal(sent[0].value, sent[1].value);
}

static void line_of_any_length__is_shipped(void **state) {
    (void)state;
    static char request[2 * BROKER_RECORD_VALUE_MAX];
    const char body[] = PRODUCE_REQUEST;
    request[0] = body[0];
    memset(request + 1, ' ', sizeof request - sizeof body);
    memcpy(request + sizeof request - sizeof body + 1, body + 1, sizeof body - 1);
    assert_int_equal(take((struct request){.key = 0, .request = request}), SELECT_KEPT);
    assert_true(sent[0].len > 2 * BROKER_RECORD_VALUE_MAX);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(billable_line__is_shipped_whole_under_its_principal),
        CASE(api__is_on_the_list_or_dropped),
        CASE(own_and_cluster_traffic__is_dropped_but_the_canary),
        CASE(escaped_principal__is_the_key_unescaped),
        CASE(follower__is_replication),
        CASE(second_empty_incremental_fetch__says_nothing),
        CASE(empty_fetch_of_another_session__is_shipped),
        CASE(idle_connection__tells_hourly_that_it_lives),
        CASE(full_fetch__says_nothing_only_unchanged),
        CASE(forgotten_topics__say_something),
        CASE(connections__are_kept_apart_and_memory_is_lost_on_request),
        CASE(unanswered_fetch__is_shipped),
        CASE(fact__goes_everywhere_when_new),
        CASE(unknown_topic__is_no_fact),
        CASE(many_facts_of_one_line__have_positions_of_their_own),
        CASE(failed_shipment__stops_the_line),
        CASE(refusals__are_shipped_by_row),
        CASE(refusal_row__begins_anew_after_a_minute_and_tells_the_count),
        CASE(torn_line__is_a_dead_letter_and_the_rest_is_a_line),
        CASE(marker_inside_a_client_id__tears_nothing),
        CASE(skipped_epoch_of_a_session__is_a_hole_of_its_principal),
        CASE(skipped_epoch_of_weir_itself__is_no_hole),
        CASE(watch__sees_fetches_and_facts_shipped_or_not),
        CASE(unreadable_share_fetch__is_shipped_as_ever),
        CASE(nonsense__is_a_dead_letter_and_other_text_is_not),
        CASE(level_info__is_shipped_like_debug),
        CASE(nuls__in_front_are_passed_over),
        CASE(end_of_a_file__is_a_line_or_dead_or_other_text),
        CASE(dead_fetch__tells_principal_time_and_bytes),
        CASE(dead_letter__masks_what_may_be_a_secret),
        CASE(line_of_any_length__is_shipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
