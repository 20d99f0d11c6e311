// What the brokers of a small cluster wrote: made from a seed, line by line, each with the position
// that it has in its broker's files (a file an hour).
//
// Readers with and without fetch sessions, who move between brokers with the leaders, are killed and
// read again; producers, whose lines come late and twice; and one reader who does whatever a client
// can do. That one is served by a single broker. Of the others the lines of different brokers are
// more than a second apart: within a second only a broker's own order is known (usage_fold.h).
#ifndef WEIR_TESTS_SIMULATION_REQUEST_LOG_H
#define WEIR_TESTS_SIMULATION_REQUEST_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum { REQUEST_LOG_BROKERS_MAX = 3 }; // their ids are 1, 2, 3

struct request_log_line {
    int32_t broker;
    int64_t time_us;
    char *text; // owned, without newline
    size_t len;
    int64_t generation; // of its file
    uint64_t offset;
};

struct request_log {
    struct request_log_line *lines; // by time
    size_t count;
    size_t cap;
    int brokers;
    // Readers are killed and read again, though several brokers serve them: what a fetch is expected
    // to hold is then learned in the order in which the brokers' lines come.
    bool read_again;
    // What topics there are is told by every broker before anything else. Otherwise it may come late,
    // and what is known by name and by id is joined then.
    bool names_first;
    int64_t begin_us;
    int64_t end_us;
};

void request_log_make(struct request_log *l, uint64_t seed);
void request_log_done(struct request_log *l);
// Whether messages are the same in any order of brokers; else only what is read as it stands is: bytes,
// fetches, produced bytes, messages of share groups, evidence (see tests/README.md).
bool request_log_is_exact(const struct request_log *l);
// Whether lines of the principal (without "User:") stand in the logs of several brokers: then what of
// them is fresh and what is replay depends on the order in which the brokers' lines come.
bool request_log_is_spread(struct slice principal);
// The hour of a time, which names the file that holds it.
int64_t request_log_hour(int64_t us);
// One file a broker, "broker1.log" …, as the broker would have written it without a rotation. False:
// it can't be written.
bool request_log_write(const struct request_log *l, const char *folder);

#endif
