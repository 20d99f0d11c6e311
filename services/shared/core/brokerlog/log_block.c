// The block codec; see the header. Pure, any thread.
#include "core/brokerlog/log_block.h"

#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "core/brokerlog/broker_line.h"

void log_block_add(struct buf *value, const struct broker_record *r, struct slice text) {
    uint64_t offset = broker_record_kind_advances(r->kind) ? r->pos.offset : 0;
    buf_printf(value, "%s %" PRIu64 " %zu", broker_record_kind_name(r->kind), offset, text.len);
    if (r->line_bytes > 0) {
        buf_printf(value, " %" PRIu64 " %" PRIu64, r->part_from, r->line_bytes);
    }
    buf_add_char(value, '\n');
    buf_add_slice(value, text);
    buf_add_char(value, '\n');
}

// Digits up to `stop`, which is taken too. False if there are none, or too many.
static bool take_number(const char **at, const char *end, char stop, uint64_t *ret) {
    uint64_t n = 0;
    const char *p = *at;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        if (n > (INT64_MAX - 9) / 10) {
            return false;
        }
        n = n * 10 + (uint64_t)(*p - '0');
    }
    if (p == *at || p == end || *p != stop) {
        return false;
    }
    *at = p + 1;
    *ret = n;
    return true;
}

// How much of which line a part of `bytes` is: neither nothing nor all.
static bool take_part(const char **at, const char *end, uint64_t bytes, struct broker_record *r) {
    return take_number(at, end, ' ', &r->part_from) && take_number(at, end, '\n', &r->line_bytes) &&
           bytes > 0 && bytes < r->line_bytes && r->line_bytes <= BROKER_LINE_MAX &&
           r->part_from <= r->line_bytes - bytes;
}

// The record at the beginning of *rest, which moves behind it. `r` holds what the block shares.
static bool take_record(struct slice *rest, struct broker_record *r, struct slice *ret_text) {
    const char *at = rest->ptr, *end = rest->ptr + rest->len;
    const char *blank = memchr(at, ' ', rest->len < 16 ? rest->len : 16);
    if (blank == NULL || !broker_record_kind_parse(slice_of(at, (size_t)(blank - at)), &r->kind)) {
        return false;
    }
    at = blank + 1;
    uint64_t offset, bytes;
    if (!take_number(&at, end, ' ', &offset)) {
        return false;
    }
    r->line_bytes = 0;
    const char *size = at;
    if (!take_number(&at, end, '\n', &bytes)) {
        at = size;
        if (r->kind != BROKER_RECORD_LINE || !take_number(&at, end, ' ', &bytes) ||
            !take_part(&at, end, bytes, r)) {
            return false;
        }
    }
    if (bytes >= (uint64_t)(end - at) || at[bytes] != '\n') {
        return false;
    }
    if (broker_record_kind_advances(r->kind)) {
        r->pos.offset = offset;
    }
    *ret_text = slice_of(at, (size_t)bytes);
    *rest = slice_of(at + bytes + 1, (size_t)(end - at) - (size_t)bytes - 1);
    return true;
}

// Where the first record stands behind: notices may come before any that advances.
static void begin(struct log_block *b, const struct log_position *pos) {
    if (b->record.has_prev) {
        b->record.pos = b->record.prev;
    } else {
        b->record.pos = (struct log_position){.broker = pos->broker};
    }
}

// Its records in order and above `prev`, the last one at `pos`; a part alone.
static enum err_code check_records(struct log_block b, const struct log_position *pos,
                                   struct err *e) {
    bool advanced = false;
    struct log_position last = b.record.pos;
    for (size_t n = 0; b.rest.len > 0; n++) {
        struct broker_record r = b.record;
        struct slice text;
        r.pos.generation = pos->generation;
        if (!take_record(&b.rest, &r, &text)) {
            return err_set(e, ERR_INVALID, "block's record %zu is none", n);
        }
        if (r.line_bytes > 0 && (n > 0 || b.rest.len > 0)) {
            return err_set(e, ERR_INVALID, "block holds more than the part of a line");
        }
        if (!broker_record_kind_advances(r.kind)) {
            continue;
        }
        if ((advanced || b.record.has_prev) && log_position_cmp(&r.pos, &last) <= 0) {
            return err_set(e, ERR_INVALID, "block's record %zu is not behind the one before", n);
        }
        advanced = true;
        last = r.pos;
    }
    if (advanced && log_position_cmp(&last, pos) != 0) {
        return err_field(e, ERR_INVALID, LOG_HEADER_POS, "block's last position is another");
    }
    return ERR_OK;
}

enum err_code log_block_open(const struct log_block_headers *h, struct slice value,
                             struct log_block *ret, struct err *e) {
    struct log_block b = {.rest = value};
    if (h->block.len == 0) {
        b.bare = true;
        enum err_code rc = broker_record_parse(h->kind, h->pos, h->prev, &b.record, e);
        *ret = b;
        return rc;
    }
    if (!slice_eq_str(h->block, LOG_BLOCK_VERSION)) {
        return err_field(e, ERR_INVALID, LOG_HEADER_BLOCK, "block has the unknown format \"%.*s\"",
                         SLICE_ARG(h->block));
    }
    enum err_code rc = broker_record_parse(slice_str(broker_record_kind_name(BROKER_RECORD_LINE)),
                                           h->pos, h->prev, &b.record, e);
    if (rc == ERR_OK && value.len == 0) {
        rc = err_set(e, ERR_INVALID, "block is empty");
    }
    if (rc != ERR_OK) {
        return rc;
    }
    struct log_position pos = b.record.pos;
    begin(&b, &pos);
    rc = check_records(b, &pos, e);
    b.generation = pos.generation;
    *ret = b;
    return rc;
}

bool log_block_next(struct log_block *b, struct broker_record *ret, struct slice *ret_text) {
    if (b->bare) {
        bool first = !b->taken;
        b->taken = true;
        *ret = b->record;
        *ret_text = b->rest;
        return first;
    }
    if (b->rest.len == 0) {
        return false;
    }
    struct broker_record *r = &b->record;
    struct log_position behind = r->pos;
    r->pos.generation = b->generation;
    check(take_record(&b->rest, r, ret_text)); // log_block_open has seen it
    if (!broker_record_kind_advances(r->kind)) {
        r->pos = behind;
    }
    *ret = *r;
    return true;
}
