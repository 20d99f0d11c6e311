// A line that comes in parts (core/brokerlog/log_block), until all of them are there. Pure.
//
// Position is identity: the bytes of a position are the same however often and however cut they come.
#ifndef WEIR_METER_FOLD_LONG_LINE_H
#define WEIR_METER_FOLD_LONG_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/brokerlog/broker_record.h"

struct long_line {
    struct log_position pos;
    char *text; // owned, `line_bytes` long; NULL: none
    size_t len; // of what is there, from its beginning
    uint64_t line_bytes;
    int64_t first_offset; // in Kafka, of the block with its first part
};

// LOG_WAIT: kept. LOG_TAKE: the line is complete, its text is there until the next call.
// LOG_DUPLICATE: kept before. LOG_GAP: one before it is missing. The first part of another line ends
// the one before. `offset` is that of the part's block.
enum log_verdict long_line_add(struct long_line *l, const struct broker_record *r,
                               struct slice text, int64_t offset);
void long_line_drop(struct long_line *l);
// Parts are kept that would have to be read again.
static inline bool long_line_open(const struct long_line *l) {
    return l->text != NULL && l->len < l->line_bytes;
}

#endif
