// The usage of an open batch: one row per (principal, topic as the line names it, delivery, begin),
// with the evidence of each broker. Pure.
#ifndef WEIR_METER_FOLD_USAGE_ROWS_H
#define WEIR_METER_FOLD_USAGE_ROWS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/hash_table.h"
#include "base/number.h"
#include "core/brokerlog/broker_record.h"
#include "core/usage/usage_fold.h"
#include "meter/fold/principals.h"

// Which lines of a broker a row rests on.
struct usage_evidence {
    struct usage_evidence *next;
    struct log_position first;
    struct log_position last;
    uint64_t lines;
};

struct usage_row {
    const struct principal *principal;
    struct topic_key topic; // its name is kept in the batch's arena
    enum usage_delivery delivery;
    int64_t from_us;     // quarter hour, or a border in it
    int64_t day_from_us; // of the day row that it adds to
    // To be added. A batch holds too few lines for any sum of theirs to leave 128 bits.
    i128 bytes;
    i128 messages;
    i128 fetches;
    i128 open_fetches;
    i128 share_messages;
    i128 produced_bytes;
    i128 produced_messages;
    i128 derived_messages;           // of messages
    i128 derived_fetches;            // of fetches of partitions
    i128 share_unknown;              // of share_messages, mostly: bytes not known yet
    struct usage_evidence *evidence; // NULL: corrections only
};

struct usage_rows {
    struct usage_row *items;
    size_t count;
    size_t cap;
    struct hash_table by_key; // hash of what tells rows apart; index in items
    size_t evidence_count;
    struct arena arena;
};

void usage_rows_init(struct usage_rows *r);
void usage_rows_done(struct usage_rows *r);
void usage_rows_clear(struct usage_rows *r);
// Adds a delta of `p`; `at` is the position of the line that told it.
void usage_rows_add(struct usage_rows *r, const struct principal *p, const struct log_position *at,
                    const struct usage_delta *d);

#endif
