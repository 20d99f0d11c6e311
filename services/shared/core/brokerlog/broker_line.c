// A line of the request log: its prefix, its head, and where to go on after a torn line.
#include "core/brokerlog/broker_line.h"

#include <stdlib.h>

#include "base/encoding.h"
#include "base/instant.h"
#include "core/brokerlog/broker_line_body.h"
#include "core/json/json_scan.h"

#define KEY_IS(key, lit)                                                                           \
    ((key).len == sizeof(lit) - 1 && memcmp((key).ptr, (lit), sizeof(lit) - 1) == 0)

// "[2026-11-01 10:15:30,123" stands in front of the marker, whose last byte begins the JSON.
static const char MARKER[] = "] DEBUG Completed request:{";
static const char SUFFIX[] = " (kafka.request.logger)";
enum {
    TIME_LEN = 24,
    MARKER_LEN = sizeof MARKER - 1,
    SUFFIX_LEN = sizeof SUFFIX - 1,
    RESUMES_MAX = 16, // markers tried in one line
};

static const char *const FAULT_NAMES[LINE_FAULT_COUNT] = {
    "none",     "bad_prefix",    "malformed_json", "torn",
    "too_long", "missing_field", "bad_value",      "time_off",
};

const char *line_fault_name(enum line_fault fault) {
    return fault < LINE_FAULT_COUNT ? FAULT_NAMES[fault] : "unknown";
}

bool line_fault_parse(struct slice name, enum line_fault *ret) {
    for (int i = 0; i < LINE_FAULT_COUNT; i++) {
        if (slice_eq_str(name, FAULT_NAMES[i])) {
            *ret = (enum line_fault)i;
            return true;
        }
    }
    return false;
}

void topic_id_format(char out[TOPIC_ID_TEXT_LEN], const uint8_t id[TOPIC_ID_LEN]) {
    (void)base64url_encode(out, id, TOPIC_ID_LEN);
}

bool topic_id_parse(struct slice text, uint8_t ret_id[TOPIC_ID_LEN]) {
    uint8_t bytes[TOPIC_ID_TEXT_LEN * 3 / 4 + 2];
    if (text.len != TOPIC_ID_TEXT_LEN || base64url_decode(bytes, text) != TOPIC_ID_LEN) {
        return false;
    }
    memcpy(ret_id, bytes, TOPIC_ID_LEN);
    return true;
}

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

// --- prefix --------------------------------------------------------------------------------------

static bool take_digits(const char *p, int count, unsigned *ret) {
    unsigned v = 0;
    for (int i = 0; i < count; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return false;
        }
        v = v * 10 + (unsigned)(p[i] - '0');
    }
    *ret = v;
    return true;
}

// "[2026-11-01 10:15:30,123" as UTC.
static bool parse_time(const char *p, int64_t *ret_us) {
    unsigned year, month, day, hour, minute, second, milli;
    if (p[0] != '[' || p[5] != '-' || p[8] != '-' || p[11] != ' ' || p[14] != ':' || p[17] != ':' ||
        p[20] != ',' || !take_digits(p + 1, 4, &year) || !take_digits(p + 6, 2, &month) ||
        !take_digits(p + 9, 2, &day) || !take_digits(p + 12, 2, &hour) ||
        !take_digits(p + 15, 2, &minute) || !take_digits(p + 18, 2, &second) ||
        !take_digits(p + 21, 3, &milli)) {
        return false;
    }
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
        minute > 59 || second > 59) {
        return false;
    }
    int64_t seconds =
        days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *ret_us = seconds * US_PER_SECOND + (int64_t)milli * 1000;
    return true;
}

// The JSON of a line, from its first brace to the end of the line.
static bool split_prefix(struct slice text, int64_t *ret_us, struct slice *ret_json) {
    if (text.len < TIME_LEN + MARKER_LEN || memcmp(text.ptr + TIME_LEN, MARKER, MARKER_LEN) != 0 ||
        !parse_time(text.ptr, ret_us)) {
        return false;
    }
    size_t head = TIME_LEN + MARKER_LEN - 1;
    struct slice json = slice_of(text.ptr + head, text.len - head);
    if (json.len > SUFFIX_LEN &&
        memcmp(json.ptr + json.len - SUFFIX_LEN, SUFFIX, SUFFIX_LEN) == 0) {
        json.len -= SUFFIX_LEN;
    }
    *ret_json = json;
    return true;
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
        l->client_id = broker_line_body_text(l, s, text);
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
        if (KEY_IS(k, "requestApiKey")) {
            json_scan_int(s, &key);
        } else if (KEY_IS(k, "requestApiVersion")) {
            json_scan_int(s, &version);
        } else if (KEY_IS(k, "correlationId")) {
            json_scan_int(s, &l->correlation_id);
        } else if (KEY_IS(k, "clientId")) {
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
        *to = broker_line_body_text(l, s, text);
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
        if (KEY_IS(k, "softwareName")) {
            take_software(l, s, &l->software_name);
        } else if (KEY_IS(k, "softwareVersion")) {
            take_software(l, s, &l->software_version);
        } else {
            json_scan_skip(s);
        }
    }
}

// "12.345" milliseconds to microseconds, digits past the third cut. Java writes 1.0E7 from ten
// million on and 1.0E-4 below a thousandth; such a value is left out (-1): nothing is counted by
// it.
static int64_t millis_to_us(struct slice text) {
    int64_t us = 0;
    int fraction = -1;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.' && fraction < 0) {
            fraction = 0;
        } else if (c >= '0' && c <= '9' && us < INT64_MAX / 10000) {
            if (fraction < 3) {
                us = us * 10 + (c - '0');
            }
            if (fraction >= 0 && fraction < 3) {
                fraction++;
            }
        } else {
            return -1;
        }
    }
    for (int i = fraction < 0 ? 0 : fraction; i < 3; i++) {
        us *= 10;
    }
    return us;
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
        *ret = broker_line_body_text(l, s, text);
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
        json_scan_skip(s);
    }
    if (JSON_SCAN_AHEAD(s, "sendTimeMs")) {
        json_scan_skip(s);
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
    if (KEY_IS(k, "requestHeader")) {
        take_header(l, s, d);
    } else if (KEY_IS(k, "request")) {
        take_request(l, s, d);
    } else if (KEY_IS(k, "response")) {
        take_response(l, s, d);
    } else if (KEY_IS(k, "isForwarded")) {
        json_scan_bool(s, &l->forwarded);
    } else if (KEY_IS(k, "principal")) {
        take_text(l, s, &l->principal);
    } else if (KEY_IS(k, "listener")) {
        take_text(l, s, &l->listener);
    } else if (KEY_IS(k, "connection")) {
        take_text(l, s, &l->connection);
    } else if (KEY_IS(k, "totalTimeMs")) {
        take_total_time(l, s);
    } else if (KEY_IS(k, "clientInformation")) {
        read_client_information(l, s);
    } else {
        json_scan_skip(s);
    }
}

static void reset(struct broker_line *l) {
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
    if (!split_prefix(text, &l->time_us, &json)) {
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

// Start of the last complete prefix that begins in text[1, before): 0 if there is none.
static size_t last_prefix(struct slice text, size_t before) {
    if (before > text.len) {
        before = text.len;
    }
    for (size_t at = before; at-- > 1;) {
        const char *bracket = memrchr(text.ptr + 1, '[', at);
        if (bracket == NULL) {
            return 0;
        }
        at = (size_t)(bracket - text.ptr);
        int64_t ignored;
        if (text.len - at >= TIME_LEN + MARKER_LEN &&
            memcmp(bracket + TIME_LEN, MARKER, MARKER_LEN) == 0 && parse_time(bracket, &ignored)) {
            return at;
        }
    }
    return 0;
}

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
    for (int i = 0; i < RESUMES_MAX && (at = last_prefix(text, at)) > 0; i++) {
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
        if (KEY_IS(k, "requestApiKey")) {
            json_scan_int(s, &key);
        } else if (KEY_IS(k, "requestApiVersion")) {
            json_scan_int(s, &version);
        } else if (KEY_IS(k, "clientId") && json_scan_peek(s) == JSON_KIND_STRING) {
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
    if (!split_prefix(text, &b->time_us, &json)) {
        return LINE_FAULT_BAD_PREFIX;
    }
    json_scan_init(&s, json);
    json_scan_enter_object(&s);
    while (json_scan_key(&s, &k)) {
        if (KEY_IS(k, "requestHeader")) {
            brief_header(b, &s);
        } else if (KEY_IS(k, "isForwarded")) {
            json_scan_bool(&s, &b->forwarded);
        } else if (KEY_IS(k, "principal")) {
            brief_text(b, &s, &b->principal);
        } else if (KEY_IS(k, "listener")) {
            brief_text(b, &s, &b->listener);
        } else if (KEY_IS(k, "connection")) {
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
    for (int i = 0; i < RESUMES_MAX && (at = last_prefix(text, at)) > 0; i++) {
        if (classify_whole(slice_of(text.ptr + at, text.len - at), ret) == LINE_FAULT_NONE) {
            ret->torn = slice_of(text.ptr, at);
            return LINE_FAULT_NONE;
        }
    }
    return fault;
}
