// Programs that run side by side in one thread, in virtual time. Each goes on until it meets
// something outside of it (the log topic, the database, a file, a clock to wait for); what is outside
// is made here, and lets the scheduler choose who goes on.
//
// A kill is seen from outside: from then on nothing that the process does has any effect, and it is
// let run to its end at once, so that it frees what it holds.
#ifndef WEIR_TESTS_SIMULATION_PROCESS_H
#define WEIR_TESTS_SIMULATION_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "simulation/chance.h"

struct process;

// Virtual time, UTC. Only the scheduler moves it.
extern int64_t process_now_us;

// `run` begins with the first process_run.
struct process *process_new(void (*run)(void *ctx), void *ctx);
// It must have ended.
void process_free(struct process *p);
// Lets it go on until it waits or ends.
void process_run(struct process *p);
// SIGTERM.
void process_stop(struct process *p);
// SIGKILL: it has ended afterwards.
void process_kill(struct process *p);
bool process_ended(const struct process *p);
// What it waits for has come by the time `now_us`.
bool process_is_due(const struct process *p);
int64_t process_wake_us(const struct process *p);

// --- for what is outside, called by the process that runs ---------------------------------------

// A point where something else may happen first, or the process be killed. False: it has been.
bool process_step(void);
// The same, and once in a while a long time passes (seconds, up to a minute).
bool process_long_step(struct chance *chance);
// Waits until the virtual time is `until_us` at least. False: killed.
bool process_wait(int64_t until_us);
const struct process *process_that_runs(void);
// True in a process that was killed: nothing may have an effect.
bool process_is_dead(void);

#endif
