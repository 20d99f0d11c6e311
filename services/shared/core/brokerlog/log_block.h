// Blocks: the records of the topic weir.broker-log.<cluster> as Kafka knows them. A block holds
// records (broker_record.h) of one broker and partition, in order, under one `prev`.
//
// Headers, as text: `block` (the version of this format), `pos` (position of the last record, as
// for a notice where there are only notices), `prev`. Value, packed (log_pack.h): per record
//   <kind> <offset> <bytes>\n<value>\n
// with the generation of `pos`. Notices (control, hole) have no place of their own: their offset is 0. A line above LOG_PART_MAX spans several
// blocks, alone in each:
//   line <offset> <bytes> <from> <bytes of the line>\n<value>\n
// Every part names the position and `prev` of the line. The position is taken with the last one.
//
// Releases before blocks wrote one record each: header `kind` in place of `block`, the value alone.
// They are read too.
#ifndef WEIR_CORE_BROKERLOG_LOG_BLOCK_H
#define WEIR_CORE_BROKERLOG_LOG_BLOCK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "core/brokerlog/broker_record.h"

#define LOG_HEADER_BLOCK "block"
#define LOG_BLOCK_VERSION "1"

enum {
    LOG_PART_MAX = 512 * 1024, // bytes of a line that are in one block
    LOG_BLOCK_HEAD_MAX = 80,   // bytes that a record needs beside its value
};

// Empty where absent.
struct log_block_headers {
    struct slice block;
    struct slice kind;
    struct slice pos;
    struct slice prev;
};

struct log_block {
    struct broker_record record; // the last one given
    int64_t generation;          // of those that advance
    struct slice rest;
    bool bare; // a record of its own, of a release before blocks
    bool taken;
};

// Appends a record to the value of a block. Its generation and `prev` are the block's.
void log_block_add(struct buf *value, const struct broker_record *r, struct slice text);

// The record is a block, and so its value is packed.
static inline bool log_block_is_packed(const struct log_block_headers *h) {
    return h->block.len > 0;
}
// Opens a block for log_block_next; `value` is unpacked and borrowed. ERR_INVALID names the header, or says what
// is wrong with the value: all of it is looked at, so that nothing is taken of a damaged one.
ERR_MUST_CHECK enum err_code log_block_open(const struct log_block_headers *h, struct slice value,
                                            struct log_block *ret, struct err *e);
// The next record; *ret_text points into the value. False at the end.
bool log_block_next(struct log_block *b, struct broker_record *ret, struct slice *ret_text);

#endif
