#include "meter/fold/long_line.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

void long_line_drop(struct long_line *l) {
    free(l->text);
    *l = (struct long_line){0};
}

static bool is_same(const struct long_line *l, const struct broker_record *r) {
    return l->text != NULL && log_position_cmp(&l->pos, &r->pos) == 0 &&
           l->line_bytes == r->line_bytes;
}

static void begin(struct long_line *l, const struct broker_record *r, int64_t offset) {
    long_line_drop(l);
    *l = (struct long_line){.pos = r->pos,
                            .text = malloc(r->line_bytes),
                            .line_bytes = r->line_bytes,
                            .first_offset = offset};
    check(l->text != NULL);
}

enum log_verdict long_line_add(struct long_line *l, const struct broker_record *r,
                               struct slice text, int64_t offset) {
    if (!is_same(l, r)) {
        if (r->part_from > 0) {
            return LOG_GAP;
        }
        begin(l, r, offset);
    }
    uint64_t end = r->part_from + text.len;
    check(end <= l->line_bytes);
    if (r->part_from > l->len) {
        return LOG_GAP;
    }
    if (end <= l->len) {
        return LOG_DUPLICATE;
    }
    size_t known = l->len - (size_t)r->part_from;
    memcpy(l->text + l->len, text.ptr + known, text.len - known);
    l->len = (size_t)end;
    return long_line_open(l) ? LOG_WAIT : LOG_TAKE;
}
