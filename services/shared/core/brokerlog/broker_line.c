// A line of the request log: its head, and where to go on after a torn line.
#include "core/brokerlog/broker_line.h"

#include <stdlib.h>

#include "base/number.h"
#include "core/brokerlog/broker_line_body.h"
#include "core/brokerlog/broker_line_value.h"
#include "core/brokerlog/line_prefix.h"
#include "core/json/json_scan.h"

enum {
    RESUMES_MAX = 16,     // markers tried in one line
    KEPT_BYTES = 1 << 20, // of each list, from one line to the next
};

void broker_line_init(struct broker_line *l) {
    *l = (struct broker_line){0};
}

void broker_line_done(struct broker_line *l) {
    if (l == NULL) {
        return;
    }
    free(l->topics);
    free(l->asked.items);
    free(l->forgotten.items);
    free(l->answered.items);
    free(l->acquired.items);
    free(l->facts);
    free(l->text);
    *l = (struct broker_line){0};
}

// --- head ----------------------------------------------------------------------------------------

static void take_client_id(struct broker_line *l, struct json_scan *s) {
    struct json_string text;
    if (json_scan_peek(s) != JSON_KIND_STRING) {
        json_scan_skip(s);
        return;
    }
    l->has_client_id = true;
    if (json_scan_string(s, &text)) {
        l->client_id = broker_line_value_unescaped(l, text);
    }
}

static enum line_fault read_header(struct broker_line *l, struct json_scan *s) {
    int64_t key = -1, version = -1;
    struct slice k;
    json_scan_enter_object(s);
    if (JSON_SCAN_AHEAD(s, "requestApiKey")) {
        json_scan_int(s, &key);
    }
    if (JSON_SCAN_AHEAD(s, "requestApiVersion")) {
        json_scan_int(s, &version);
    }
    if (JSON_SCAN_AHEAD(s, "correlationId")) {
        json_scan_int(s, &l->correlation_id);
    }
    if (JSON_SCAN_AHEAD(s, "clientId")) {
        take_client_id(l, s);
    }
    if (JSON_SCAN_AHEAD(s, "requestApiKeyName")) {
        json_scan_skip(s);
    }
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "requestApiKey")) {
            json_scan_int(s, &key);
        } else if (JSON_KEY_IS(k, "requestApiVersion")) {
            json_scan_int(s, &version);
        } else if (JSON_KEY_IS(k, "correlationId")) {
            json_scan_int(s, &l->correlation_id);
        } else if (JSON_KEY_IS(k, "clientId")) {
            take_client_id(l, s);
        } else {
            json_scan_skip(s);
        }
    }
    if (key < 0 || version < 0) {
        return LINE_FAULT_MISSING_FIELD;
    }
    if (key > INT16_MAX || version > INT16_MAX) {
        return LINE_FAULT_BAD_VALUE;
    }
    l->api_key = (int32_t)key;
    l->api_version = (int32_t)version;
    return LINE_FAULT_NONE;
}

static void take_software(struct broker_line *l, struct json_scan *s, struct slice *to) {
    struct json_string text;
    if (json_scan_peek(s) != JSON_KIND_STRING) {
        json_scan_skip(s);
    } else if (json_scan_string(s, &text)) {
        *to = broker_line_value_unescaped(l, text);
    }
}

static void read_client_information(struct broker_line *l, struct json_scan *s) {
    struct slice k;
    json_scan_enter_object(s);
    if (JSON_SCAN_AHEAD(s, "softwareName")) {
        take_software(l, s, &l->software_name);
    }
    if (JSON_SCAN_AHEAD(s, "softwareVersion")) {
        take_software(l, s, &l->software_version);
    }
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "softwareName")) {
            take_software(l, s, &l->software_name);
        } else if (JSON_KEY_IS(k, "softwareVersion")) {
            take_software(l, s, &l->software_version);
        } else {
            json_scan_skip(s);
        }
    }
}

// "12.345" milliseconds to microseconds, cut. Java writes 1.08E7 from ten million on and 1.0E-4
// below a thousandth. -1 for what is no time.
static int64_t millis_to_us(struct slice text) {
    enum { EXPONENT_MAX = 17, MILLIS_TO_US = 3 };
    int64_t digits = 0, exponent = 0;
    int fraction = 0;
    bool point = false;
    size_t i = 0;
    for (; i < text.len && text.ptr[i] != 'E' && text.ptr[i] != 'e'; i++) {
        char c = text.ptr[i];
        if (c == '.' && !point) {
            point = true;
        } else if (c < '0' || c > '9') {
            return -1;
        } else if (digits <= INT64_MAX / 100) {
            digits = digits * 10 + (c - '0');
            fraction += point;
        } else if (!point) {
            return -1;
        }
    }
    if (i < text.len &&
        !number_parse_i64(slice_of(text.ptr + i + 1, text.len - i - 1), &exponent)) {
        return -1;
    }
    if (exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX) {
        return digits == 0 || exponent < 0 ? 0 : -1;
    }
    int64_t shift = exponent - fraction + MILLIS_TO_US;
    for (; shift < 0; shift++) {
        digits /= 10;
    }
    for (; shift > 0; shift--) {
        if (digits > INT64_MAX / 10) {
            return -1;
        }
        digits *= 10;
    }
    return digits;
}

// localHost:port-remoteHost:port-[processor-]index; hosts are addresses (IPv6 without brackets).
static void split_connection(struct broker_line *l) {
    struct slice c = l->connection;
    const char *dash = memchr(c.ptr, '-', c.len);
    l->local_address = dash == NULL ? c : slice_of(c.ptr, (size_t)(dash - c.ptr));
    l->client_address = slice_of("", 0);
    if (dash == NULL) {
        return;
    }
    const char *remote = dash + 1;
    const char *end = memchr(remote, '-', (size_t)(c.ptr + c.len - remote));
    if (end == NULL) {
        end = c.ptr + c.len;
    }
    const char *colon = memrchr(remote, ':', (size_t)(end - remote));
    l->client_address = slice_of(remote, (size_t)((colon == NULL ? end : colon) - remote));
}

struct deferred {
    struct slice request; // raw, met before the header; empty if read in place
    struct slice response;
    bool request_seen;
    bool response_seen;
    bool header_seen;
    enum line_fault fault;
};

typedef enum line_fault body_reader(struct broker_line *l, struct json_scan *s);

// "" and null say that the logger had nothing to write; else it is an object. Returns whether it
// is.
static bool body_present(struct json_scan *s) {
    struct json_string text;
    switch (json_scan_peek(s)) {
    case JSON_KIND_OBJECT: return true;
    case JSON_KIND_NULL: json_scan_null(s); return false;
    default:
        if (json_scan_string(s, &text) && text.raw.len > 0) {
            json_scan_fail(s);
        }
        return false;
    }
}

static void take_body(struct broker_line *l, struct json_scan *s, struct deferred *d,
                      body_reader *read, struct slice *raw, bool *has) {
    *has = body_present(s);
    if (!*has) {
        return;
    }
    if (!d->header_seen) {
        json_scan_raw(s, raw);
        return;
    }
    enum line_fault fault = read(l, s);
    if (d->fault == LINE_FAULT_NONE) {
        d->fault = fault;
    }
}

static void take_text(struct broker_line *l, struct json_scan *s, struct slice *ret) {
    struct json_string text;
    if (json_scan_string(s, &text)) {
        *ret = broker_line_value_unescaped(l, text);
    }
}

static void take_header(struct broker_line *l, struct json_scan *s, struct deferred *d) {
    enum line_fault fault = read_header(l, s);
    d->header_seen = true;
    if (d->fault == LINE_FAULT_NONE) {
        d->fault = fault;
    }
}

static void take_request(struct broker_line *l, struct json_scan *s, struct deferred *d) {
    d->request_seen = true;
    take_body(l, s, d, broker_line_body_read_request, &d->request, &l->has_request);
}

static void take_response(struct broker_line *l, struct json_scan *s, struct deferred *d) {
    d->response_seen = true;
    take_body(l, s, d, broker_line_body_read_response, &d->response, &l->has_response);
}

static void take_total_time(struct broker_line *l, struct json_scan *s) {
    struct slice number;
    if (json_scan_number(s, &number)) {
        l->total_time_us = millis_to_us(number);
    }
}

static void take_send_time(struct broker_line *l, struct json_scan *s) {
    struct slice number;
    if (json_scan_number(s, &number)) {
        int64_t us = millis_to_us(number);
        l->send_time_us += us > 0 && us < INT64_MAX / 4 ? us : 0;
    }
}

// The members as far as they come in the order in which Kafka writes them. What is missing, or
// comes otherwise, is left to read_member.
static void read_ahead(struct broker_line *l, struct json_scan *s, struct deferred *d) {
    if (JSON_SCAN_AHEAD(s, "isForwarded")) {
        json_scan_bool(s, &l->forwarded);
    }
    if (JSON_SCAN_AHEAD(s, "requestHeader")) {
        take_header(l, s, d);
    }
    if (JSON_SCAN_AHEAD(s, "request")) {
        take_request(l, s, d);
    }
    if (JSON_SCAN_AHEAD(s, "response")) {
        take_response(l, s, d);
    }
    if (JSON_SCAN_AHEAD(s, "connection")) {
        take_text(l, s, &l->connection);
    }
    if (JSON_SCAN_AHEAD(s, "totalTimeMs")) {
        take_total_time(l, s);
    }
    if (JSON_SCAN_AHEAD(s, "requestQueueTimeMs")) {
        json_scan_skip(s);
    }
    if (JSON_SCAN_AHEAD(s, "localTimeMs")) {
        json_scan_skip(s);
    }
    if (JSON_SCAN_AHEAD(s, "remoteTimeMs")) {
        json_scan_skip(s);
    }
    if (JSON_SCAN_AHEAD(s, "throttleTimeMs")) {
        json_scan_skip(s);
    }
    if (JSON_SCAN_AHEAD(s, "responseQueueTimeMs")) {
        take_send_time(l, s);
    }
    if (JSON_SCAN_AHEAD(s, "sendTimeMs")) {
        take_send_time(l, s);
    }
    if (JSON_SCAN_AHEAD(s, "securityProtocol")) {
        json_scan_skip(s);
    }
    if (JSON_SCAN_AHEAD(s, "principal")) {
        take_text(l, s, &l->principal);
    }
    if (JSON_SCAN_AHEAD(s, "listener")) {
        take_text(l, s, &l->listener);
    }
    if (JSON_SCAN_AHEAD(s, "clientInformation")) {
        read_client_information(l, s);
    }
}

static void read_member(struct broker_line *l, struct json_scan *s, struct deferred *d,
                        struct slice k) {
    if (JSON_KEY_IS(k, "requestHeader")) {
        take_header(l, s, d);
    } else if (JSON_KEY_IS(k, "request")) {
        take_request(l, s, d);
    } else if (JSON_KEY_IS(k, "response")) {
        take_response(l, s, d);
    } else if (JSON_KEY_IS(k, "isForwarded")) {
        json_scan_bool(s, &l->forwarded);
    } else if (JSON_KEY_IS(k, "principal")) {
        take_text(l, s, &l->principal);
    } else if (JSON_KEY_IS(k, "listener")) {
        take_text(l, s, &l->listener);
    } else if (JSON_KEY_IS(k, "connection")) {
        take_text(l, s, &l->connection);
    } else if (JSON_KEY_IS(k, "totalTimeMs")) {
        take_total_time(l, s);
    } else if (JSON_KEY_IS(k, "responseQueueTimeMs") || JSON_KEY_IS(k, "sendTimeMs")) {
        take_send_time(l, s);
    } else if (JSON_KEY_IS(k, "clientInformation")) {
        read_client_information(l, s);
    } else {
        json_scan_skip(s);
    }
}

// `items` where they are few, else NULL.
static void *kept_items(void *items, uint32_t *cap, size_t size) {
    if (*cap <= KEPT_BYTES / size) {
        return items;
    }
    free(items);
    *cap = 0;
    return NULL;
}

static void keep_parts(struct broker_line_parts *list) {
    list->items = kept_items(list->items, &list->cap, sizeof *list->items);
}

// Gives back what a giant line took.
static void give_back(struct broker_line *l) {
    l->topics = kept_items(l->topics, &l->topic_cap, sizeof *l->topics);
    l->facts = kept_items(l->facts, &l->fact_cap, sizeof *l->facts);
    keep_parts(&l->asked);
    keep_parts(&l->forgotten);
    keep_parts(&l->answered);
    keep_parts(&l->acquired);
    if (l->text_cap > KEPT_BYTES) {
        free(l->text);
        l->text = NULL;
        l->text_cap = 0;
    }
}

static void reset(struct broker_line *l) {
    give_back(l);
    struct broker_line kept = *l;
    *l = (struct broker_line){
        .topics = kept.topics,
        .topic_cap = kept.topic_cap,
        .facts = kept.facts,
        .fact_cap = kept.fact_cap,
        .text = kept.text,
        .text_cap = kept.text_cap,
        .correlation_id = -1,
        .session_epoch = -1,
        .replica_id = -1,
        .total_time_us = -1,
        .api_key = -1,
    };
    l->asked = (struct broker_line_parts){kept.asked.items, 0, kept.asked.cap};
    l->forgotten = (struct broker_line_parts){kept.forgotten.items, 0, kept.forgotten.cap};
    l->answered = (struct broker_line_parts){kept.answered.items, 0, kept.answered.cap};
    l->acquired = (struct broker_line_parts){kept.acquired.items, 0, kept.acquired.cap};
}

static void read_deferred(struct broker_line *l, struct deferred *d, struct slice raw,
                          body_reader *read) {
    struct json_scan s;
    if (raw.len == 0) {
        return;
    }
    json_scan_init(&s, raw);
    enum line_fault fault = read(l, &s);
    if (d->fault == LINE_FAULT_NONE) {
        d->fault = fault;
    }
    if (!json_scan_finish(&s)) {
        d->fault = LINE_FAULT_MALFORMED_JSON;
    }
}

// One line without anything torn in it.
static enum line_fault parse_whole(struct broker_line *l, struct slice text) {
    struct slice json;
    reset(l);
    if (!line_prefix_split(text, &l->time_us, &json)) {
        return LINE_FAULT_BAD_PREFIX;
    }
    l->text_room = json.len;
    struct json_scan s;
    struct deferred d = {0};
    struct slice k;
    json_scan_init(&s, json);
    json_scan_enter_object(&s);
    read_ahead(l, &s, &d);
    while (json_scan_key(&s, &k)) {
        read_member(l, &s, &d, k);
    }
    if (!json_scan_finish(&s)) {
        return LINE_FAULT_MALFORMED_JSON;
    }
    if (!d.header_seen) {
        return LINE_FAULT_MISSING_FIELD;
    }
    // Bodies met before the header.
    read_deferred(l, &d, d.request, broker_line_body_read_request);
    read_deferred(l, &d, d.response, broker_line_body_read_response);
    if (d.fault != LINE_FAULT_NONE) {
        return d.fault;
    }
    if (l->principal.len == 0 || l->listener.len == 0 || l->connection.len == 0) {
        return LINE_FAULT_MISSING_FIELD;
    }
    if (broker_line_body_known(l->api_key) && (!d.request_seen || !d.response_seen)) {
        return LINE_FAULT_MISSING_FIELD;
    }
    split_connection(l);
    return LINE_FAULT_NONE;
}

// --- torn lines ----------------------------------------------------------------------------------

static struct slice without_return(struct slice text) {
    if (text.len > 0 && text.ptr[text.len - 1] == '\r') {
        text.len--;
    }
    return text;
}

enum line_fault broker_line_parse(struct broker_line *l, struct slice text) {
    text = without_return(text);
    l->torn = slice_of("", 0);
    if (text.len > BROKER_LINE_MAX) {
        return LINE_FAULT_TOO_LONG;
    }
    enum line_fault fault = parse_whole(l, text);
    if (fault == LINE_FAULT_NONE) {
        return fault;
    }
    size_t at = text.len;
    for (int i = 0; i < RESUMES_MAX && (at = line_prefix_last(text, at)) > 0; i++) {
        if (parse_whole(l, slice_of(text.ptr + at, text.len - at)) == LINE_FAULT_NONE) {
            l->torn = slice_of(text.ptr, at);
            return LINE_FAULT_NONE;
        }
    }
    l->torn = slice_of("", 0);
    return fault;
}

// --- the cheap look ------------------------------------------------------------------------------

static void brief_text(struct broker_line_brief *b, struct json_scan *s, struct slice *ret) {
    struct json_string text;
    if (json_scan_string(s, &text)) {
        *ret = text.raw;
        b->escaped |= text.escaped;
    }
}

static void brief_header(struct broker_line_brief *b, struct json_scan *s) {
    int64_t key = -1, version = -1;
    struct slice k;
    json_scan_enter_object(s);
    while (json_scan_key(s, &k)) {
        if (JSON_KEY_IS(k, "requestApiKey")) {
            json_scan_int(s, &key);
        } else if (JSON_KEY_IS(k, "requestApiVersion")) {
            json_scan_int(s, &version);
        } else if (JSON_KEY_IS(k, "clientId") && json_scan_peek(s) == JSON_KIND_STRING) {
            brief_text(b, s, &b->client_id);
        } else {
            json_scan_skip(s);
        }
    }
    b->api_key = key < 0 || key > INT16_MAX ? -1 : (int32_t)key;
    b->api_version = version < 0 || version > INT16_MAX ? -1 : (int32_t)version;
}

static enum line_fault classify_whole(struct slice text, struct broker_line_brief *b) {
    struct slice json, k;
    struct json_scan s;
    *b = (struct broker_line_brief){.api_key = -1, .api_version = -1};
    if (!line_prefix_split(text, &b->time_us, &json)) {
        return LINE_FAULT_BAD_PREFIX;
    }
    json_scan_init(&s, json);
    json_scan_enter_object(&s);
    while (json_scan_key(&s, &k)) {
        if (JSON_KEY_IS(k, "requestHeader")) {
            brief_header(b, &s);
        } else if (JSON_KEY_IS(k, "isForwarded")) {
            json_scan_bool(&s, &b->forwarded);
        } else if (JSON_KEY_IS(k, "principal")) {
            brief_text(b, &s, &b->principal);
        } else if (JSON_KEY_IS(k, "listener")) {
            brief_text(b, &s, &b->listener);
        } else if (JSON_KEY_IS(k, "connection")) {
            brief_text(b, &s, &b->connection);
        } else {
            json_scan_skip(&s);
        }
    }
    if (!json_scan_finish(&s)) {
        return LINE_FAULT_MALFORMED_JSON;
    }
    if (b->api_key < 0 || b->api_version < 0 || b->principal.len == 0 || b->listener.len == 0 ||
        b->connection.len == 0) {
        return LINE_FAULT_MISSING_FIELD;
    }
    return LINE_FAULT_NONE;
}

enum line_fault broker_line_classify(struct slice text, struct broker_line_brief *ret) {
    text = without_return(text);
    *ret = (struct broker_line_brief){.api_key = -1, .api_version = -1};
    if (text.len > BROKER_LINE_MAX) {
        return LINE_FAULT_TOO_LONG;
    }
    enum line_fault fault = classify_whole(text, ret);
    if (fault == LINE_FAULT_NONE) {
        return fault;
    }
    size_t at = text.len;
    for (int i = 0; i < RESUMES_MAX && (at = line_prefix_last(text, at)) > 0; i++) {
        if (classify_whole(slice_of(text.ptr + at, text.len - at), ret) == LINE_FAULT_NONE) {
            ret->torn = slice_of(text.ptr, at);
            return LINE_FAULT_NONE;
        }
    }
    return fault;
}
