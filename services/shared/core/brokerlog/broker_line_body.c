// Bodies of the APIs that say something about usage. Field names by Kafka's message schemas
// (clients/src/main/resources/common/message); fields that are not needed are skipped, in any
// order.
#include "core/brokerlog/broker_line_body.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/check.h"
#include "base/hash_table.h"
#include "core/brokerlog/broker_line_plain.h"
#include "core/brokerlog/kafka_protocol.h"

enum { FORGOTTEN_FEW = 1024 }; // so many may be named twice

struct body {
    struct broker_line *line;
    struct json_scan *scan;
    enum line_fault fault;
    struct hash_table forgotten; // forgotten_key of all, where they are more than a few
};

static uint64_t forgotten_key(uint32_t topic, int32_t partition) {
    return (uint64_t)topic << 32 | (uint32_t)partition;
}

static void set_fault(struct body *b, enum line_fault fault) {
    if (b->fault == LINE_FAULT_NONE) {
        b->fault = fault;
    }
}

static struct broker_line_part *add_part(struct broker_line_parts *list) {
    list->items = array_grow(list->items, list->count, &list->cap, sizeof *list->items);
    struct broker_line_part *p = &list->items[list->count++];
    *p = (struct broker_line_part){0};
    return p;
}

struct slice broker_line_body_text(struct broker_line *l, struct json_string v) {
    if (!v.escaped) {
        return v.raw;
    }
    // Room for all strings of the line at once, so that earlier slices stay where they are.
    if (l->text_cap < l->text_room && l->text_len == 0) {
        char *grown = realloc(l->text, l->text_room);
        check(grown != NULL);
        l->text = grown;
        l->text_cap = l->text_room;
    }
    check(l->text_cap - l->text_len >= v.raw.len);
    size_t len = json_string_unescape(l->text + l->text_len, v.raw);
    check(len <= v.raw.len); // the scan has checked the escapes
    struct slice text = slice_of(l->text + l->text_len, len);
    l->text_len += len;
    return text;
}

static void take_i32(struct body *b, int32_t *ret) {
    int64_t v = 0;
    if (!json_scan_int(b->scan, &v)) {
        return;
    }
    if (v < INT32_MIN || v > INT32_MAX) {
        set_fault(b, LINE_FAULT_BAD_VALUE);
    } else {
        *ret = (int32_t)v;
    }
}

static void take_i64(struct body *b, int64_t *ret) {
    (void)json_scan_int(b->scan, ret);
}

// recordsSizeInBytes, an int32
static void take_size(struct body *b, int64_t *ret) {
    if (json_scan_int(b->scan, ret) && (*ret < 0 || *ret > INT32_MAX)) {
        set_fault(b, LINE_FAULT_BAD_VALUE);
    }
}

// A string, or null as empty.
static struct slice take_text(struct body *b) {
    struct json_string v;
    if (json_scan_peek(b->scan) == JSON_KIND_NULL) {
        json_scan_null(b->scan);
        return slice_of("", 0);
    }
    if (!json_scan_string(b->scan, &v)) {
        return slice_of("", 0);
    }
    return broker_line_body_text(b->line, v);
}

// Returns false for null.
static bool take_id(struct body *b, uint8_t ret[TOPIC_ID_LEN]) {
    struct slice text = take_text(b);
    if (text.len == 0) {
        return false;
    }
    if (!topic_id_parse(text, ret)) {
        set_fault(b, LINE_FAULT_BAD_VALUE);
        return false;
    }
    return true;
}

// --- lists of topics with partitions -------------------------------------------------------------

typedef void part_reader(struct body *b, uint32_t topic);

static uint32_t add_topic(struct broker_line *l) {
    l->topics = array_grow(l->topics, l->topic_count, &l->topic_cap, sizeof *l->topics);
    l->topics[l->topic_count] = (struct topic_key){0};
    return l->topic_count++;
}

// The parts of the last topic are the last of each list.
static struct broker_line_part *last_of(const struct broker_line_parts *list, uint32_t topic) {
    struct broker_line_part *p = list->count == 0 ? NULL : &list->items[list->count - 1];
    return p != NULL && p->topic == topic ? p : NULL;
}

// A client may ask for any name, and gets an error for one that no topic can have: its parts say
// nothing and are left out, so that what others of the line say stands. Had it been answered with
// records or taken any, the line would be damaged.
static void leave_out(struct body *b, uint32_t topic) {
    struct broker_line *l = b->line;
    for (const struct broker_line_part *p; (p = last_of(&l->answered, topic)) != NULL;) {
        if (p->error == 0 && (p->bytes > 0 || l->api_key == KAFKA_API_PRODUCE)) {
            set_fault(b, LINE_FAULT_BAD_VALUE);
        }
        l->answered.count--;
    }
    while (last_of(&l->asked, topic) != NULL) {
        l->asked.count--;
    }
    for (const struct broker_line_part *p; (p = last_of(&l->forgotten, topic)) != NULL;) {
        hash_table_remove(&b->forgotten, forgotten_key(topic, p->partition));
        l->forgotten.count--;
    }
    l->topic_count--;
}

static void read_topic(struct body *b, part_reader *read_part) {
    struct json_scan *s = b->scan;
    uint32_t topic = add_topic(b->line);
    struct topic_key key = {0};
    bool named = false, listed = false;
    struct slice k;
    if (broker_line_plain_topic(s, key.id)) {
        key.has_id = listed = true;
        while (json_scan_item(s)) {
            read_part(b, topic);
        }
    } else {
        json_scan_enter_object(s);
    }
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "partitions") || JSON_KEY_IS(k, "partitionData") ||
            JSON_KEY_IS(k, "partitionResponses")) {
            listed = true;
            json_scan_enter_array(s);
            while (json_scan_item(s)) {
                read_part(b, topic);
            }
        } else if (JSON_KEY_IS(k, "topicId")) {
            key.has_id = take_id(b, key.id);
        } else if (JSON_KEY_IS(k, "topic") || JSON_KEY_IS(k, "name")) {
            key.name = take_text(b);
            named = true;
        } else {
            json_scan_skip(s);
        }
    }
    if (key.has_id) {
        key.name = slice_of("", 0);
    }
    if ((!key.has_id && !named) || !listed) {
        set_fault(b, LINE_FAULT_MISSING_FIELD);
    } else if (!key.has_id && !topic_name_legal(key.name)) {
        leave_out(b, topic);
        return;
    }
    b->line->topics[topic] = key;
}

static void read_topics(struct body *b, part_reader *read_part) {
    if (json_scan_peek(b->scan) == JSON_KIND_NULL) {
        json_scan_null(b->scan);
        return;
    }
    json_scan_enter_array(b->scan);
    while (json_scan_item(b->scan)) {
        read_topic(b, read_part);
    }
}

enum {
    HAS_PARTITION = 1,
    HAS_ERROR = 2,
    HAS_OFFSET = 4,
    HAS_BYTES = 8,
    HAS_HIGH = 16,
};

static void need(struct body *b, unsigned has, unsigned needed) {
    if ((has & needed) != needed) {
        set_fault(b, LINE_FAULT_MISSING_FIELD);
    }
}

// `records` in place of recordsSizeInBytes: null, and nothing else, says there are none.
static unsigned take_null_records(struct body *b, int64_t *ret_bytes) {
    if (json_scan_peek(b->scan) != JSON_KIND_NULL) {
        json_scan_skip(b->scan);
        return 0;
    }
    json_scan_null(b->scan);
    *ret_bytes = -1;
    return HAS_BYTES;
}

static void read_fetch_asked(struct body *b, uint32_t topic) {
    struct json_scan *s = b->scan;
    struct broker_line_part *p = add_part(&b->line->asked);
    p->topic = topic;
    if (broker_line_plain_fetch_asked(s, p)) {
        return;
    }
    unsigned has = 0;
    struct slice k;
    json_scan_enter_object(s);
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "partition")) {
            take_i32(b, &p->partition);
            has |= HAS_PARTITION;
        } else if (JSON_KEY_IS(k, "fetchOffset")) {
            take_i64(b, &p->offset);
            has |= HAS_OFFSET;
        } else {
            json_scan_skip(s);
        }
    }
    need(b, has, HAS_PARTITION | HAS_OFFSET);
}

// The partition goes into the set of those forgotten. False if it is there, or too many are.
static bool is_newly_forgotten(struct body *b, uint32_t topic, int32_t partition) {
    uint32_t ignored;
    uint64_t key = forgotten_key(topic, partition);
    if (hash_table_get(&b->forgotten, key, &ignored)) {
        return false;
    }
    if (b->forgotten.count == BROKER_LINE_FORGOTTEN_MAX) {
        set_fault(b, LINE_FAULT_TOO_LONG);
        return false;
    }
    hash_table_put(&b->forgotten, key, 0);
    return true;
}

// A partition forgotten several times is forgotten once. In the log it takes two bytes: a line of
// them would grow 24 times.
static void read_forgotten(struct body *b, uint32_t topic) {
    struct broker_line_parts *list = &b->line->forgotten;
    int32_t partition = 0;
    take_i32(b, &partition);
    if (list->count >= FORGOTTEN_FEW && b->forgotten.count == 0) {
        for (uint32_t i = 0; i < list->count; i++) {
            (void)is_newly_forgotten(b, list->items[i].topic, list->items[i].partition);
        }
    }
    if (list->count >= FORGOTTEN_FEW && !is_newly_forgotten(b, topic, partition)) {
        return;
    }
    struct broker_line_part *p = add_part(list);
    p->topic = topic;
    p->partition = partition;
}

static void read_fetch_answered(struct body *b, uint32_t topic) {
    struct json_scan *s = b->scan;
    struct broker_line_part *p = add_part(&b->line->answered);
    p->topic = topic;
    if (broker_line_plain_fetch_answered(s, p)) {
        return;
    }
    unsigned has = 0;
    struct slice k;
    json_scan_enter_object(s);
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "partitionIndex")) {
            take_i32(b, &p->partition);
            has |= HAS_PARTITION;
        } else if (JSON_KEY_IS(k, "errorCode")) {
            take_i32(b, &p->error);
            has |= HAS_ERROR;
        } else if (JSON_KEY_IS(k, "highWatermark")) {
            take_i64(b, &p->high_watermark);
            has |= HAS_HIGH;
        } else if (JSON_KEY_IS(k, "recordsSizeInBytes")) {
            take_size(b, &p->bytes);
            has |= HAS_BYTES;
        } else if (JSON_KEY_IS(k, "records")) {
            has |= take_null_records(b, &p->bytes);
        } else {
            json_scan_skip(s);
        }
    }
    need(b, has, HAS_PARTITION | HAS_ERROR | HAS_HIGH | HAS_BYTES);
}

static void read_produce_asked(struct body *b, uint32_t topic) {
    struct json_scan *s = b->scan;
    struct broker_line_part *p = add_part(&b->line->asked);
    p->topic = topic;
    if (broker_line_plain_produce_asked(s, p)) {
        return;
    }
    unsigned has = 0;
    struct slice k;
    json_scan_enter_object(s);
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "index")) {
            take_i32(b, &p->partition);
            has |= HAS_PARTITION;
        } else if (JSON_KEY_IS(k, "recordsSizeInBytes")) {
            take_size(b, &p->bytes);
            has |= HAS_BYTES;
        } else if (JSON_KEY_IS(k, "records")) {
            has |= take_null_records(b, &p->bytes);
        } else {
            json_scan_skip(s);
        }
    }
    need(b, has, HAS_PARTITION | HAS_BYTES);
}

static void read_produce_answered(struct body *b, uint32_t topic) {
    struct json_scan *s = b->scan;
    struct broker_line_part *p = add_part(&b->line->answered);
    p->topic = topic;
    if (broker_line_plain_produce_answered(s, p)) {
        return;
    }
    unsigned has = 0;
    struct slice k;
    json_scan_enter_object(s);
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "index")) {
            take_i32(b, &p->partition);
            has |= HAS_PARTITION;
        } else if (JSON_KEY_IS(k, "errorCode")) {
            take_i32(b, &p->error);
            has |= HAS_ERROR;
        } else if (JSON_KEY_IS(k, "baseOffset")) {
            take_i64(b, &p->offset);
            has |= HAS_OFFSET;
        } else {
            json_scan_skip(s);
        }
    }
    need(b, has, HAS_PARTITION | HAS_ERROR | HAS_OFFSET);
}

// Partitions of OFFSET_COMMIT and TXN_OFFSET_COMMIT: of the request with an offset, of the response
// with an error.
static void read_commit_part(struct body *b, struct broker_line_parts *list, uint32_t topic,
                             unsigned needed) {
    struct json_scan *s = b->scan;
    struct broker_line_part *p = add_part(list);
    p->topic = topic;
    unsigned has = 0;
    struct slice k;
    json_scan_enter_object(s);
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "partitionIndex")) {
            take_i32(b, &p->partition);
            has |= HAS_PARTITION;
        } else if (JSON_KEY_IS(k, "committedOffset")) {
            take_i64(b, &p->offset);
            has |= HAS_OFFSET;
        } else if (JSON_KEY_IS(k, "errorCode")) {
            take_i32(b, &p->error);
            has |= HAS_ERROR;
        } else {
            json_scan_skip(s);
        }
    }
    need(b, has, needed);
}

static void read_commit_asked(struct body *b, uint32_t topic) {
    read_commit_part(b, &b->line->asked, topic, HAS_PARTITION | HAS_OFFSET);
}

static void read_commit_answered(struct body *b, uint32_t topic) {
    read_commit_part(b, &b->line->answered, topic, HAS_PARTITION | HAS_ERROR);
}

// One range of acquiredRecords; its partition is set when the partition has been read whole.
static void read_acquired(struct body *b) {
    struct json_scan *s = b->scan;
    struct broker_line_part *p = add_part(&b->line->acquired);
    bool first = false, last = false;
    struct slice k;
    json_scan_enter_object(s);
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "firstOffset")) {
            take_i64(b, &p->offset);
            first = true;
        } else if (JSON_KEY_IS(k, "lastOffset")) {
            take_i64(b, &p->last_offset);
            last = true;
        } else if (JSON_KEY_IS(k, "deliveryCount")) {
            take_i32(b, &p->delivery_count);
        } else {
            json_scan_skip(s);
        }
    }
    if (!first || !last) {
        set_fault(b, LINE_FAULT_MISSING_FIELD);
    } else if (p->offset < 0 || p->last_offset < p->offset ||
               p->last_offset - p->offset > INT32_MAX) {
        set_fault(b, LINE_FAULT_BAD_VALUE);
    }
}

static void read_share_answered(struct body *b, uint32_t topic) {
    struct json_scan *s = b->scan;
    struct broker_line_part part = {.topic = topic};
    uint32_t from = b->line->acquired.count;
    unsigned has = 0;
    bool listed = false;
    struct slice k;
    json_scan_enter_object(s);
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "partitionIndex")) {
            take_i32(b, &part.partition);
            has |= HAS_PARTITION;
        } else if (JSON_KEY_IS(k, "errorCode")) {
            take_i32(b, &part.error);
            has |= HAS_ERROR;
        } else if (JSON_KEY_IS(k, "acquiredRecords")) {
            listed = true;
            json_scan_enter_array(s);
            while (json_scan_item(s)) {
                read_acquired(b);
            }
        } else {
            json_scan_skip(s);
        }
    }
    need(b, has, HAS_PARTITION | HAS_ERROR);
    if (!listed) {
        set_fault(b, LINE_FAULT_MISSING_FIELD);
    }
    for (uint32_t i = from; i < b->line->acquired.count; i++) {
        b->line->acquired.items[i].topic = part.topic;
        b->line->acquired.items[i].partition = part.partition;
        b->line->acquired.items[i].error = part.error;
    }
}

// --- requests ------------------------------------------------------------------------------------

static void read_replica_state(struct body *b) {
    struct slice k;
    json_scan_enter_object(b->scan);
    while (json_scan_key(b->scan, &k)) {
        if (JSON_KEY_IS(k, "replicaId")) {
            take_i32(b, &b->line->replica_id);
        } else {
            json_scan_skip(b->scan);
        }
    }
}

static void read_fetch_request(struct body *b) {
    struct broker_line *l = b->line;
    struct slice k;
    bool topics = false, session = false, epoch = false;
    json_scan_enter_object(b->scan);
    // The order of Kafka first; whatever differs comes below.
    if (JSON_SCAN_AHEAD(b->scan, "replicaId")) {
        take_i32(b, &l->replica_id);
    }
    if (JSON_SCAN_AHEAD(b->scan, "maxWaitMs")) {
        json_scan_skip(b->scan);
    }
    if (JSON_SCAN_AHEAD(b->scan, "minBytes")) {
        json_scan_skip(b->scan);
    }
    if (JSON_SCAN_AHEAD(b->scan, "maxBytes")) {
        json_scan_skip(b->scan);
    }
    if (JSON_SCAN_AHEAD(b->scan, "isolationLevel")) {
        json_scan_skip(b->scan);
    }
    if (JSON_SCAN_AHEAD(b->scan, "sessionId")) {
        session = true;
        take_i32(b, &l->session_id);
    }
    if (JSON_SCAN_AHEAD(b->scan, "sessionEpoch")) {
        epoch = true;
        take_i32(b, &l->session_epoch);
    }
    if (JSON_SCAN_AHEAD(b->scan, "topics")) {
        topics = true;
        read_topics(b, read_fetch_asked);
    }
    if (JSON_SCAN_AHEAD(b->scan, "forgottenTopicsData")) {
        read_topics(b, read_forgotten);
    }
    if (JSON_SCAN_AHEAD(b->scan, "rackId")) {
        json_scan_skip(b->scan);
    }
    while (json_scan_key(b->scan, &k)) {
        if (JSON_KEY_IS(k, "topics")) {
            topics = true;
            read_topics(b, read_fetch_asked);
        } else if (JSON_KEY_IS(k, "sessionId")) {
            session = true;
            take_i32(b, &l->session_id);
        } else if (JSON_KEY_IS(k, "sessionEpoch")) {
            epoch = true;
            take_i32(b, &l->session_epoch);
        } else if (JSON_KEY_IS(k, "replicaId")) {
            take_i32(b, &l->replica_id);
        } else if (JSON_KEY_IS(k, "replicaState")) {
            read_replica_state(b);
        } else if (JSON_KEY_IS(k, "forgottenTopicsData")) {
            read_topics(b, read_forgotten);
        } else {
            json_scan_skip(b->scan);
        }
    }
    if (!topics || (l->api_version >= 7 && (!session || !epoch))) {
        set_fault(b, LINE_FAULT_MISSING_FIELD);
    }
}

static void read_produce_request(struct body *b) {
    struct slice k;
    bool topics = false;
    json_scan_enter_object(b->scan);
    while (json_scan_key(b->scan, &k)) {
        if (JSON_KEY_IS(k, "topicData")) {
            topics = true;
            read_topics(b, read_produce_asked);
        } else if (JSON_KEY_IS(k, "acks")) {
            take_i32(b, &b->line->acks);
        } else {
            json_scan_skip(b->scan);
        }
    }
    if (!topics) {
        set_fault(b, LINE_FAULT_MISSING_FIELD);
    }
}

static void read_commit_request(struct body *b) {
    struct slice k;
    bool topics = false;
    json_scan_enter_object(b->scan);
    while (json_scan_key(b->scan, &k)) {
        if (JSON_KEY_IS(k, "topics")) {
            topics = true;
            read_topics(b, read_commit_asked);
        } else if (JSON_KEY_IS(k, "groupId")) {
            b->line->group_id = take_text(b);
        } else {
            json_scan_skip(b->scan);
        }
    }
    if (!topics) {
        set_fault(b, LINE_FAULT_MISSING_FIELD);
    }
}

static void read_share_request(struct body *b) {
    struct slice k;
    json_scan_enter_object(b->scan);
    while (json_scan_key(b->scan, &k)) {
        if (JSON_KEY_IS(k, "groupId")) {
            b->line->group_id = take_text(b);
        } else if (JSON_KEY_IS(k, "shareSessionEpoch")) {
            take_i32(b, &b->line->session_epoch);
        } else {
            json_scan_skip(b->scan);
        }
    }
}

enum line_fault broker_line_body_read_request(struct broker_line *l, struct json_scan *s) {
    struct body b = {.line = l, .scan = s};
    switch (l->api_key) {
    case KAFKA_API_FETCH: read_fetch_request(&b); break;
    case KAFKA_API_PRODUCE: read_produce_request(&b); break;
    case KAFKA_API_OFFSET_COMMIT:
    case KAFKA_API_TXN_OFFSET_COMMIT: read_commit_request(&b); break;
    case KAFKA_API_SHARE_FETCH:
    case KAFKA_API_SHARE_ACKNOWLEDGE: read_share_request(&b); break;
    default: json_scan_skip(s);
    }
    hash_table_done(&b.forgotten);
    return b.fault;
}

// --- responses -----------------------------------------------------------------------------------

// A response whose one list that matters is `list`; errorCode and sessionId are taken where they
// stand.
static void read_list_response(struct body *b, const char *list, part_reader *read_part) {
    struct slice k;
    bool listed = false, error = false, session = false;
    json_scan_enter_object(b->scan);
    if (JSON_SCAN_AHEAD(b->scan, "throttleTimeMs")) {
        json_scan_skip(b->scan);
    }
    if (JSON_SCAN_AHEAD(b->scan, "errorCode")) {
        error = true;
        take_i32(b, &b->line->error);
    }
    if (JSON_SCAN_AHEAD(b->scan, "sessionId")) {
        session = true;
        take_i32(b, &b->line->response_session_id);
    }
    if (slice_eq_str(SLICE_LIT("responses"), list) && JSON_SCAN_AHEAD(b->scan, "responses")) {
        listed = true;
        read_topics(b, read_part);
    }
    while (json_scan_key(b->scan, &k)) {
        if (slice_eq_str(k, list)) {
            listed = true;
            read_topics(b, read_part);
        } else if (JSON_KEY_IS(k, "errorCode")) {
            error = true;
            take_i32(b, &b->line->error);
        } else if (JSON_KEY_IS(k, "sessionId")) {
            session = true;
            take_i32(b, &b->line->response_session_id);
        } else {
            json_scan_skip(b->scan);
        }
    }
    bool sessions = b->line->api_key == KAFKA_API_FETCH && b->line->api_version >= 7;
    if (!listed || (sessions && (!error || !session))) {
        set_fault(b, LINE_FAULT_MISSING_FIELD);
    }
}

static void read_fact(struct body *b, enum topic_event event) {
    static const uint8_t ZERO_ID[TOPIC_ID_LEN];
    struct topic_fact fact = {.event = event};
    bool has_id = false;
    int32_t error = 0;
    struct slice k;
    json_scan_enter_object(b->scan);
    while (json_scan_key(b->scan, &k)) {
        if (JSON_KEY_IS(k, "name")) {
            fact.name = take_text(b);
        } else if (JSON_KEY_IS(k, "topicId")) {
            has_id = take_id(b, fact.id);
        } else if (JSON_KEY_IS(k, "errorCode")) {
            take_i32(b, &error);
        } else {
            json_scan_skip(b->scan);
        }
    }
    if (error != 0 || !has_id || !topic_name_legal(fact.name) ||
        memcmp(fact.id, ZERO_ID, TOPIC_ID_LEN) == 0) {
        return;
    }
    struct broker_line *l = b->line;
    l->facts = array_grow(l->facts, l->fact_count, &l->fact_cap, sizeof *l->facts);
    l->facts[l->fact_count++] = fact;
}

static void read_facts_response(struct body *b, const char *list, enum topic_event event) {
    struct slice k;
    json_scan_enter_object(b->scan);
    while (json_scan_key(b->scan, &k)) {
        if (!slice_eq_str(k, list)) {
            json_scan_skip(b->scan);
            continue;
        }
        json_scan_enter_array(b->scan);
        while (json_scan_item(b->scan)) {
            read_fact(b, event);
        }
    }
}

enum line_fault broker_line_body_read_response(struct broker_line *l, struct json_scan *s) {
    struct body b = {.line = l, .scan = s};
    switch (l->api_key) {
    case KAFKA_API_FETCH: read_list_response(&b, "responses", read_fetch_answered); break;
    case KAFKA_API_PRODUCE: read_list_response(&b, "responses", read_produce_answered); break;
    case KAFKA_API_OFFSET_COMMIT:
    case KAFKA_API_TXN_OFFSET_COMMIT: read_list_response(&b, "topics", read_commit_answered); break;
    case KAFKA_API_SHARE_FETCH: read_list_response(&b, "responses", read_share_answered); break;
    case KAFKA_API_METADATA: read_facts_response(&b, "topics", TOPIC_SEEN); break;
    case KAFKA_API_CREATE_TOPICS: read_facts_response(&b, "topics", TOPIC_CREATED); break;
    case KAFKA_API_DELETE_TOPICS: read_facts_response(&b, "responses", TOPIC_DELETED); break;
    default: json_scan_skip(s);
    }
    return b.fault;
}

bool broker_line_body_known(int32_t api_key) {
    switch (api_key) {
    case KAFKA_API_FETCH:
    case KAFKA_API_PRODUCE:
    case KAFKA_API_OFFSET_COMMIT:
    case KAFKA_API_TXN_OFFSET_COMMIT:
    case KAFKA_API_SHARE_FETCH: return true;
    default: return false;
    }
}
