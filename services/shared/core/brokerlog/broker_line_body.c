// Bodies of the APIs that say something about usage. Field names by Kafka's message schemas
// (clients/src/main/resources/common/message); fields that are not needed are skipped, in any
// order.
#include "core/brokerlog/broker_line_body.h"

#include "base/array.h"
#include "core/brokerlog/broker_line_parts.h"
#include "core/brokerlog/kafka_protocol.h"

// --- requests ------------------------------------------------------------------------------------

static void read_replica_state(struct line_body *b) {
    struct slice k;
    json_scan_enter_object(b->scan);
    while (json_scan_key(b->scan, &k)) {
        if (JSON_KEY_IS(k, "replicaId")) {
            broker_line_value_i32(b, &b->line->replica_id);
        } else {
            json_scan_skip(b->scan);
        }
    }
}

static void read_fetch_request(struct line_body *b) {
    struct broker_line *l = b->line;
    struct slice k;
    bool topics = false, session = false, epoch = false;
    json_scan_enter_object(b->scan);
    // The order of Kafka first; whatever differs comes below.
    if (JSON_SCAN_AHEAD(b->scan, "replicaId")) {
        broker_line_value_i32(b, &l->replica_id);
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
        broker_line_value_i32(b, &l->session_id);
    }
    if (JSON_SCAN_AHEAD(b->scan, "sessionEpoch")) {
        epoch = true;
        broker_line_value_i32(b, &l->session_epoch);
    }
    if (JSON_SCAN_AHEAD(b->scan, "topics")) {
        topics = true;
        broker_line_parts_read(b, broker_line_parts_fetch_asked);
    }
    if (JSON_SCAN_AHEAD(b->scan, "forgottenTopicsData")) {
        broker_line_parts_read(b, broker_line_parts_forgotten);
    }
    if (JSON_SCAN_AHEAD(b->scan, "rackId")) {
        json_scan_skip(b->scan);
    }
    while (json_scan_key(b->scan, &k)) {
        if (JSON_KEY_IS(k, "topics")) {
            topics = true;
            broker_line_parts_read(b, broker_line_parts_fetch_asked);
        } else if (JSON_KEY_IS(k, "sessionId")) {
            session = true;
            broker_line_value_i32(b, &l->session_id);
        } else if (JSON_KEY_IS(k, "sessionEpoch")) {
            epoch = true;
            broker_line_value_i32(b, &l->session_epoch);
        } else if (JSON_KEY_IS(k, "replicaId")) {
            broker_line_value_i32(b, &l->replica_id);
        } else if (JSON_KEY_IS(k, "replicaState")) {
            read_replica_state(b);
        } else if (JSON_KEY_IS(k, "forgottenTopicsData")) {
            broker_line_parts_read(b, broker_line_parts_forgotten);
        } else {
            json_scan_skip(b->scan);
        }
    }
    if (!topics || (l->api_version >= 7 && (!session || !epoch))) {
        broker_line_value_fault(b, LINE_FAULT_MISSING_FIELD);
    }
}

static void read_produce_request(struct line_body *b) {
    struct slice k;
    bool topics = false;
    json_scan_enter_object(b->scan);
    while (json_scan_key(b->scan, &k)) {
        if (JSON_KEY_IS(k, "topicData")) {
            topics = true;
            broker_line_parts_read(b, broker_line_parts_produce_asked);
        } else if (JSON_KEY_IS(k, "acks")) {
            broker_line_value_i32(b, &b->line->acks);
        } else {
            json_scan_skip(b->scan);
        }
    }
    if (!topics) {
        broker_line_value_fault(b, LINE_FAULT_MISSING_FIELD);
    }
}

static void read_commit_request(struct line_body *b) {
    struct slice k;
    bool topics = false;
    json_scan_enter_object(b->scan);
    while (json_scan_key(b->scan, &k)) {
        if (JSON_KEY_IS(k, "topics")) {
            topics = true;
            broker_line_parts_read(b, broker_line_parts_commit_asked);
        } else if (JSON_KEY_IS(k, "groupId")) {
            b->line->group_id = broker_line_value_text(b);
        } else {
            json_scan_skip(b->scan);
        }
    }
    if (!topics) {
        broker_line_value_fault(b, LINE_FAULT_MISSING_FIELD);
    }
}

static void read_share_request(struct line_body *b) {
    struct slice k;
    json_scan_enter_object(b->scan);
    while (json_scan_key(b->scan, &k)) {
        if (JSON_KEY_IS(k, "groupId")) {
            b->line->group_id = broker_line_value_text(b);
        } else if (JSON_KEY_IS(k, "shareSessionEpoch")) {
            broker_line_value_i32(b, &b->line->session_epoch);
        } else {
            json_scan_skip(b->scan);
        }
    }
}

enum line_fault broker_line_body_read_request(struct broker_line *l, struct json_scan *s) {
    struct line_body b = {.line = l, .scan = s};
    switch (l->api_key) {
    case KAFKA_API_FETCH: read_fetch_request(&b); break;
    case KAFKA_API_PRODUCE: read_produce_request(&b); break;
    case KAFKA_API_OFFSET_COMMIT:
    case KAFKA_API_TXN_OFFSET_COMMIT: read_commit_request(&b); break;
    case KAFKA_API_SHARE_FETCH:
    case KAFKA_API_SHARE_ACKNOWLEDGE: read_share_request(&b); break;
    default: json_scan_skip(s);
    }
    broker_line_parts_done(&b);
    return b.fault;
}

// --- responses -----------------------------------------------------------------------------------

// A response whose one list that matters is `list`; errorCode and sessionId are taken where they
// stand.
static void read_list_response(struct line_body *b, const char *list,
                               broker_line_part_reader *read_part) {
    struct slice k;
    bool listed = false, error = false, session = false;
    json_scan_enter_object(b->scan);
    if (JSON_SCAN_AHEAD(b->scan, "throttleTimeMs")) {
        json_scan_skip(b->scan);
    }
    if (JSON_SCAN_AHEAD(b->scan, "errorCode")) {
        error = true;
        broker_line_value_i32(b, &b->line->error);
    }
    if (JSON_SCAN_AHEAD(b->scan, "sessionId")) {
        session = true;
        broker_line_value_i32(b, &b->line->response_session_id);
    }
    if (slice_eq_str(SLICE_LIT("responses"), list) && JSON_SCAN_AHEAD(b->scan, "responses")) {
        listed = true;
        broker_line_parts_read(b, read_part);
    }
    while (json_scan_key(b->scan, &k)) {
        if (slice_eq_str(k, list)) {
            listed = true;
            broker_line_parts_read(b, read_part);
        } else if (JSON_KEY_IS(k, "errorCode")) {
            error = true;
            broker_line_value_i32(b, &b->line->error);
        } else if (JSON_KEY_IS(k, "sessionId")) {
            session = true;
            broker_line_value_i32(b, &b->line->response_session_id);
        } else {
            json_scan_skip(b->scan);
        }
    }
    bool sessions = b->line->api_key == KAFKA_API_FETCH && b->line->api_version >= 7;
    if (!listed || (sessions && (!error || !session))) {
        broker_line_value_fault(b, LINE_FAULT_MISSING_FIELD);
    }
}

static void read_fact(struct line_body *b, enum topic_event event) {
    static const uint8_t ZERO_ID[TOPIC_ID_LEN];
    struct topic_fact fact = {.event = event};
    bool has_id = false;
    int32_t error = 0;
    struct slice k;
    json_scan_enter_object(b->scan);
    while (json_scan_key(b->scan, &k)) {
        if (JSON_KEY_IS(k, "name")) {
            fact.name = broker_line_value_text(b);
        } else if (JSON_KEY_IS(k, "topicId")) {
            has_id = broker_line_value_id(b, fact.id);
        } else if (JSON_KEY_IS(k, "errorCode")) {
            broker_line_value_i32(b, &error);
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

static void read_facts_response(struct line_body *b, const char *list, enum topic_event event) {
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
    struct line_body b = {.line = l, .scan = s};
    switch (l->api_key) {
    case KAFKA_API_FETCH:
        read_list_response(&b, "responses", broker_line_parts_fetch_answered);
        break;
    case KAFKA_API_PRODUCE:
        read_list_response(&b, "responses", broker_line_parts_produce_answered);
        break;
    case KAFKA_API_OFFSET_COMMIT:
    case KAFKA_API_TXN_OFFSET_COMMIT:
        read_list_response(&b, "topics", broker_line_parts_commit_answered);
        break;
    case KAFKA_API_SHARE_FETCH:
        read_list_response(&b, "responses", broker_line_parts_share_answered);
        break;
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
