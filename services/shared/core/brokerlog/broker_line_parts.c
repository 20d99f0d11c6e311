// Lists of topics, partition by partition; fields that are not needed are skipped, in any order.
#include "core/brokerlog/broker_line_parts.h"

#include "base/array.h"
#include "core/brokerlog/broker_line_plain.h"
#include "core/brokerlog/kafka_protocol.h"

enum { FORGOTTEN_FEW = 1024 }; // so many may be named twice

static uint64_t forgotten_key(uint32_t topic, int32_t partition) {
    return (uint64_t)topic << 32 | (uint32_t)partition;
}

static struct broker_line_part *add_part(struct broker_line_parts *list) {
    list->items = array_grow(list->items, list->count, &list->cap, sizeof *list->items);
    struct broker_line_part *p = &list->items[list->count++];
    *p = (struct broker_line_part){0};
    return p;
}

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
static void leave_out(struct line_body *b, uint32_t topic) {
    struct broker_line *l = b->line;
    for (const struct broker_line_part *p; (p = last_of(&l->answered, topic)) != NULL;) {
        if (p->error == 0 && (p->bytes > 0 || l->api_key == KAFKA_API_PRODUCE)) {
            broker_line_value_fault(b, LINE_FAULT_BAD_VALUE);
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

static void read_topic(struct line_body *b, broker_line_part_reader *read_part) {
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
            key.has_id = broker_line_value_id(b, key.id);
        } else if (JSON_KEY_IS(k, "topic") || JSON_KEY_IS(k, "name")) {
            key.name = broker_line_value_text(b);
            named = true;
        } else {
            json_scan_skip(s);
        }
    }
    if (key.has_id) {
        key.name = slice_of("", 0);
    }
    if ((!key.has_id && !named) || !listed) {
        broker_line_value_fault(b, LINE_FAULT_MISSING_FIELD);
    } else if (!key.has_id && !topic_name_legal(key.name)) {
        leave_out(b, topic);
        return;
    }
    b->line->topics[topic] = key;
}

void broker_line_parts_read(struct line_body *b, broker_line_part_reader *read_part) {
    if (json_scan_peek(b->scan) == JSON_KIND_NULL) {
        json_scan_null(b->scan);
        return;
    }
    json_scan_enter_array(b->scan);
    while (json_scan_item(b->scan)) {
        read_topic(b, read_part);
    }
}

// --- one partition -------------------------------------------------------------------------------

enum {
    HAS_PARTITION = 1,
    HAS_ERROR = 2,
    HAS_OFFSET = 4,
    HAS_BYTES = 8,
    HAS_HIGH = 16,
};

static void need(struct line_body *b, unsigned has, unsigned needed) {
    if ((has & needed) != needed) {
        broker_line_value_fault(b, LINE_FAULT_MISSING_FIELD);
    }
}

// `records` in place of recordsSizeInBytes: null, and nothing else, says there are none.
static unsigned take_null_records(struct line_body *b, int64_t *ret_bytes) {
    if (json_scan_peek(b->scan) != JSON_KIND_NULL) {
        json_scan_skip(b->scan);
        return 0;
    }
    json_scan_null(b->scan);
    *ret_bytes = -1;
    return HAS_BYTES;
}

void broker_line_parts_fetch_asked(struct line_body *b, uint32_t topic) {
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
            broker_line_value_i32(b, &p->partition);
            has |= HAS_PARTITION;
        } else if (JSON_KEY_IS(k, "fetchOffset")) {
            broker_line_value_i64(b, &p->offset);
            has |= HAS_OFFSET;
        } else {
            json_scan_skip(s);
        }
    }
    need(b, has, HAS_PARTITION | HAS_OFFSET);
}

// The partition goes into the set of those forgotten. False if it is there, or too many are.
static bool is_newly_forgotten(struct line_body *b, uint32_t topic, int32_t partition) {
    uint32_t ignored;
    uint64_t key = forgotten_key(topic, partition);
    if (hash_table_get(&b->forgotten, key, &ignored)) {
        return false;
    }
    if (b->forgotten.count == BROKER_LINE_FORGOTTEN_MAX) {
        broker_line_value_fault(b, LINE_FAULT_TOO_LONG);
        return false;
    }
    hash_table_put(&b->forgotten, key, 0);
    return true;
}

// A partition forgotten several times is forgotten once. In the log it takes two bytes: a line of
// them would grow 24 times.
void broker_line_parts_forgotten(struct line_body *b, uint32_t topic) {
    struct broker_line_parts *list = &b->line->forgotten;
    int32_t partition = 0;
    broker_line_value_i32(b, &partition);
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

void broker_line_parts_fetch_answered(struct line_body *b, uint32_t topic) {
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
            broker_line_value_i32(b, &p->partition);
            has |= HAS_PARTITION;
        } else if (JSON_KEY_IS(k, "errorCode")) {
            broker_line_value_i32(b, &p->error);
            has |= HAS_ERROR;
        } else if (JSON_KEY_IS(k, "highWatermark")) {
            broker_line_value_i64(b, &p->high_watermark);
            has |= HAS_HIGH;
        } else if (JSON_KEY_IS(k, "recordsSizeInBytes")) {
            broker_line_value_size(b, &p->bytes);
            has |= HAS_BYTES;
        } else if (JSON_KEY_IS(k, "records")) {
            has |= take_null_records(b, &p->bytes);
        } else {
            json_scan_skip(s);
        }
    }
    need(b, has, HAS_PARTITION | HAS_ERROR | HAS_HIGH | HAS_BYTES);
}

void broker_line_parts_produce_asked(struct line_body *b, uint32_t topic) {
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
            broker_line_value_i32(b, &p->partition);
            has |= HAS_PARTITION;
        } else if (JSON_KEY_IS(k, "recordsSizeInBytes")) {
            broker_line_value_size(b, &p->bytes);
            has |= HAS_BYTES;
        } else if (JSON_KEY_IS(k, "records")) {
            has |= take_null_records(b, &p->bytes);
        } else {
            json_scan_skip(s);
        }
    }
    need(b, has, HAS_PARTITION | HAS_BYTES);
}

void broker_line_parts_produce_answered(struct line_body *b, uint32_t topic) {
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
            broker_line_value_i32(b, &p->partition);
            has |= HAS_PARTITION;
        } else if (JSON_KEY_IS(k, "errorCode")) {
            broker_line_value_i32(b, &p->error);
            has |= HAS_ERROR;
        } else if (JSON_KEY_IS(k, "baseOffset")) {
            broker_line_value_i64(b, &p->offset);
            has |= HAS_OFFSET;
        } else {
            json_scan_skip(s);
        }
    }
    need(b, has, HAS_PARTITION | HAS_ERROR | HAS_OFFSET);
}

// Partitions of OFFSET_COMMIT and TXN_OFFSET_COMMIT: of the request with an offset, of the response
// with an error.
static void read_commit_part(struct line_body *b, struct broker_line_parts *list, uint32_t topic,
                             unsigned needed) {
    struct json_scan *s = b->scan;
    struct broker_line_part *p = add_part(list);
    p->topic = topic;
    unsigned has = 0;
    struct slice k;
    json_scan_enter_object(s);
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "partitionIndex")) {
            broker_line_value_i32(b, &p->partition);
            has |= HAS_PARTITION;
        } else if (JSON_KEY_IS(k, "committedOffset")) {
            broker_line_value_i64(b, &p->offset);
            has |= HAS_OFFSET;
        } else if (JSON_KEY_IS(k, "errorCode")) {
            broker_line_value_i32(b, &p->error);
            has |= HAS_ERROR;
        } else {
            json_scan_skip(s);
        }
    }
    need(b, has, needed);
}

void broker_line_parts_commit_asked(struct line_body *b, uint32_t topic) {
    read_commit_part(b, &b->line->asked, topic, HAS_PARTITION | HAS_OFFSET);
}

void broker_line_parts_commit_answered(struct line_body *b, uint32_t topic) {
    read_commit_part(b, &b->line->answered, topic, HAS_PARTITION | HAS_ERROR);
}

// One range of acquiredRecords; its partition is set when the partition has been read whole.
static void read_acquired(struct line_body *b) {
    struct json_scan *s = b->scan;
    struct broker_line_part *p = add_part(&b->line->acquired);
    bool first = false, last = false;
    struct slice k;
    json_scan_enter_object(s);
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "firstOffset")) {
            broker_line_value_i64(b, &p->offset);
            first = true;
        } else if (JSON_KEY_IS(k, "lastOffset")) {
            broker_line_value_i64(b, &p->last_offset);
            last = true;
        } else if (JSON_KEY_IS(k, "deliveryCount")) {
            broker_line_value_i32(b, &p->delivery_count);
        } else {
            json_scan_skip(s);
        }
    }
    if (!first || !last) {
        broker_line_value_fault(b, LINE_FAULT_MISSING_FIELD);
    } else if (p->offset < 0 || p->last_offset < p->offset ||
               p->last_offset - p->offset > INT32_MAX) {
        broker_line_value_fault(b, LINE_FAULT_BAD_VALUE);
    }
}

void broker_line_parts_share_answered(struct line_body *b, uint32_t topic) {
    struct json_scan *s = b->scan;
    struct broker_line_part part = {.topic = topic};
    uint32_t from = b->line->acquired.count;
    unsigned has = 0;
    bool listed = false;
    struct slice k;
    json_scan_enter_object(s);
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "partitionIndex")) {
            broker_line_value_i32(b, &part.partition);
            has |= HAS_PARTITION;
        } else if (JSON_KEY_IS(k, "errorCode")) {
            broker_line_value_i32(b, &part.error);
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
        broker_line_value_fault(b, LINE_FAULT_MISSING_FIELD);
    }
    for (uint32_t i = from; i < b->line->acquired.count; i++) {
        b->line->acquired.items[i].topic = part.topic;
        b->line->acquired.items[i].partition = part.partition;
        b->line->acquired.items[i].error = part.error;
    }
}

void broker_line_parts_done(struct line_body *b) {
    hash_table_done(&b->forgotten);
}
