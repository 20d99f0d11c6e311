// A block's headers and value: refused, or read to its end; then all lies in the value, in order, and
// what is written from it again is the same block. The first three lines are the headers `block`,
// `pos` and `prev`, the rest is the value.
#include <stdint.h>

#include "base/check.h"
#include "core/brokerlog/broker_line.h"
#include "core/brokerlog/log_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VALUE_MAX = 64 * 1024 * 1024 };

static struct slice take_line(struct slice *rest) {
    const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, '\n', rest->len);
    size_t n = end == NULL ? rest->len : (size_t)(end - rest->ptr);
    struct slice line = slice_of(rest->ptr, n);
    size_t used = end == NULL ? n : n + 1;
    *rest = slice_of(rest->ptr + used, rest->len - used);
    return line;
}

static void check_record(const struct broker_record *r, struct slice text, struct slice value,
                         const struct log_position *behind, bool first) {
    check(text.ptr >= value.ptr && text.ptr + text.len < value.ptr + value.len);
    check(r->pos.broker == behind->broker);
    if (broker_record_kind_advances(r->kind)) {
        check((first && !r->has_prev) || log_position_cmp(&r->pos, behind) > 0);
    } else {
        check(log_position_cmp(&r->pos, behind) == 0);
    }
    if (r->line_bytes > 0) {
        check(r->kind == BROKER_RECORD_LINE && r->line_bytes <= BROKER_LINE_MAX && text.len > 0 &&
              r->part_from + text.len <= r->line_bytes);
    }
}

static void read_block(struct log_block *b, struct slice value, struct buf *again) {
    struct log_position behind = b->record.pos;
    struct broker_record r;
    struct slice text;
    size_t advanced = 0;
    while (log_block_next(b, &r, &text)) {
        check_record(&r, text, value, &behind, advanced == 0);
        advanced += broker_record_kind_advances(r.kind);
        behind = r.pos;
        log_block_add(again, &r, text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice rest = slice_of((const char *)data, size);
    struct log_block_headers h = {0};
    h.block = take_line(&rest);
    h.pos = take_line(&rest);
    h.prev = take_line(&rest);
    struct log_block b;
    struct err e = {0};
    if (h.block.len == 0 || log_block_open(&h, rest, &b, &e) != ERR_OK) {
        return 0;
    }
    struct buf again, third;
    buf_init(&again, VALUE_MAX);
    buf_init(&third, VALUE_MAX);
    read_block(&b, rest, &again);
    // Numbers may have been written with zeros in front, notices with an offset: once more, and it
    // is as the tap would write it.
    check(log_block_open(&h, buf_slice(&again), &b, &e) == ERR_OK);
    read_block(&b, buf_slice(&again), &third);
    check(slice_eq(buf_slice(&again), buf_slice(&third)));
    buf_done(&again);
    buf_done(&third);
    return 0;
}
