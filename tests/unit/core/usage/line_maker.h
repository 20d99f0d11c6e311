// Lines of a request log for tests, folded at once into one principal's state; what they add up to.
//
// Partitions are written as text: asked "0@100 1@50" (partition@offset), answered "0:2000/150"
// (partition:bytes/high watermark), with "!29" behind for an error, "0:-/150" for null records.
#ifndef WEIR_TESTS_LINE_MAKER_H
#define WEIR_TESTS_LINE_MAKER_H

#include "core/usage/usage_fold.h"

enum { MAKER_QUARTERS = 16, MAKER_TEXT_MAX = 65536 };

// Topic ids of tests.
#define TOPIC_A "AAAAAAAAAAAAAAAAAAAAAQ"
#define TOPIC_B "AAAAAAAAAAAAAAAAAAAAAg"

struct maker_sum {
    int64_t quarter_us;
    int64_t messages;
    uint64_t bytes;
    uint64_t fetches;
    int64_t open;
    uint64_t produced_bytes;
    int64_t produced_messages;
    uint64_t share_messages;
    uint64_t share_fetches;
    uint64_t lines;
};

struct maker {
    struct usage_state *state;
    struct topic_names *names;
    struct broker_line line;
    struct maker_sum all; // of every quarter and delivery
    struct maker_sum fresh;
    struct maker_sum quarters[MAKER_QUARTERS]; // by time; those with quarter_us set
    int quarter_count;
    struct usage_sink sink;
    // Of the next lines; all have defaults.
    int32_t broker;
    int connection;
    const char *client;
    const char *address;
    const char *topic; // id of 22 characters, else a name
    const char *total; // totalTimeMs
    int64_t at_ms;     // since 2026-11-01T00:00:00Z
};

void maker_init(struct maker *m);
void maker_done(struct maker *m);
// Setup and teardown of a test whose state is a maker.
int maker_start(void **state);
int maker_stop(void **state);
void maker_fetch(struct maker *m, int session, int epoch, int granted, const char *asked,
                 const char *answered, const char *forgotten);
// Without session: the chain is the connection.
void maker_plain_fetch(struct maker *m, const char *asked, const char *answered);
void maker_commit(struct maker *m, const char *asked);
// answered "0:1000/7": partition, bytes sent, base offset.
void maker_produce(struct maker *m, int acks, const char *answered);
void maker_share(struct maker *m, int partition, int64_t first, int64_t last, int deliveries);
void maker_fact(struct maker *m, const char *id, const char *name, enum topic_event event);
// Folds one line of text; fails the test if it can't be read.
void maker_text(struct maker *m, const char *text);
// The state of these bytes, in hexadecimal, in place of what there was.
void maker_load(struct maker *m, const char *hex);
// Writes the state, frees it and reads it back.
void maker_store_and_load(struct maker *m);
// If set, lines are written there (one per call of the functions above) and not folded.
extern void (*maker_capture)(struct maker *m, const char *text);

#endif
