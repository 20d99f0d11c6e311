// What the topic weir.broker-log.<cluster> carries from the tap to the meter, many in a block
// (log_block.h): raw lines without their newline (kind line), small JSON otherwise (log_value.h).
// Each has a position (log_position.h). `prev` is the position of the broker's record before the
// block in the same partition; absent or empty says that the tap knows of none.
//
// The partition is that of the principal for lines and refusals.
#ifndef WEIR_CORE_BROKERLOG_BROKER_RECORD_H
#define WEIR_CORE_BROKERLOG_BROKER_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "core/brokerlog/log_position.h"

enum {
    BROKER_RECORD_VALUE_MAX = 1000000, // bytes; alone in a block below Kafka's max.message.bytes
    LOG_PARTITIONS_MAX = 4096,         // of the log topic
};

#define LOG_HEADER_KIND "kind"
#define LOG_HEADER_POS "pos"
#define LOG_HEADER_PREV "prev"

enum broker_record_kind {
    BROKER_RECORD_LINE,    // a request line, raw
    BROKER_RECORD_FACT,    // what topics there are; the position of the line that told it
    BROKER_RECORD_DEAD,    // a line that can't be read
    BROKER_RECORD_REFUSAL, // a principal was refused a topic or group
    BROKER_RECORD_CONTROL, // how far the tap is; `pos` = last position shipped to the partition
    BROKER_RECORD_HOLE,    // lines that nobody will ever read; `pos` as for control
};

struct broker_record {
    enum broker_record_kind kind;
    bool has_prev;
    struct log_position pos;
    struct log_position prev; // zero unless has_prev
    uint64_t line_bytes;      // of a part of a line: bytes of the whole line. 0: it is no part
    uint64_t part_from;       // the part's first byte in the line
};

const char *broker_record_kind_name(enum broker_record_kind kind);
bool broker_record_kind_parse(struct slice text, enum broker_record_kind *ret);
// True for the kinds that have a position of their own and so move the reader's watermark: line,
// fact, dead, refusal. Control and hole repeat the last position and may be read any number of
// times.
bool broker_record_kind_advances(enum broker_record_kind kind);

// Reads the three header texts of a record that is no block (`prev` empty or NULL where absent).
// ERR_INVALID names the header.
ERR_MUST_CHECK enum err_code broker_record_parse(struct slice kind, struct slice pos,
                                                 struct slice prev, struct broker_record *ret,
                                                 struct err *e);

// What a reader does with a record, given the broker's watermark in this partition (NULL: none).
enum log_verdict {
    LOG_TAKE,      // advancing kinds: prev <= watermark < pos. Others: pos <= watermark
    LOG_DUPLICATE, // pos <= watermark, of an advancing kind
    LOG_GAP,       // something before it is missing: not taken, the watermark stays
    LOG_WAIT,      // of a part: the line isn't complete
};
enum log_verdict broker_record_verdict(const struct broker_record *r,
                                       const struct log_position *watermark);

// Partition of a key among `count` (1..LOG_PARTITIONS_MAX): Kafka's own rule for keyed records,
// murmur2 with the sign bit cleared, so that any client finds a principal's partition.
int32_t broker_record_partition(struct slice key, int32_t count);

#endif
