// The order is that of Kafka's message schemas; fields of some versions only may be absent.
#include "core/brokerlog/broker_line_plain.h"

#include "core/json/json_plain.h"

enum {
    PLAIN_MEMBERS_MAX = 10, // of a partition
    PLAIN_NAME_MAX = 32,    // with quotes, comma and colon
    PLAIN_ROOM = PLAIN_MEMBERS_MAX * (PLAIN_NAME_MAX + JSON_PLAIN_NUMBER_MAX),
};

// All of them read ahead without looking for the end.
static inline bool has_room(const struct json_scan *s) {
    return !s->failed && s->end - s->pos >= PLAIN_ROOM;
}

bool broker_line_plain_topic(struct json_scan *s, uint8_t ret_id[TOPIC_ID_LEN]) {
    if (!has_room(s) || s->depth + 2 > JSON_SCAN_DEPTH_MAX) {
        return false;
    }
    const char *p = s->pos;
    if (!JSON_PLAIN_TEXT(&p, "{\"topicId\":\"")) {
        return false;
    }
    struct slice id = slice_of(p, TOPIC_ID_TEXT_LEN);
    p += TOPIC_ID_TEXT_LEN;
    if (!JSON_PLAIN_TEXT(&p, "\",\"partitions\":[") || !topic_id_parse(id, ret_id)) {
        return false;
    }
    s->pos = p;
    s->depth += 2;
    s->first = true;
    return true;
}

bool broker_line_plain_fetch_asked(struct json_scan *s, struct broker_line_part *part) {
    int32_t partition;
    int64_t offset;
    if (!has_room(s)) {
        return false;
    }
    const char *p = s->pos;
    if (!JSON_PLAIN_TEXT(&p, "{\"partition\":") || !json_plain_i32(&p, &partition) ||
        !JSON_PLAIN_PASS(&p, ",\"currentLeaderEpoch\":") ||
        !JSON_PLAIN_TEXT(&p, ",\"fetchOffset\":") || !json_plain_int(&p, &offset) ||
        !JSON_PLAIN_PASS(&p, ",\"lastFetchedEpoch\":") ||
        !JSON_PLAIN_PASS(&p, ",\"logStartOffset\":") ||
        !JSON_PLAIN_PASS(&p, ",\"partitionMaxBytes\":") || *p != '}') {
        return false;
    }
    part->partition = partition;
    part->offset = offset;
    s->pos = p + 1;
    return true;
}

// [] or null
static inline bool plain_nothing(const char **at) {
    return JSON_PLAIN_TEXT(at, "[]") || JSON_PLAIN_TEXT(at, "null");
}

bool broker_line_plain_fetch_answered(struct json_scan *s, struct broker_line_part *part) {
    int32_t partition, error, bytes;
    int64_t high;
    if (!has_room(s)) {
        return false;
    }
    const char *p = s->pos;
    if (!JSON_PLAIN_TEXT(&p, "{\"partitionIndex\":") || !json_plain_i32(&p, &partition) ||
        !JSON_PLAIN_TEXT(&p, ",\"errorCode\":") || !json_plain_i32(&p, &error) ||
        !JSON_PLAIN_TEXT(&p, ",\"highWatermark\":") || !json_plain_int(&p, &high) ||
        !JSON_PLAIN_PASS(&p, ",\"lastStableOffset\":") ||
        !JSON_PLAIN_PASS(&p, ",\"logStartOffset\":") ||
        (JSON_PLAIN_TEXT(&p, ",\"abortedTransactions\":") && !plain_nothing(&p)) ||
        !JSON_PLAIN_PASS(&p, ",\"preferredReadReplica\":") ||
        !JSON_PLAIN_TEXT(&p, ",\"recordsSizeInBytes\":") || !json_plain_i32(&p, &bytes) ||
        bytes < 0 || *p != '}') {
        return false;
    }
    part->partition = partition;
    part->error = error;
    part->high_watermark = high;
    part->bytes = bytes;
    s->pos = p + 1;
    return true;
}

bool broker_line_plain_produce_asked(struct json_scan *s, struct broker_line_part *part) {
    int32_t partition, bytes;
    if (!has_room(s)) {
        return false;
    }
    const char *p = s->pos;
    if (!JSON_PLAIN_TEXT(&p, "{\"index\":") || !json_plain_i32(&p, &partition) ||
        !JSON_PLAIN_TEXT(&p, ",\"recordsSizeInBytes\":") || !json_plain_i32(&p, &bytes) ||
        bytes < 0 || *p != '}') {
        return false;
    }
    part->partition = partition;
    part->bytes = bytes;
    s->pos = p + 1;
    return true;
}

bool broker_line_plain_produce_answered(struct json_scan *s, struct broker_line_part *part) {
    int32_t partition, error;
    int64_t offset;
    if (!has_room(s)) {
        return false;
    }
    const char *p = s->pos;
    if (!JSON_PLAIN_TEXT(&p, "{\"index\":") || !json_plain_i32(&p, &partition) ||
        !JSON_PLAIN_TEXT(&p, ",\"errorCode\":") || !json_plain_i32(&p, &error) ||
        !JSON_PLAIN_TEXT(&p, ",\"baseOffset\":") || !json_plain_int(&p, &offset) ||
        !JSON_PLAIN_PASS(&p, ",\"logAppendTimeMs\":") ||
        !JSON_PLAIN_PASS(&p, ",\"logStartOffset\":") ||
        (JSON_PLAIN_TEXT(&p, ",\"recordErrors\":") && !plain_nothing(&p)) ||
        (JSON_PLAIN_TEXT(&p, ",\"errorMessage\":") && !plain_nothing(&p)) || *p != '}') {
        return false;
    }
    part->partition = partition;
    part->error = error;
    part->offset = offset;
    s->pos = p + 1;
    return true;
}
