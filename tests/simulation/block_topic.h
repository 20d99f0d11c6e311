// The log topic in memory, and the way to it: librdkafka's producer as the tap sees it. A block that
// was handed over is stored, or not; told, or not; and one of a producer that is gone may still
// arrive. Within a partition the blocks of one producer arrive in their order, and are told of in it.
#ifndef WEIR_TESTS_SIMULATION_BLOCK_TOPIC_H
#define WEIR_TESTS_SIMULATION_BLOCK_TOPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/brokerlog/log_block.h"
#include "simulation/chance.h"

enum { BLOCK_TOPIC_PARTITIONS_MAX = 3 };

struct block_topic_block {
    char *value; // owned
    size_t len;
    char block[8], pos[LOG_POSITION_TEXT_MAX], prev[LOG_POSITION_TEXT_MAX]; // headers
    int64_t stored_ms;
};

struct block_topic_partition {
    struct block_topic_block *blocks;
    size_t count, cap;
};

struct block_topic {
    int32_t partitions;
    struct block_topic_partition parts[BLOCK_TOPIC_PARTITIONS_MAX];
    struct chance *chance;
    uint32_t fails_once_in; // deliveries; 0: none
    bool away;              // nothing is stored or told
    uint64_t failures, late;
};

// There is one.
extern struct block_topic block_topic;

void block_topic_init(struct chance *chance, int32_t partitions);
void block_topic_done(void);
// Something of what is on its way arrives. False: nothing is on its way.
bool block_topic_deliver(void);
// What is still on its way from producers that are gone arrives, or is lost.
void block_topic_settle(void);

#endif
