// Also the clock and the signals that the programs see (platform/program).
#include "simulation/process.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/check.h"
#include "base/instant.h"
#include "platform/program/program.h"
#include "simulation/wrap.h"

enum { STACK_BYTES = 512 * 1024, STACKS_KEPT = 16 };

struct process {
    ucontext_t context;
    void *stack;
    void (*run)(void *ctx);
    void *ctx;
    int64_t wake_us;
    int64_t ahead_us; // of a dead one's clock, so that what waits for a time ends
    bool stopping;
    bool dead;
    bool ended;
};

int64_t process_now_us;

static struct process *self; // NULL: the scheduler
static ucontext_t scheduler;
static void *kept[STACKS_KEPT];
static int kept_count;

static void begin(void) {
    self->run(self->ctx);
    self->ended = true;
    check(swapcontext(&self->context, &scheduler) == 0);
}

struct process *process_new(void (*run)(void *ctx), void *ctx) {
    struct process *p = calloc(1, sizeof *p);
    check(p != NULL);
    *p = (struct process){.run = run, .ctx = ctx, .wake_us = process_now_us};
    p->stack = kept_count > 0 ? kept[--kept_count]
                              : mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    check(p->stack != MAP_FAILED);
    check(getcontext(&p->context) == 0);
    p->context.uc_stack.ss_sp = p->stack;
    p->context.uc_stack.ss_size = STACK_BYTES;
    makecontext(&p->context, begin, 0);
    return p;
}

void process_free(struct process *p) {
    if (p == NULL) {
        return;
    }
    check(p->ended);
    if (kept_count < STACKS_KEPT) {
        kept[kept_count++] = p->stack;
    } else {
        (void)munmap(p->stack, STACK_BYTES);
    }
    free(p);
}

void process_run(struct process *p) {
    check(self == NULL && !p->ended);
    self = p;
    check(swapcontext(&scheduler, &p->context) == 0);
    self = NULL;
}

void process_stop(struct process *p) {
    p->stopping = true;
    p->wake_us = process_now_us;
}

void process_kill(struct process *p) {
    p->dead = true;
    process_run(p);
    check(p->ended);
}

bool process_ended(const struct process *p) {
    return p->ended;
}

bool process_is_due(const struct process *p) {
    return p->wake_us <= process_now_us;
}

int64_t process_wake_us(const struct process *p) {
    return p->wake_us;
}

bool process_wait(int64_t until_us) {
    check(self != NULL);
    if (!self->dead) {
        self->wake_us = until_us;
        check(swapcontext(&self->context, &scheduler) == 0);
    }
    return !self->dead;
}

bool process_step(void) {
    return process_wait(process_now_us);
}

bool process_long_step(struct chance *chance) {
    int64_t wait_s = chance_once_in(chance, 12) ? chance_between(chance, 1, 60) : 0;
    return process_wait(process_now_us + wait_s * US_PER_SECOND);
}

const struct process *process_that_runs(void) {
    return self;
}

bool process_is_dead(void) {
    return self != NULL && self->dead;
}

// --- platform/program ----------------------------------------------------------------------------

bool program_should_stop(void) {
    return self != NULL && (self->dead || self->stopping);
}

bool program_keeps_running(void) {
    return !program_should_stop();
}

bool program_sleep_ms(int64_t ms) {
    int64_t until_us = process_now_us + ms * 1000;
    while (!program_should_stop() && process_now_us < until_us) {
        (void)process_wait(until_us);
    }
    return !program_should_stop();
}

int64_t WRAPPED(clock_system_us)(void);
int64_t WRAPPED(clock_system_us)(void) {
    return process_now_us;
}

int64_t WRAPPED(clock_monotonic_us)(void);
int64_t WRAPPED(clock_monotonic_us)(void) {
    if (process_is_dead()) {
        self->ahead_us += 3600 * US_PER_SECOND;
        return process_now_us + self->ahead_us;
    }
    return process_now_us;
}
