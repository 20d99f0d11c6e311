// Where meters (meter/meter.h) run.
#ifndef WEIR_TESTS_SIMULATION_METER_HOST_H
#define WEIR_TESTS_SIMULATION_METER_HOST_H

#include <stdint.h>

#include "simulation/process.h"

enum { METER_HOSTS = 3 };

struct meter_host {
    struct process *process; // NULL: its meter isn't running
    int64_t batch_ms;
};
extern struct meter_host meter_hosts[METER_HOSTS];
extern char meter_host_failed[1024]; // a meter gave up: why

// Its meter must not be running.
void meter_host_start(struct meter_host *h);

#endif
