// A client that does whatever a client can do: names of no topic, offsets of no log, sessions that
// aren't its own, refusals, seeks, false commits, lines longer than a block. What it writes is data.
#ifndef WEIR_TESTS_SIMULATION_HOSTILE_H
#define WEIR_TESTS_SIMULATION_HOSTILE_H

#include "simulation/cluster.h"

struct hostile {
    int broker; // the one that serves it
    int64_t position[CLUSTER_PLACES_MAX];
    bool by_id;     // names topics so
    int long_lines; // that it may still write
};

void hostile_init(struct hostile *h, struct cluster *c);
void hostile_goes_on(struct hostile *h, struct cluster *c);

#endif
