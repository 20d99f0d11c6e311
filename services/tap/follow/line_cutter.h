// Cuts the content of a file into lines, with their offsets. Holds no more than one line, and of a
// line that is too long only its head, and what it tells (line_remains). Pure.
#ifndef WEIR_TAP_FOLLOW_LINE_CUTTER_H
#define WEIR_TAP_FOLLOW_LINE_CUTTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"
#include "core/brokerlog/line_remains.h"

enum {
    LINE_CUTTER_HEAD_MAX = 4096, // bytes kept of a line that is too long
    LINE_CUTTER_NULS_MIN = 64,   // so many in a row stand for content that is lost
};

enum line_cut {
    LINE_CUT_NONE,     // no whole line yet
    LINE_CUT_LINE,     // text without its newline
    LINE_CUT_TOO_LONG, // text: the first LINE_CUTTER_HEAD_MAX bytes; bytes: all
    LINE_CUT_TORN,     // a line without its end: NULs follow, or nothing
    LINE_CUT_NULS,     // NULs begin where a line should: line_cutter_go behind them
};

struct line_cutter {
    uint64_t line_max;
    uint64_t offset; // of the next line
    char *buf;       // owned; content from `buf_offset` on
    size_t cap;
    size_t len;
    size_t scanned; // bytes of buf known to hold no newline after `offset`
    uint64_t buf_offset;
    bool skipping; // in a line above line_max: buf is beyond `offset`
    char head[LINE_CUTTER_HEAD_MAX];
    size_t head_len;
    struct line_remains remains; // of the line that is too long
};

struct line_piece {
    enum line_cut cut;
    uint64_t offset;
    struct slice text; // borrowed until the next call
    uint64_t bytes;
    // Of LINE_CUT_TOO_LONG, of all its bytes; borrowed like the text.
    const struct line_remains *remains;
};

void line_cutter_done(struct line_cutter *c);
// Goes on at another place; the buffer is empty then.
void line_cutter_go(struct line_cutter *c, uint64_t offset);
// Room for `size` more bytes behind the content, which are then said to be there. What was given is
// dropped, and so is a line too long to keep.
char *line_cutter_room(struct line_cutter *c, size_t size);
void line_cutter_filled(struct line_cutter *c, size_t len);
// Offset of the first byte that is not in the buffer.
uint64_t line_cutter_end(const struct line_cutter *c);
void line_cutter_take(struct line_cutter *c, struct line_piece *ret);
// What stands behind the last newline of content that nothing is added to.
void line_cutter_take_tail(struct line_cutter *c, struct line_piece *ret);

#endif
