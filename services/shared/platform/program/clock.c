#include "platform/program/clock.h"

#include <stddef.h>
#include <time.h>

#include "base/check.h"

static int64_t read_us(clockid_t id) {
    struct timespec ts;
    check(clock_gettime(id, &ts) == 0);
    return (int64_t)ts.tv_sec * US_PER_SECOND + ts.tv_nsec / 1000;
}

int64_t clock_system_us(void) {
    return read_us(CLOCK_REALTIME);
}

int64_t clock_monotonic_us(void) {
    return read_us(CLOCK_MONOTONIC);
}

static int64_t system_now_us(void *ctx) {
    (void)ctx;
    return clock_system_us();
}

const struct clock clock_system = {.now_us = system_now_us, .ctx = NULL};
