// Reading single values of a line's bodies. A fault of JSON is left in the scan; any other in
// `fault`, the first of them.
#ifndef WEIR_CORE_BROKERLOG_BROKER_LINE_VALUE_H
#define WEIR_CORE_BROKERLOG_BROKER_LINE_VALUE_H

#include "base/hash_table.h"
#include "core/brokerlog/broker_line_model.h"
#include "core/brokerlog/line_fault.h"
#include "core/json/json_scan.h"

// A body while it is read.
struct line_body {
    struct broker_line *line;
    struct json_scan *scan;
    enum line_fault fault;
    struct hash_table forgotten; // of broker_line_parts
};

static inline void broker_line_value_fault(struct line_body *b, enum line_fault fault) {
    if (b->fault == LINE_FAULT_NONE) {
        b->fault = fault;
    }
}

static inline void broker_line_value_i32(struct line_body *b, int32_t *ret) {
    int64_t v = 0;
    if (!json_scan_int(b->scan, &v)) {
        return;
    }
    if (v < INT32_MIN || v > INT32_MAX) {
        broker_line_value_fault(b, LINE_FAULT_BAD_VALUE);
    } else {
        *ret = (int32_t)v;
    }
}

static inline void broker_line_value_i64(struct line_body *b, int64_t *ret) {
    (void)json_scan_int(b->scan, ret);
}

// recordsSizeInBytes, an int32
static inline void broker_line_value_size(struct line_body *b, int64_t *ret) {
    if (json_scan_int(b->scan, ret) && (*ret < 0 || *ret > INT32_MAX)) {
        broker_line_value_fault(b, LINE_FAULT_BAD_VALUE);
    }
}

// A string of the line with its escapes resolved.
struct slice broker_line_value_unescaped(struct broker_line *l, struct json_string v);
// A string, or null as empty.
struct slice broker_line_value_text(struct line_body *b);
// False for null, and with a fault for what is no id.
bool broker_line_value_id(struct line_body *b, uint8_t ret[TOPIC_ID_LEN]);

#endif
