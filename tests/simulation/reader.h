// A consumer as clients are: it reads on from where it was, with a fetch session or without, goes
// where the leaders are, commits, is killed and begins where it has committed.
#ifndef WEIR_TESTS_SIMULATION_READER_H
#define WEIR_TESTS_SIMULATION_READER_H

#include "simulation/cluster.h"

struct reader_session {
    int64_t id; // 0: none
    int64_t epoch;
    bool has[CLUSTER_PLACES_MAX];
    int64_t offset[CLUSTER_PLACES_MAX];
};

struct reader {
    struct cluster_client who;
    bool with_sessions;
    bool reads[CLUSTER_PLACES_MAX];
    int64_t position[CLUSTER_PLACES_MAX];
    int64_t committed[CLUSTER_PLACES_MAX];
    int connections[REQUEST_LOG_BROKERS_MAX]; // 0: none
    int coordinator;                          // connection, 0: none
    struct reader_session sessions[REQUEST_LOG_BROKERS_MAX];
};

// Readers 0 and 1 are of the first principal, 2 and 3 of the second.
void reader_init(struct reader *r, struct cluster *c, int number);
void reader_take(struct reader *r, int place, int64_t position);
void reader_reconnect(struct reader *r);
void reader_goes_on(struct reader *r, struct cluster *c);
// A partition of one becomes another's, who begins where the first is, or has committed.
void reader_give(struct reader *r, struct reader *to, struct cluster *c);

#endif
