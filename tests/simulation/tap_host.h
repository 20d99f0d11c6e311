// The hosts of the brokers: each with its log, written as time passes, and a tap (tap/tap.h) that
// runs, is killed and starts again, with the state file that it left.
#ifndef WEIR_TESTS_SIMULATION_TAP_HOST_H
#define WEIR_TESTS_SIMULATION_TAP_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "simulation/chance.h"
#include "simulation/process.h"
#include "simulation/request_log.h"
#include "tap/select/select.h"

// What the taps select.
extern const struct select_options tap_host_select;

struct tap_host {
    int32_t broker;
    struct process *process; // NULL: its tap isn't running
    uint64_t starts;
};
extern struct tap_host tap_hosts[REQUEST_LOG_BROKERS_MAX];
extern char tap_host_failed[1024]; // a tap gave up: why

// In a folder of their own below `folder`, which is emptied.
void tap_hosts_init(struct chance *chance, const char *folder, int brokers);
void tap_hosts_done(void);
// Writes a line behind what its file holds; a file ends with its hour. Sometimes only the beginning of
// it, until the next call for the broker or tap_hosts_finish_lines.
void tap_host_write(const struct request_log_line *line);
void tap_hosts_finish_lines(void);
// Its tap must not be running.
void tap_host_start(struct tap_host *h);
void tap_host_lose_state(struct tap_host *h);

#endif
