// The lists of topics with partitions in a line's bodies. What differs between them, one partition, is
// read by one of the part readers.
#ifndef WEIR_CORE_BROKERLOG_BROKER_LINE_PARTS_H
#define WEIR_CORE_BROKERLOG_BROKER_LINE_PARTS_H

#include "core/brokerlog/broker_line_value.h"

typedef void broker_line_part_reader(struct line_body *b, uint32_t topic);

// Reads one list, or null. Topics under a name that none can have are left out.
void broker_line_parts_read(struct line_body *b, broker_line_part_reader *read_part);

broker_line_part_reader broker_line_parts_fetch_asked, broker_line_parts_fetch_answered,
    broker_line_parts_forgotten, broker_line_parts_produce_asked,
    broker_line_parts_produce_answered, broker_line_parts_commit_asked,
    broker_line_parts_commit_answered, broker_line_parts_share_answered;
// What a request's lists needed while they were read.
void broker_line_parts_done(struct line_body *b);

#endif
