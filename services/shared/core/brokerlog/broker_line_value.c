// Strings and ids of a line's bodies.
#include "core/brokerlog/broker_line_value.h"

#include <stdlib.h>

#include "base/check.h"

struct slice broker_line_value_unescaped(struct broker_line *l, struct json_string v) {
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

struct slice broker_line_value_text(struct line_body *b) {
    struct json_string v;
    if (json_scan_peek(b->scan) == JSON_KIND_NULL) {
        json_scan_null(b->scan);
        return slice_of("", 0);
    }
    if (!json_scan_string(b->scan, &v)) {
        return slice_of("", 0);
    }
    return broker_line_value_unescaped(b->line, v);
}

bool broker_line_value_id(struct line_body *b, uint8_t ret[TOPIC_ID_LEN]) {
    struct slice text = broker_line_value_text(b);
    if (text.len == 0) {
        return false;
    }
    if (!topic_id_parse(text, ret)) {
        broker_line_value_fault(b, LINE_FAULT_BAD_VALUE);
        return false;
    }
    return true;
}
