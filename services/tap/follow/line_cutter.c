// Lines of a file; see the header.
#include "tap/follow/line_cutter.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { MEMBER_MAX = 1 << 20 }; // bytes of a long line kept to see a member whole

// Reads what is dropped of a line that is too long. Returns how much of it: the rest may be the
// beginning of a member.
static size_t read_remains(struct line_cutter *c, struct slice text, bool begins, bool ends) {
    size_t n = ends ? text.len : line_remains_cut(text);
    if (text.len - n > MEMBER_MAX) {
        n = text.len;
    }
    struct slice run = slice_of(text.ptr, n);
    if (begins) {
        line_remains_read(run, &c->remains);
    } else {
        line_remains_add(&c->remains, run);
    }
    return n;
}

void line_cutter_done(struct line_cutter *c) {
    free(c->buf);
}

void line_cutter_go(struct line_cutter *c, uint64_t offset) {
    c->offset = offset;
    c->buf_offset = offset;
    c->len = 0;
    c->scanned = 0;
    c->skipping = false;
    c->head_len = 0;
}

char *line_cutter_room(struct line_cutter *c, size_t size) {
    size_t used = c->skipping ? 0 : (size_t)(c->offset - c->buf_offset);
    if (c->skipping) {
        used = read_remains(c, slice_of(c->buf, c->len), false, false);
    } else if (c->len - used > c->line_max) {
        c->head_len = c->len - used < sizeof c->head ? c->len - used : sizeof c->head;
        memcpy(c->head, c->buf + used, c->head_len);
        c->skipping = true;
        used += read_remains(c, slice_of(c->buf + used, c->len - used), true, false);
    }
    if (used > 0) {
        memmove(c->buf, c->buf + used, c->len - used);
        c->buf_offset += used;
        c->len -= used;
        c->scanned = c->scanned > used ? c->scanned - used : 0;
    }
    if (c->cap < c->len + size) {
        c->cap = c->cap == 0 ? size : c->cap * 2;
        while (c->cap < c->len + size) {
            c->cap *= 2;
        }
        c->buf = realloc(c->buf, c->cap);
        check(c->buf != NULL);
    }
    return c->buf + c->len;
}

void line_cutter_filled(struct line_cutter *c, size_t len) {
    c->len += len;
}

uint64_t line_cutter_end(const struct line_cutter *c) {
    return c->buf_offset + c->len;
}

static void give(struct line_cutter *c, struct line_piece *ret, enum line_cut cut,
                 struct slice text, uint64_t bytes, uint64_t next_offset) {
    *ret = (struct line_piece){.cut = cut, .offset = c->offset, .text = text, .bytes = bytes};
    c->offset = next_offset;
}

// The end of a line that is too long: buf[0, end).
static void give_skipped(struct line_cutter *c, struct line_piece *ret, size_t end,
                         uint64_t next_offset) {
    (void)read_remains(c, slice_of(c->buf, end), false, true);
    c->skipping = false;
    uint64_t bytes = c->buf_offset + end - c->offset;
    give(c, ret, LINE_CUT_TOO_LONG, slice_of(c->head, c->head_len), bytes, next_offset);
    ret->remains = &c->remains;
}

// Where a run of NULs begins in buf[from, end): `end` if there is none. A run that the buffer's end
// cuts counts too.
static size_t nuls_in(const struct line_cutter *c, size_t from, size_t end) {
    while (from < end) {
        const char *nul = memchr(c->buf + from, '\0', end - from);
        if (nul == NULL) {
            return end;
        }
        size_t begin = (size_t)(nul - c->buf), n = 1;
        while (n < LINE_CUTTER_NULS_MIN && begin + n < c->len && nul[n] == '\0') {
            n++;
        }
        if (n == LINE_CUTTER_NULS_MIN || begin + n == c->len) {
            return begin;
        }
        from = begin + n;
    }
    return end;
}

// A line with lost content in it: its front part. False if more must be read to tell.
static bool give_front(struct line_cutter *c, struct line_piece *ret, size_t begin, size_t nuls) {
    if (c->len - nuls < LINE_CUTTER_NULS_MIN) {
        c->scanned = nuls;
        return false;
    }
    uint64_t next = c->buf_offset + nuls;
    if (c->skipping) {
        give_skipped(c, ret, nuls, next);
    } else {
        give(c, ret, LINE_CUT_TORN, slice_of(c->buf + begin, nuls - begin), nuls - begin, next);
    }
    c->scanned = nuls;
    return true;
}

void line_cutter_take(struct line_cutter *c, struct line_piece *ret) {
    *ret = (struct line_piece){.cut = LINE_CUT_NONE, .offset = c->offset};
    size_t begin = c->skipping ? 0 : (size_t)(c->offset - c->buf_offset);
    if (!c->skipping && begin < c->len && c->buf[begin] == '\0') {
        ret->cut = LINE_CUT_NULS;
        return;
    }
    size_t from = c->scanned > begin ? c->scanned : begin;
    const char *newline = from < c->len ? memchr(c->buf + from, '\n', c->len - from) : NULL;
    size_t end = newline == NULL ? c->len : (size_t)(newline - c->buf);
    size_t nuls = nuls_in(c, from, end);
    if (nuls < end) {
        (void)give_front(c, ret, begin, nuls);
        return;
    }
    if (newline == NULL) {
        c->scanned = c->len;
        return;
    }
    c->scanned = end + 1;
    uint64_t next = c->buf_offset + end + 1;
    if (c->skipping) {
        give_skipped(c, ret, end, next);
    } else if (end - begin > c->line_max) {
        size_t kept = end - begin < sizeof c->head ? end - begin : sizeof c->head;
        (void)read_remains(c, slice_of(c->buf + begin, end - begin), true, true);
        give(c, ret, LINE_CUT_TOO_LONG, slice_of(c->buf + begin, kept), end - begin, next);
        ret->remains = &c->remains;
    } else {
        give(c, ret, LINE_CUT_LINE, slice_of(c->buf + begin, end - begin), end - begin, next);
    }
}

void line_cutter_take_tail(struct line_cutter *c, struct line_piece *ret) {
    uint64_t end = line_cutter_end(c);
    *ret = (struct line_piece){.cut = LINE_CUT_NONE, .offset = c->offset};
    if (end <= c->offset) {
        return;
    }
    if (c->skipping) {
        give_skipped(c, ret, c->len, end);
    } else {
        size_t begin = (size_t)(c->offset - c->buf_offset);
        give(c, ret, LINE_CUT_TORN, slice_of(c->buf + begin, c->len - begin), c->len - begin, end);
    }
}
