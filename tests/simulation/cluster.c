#include "simulation/cluster.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/instant.h"

enum { TEXT_MAX = 4 * 1024 * 1024 };
static const int64_t APART_US = 1100000; // lines of one person at two brokers

static const struct {
    const char *name, *id;
} TOPICS[CLUSTER_TOPICS_MAX] = {{"orders", "b3JkZXJzAAAAAAAAAAAAAQ"},
                                {"prices", "cHJpY2VzAAAAAAAAAAAAAg"}};

struct slice cluster_name_of(struct slice id) {
    for (int t = 0; t < CLUSTER_TOPICS_MAX; t++) {
        if (slice_eq_str(id, TOPICS[t].id)) {
            return slice_str(TOPICS[t].name);
        }
    }
    return id;
}

void cluster_init(struct cluster *c, struct request_log *log, uint64_t seed) {
    static const struct cluster_person PEOPLE[CLUSTER_PEOPLE] = {
        {.principal = "User:alice", .spread = true},
        {.principal = "User:CN=foo,O=\\\"bar, inc\\\",C=DE", .spread = true},
        {.principal = "User:writer1", .spread = true},
        {.principal = "User:writer2", .spread = true},
        {.principal = "User:mallory", .spread = false},
        {.principal = "User:admin", .spread = true},
    };
    memset(c, 0, sizeof *c);
    chance_init(&c->chance, seed, 1);
    c->log = log;
    c->now_us = log->begin_us;
    memcpy(c->people, PEOPLE, sizeof PEOPLE);
    c->topics = 1 + (int)chance_below(&c->chance, CLUSTER_TOPICS_MAX);
    for (int t = 0; t < c->topics; t++) {
        int count = 1 + (int)chance_below(&c->chance, t == 0 ? 3 : 2);
        for (int i = 0; i < count; i++) {
            check(c->place_count < CLUSTER_PLACES_MAX);
            struct cluster_place *p = &c->places[c->place_count++];
            p->topic = t;
            p->number = i;
            p->leader = (int)chance_below(&c->chance, (uint32_t)log->brokers);
        }
    }
    buf_init(&c->request, TEXT_MAX);
    buf_init(&c->response, TEXT_MAX);
    buf_init(&c->text, TEXT_MAX);
}

void cluster_done(struct cluster *c) {
    buf_done(&c->request);
    buf_done(&c->response);
    buf_done(&c->text);
}

// --- batches -------------------------------------------------------------------------------------

int64_t cluster_read(const struct cluster_place *p, int64_t offset, int max, int64_t *ret_next) {
    int64_t bytes = 0;
    *ret_next = offset;
    for (int i = 0; i < p->batch_count && max > 0; i++) {
        const struct cluster_batch *b = &p->batches[i];
        if (b->base + b->records > offset) {
            bytes += (int64_t)b->records * CLUSTER_RECORD_BYTES;
            *ret_next = b->base + b->records;
            max--;
        }
    }
    return bytes;
}

int64_t cluster_append(struct cluster_place *p, int records) {
    check(p->batch_count < CLUSTER_BATCHES_MAX);
    int64_t base = p->end;
    p->batches[p->batch_count++] = (struct cluster_batch){base, records};
    p->end += records;
    return base;
}

// --- lines ---------------------------------------------------------------------------------------

static void put(struct cluster *c, int broker, const char *text, size_t len) {
    struct request_log *l = c->log;
    if (l->count == l->cap) {
        l->cap = l->cap == 0 ? 256 : l->cap * 2;
        l->lines = realloc(l->lines, l->cap * sizeof *l->lines);
        check(l->lines != NULL);
    }
    char *copy = malloc(len);
    check(copy != NULL);
    memcpy(copy, text, len);
    l->lines[l->count++] = (struct request_log_line){
        .broker = broker + 1, .time_us = c->now_us, .text = copy, .len = len};
}

static void put_time(struct buf *b, int64_t us) {
    int64_t days = us / US_PER_DAY, year = 0, ms = us % US_PER_DAY / 1000;
    unsigned month = 0, day = 0;
    civil_from_days(days, &year, &month, &day);
    buf_printf(b, "[%04" PRId64 "-%02u-%02u %02d:%02d:%02d,%03d] ", year, month, day,
               (int)(ms / 3600000), (int)(ms / 60000 % 60), (int)(ms / 1000 % 60),
               (int)(ms % 1000));
}

static void pass_time(struct cluster *c, int person, int broker) {
    struct cluster_person *p = &c->people[person];
    c->now_us += 1000 * chance_between(&c->chance, 1, 1500);
    if (p->spread && p->last_us != 0 && p->last_broker != broker &&
        c->now_us < p->last_us + APART_US) {
        c->now_us = p->last_us + APART_US;
    }
    p->last_us = c->now_us;
    p->last_broker = broker;
}

// `api`: its key and name. The texts are in c->request and c->response.
static void finish(struct cluster *c, const struct cluster_client *who, int broker, int connection,
                   int api, const char *name, int version, bool twice) {
    static const char *const TIMES[] = {"0.25", "1.5", "501.125", "1.0E-3"};
    pass_time(c, who->person, broker);
    buf_clear(&c->text);
    put_time(&c->text, c->now_us);
    // Correlation ids are the client's: many times the same.
    buf_printf(
        &c->text,
        "%s Completed request:{\"isForwarded\":false,\"requestHeader\":{\"requestApiKey\":%d,"
        "\"requestApiVersion\":%d,\"correlationId\":%d,\"clientId\":%s,"
        "\"requestApiKeyName\":\"%s\"},\"request\":",
        chance_once_in(&c->chance, 30) ? "INFO" : "DEBUG", api, version,
        (int)chance_below(&c->chance, 3), who->id, name);
    buf_add_slice(&c->text, buf_slice(&c->request));
    buf_add_str(&c->text, ",\"response\":");
    buf_add_slice(&c->text, buf_slice(&c->response));
    buf_printf(&c->text,
               ",\"connection\":\"10.0.0.%d:9092-10.0.1.%d:%d-0-%d\",\"totalTimeMs\":%s,"
               "\"principal\":\"%s\",\"listener\":\"CLIENT\",\"clientInformation\":"
               "{\"softwareName\":\"librdkafka\",\"softwareVersion\":\"2.0.2\"}} "
               "(kafka.request.logger)",
               broker + 1, who->address, 40000 + connection, connection,
               TIMES[chance_below(&c->chance, 4)], c->people[who->person].principal);
    check(!c->text.overflow && !c->request.overflow && !c->response.overflow);
    put(c, broker, c->text.ptr, c->text.len);
    if (twice) {
        put(c, broker, c->text.ptr, c->text.len);
    }
}

static void begin(struct cluster *c) {
    buf_clear(&c->request);
    buf_clear(&c->response);
}

static void put_topic(const struct cluster *c, struct buf *b, const struct cluster_part *p,
                      bool by_id, const char *field) {
    if (p->name != NULL) {
        buf_printf(b, "{\"%s\":\"%s\",", field, p->name);
    } else if (by_id) {
        buf_printf(b, "{\"topicId\":\"%s\",", TOPICS[c->places[p->place].topic].id);
    } else {
        buf_printf(b, "{\"%s\":\"%s\",", field, TOPICS[c->places[p->place].topic].name);
    }
}

// A topic that has all of a long name to itself.
static void put_long(struct buf *b, size_t bytes, bool answered) {
    static char name[1024];
    memset(name, 'x', sizeof name);
    buf_add_str(b, ",{\"topic\":\"");
    for (; bytes > 0; bytes -= bytes < sizeof name ? bytes : sizeof name) {
        buf_add(b, name, bytes < sizeof name ? bytes : sizeof name);
    }
    buf_add_str(b, answered ? "\",\"partitions\":[{\"partitionIndex\":0,\"errorCode\":3,"
                              "\"highWatermark\":-1,\"recordsSizeInBytes\":0}]}"
                            : "\",\"partitions\":[{\"partition\":0,\"fetchOffset\":7}]}");
}

void cluster_write_fetch(struct cluster *c, const struct cluster_client *who, int broker,
                         int connection, const struct cluster_fetch *f) {
    begin(c);
    buf_printf(&c->request,
               "{%s\"maxWaitMs\":500,\"isolationLevel\":1,\"sessionId\":%" PRId64
               ",\"sessionEpoch\":%" PRId64 ",\"topics\":[",
               who->by_id ? "" : "\"replicaId\":-1,", f->session, f->epoch);
    for (int i = 0; i < f->asked_count; i++) {
        const struct cluster_part *p = &f->asked[i];
        buf_add_str(&c->request, i == 0 ? "" : ",");
        put_topic(c, &c->request, p, who->by_id, "topic");
        buf_printf(&c->request,
                   "\"partitions\":[{\"partition\":%" PRId64 ",\"currentLeaderEpoch\":-1,"
                   "\"fetchOffset\":%" PRId64 ",\"partitionMaxBytes\":1048576}]}",
                   p->partition, p->offset);
    }
    if (f->long_name > 0 && f->asked_count > 0) {
        put_long(&c->request, f->long_name, false);
    }
    buf_add_str(&c->request, "],\"forgottenTopicsData\":[");
    for (int i = 0; i < f->forgotten_count; i++) {
        buf_add_str(&c->request, i == 0 ? "" : ",");
        put_topic(c, &c->request, &f->forgotten[i], who->by_id, "topic");
        buf_printf(&c->request, "\"partitions\":[%" PRId64 "]}", f->forgotten[i].partition);
    }
    buf_add_str(&c->request, "],\"rackId\":\"\"}");
    buf_printf(&c->response,
               "{\"throttleTimeMs\":0,\"errorCode\":%d,\"sessionId\":%" PRId64 ",\"responses\":[",
               f->error, f->granted);
    for (int i = 0; i < f->answered_count; i++) {
        const struct cluster_part *p = &f->answered[i];
        buf_add_str(&c->response, i == 0 ? "" : ",");
        put_topic(c, &c->response, p, who->by_id, "topic");
        buf_printf(&c->response,
                   "\"partitions\":[{\"partitionIndex\":%" PRId64 ",\"errorCode\":%d,"
                   "\"highWatermark\":%" PRId64 ",\"lastStableOffset\":%" PRId64
                   ",\"logStartOffset\":0,\"abortedTransactions\":null,"
                   "\"recordsSizeInBytes\":%" PRId64 "}]}",
                   p->partition, p->error, p->offset, p->offset, p->bytes);
    }
    if (f->long_name > 0 && f->answered_count > 0) {
        put_long(&c->response, f->long_name, true);
    }
    buf_add_str(&c->response, "]}");
    if (f->no_request) {
        buf_clear(&c->request);
        buf_add_str(&c->request, "\"\"");
    }
    finish(c, who, broker, connection, 1, "FETCH", who->by_id ? 16 : 11, f->twice);
}

void cluster_write_commit(struct cluster *c, const struct cluster_client *who, int broker,
                          int connection, bool by_producer, const struct cluster_part *parts,
                          int count) {
    begin(c);
    buf_add_str(&c->request, "{\"groupId\":\"g\",\"topics\":[");
    buf_add_str(&c->response, "{\"throttleTimeMs\":0,\"topics\":[");
    for (int i = 0; i < count; i++) {
        buf_add_str(&c->request, i == 0 ? "" : ",");
        put_topic(c, &c->request, &parts[i], false, "name");
        buf_printf(&c->request,
                   "\"partitions\":[{\"partitionIndex\":%" PRId64 ",\"committedOffset\":%" PRId64
                   "}]}",
                   parts[i].partition, parts[i].offset);
        buf_add_str(&c->response, i == 0 ? "" : ",");
        put_topic(c, &c->response, &parts[i], false, "name");
        buf_printf(&c->response,
                   "\"partitions\":[{\"partitionIndex\":%" PRId64 ",\"errorCode\":%d}]}",
                   parts[i].partition, parts[i].error);
    }
    buf_add_str(&c->request, "]}");
    buf_add_str(&c->response, "]}");
    finish(c, who, broker, connection, by_producer ? 28 : 8,
           by_producer ? "TXN_OFFSET_COMMIT" : "OFFSET_COMMIT", by_producer ? 4 : 9, false);
}

void cluster_write_produce(struct cluster *c, const struct cluster_client *who, int broker,
                           int place, int64_t bytes, int64_t base, bool no_acks) {
    const struct cluster_part part = {.place = place};
    int number = c->places[place].number;
    begin(c);
    buf_printf(&c->request, "{\"transactionalId\":null,\"acks\":%d,\"timeoutMs\":1,\"topicData\":[",
               no_acks ? 0 : -1);
    put_topic(c, &c->request, &part, who->by_id, "name");
    buf_printf(&c->request,
               "\"partitionData\":[{\"index\":%d,\"recordsSizeInBytes\":%" PRId64 "}]}]}", number,
               bytes);
    if (no_acks) {
        buf_add_str(&c->response, "\"\"");
    } else {
        buf_add_str(&c->response, "{\"responses\":[");
        put_topic(c, &c->response, &part, who->by_id, "name");
        buf_printf(&c->response,
                   "\"partitionResponses\":[{\"index\":%d,\"errorCode\":0,\"baseOffset\":%" PRId64
                   "}]}],\"throttleTimeMs\":0}",
                   number, base);
    }
    finish(c, who, broker, 0, 0, "PRODUCE", who->by_id ? 13 : 7, false);
}

void cluster_write_share(struct cluster *c, const struct cluster_client *who, int broker, int place,
                         int64_t first, int64_t last) {
    const struct cluster_place *p = &c->places[place];
    begin(c);
    buf_add_str(&c->request, "{\"groupId\":\"g\",\"shareSessionEpoch\":1,\"topics\":[]}");
    buf_printf(&c->response,
               "{\"errorCode\":0,\"responses\":[{\"topicId\":\"%s\",\"partitions\":[{"
               "\"partitionIndex\":%d,\"errorCode\":0,\"records\":\"\",\"acquiredRecords\":[{"
               "\"firstOffset\":%" PRId64 ",\"lastOffset\":%" PRId64 ",\"deliveryCount\":1}]}]}]}",
               TOPICS[p->topic].id, p->number, first, last);
    finish(c, who, broker, 9, 78, "SHARE_FETCH", 2, false);
}

static const struct cluster_client admin = {.person = 5, .id = "\"admin\"", .address = 99};

void cluster_write_heartbeat(struct cluster *c, int broker) {
    begin(c);
    buf_add_str(&c->request, "{\"groupId\":\"g\"}");
    buf_add_str(&c->response, "{\"throttleTimeMs\":0,\"errorCode\":0}");
    finish(c, &admin, broker, 0, 12, "HEARTBEAT", 4, false);
}

void cluster_write_topics(struct cluster *c, int broker) {
    begin(c);
    buf_add_str(&c->request, "{\"topics\":null,\"allowAutoTopicCreation\":false}");
    buf_add_str(&c->response,
                "{\"throttleTimeMs\":0,\"brokers\":[],\"clusterId\":\"x\",\"topics\":[");
    for (int t = 0; t < c->topics; t++) {
        buf_printf(&c->response,
                   "%s{\"errorCode\":0,\"name\":\"%s\",\"topicId\":\"%s\",\"isInternal\":false,"
                   "\"partitions\":[]}",
                   t == 0 ? "" : ",", TOPICS[t].name, TOPICS[t].id);
    }
    buf_add_str(&c->response, "]}");
    finish(c, &admin, broker, 0, 3, "METADATA", 13, false);
}

void cluster_write_noise(struct cluster *c, int broker) {
    static const char *const TEXTS[] = {
        "TRACE Processor 1 received request: FetchRequestData(clusterId=null) "
        "(kafka.network.RequestChannel$)",
        "DEBUG Completed request:{\"isForwarded\":false,\"requestHeader\":{\"requestApiKey\":1,"
        "\"requestApiVersion\":11,\"correlationId\":1,\"clientId\":\"x\",\"requestApiKeyName\":"
        "\"FETCH\"},\"request\":{\"repli",
        "DEBUG Completed request:{\"isForwarded\":false} (kafka.request.logger)",
    };
    buf_clear(&c->text);
    put_time(&c->text, c->now_us);
    buf_add_str(&c->text, TEXTS[chance_below(&c->chance, 3)]);
    put(c, broker, c->text.ptr, c->text.len);
}
