// What a log has come to: usage rows with their evidence, dead letters, and which lines were taken.
#ifndef WEIR_TESTS_SIMULATION_COUNTED_H
#define WEIR_TESTS_SIMULATION_COUNTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/hash_table.h"
#include "base/number.h"
#include "meter/fold/fold.h"
#include "simulation/request_log.h"

enum {
    COUNTED_SUMS = 9,
    COUNTED_WHY_MAX = 2048,
    COUNTED_TOPIC_MAX = 64, // bytes that are kept of a topic's name, to be shown
};

struct counted_evidence {
    struct log_position first, last;
    uint64_t lines;
};

struct counted_row {
    char principal[COUNTED_TOPIC_MAX];
    char topic[COUNTED_TOPIC_MAX];
    uint64_t key; // of all that tells rows apart
    // Fresh and replay are not told apart: a line with both is evidence of one row or of two.
    bool spread;
    int delivery;
    int64_t from_us;
    i128 sums[COUNTED_SUMS];
    struct counted_evidence evidence[REQUEST_LOG_BROKERS_MAX + 1]; // by broker
};

// A record by its place: in a partition of the log topic, for facts are told in each.
struct counted_record {
    int32_t partition;
    struct log_position at;
    enum broker_record_kind kind;
};

struct counted {
    struct counted_row *rows;
    size_t row_count, row_cap;
    struct hash_table rows_by_key;
    struct counted_record *taken;
    size_t taken_count, taken_cap;
    struct hash_table taken_by_key;
    struct hash_table letters; // hash of place and reason
};

void counted_init(struct counted *c);
void counted_done(struct counted *c);
// What the open batch of the fold adds: rows and dead letters.
void counted_add_batch(struct counted *c, const struct fold *f);
// False if it was taken before.
bool counted_add_taken(struct counted *c, const struct counted_record *r);
bool counted_has_taken(const struct counted *c, const struct counted_record *r);

// Whether `got` is what is `right`: the same rows and letters, and every record of `right` taken once.
// With `exact` messages too (request_log_is_exact). Beyond them only what a tap that has gone back may ship: facts, refusals, and those of
// `says_nothing` (FETCH lines that tell nothing new). False with the difference in `why`.
bool counted_equals(const struct counted *got, const struct counted *right,
                    const struct counted *says_nothing, bool exact, char why[COUNTED_WHY_MAX]);

// As JSON: {"exact":…,"rows":[{"principal":…,"topic":…,"bytes":…,…}]}, sums over time and delivery left to the
// reader.
void counted_print(const struct counted *c, bool exact, FILE *out);

#endif
