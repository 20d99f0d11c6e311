// Codec of the small values of the broker-log topic. Pure, any thread.
#include "core/brokerlog/log_value.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/check.h"
#include "base/encoding.h"

static const char *const EVENT_NAMES[] = {
    [TOPIC_SEEN] = "seen",
    [TOPIC_CREATED] = "created",
    [TOPIC_DELETED] = "deleted",
};
enum { EVENTS = sizeof EVENT_NAMES / sizeof EVENT_NAMES[0] };

static json_t *load_object(struct slice value, const char *what, struct err *e) {
    json_error_t at;
    json_t *o = json_loadb(value.ptr == NULL ? "" : value.ptr, value.len,
                           JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &at);
    if (o == NULL) {
        (void)err_set(e, ERR_INVALID, "%s record is not JSON: %s at byte %d", what, at.text,
                      at.position);
        return NULL;
    }
    if (!json_is_object(o)) {
        json_decref(o);
        (void)err_set(e, ERR_INVALID, "%s record is not a JSON object", what);
        return NULL;
    }
    return o;
}

static bool get_int(const json_t *o, const char *key, int64_t min, int64_t *ret) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v) || json_integer_value(v) < min) {
        return false;
    }
    *ret = json_integer_value(v);
    return true;
}

// 0 if it is not told.
static bool get_time(const json_t *o, const char *key, int64_t *ret_us) {
    *ret_us = 0;
    return json_object_get(o, key) == NULL || get_int(o, key, 0, ret_us);
}

static bool get_string(const json_t *o, const char *key, struct arena *a, struct slice *ret) {
    const json_t *v = json_object_get(o, key);
    if (!json_is_string(v)) {
        return false;
    }
    size_t len = json_string_length(v);
    *ret = slice_of(arena_str(a, slice_of(json_string_value(v), len)), len);
    return true;
}

static bool get_position(const json_t *o, const char *key, struct log_position *ret) {
    const json_t *v = json_object_get(o, key);
    return json_is_string(v) &&
           log_position_parse(slice_of(json_string_value(v), json_string_length(v)), ret);
}

static const char *event_name(enum topic_event event) {
    check((unsigned)event < EVENTS);
    return EVENT_NAMES[event];
}

void log_value_encode_fact(struct buf *out, const struct log_fact *fact) {
    check(fact->count <= LOG_FACT_TOPICS_MAX);
    buf_printf(out, "{\"at_us\":%" PRId64 ",\"topics\":[", fact->at_us);
    for (size_t i = 0; i < fact->count; i++) {
        const struct log_topic *t = &fact->topics[i];
        buf_add_str(out, i == 0 ? "{\"id\":" : ",{\"id\":");
        buf_add_json_string(out, t->id);
        buf_add_str(out, ",\"name\":");
        buf_add_json_string(out, t->name);
        buf_printf(out, ",\"event\":\"%s\"}", event_name(t->event));
    }
    buf_add_str(out, "]}");
}

static bool topic_decode(const json_t *o, struct arena *a, struct log_topic *ret) {
    if (!get_string(o, "id", a, &ret->id) || !get_string(o, "name", a, &ret->name)) {
        return false;
    }
    if (ret->id.len != 0 && ret->id.len != TOPIC_ID_TEXT_LEN) {
        return false;
    }
    if (ret->name.len > TOPIC_NAME_MAX || ret->id.len + ret->name.len == 0) {
        return false;
    }
    const json_t *event = json_object_get(o, "event");
    for (unsigned k = 0; json_is_string(event) && k < EVENTS; k++) {
        if (strcmp(json_string_value(event), EVENT_NAMES[k]) == 0) {
            ret->event = (enum topic_event)k;
            return true;
        }
    }
    return false;
}

enum err_code log_value_decode_fact(struct slice value, struct arena *a, struct log_fact *ret,
                                    struct err *e) {
    json_auto_t *o = load_object(value, "fact", e);
    if (o == NULL) {
        return ERR_INVALID;
    }
    struct log_fact fact = {0};
    const json_t *topics = json_object_get(o, "topics");
    if (!get_int(o, "at_us", INT64_MIN, &fact.at_us) || !json_is_array(topics) ||
        json_array_size(topics) > LOG_FACT_TOPICS_MAX) {
        return err_set(e, ERR_INVALID, "fact record lacks at_us or topics");
    }
    fact.count = json_array_size(topics);
    struct log_topic *list = arena_array(a, fact.count, sizeof *list);
    for (size_t i = 0; i < fact.count; i++) {
        if (!topic_decode(json_array_get(topics, i), a, &list[i])) {
            return err_set(e, ERR_INVALID, "fact record's topic %zu is not one", i);
        }
    }
    fact.topics = list;
    *ret = fact;
    return ERR_OK;
}

void log_value_encode_control(struct buf *out, const struct log_control *control) {
    buf_printf(out,
               "{\"broker_time_us\":%" PRId64 ",\"generation\":%" PRId64 ",\"offset\":%" PRIu64
               ",\"interval_ms\":%" PRId64 ",\"version\":",
               control->broker_time_us, control->generation, control->offset, control->interval_ms);
    buf_add_json_string(out, control->version);
    buf_add_char(out, '}');
}

enum err_code log_value_decode_control(struct slice value, struct arena *a, struct log_control *ret,
                                       struct err *e) {
    json_auto_t *o = load_object(value, "control", e);
    if (o == NULL) {
        return ERR_INVALID;
    }
    struct log_control c = {0};
    int64_t offset;
    if (!get_int(o, "broker_time_us", INT64_MIN, &c.broker_time_us) ||
        !get_int(o, "generation", 0, &c.generation) || !get_int(o, "offset", 0, &offset) ||
        !get_int(o, "interval_ms", 0, &c.interval_ms) || !get_string(o, "version", a, &c.version)) {
        return err_set(e, ERR_INVALID, "control record lacks a field");
    }
    c.offset = (uint64_t)offset;
    *ret = c;
    return ERR_OK;
}

void log_value_encode_dead(struct buf *out, const struct log_dead *dead) {
    char text[(LOG_DEAD_TEXT_MAX * 8 + 5) / 6 + 4];
    size_t kept = dead->text.len < LOG_DEAD_TEXT_MAX ? dead->text.len : LOG_DEAD_TEXT_MAX;
    size_t n = base64url_encode(text, dead->text.ptr, kept);
    buf_add_str(out, "{\"reason\":");
    buf_add_json_string(out, dead->reason);
    buf_printf(out, ",\"bytes\":%" PRIu64 ",\"text\":\"", dead->bytes);
    buf_add(out, text, n);
    buf_printf(out, "\",\"api_key\":%" PRId64 ",\"record_bytes\":%" PRIu64 ",\"principal\":",
               dead->api_key, dead->record_bytes);
    buf_add_json_string(out, dead->principal);
    if (dead->has_time) {
        buf_printf(out, ",\"at_us\":%" PRId64, dead->time_us);
    }
    buf_add_char(out, '}');
}

static void decode_remains(const json_t *o, struct arena *a, struct log_dead *d) {
    int64_t record_bytes = 0;
    d->api_key = -1;
    (void)get_int(o, "api_key", -1, &d->api_key);
    (void)get_int(o, "record_bytes", 0, &record_bytes);
    d->record_bytes = (uint64_t)record_bytes;
    d->has_time = get_int(o, "at_us", INT64_MIN, &d->time_us);
    (void)get_string(o, "principal", a, &d->principal);
}

enum err_code log_value_decode_dead(struct slice value, struct arena *a, struct log_dead *ret,
                                    struct err *e) {
    json_auto_t *o = load_object(value, "dead", e);
    if (o == NULL) {
        return ERR_INVALID;
    }
    struct log_dead d = {0};
    int64_t bytes;
    struct slice coded;
    if (!get_string(o, "reason", a, &d.reason) || !get_int(o, "bytes", 0, &bytes) ||
        !get_string(o, "text", a, &coded)) {
        return err_set(e, ERR_INVALID, "dead record lacks a field");
    }
    char *text = arena_alloc(a, coded.len * 3 / 4 + 2);
    size_t n = base64url_decode(text, coded);
    if (n > LOG_DEAD_TEXT_MAX) { // (size_t)-1, unreadable, is among them
        return err_set(e, ERR_INVALID, "dead record's text is not base64url");
    }
    d.bytes = (uint64_t)bytes;
    d.text = slice_of(text, n);
    decode_remains(o, a, &d);
    *ret = d;
    return ERR_OK;
}

void log_value_encode_hole(struct buf *out, const struct log_hole *hole) {
    char from[LOG_POSITION_TEXT_MAX] = "";
    char to[LOG_POSITION_TEXT_MAX];
    if (hole->has_from) {
        log_position_format(from, &hole->from);
    }
    log_position_format(to, &hole->to);
    buf_printf(out, "{\"from\":\"%s\",\"to\":\"%s\",", from, to);
    buf_printf(out, "\"from_us\":%" PRId64 ",\"to_us\":%" PRId64 ",\"kind\":", hole->from_us,
               hole->to_us);
    buf_add_json_string(out, hole->kind);
    buf_printf(out, ",\"lines_at_least\":%" PRIu64 ",\"principal\":", hole->lines_at_least);
    buf_add_json_string(out, hole->principal);
    if (hole->topic.len > 0) {
        buf_add_str(out, ",\"topic\":");
        buf_add_json_string(out, hole->topic);
    }
    if (hole->bytes_at_least > 0) {
        buf_printf(out, ",\"bytes_at_least\":%" PRIu64, hole->bytes_at_least);
    }
    buf_add_char(out, '}');
}

enum err_code log_value_decode_hole(struct slice value, struct arena *a, struct log_hole *ret,
                                    struct err *e) {
    json_auto_t *o = load_object(value, "hole", e);
    if (o == NULL) {
        return ERR_INVALID;
    }
    struct log_hole h = {0};
    int64_t lines, bytes = 0;
    struct slice from;
    if (!get_string(o, "from", a, &from) || !get_position(o, "to", &h.to) ||
        !get_string(o, "kind", a, &h.kind) || !get_int(o, "lines_at_least", 0, &lines) ||
        !get_string(o, "principal", a, &h.principal)) {
        return err_set(e, ERR_INVALID, "hole record lacks a field");
    }
    if (!get_time(o, "from_us", &h.from_us) || !get_time(o, "to_us", &h.to_us)) {
        return err_set(e, ERR_INVALID, "hole record's times are none");
    }
    // Earlier releases tell neither.
    (void)get_string(o, "topic", a, &h.topic);
    (void)get_int(o, "bytes_at_least", 0, &bytes);
    h.bytes_at_least = (uint64_t)bytes;
    h.has_from = from.len > 0;
    if (h.has_from && (!log_position_parse(from, &h.from) || h.from.broker != h.to.broker)) {
        return err_set(e, ERR_INVALID, "hole record's from is no position");
    }
    h.lines_at_least = (uint64_t)lines;
    *ret = h;
    return ERR_OK;
}

void log_value_encode_refusal(struct buf *out, const struct log_refusal *refusal) {
    buf_printf(out, "{\"at_us\":%" PRId64 ",\"principal\":", refusal->at_us);
    buf_add_json_string(out, refusal->principal);
    buf_printf(out, ",\"api_key\":%" PRId64 ",\"error_code\":%" PRId64 ",\"resource\":",
               refusal->api_key, refusal->error_code);
    buf_add_json_string(out, refusal->resource);
    buf_printf(out, ",\"count\":%" PRIu64 "}", refusal->count);
}

enum err_code log_value_decode_refusal(struct slice value, struct arena *a, struct log_refusal *ret,
                                       struct err *e) {
    json_auto_t *o = load_object(value, "refusal", e);
    if (o == NULL) {
        return ERR_INVALID;
    }
    struct log_refusal r = {0};
    int64_t count;
    if (!get_int(o, "at_us", INT64_MIN, &r.at_us) || !get_string(o, "principal", a, &r.principal) ||
        !get_int(o, "api_key", 0, &r.api_key) ||
        !get_int(o, "error_code", INT64_MIN, &r.error_code) ||
        !get_string(o, "resource", a, &r.resource) || !get_int(o, "count", 1, &count)) {
        return err_set(e, ERR_INVALID, "refusal record lacks a field");
    }
    r.count = (uint64_t)count;
    *ret = r;
    return ERR_OK;
}
