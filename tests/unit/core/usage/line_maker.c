#include "line_maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/instant.h"
#include "core/usage/usage_blob.h"

void (*maker_capture)(struct maker *m, const char *text);

static void add_to(struct maker_sum *s, const struct usage_delta *d) {
    s->messages += d->messages;
    s->bytes += d->bytes;
    s->fetches += d->fetches;
    s->open += d->open_fetches;
    s->produced_bytes += d->produced_bytes;
    s->produced_messages += d->produced_messages;
    s->share_messages += d->share_messages;
    s->share_fetches += d->share_fetches;
    s->lines += d->lines;
}

static void add_delta(void *ctx, const struct usage_delta *d) {
    struct maker *m = ctx;
    add_to(&m->all, d);
    if (d->delivery == USAGE_FRESH) {
        add_to(&m->fresh, d);
    }
    int i = 0;
    while (i < m->quarter_count && m->quarters[i].quarter_us < d->quarter_us) {
        i++;
    }
    if (i == m->quarter_count || m->quarters[i].quarter_us != d->quarter_us) {
        assert_true(m->quarter_count < MAKER_QUARTERS);
        memmove(&m->quarters[i + 1], &m->quarters[i],
                (size_t)(m->quarter_count - i) * sizeof m->quarters[0]);
        m->quarters[i] = (struct maker_sum){.quarter_us = d->quarter_us};
        m->quarter_count++;
    }
    add_to(&m->quarters[i], d);
}

void maker_init(struct maker *m) {
    *m = (struct maker){.broker = 1,
                        .connection = 1,
                        .client = "client",
                        .address = "10.0.0.9",
                        .topic = TOPIC_A,
                        .total = "1.5"};
    m->state = usage_state_new();
    m->names = topic_names_new();
    broker_line_init(&m->line);
    m->sink = (struct usage_sink){.add = add_delta, .ctx = m};
}

void maker_done(struct maker *m) {
    usage_state_free(m->state);
    topic_names_free(m->names);
    broker_line_done(&m->line);
}

int maker_start(void **state) {
    static struct maker m;
    maker_init(&m);
    *state = &m;
    return 0;
}

int maker_stop(void **state) {
    maker_done(*state);
    return 0;
}

void maker_text(struct maker *m, const char *text) {
    if (maker_capture != NULL) {
        maker_capture(m, text);
        return;
    }
    enum line_fault fault = broker_line_parse(&m->line, slice_str(text));
    if (fault != LINE_FAULT_NONE) {
        fail_msg("%s: %s", line_fault_name(fault), text);
    }
    usage_fold_line(m->state, m->broker, &m->line, m->names, &m->sink);
}

static void finish(struct maker *m, int api, int version, const char *request,
                   const char *response) {
    static char text[MAKER_TEXT_MAX];
    int64_t ms = m->at_ms;
    int n = snprintf(
        text, sizeof text,
        "[2026-11-%02d %02d:%02d:%02d,%03d] DEBUG Completed request:{\"isForwarded\":false,"
        "\"requestHeader\":{\"requestApiKey\":%d,\"requestApiVersion\":%d,\"correlationId\":1,"
        "\"clientId\":\"%s\",\"requestApiKeyName\":\"X\"},\"request\":%s,\"response\":%s,"
        "\"connection\":\"10.0.0.%d:9092-%s:%d-0-%d\",\"totalTimeMs\":%s,\"principal\":\"User:u\","
        "\"listener\":\"CLIENT\"} (kafka.request.logger)",
        1 + (int)(ms / 86400000), (int)(ms / 3600000 % 24), (int)(ms / 60000 % 60),
        (int)(ms / 1000 % 60), (int)(ms % 1000), api, version, m->client, request, response,
        m->broker, m->address, 40000 + m->connection, m->connection, m->total);
    assert_true(n > 0 && (size_t)n < sizeof text);
    maker_text(m, text);
}

struct part {
    int partition, error;
    char bytes[24];
    long long offset;
};

static size_t split(const char *text, bool answered, struct part *parts, size_t max) {
    size_t count = 0;
    int used = 0;
    for (; text != NULL && *text != '\0'; text += used) {
        while (*text == ' ') {
            text++;
        }
        assert_true(count < max);
        struct part *p = &parts[count++];
        *p = (struct part){0};
        used = 0;
        if (answered) {
            assert_int_equal(
                sscanf(text, "%d:%23[-0-9]/%lld%n", &p->partition, p->bytes, &p->offset, &used), 3);
        } else {
            assert_int_equal(sscanf(text, "%d@%lld%n", &p->partition, &p->offset, &used), 2);
        }
        if (text[used] == '!') {
            int more = 0;
            assert_int_equal(sscanf(text + used, "!%d%n", &p->error, &more), 1);
            used += more;
        }
    }
    return count;
}

static void put(char *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(char *out, const char *fmt, ...) {
    size_t len = strlen(out);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(out + len, MAKER_TEXT_MAX / 4 - len, fmt, ap);
    va_end(ap);
    assert_true(n >= 0 && (size_t)n < MAKER_TEXT_MAX / 4 - len);
}

static void put_topic(const struct maker *m, char *out, const char *name_field) {
    bool by_id = strlen(m->topic) == TOPIC_ID_TEXT_LEN;
    put(out, "{\"%s\":\"%s\",", by_id ? "topicId" : name_field, m->topic);
}

enum { PARTS = 64 };

void maker_fetch(struct maker *m, int session, int epoch, int granted, const char *asked,
                 const char *answered, const char *forgotten) {
    static char request[MAKER_TEXT_MAX / 4], response[MAKER_TEXT_MAX / 4];
    struct part parts[PARTS];
    request[0] = response[0] = '\0';
    size_t n = split(asked, false, parts, PARTS);
    put(request, "{\"maxWaitMs\":500,\"sessionId\":%d,\"sessionEpoch\":%d,\"topics\":[", session,
        epoch);
    if (n > 0) {
        put_topic(m, request, "topic");
        for (size_t i = 0; i < n; i++) {
            put(request, "%s{\"partition\":%d,\"fetchOffset\":%lld}",
                i == 0 ? "\"partitions\":[" : ",", parts[i].partition, parts[i].offset);
        }
        put(request, "]}");
    }
    put(request, "],\"forgottenTopicsData\":[");
    if (forgotten != NULL) {
        put_topic(m, request, "topic");
        put(request, "\"partitions\":[%s]}", forgotten);
    }
    put(request, "],\"rackId\":\"\"}");
    n = split(answered, true, parts, PARTS);
    put(response, "{\"throttleTimeMs\":0,\"errorCode\":0,\"sessionId\":%d,\"responses\":[",
        granted);
    if (n > 0) {
        put_topic(m, response, "topic");
        for (size_t i = 0; i < n; i++) {
            put(response, "%s{\"partitionIndex\":%d,\"errorCode\":%d,\"highWatermark\":%lld,",
                i == 0 ? "\"partitions\":[" : ",", parts[i].partition, parts[i].error,
                parts[i].offset);
            if (parts[i].bytes[0] == '-') {
                put(response, "\"records\":null}");
            } else {
                put(response, "\"recordsSizeInBytes\":%s}", parts[i].bytes);
            }
        }
        put(response, "]}");
    }
    put(response, "]}");
    finish(m, 1, 16, request, response);
}

void maker_plain_fetch(struct maker *m, const char *asked, const char *answered) {
    maker_fetch(m, 0, -1, 0, asked, answered, NULL);
}

void maker_commit(struct maker *m, const char *asked) {
    static char request[MAKER_TEXT_MAX / 4], response[MAKER_TEXT_MAX / 4];
    struct part parts[PARTS];
    size_t n = split(asked, false, parts, PARTS);
    request[0] = response[0] = '\0';
    put(request, "{\"groupId\":\"g\",\"topics\":[");
    put(response, "{\"throttleTimeMs\":0,\"topics\":[");
    put_topic(m, request, "name");
    put_topic(m, response, "name");
    for (size_t i = 0; i < n; i++) {
        put(request, "%s{\"partitionIndex\":%d,\"committedOffset\":%lld}",
            i == 0 ? "\"partitions\":[" : ",", parts[i].partition, parts[i].offset);
        put(response, "%s{\"partitionIndex\":%d,\"errorCode\":%d}",
            i == 0 ? "\"partitions\":[" : ",", parts[i].partition, parts[i].error);
    }
    put(request, "]}]}");
    put(response, "]}]}");
    finish(m, 8, 9, request, response);
}

void maker_produce(struct maker *m, int acks, const char *answered) {
    static char request[MAKER_TEXT_MAX / 4], response[MAKER_TEXT_MAX / 4];
    struct part parts[PARTS];
    size_t n = split(answered, true, parts, PARTS);
    request[0] = response[0] = '\0';
    put(request, "{\"transactionalId\":null,\"acks\":%d,\"timeoutMs\":1,\"topicData\":[", acks);
    put(response, "{\"responses\":[");
    put_topic(m, request, "name");
    put_topic(m, response, "name");
    for (size_t i = 0; i < n; i++) {
        put(request, "%s{\"index\":%d,\"recordsSizeInBytes\":%s}",
            i == 0 ? "\"partitionData\":[" : ",", parts[i].partition, parts[i].bytes);
    }
    // The answer in the opposite order: it is matched by partition.
    for (size_t i = n; i-- > 0;) {
        put(response, "%s{\"index\":%d,\"errorCode\":%d,\"baseOffset\":%lld}",
            i + 1 == n ? "\"partitionResponses\":[" : ",", parts[i].partition, parts[i].error,
            parts[i].offset);
    }
    put(request, "]}]}");
    put(response, "]}]}");
    finish(m, 0, 10, request, acks == 0 ? "\"\"" : response);
}

void maker_share(struct maker *m, int partition, int64_t first, int64_t last, int deliveries) {
    char response[1024] = "";
    snprintf(response, sizeof response,
             "{\"errorCode\":0,\"responses\":[{\"topicId\":\"%s\",\"partitions\":[{"
             "\"partitionIndex\":%d,\"errorCode\":0,\"records\":\"\",\"acquiredRecords\":[{"
             "\"firstOffset\":%lld,\"lastOffset\":%lld,\"deliveryCount\":%d}]}]}]}",
             m->topic, partition, (long long)first, (long long)last, deliveries);
    finish(m, 78, 2, "{\"groupId\":\"g\",\"shareSessionEpoch\":1,\"topics\":[]}", response);
}

void maker_fact(struct maker *m, const char *id, const char *name, enum topic_event event) {
    struct topic_fact fact = {.name = slice_str(name), .event = event};
    assert_true(topic_id_parse(slice_str(id), fact.id));
    int64_t start_us = days_from_civil(2026, 11, 1) * US_PER_DAY;
    assert_true(topic_names_learn(m->names, &fact, start_us + m->at_ms * 1000));
    usage_fold_settle(m->state, m->names, &m->sink);
}

void maker_load(struct maker *m, const char *hex) {
    struct buf blob;
    struct err e;
    struct usage_state *loaded = NULL;
    buf_init(&blob, USAGE_BLOB_MAX);
    for (; *hex != '\0'; hex += 2) {
        unsigned byte = 0;
        assert_int_equal(sscanf(hex, "%2x", &byte), 1);
        buf_add_char(&blob, (char)byte);
    }
    if (usage_blob_decode(buf_slice(&blob), &loaded, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
    usage_state_free(m->state);
    m->state = loaded;
    buf_done(&blob);
}

void maker_store_and_load(struct maker *m) {
    struct buf blob, again;
    struct err e;
    struct usage_state *loaded = NULL;
    buf_init(&blob, USAGE_BLOB_MAX);
    buf_init(&again, USAGE_BLOB_MAX);
    usage_blob_encode(m->state, &blob);
    if (usage_blob_decode(buf_slice(&blob), &loaded, &e) != ERR_OK) {
        fail_msg("%s", e.text);
    }
    // What was read is what was written.
    usage_blob_encode(loaded, &again);
    assert_true(slice_eq(buf_slice(&blob), buf_slice(&again)));
    usage_state_free(m->state);
    m->state = loaded;
    buf_done(&blob);
    buf_done(&again);
}
