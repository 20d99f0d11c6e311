// The scheduler: everybody's next step in an order that a seed gives, with what goes wrong on the way,
// until all has arrived; then what was counted beside what one straight pass counts.
//
//     simulation [--seeds N] [--seed FIRST]     that many seeds
//     simulation --faults N                     each fault that can be planted, until a seed of N finds it
//     simulation --seed N --write FOLDER        the brokers' logs of a seed, and what was counted
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/instant.h"
#include "base/number.h"
#include "platform/program/log.h"
#include "simulation/block_topic.h"
#include "simulation/database.h"
#include "simulation/fault.h"
#include "simulation/group.h"
#include "simulation/meter_host.h"
#include "simulation/straight.h"
#include "simulation/tap_host.h"

enum {
    STEPS_MAX = 400000, // then it doesn't come to an end
    PEACE_US = 20 * 60 * 1000000,
    SESSION_US = 10 * 1000000,
};

struct world {
    struct chance chance;
    struct request_log log;
    size_t written; // lines
    int64_t steps;
    uint32_t trouble_once_in; // steps
    bool peace;               // nothing goes wrong any more
    int64_t expected_us;      // in peace: what everybody is to have told and stored
    int64_t stands_until[REQUEST_LOG_BROKERS_MAX + METER_HOSTS]; // step
    uint64_t kills, expelled;
};

// --- what goes wrong -----------------------------------------------------------------------------

static struct process **process_at(struct world *w, uint32_t at) {
    uint32_t brokers = (uint32_t)w->log.brokers;
    return at < brokers ? &tap_hosts[at].process : &meter_hosts[at - brokers].process;
}

static uint32_t process_count(const struct world *w) {
    return (uint32_t)w->log.brokers + METER_HOSTS;
}

static void bury(struct process **p) {
    process_free(*p);
    *p = NULL;
}

static void kill_or_stop(struct world *w) {
    struct process **p = process_at(w, chance_below(&w->chance, process_count(w)));
    if (*p == NULL) {
        return;
    }
    if (chance_once_in(&w->chance, 4)) {
        process_stop(*p);
        return;
    }
    process_kill(*p);
    bury(p);
    w->kills++;
}

// Nobody hears of it for long: a meter is given up by its group, and then goes on as before.
static void stand_still(struct world *w) {
    uint32_t at = chance_below(&w->chance, process_count(w));
    w->stands_until[at] = w->steps + chance_below(&w->chance, 1000);
    if (at >= (uint32_t)w->log.brokers && chance_below(&w->chance, 4) > 0) {
        group_expel(meter_hosts[at - (uint32_t)w->log.brokers].process);
        w->expelled++;
    }
}

static void trouble(struct world *w) {
    struct chance *r = &w->chance;
    switch (chance_below(r, 12)) {
    case 0:
    case 1:
    case 2:
    case 3: kill_or_stop(w); break;
    case 4: group_rebalance(); break;
    case 5:
    case 10:
    case 11: stand_still(w); break;
    case 6: database.away = !database.away && chance_once_in(r, 2); break;
    case 7: block_topic.away = !block_topic.away && chance_once_in(r, 2); break;
    case 8: block_topic.fails_once_in = chance_once_in(r, 2) ? 0 : 1 + chance_below(r, 30); break;
    default: database.flaky = chance_once_in(r, 3); break;
    }
}

static void make_peace(struct world *w) {
    w->peace = true;
    w->trouble_once_in = 0;
    database.away = database.flaky = false;
    block_topic.away = false;
    block_topic.fails_once_in = 0;
}

// --- who goes on ---------------------------------------------------------------------------------

// A meter that waits for longer than a session lasts.
static void expel_silent(const struct world *w) {
    for (int i = 0; !w->peace && i < METER_HOSTS; i++) {
        const struct process *p = meter_hosts[i].process;
        if (p != NULL && process_wake_us(p) > process_now_us + SESSION_US) {
            group_expel(p);
        }
    }
}

static void start_missing(struct world *w) {
    struct chance *r = &w->chance;
    for (int b = 0; b < w->log.brokers; b++) {
        struct tap_host *h = &tap_hosts[b];
        if (h->process == NULL && (w->peace || chance_once_in(r, 40))) {
            if (!w->peace && h->starts > 0 && chance_once_in(r, 12)) {
                tap_host_lose_state(h);
            }
            tap_host_start(h);
        }
    }
    for (int i = 0; i < METER_HOSTS; i++) {
        struct meter_host *h = &meter_hosts[i];
        if (h->process == NULL && (w->peace ? i == 0 : chance_once_in(r, 60))) {
            h->batch_ms = chance_between(r, 1, 12) * 500;
            meter_host_start(h);
        }
    }
    if (w->peace || chance_once_in(r, 30)) {
        group_expel_ghosts();
        expel_silent(w);
    }
}

static bool run_one(struct world *w) {
    uint32_t count = process_count(w), first = chance_below(&w->chance, count);
    for (uint32_t i = 0; i < count; i++) {
        struct process **p = process_at(w, (first + i) % count);
        bool stands = !w->peace && w->stands_until[(first + i) % count] > w->steps;
        if (*p != NULL && !stands && process_is_due(*p)) {
            process_run(*p);
            if (process_ended(*p)) {
                bury(p);
            }
            return true;
        }
    }
    return false;
}

// --- time ----------------------------------------------------------------------------------------

static int64_t next_wake_us(struct world *w) {
    int64_t next_us = INT64_MAX;
    for (uint32_t i = 0; i < process_count(w); i++) {
        struct process **p = process_at(w, i);
        if (*p != NULL && process_wake_us(*p) < next_us) {
            next_us = process_wake_us(*p);
        }
    }
    return next_us;
}

// To the next line, or to what comes before it.
static void pass_time(struct world *w) {
    int64_t to_us = next_wake_us(w);
    tap_hosts_finish_lines();
    if (w->written < w->log.count) {
        int64_t line_us = w->log.lines[w->written].time_us;
        to_us = to_us > line_us || chance_once_in(&w->chance, 3) ? line_us : to_us;
    }
    if (to_us != INT64_MAX && to_us > process_now_us) {
        process_now_us = to_us;
    }
    for (; w->written < w->log.count && w->log.lines[w->written].time_us <= process_now_us;
         w->written++) {
        tap_host_write(&w->log.lines[w->written]);
    }
}

// --- one seed ------------------------------------------------------------------------------------

static void step(struct world *w) {
    struct chance *r = &w->chance;
    w->steps++;
    if (w->trouble_once_in > 0 && chance_once_in(r, w->trouble_once_in)) {
        trouble(w);
    }
    start_missing(w);
    switch (chance_below(r, 8)) {
    case 0:
    case 1:
        if (block_topic_deliver()) {
            return;
        }
        break;
    case 2: pass_time(w); return;
    default: break;
    }
    if (!run_one(w) && !block_topic_deliver()) {
        pass_time(w);
    }
}

static bool goes_on(struct world *w, char why[COUNTED_WHY_MAX]) {
    const char *failed = database.wrong[0] != '\0'      ? database.wrong
                         : tap_host_failed[0] != '\0'   ? tap_host_failed
                         : meter_host_failed[0] != '\0' ? meter_host_failed
                                                        : NULL;
    if (failed != NULL) {
        (void)snprintf(why, COUNTED_WHY_MAX, "%s", failed);
        return false;
    }
    if (w->steps >= STEPS_MAX) {
        (void)snprintf(
            why, COUNTED_WHY_MAX,
            "it doesn't come to an end: %d gaps are open, %" PRId64 " s of the log are not stored",
            database_open_gaps(), (w->expected_us - database_complete_us()) / US_PER_SECOND);
        return false;
    }
    return true;
}

static bool play(struct world *w, char why[COUNTED_WHY_MAX]) {
    while (w->written < w->log.count) {
        step(w);
        if (!goes_on(w, why)) {
            return false;
        }
    }
    // Some trouble more, with what is still on its way.
    for (uint32_t i = chance_below(&w->chance, 2000); i > 0; i--) {
        step(w);
        if (!goes_on(w, why)) {
            return false;
        }
    }
    make_peace(w);
    block_topic_settle();
    int64_t end_us = process_now_us > w->log.end_us ? process_now_us : w->log.end_us;
    end_us += STRAIGHT_AFTER_US;
    for (;;) {
        w->expected_us = process_now_us - 2 * US_PER_SECOND;
        w->expected_us = w->expected_us > w->log.end_us ? w->expected_us : w->log.end_us;
        while (database_complete_us() < w->expected_us) {
            step(w);
            if (!goes_on(w, why)) {
                return false;
            }
        }
        if (process_now_us > end_us) {
            return true;
        }
        process_now_us += PEACE_US;
    }
}

static bool judge(struct world *w, int32_t partitions, char why[COUNTED_WHY_MAX]) {
    struct counted right, nothing;
    enum fault planted = fault_planted;
    fault_planted = FAULT_NONE;
    straight_pass(&w->log, partitions, &right, &nothing);
    fault_planted = planted;
    bool ok =
        counted_equals(&database.counted, &right, &nothing, request_log_is_exact(&w->log), why);
    if (ok && database_open_gaps() > 0) {
        (void)snprintf(why, COUNTED_WHY_MAX, "%d gaps are left", database_open_gaps());
        ok = false;
    }
    counted_done(&right);
    counted_done(&nothing);
    return ok;
}

struct totals {
    uint64_t lines, steps, kills, expelled, failures, late, conflicts, commits;
};

// What was counted, beside the brokers' logs.
static void write_result(const struct world *w, const char *folder) {
    char name[4096];
    int n = snprintf(name, sizeof name, "%s/counted.json", folder);
    check(n > 0 && (size_t)n < sizeof name && request_log_write(&w->log, folder));
    FILE *out = fopen(name, "w");
    check(out != NULL);
    counted_print(&database.counted, request_log_is_exact(&w->log), out);
    check(fclose(out) == 0);
}

static bool run_seed(uint64_t seed, const char *folder, const char *write_to, struct totals *t,
                     char why[COUNTED_WHY_MAX]) {
    struct world w = {0};
    request_log_make(&w.log, seed);
    chance_init(&w.chance, seed, 2);
    process_now_us = w.log.begin_us;
    int32_t partitions = 1 + (int32_t)chance_below(&w.chance, BLOCK_TOPIC_PARTITIONS_MAX);
    w.trouble_once_in = 15 + chance_below(&w.chance, 400);
    block_topic_init(&w.chance, partitions);
    database_init(&w.chance, partitions, w.log.brokers, w.log.begin_us);
    group_init(&w.chance);
    tap_hosts_init(&w.chance, folder, w.log.brokers);
    memset(meter_hosts, 0, sizeof meter_hosts);
    meter_host_failed[0] = '\0';
    bool ok = play(&w, why) && judge(&w, partitions, why);
    if (write_to != NULL) {
        write_result(&w, write_to);
    }
    for (uint32_t i = 0; i < process_count(&w); i++) {
        struct process **p = process_at(&w, i);
        if (*p != NULL) {
            process_kill(*p);
            bury(p);
        }
    }
    t->lines += w.log.count;
    t->steps += (uint64_t)w.steps;
    t->kills += w.kills;
    t->expelled += w.expelled;
    t->failures += block_topic.failures;
    t->late += block_topic.late;
    t->conflicts += database.conflicts;
    t->commits += database.commits;
    tap_hosts_done();
    database_done();
    block_topic_done();
    request_log_done(&w.log);
    return ok;
}

// --- the program ---------------------------------------------------------------------------------

static double seconds(void) {
    struct timespec ts;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t run_seeds(uint64_t first, uint64_t count, const char *folder,
                          const char *write_to) {
    struct totals t = {0};
    double began = seconds();
    uint64_t failed = 0;
    for (uint64_t seed = first; seed < first + count; seed++) {
        char why[COUNTED_WHY_MAX] = "";
        if (!run_seed(seed, folder, write_to, &t, why)) {
            failed++;
            printf("seed %" PRIu64 ": %s\n", seed, why);
            (void)fflush(stdout);
        }
    }
    printf("%" PRIu64 " lines, %" PRIu64 " steps, %" PRIu64 " kills, %" PRIu64 " expelled, %" PRIu64
           " deliveries failed, %" PRIu64 " came late, %" PRIu64 " commits, %" PRIu64 " refused\n",
           t.lines, t.steps, t.kills, t.expelled, t.failures, t.late, t.commits, t.conflicts);
    printf("%.0f seeds a minute of processor time\n", 60.0 * (double)count / (seconds() - began));
    printf("simulation: %" PRIu64 " passed, %" PRIu64 " failed\n", count - failed, failed);
    return failed;
}

// A fault that no seed finds is a failure: of the simulation.
static uint64_t run_faults(uint64_t first, uint64_t count, const char *folder) {
    uint64_t missed = 0;
    for (int f = FAULT_NONE + 1; f < FAULTS; f++) {
        char why[COUNTED_WHY_MAX] = "";
        struct totals t = {0};
        uint64_t seed = first;
        fault_planted = (enum fault)f;
        while (seed < first + count && run_seed(seed, folder, NULL, &t, why)) {
            seed++;
        }
        if (seed == first + count) {
            missed++;
            printf("%s: not found by %" PRIu64 " seeds\n", fault_name(fault_planted), count);
        } else {
            printf("%s: found by seed %" PRIu64 ": %.120s\n", fault_name(fault_planted), seed, why);
        }
        (void)fflush(stdout);
    }
    printf("simulation: %" PRIu64 " passed, %" PRIu64 " failed\n", (uint64_t)(FAULTS - 1) - missed,
           missed);
    return missed;
}

int main(int argc, char **argv) {
    static const struct option OPTIONS[] = {
        {"seeds", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'},
        {"fault", required_argument, NULL, 'f'}, {"faults", required_argument, NULL, 'a'},
        {"write", required_argument, NULL, 'w'}, {NULL, 0, NULL, 0}};
    uint64_t first = 1, count = 0, faults = 0;
    const char *write_to = NULL;
    bool ok = true;
    int c;
    while (ok && (c = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1) {
        switch (c) {
        case 'n': ok = number_parse_u64(slice_str(optarg), &count); break;
        case 's':
            ok = number_parse_u64(slice_str(optarg), &first);
            count = count == 0 ? 1 : count;
            break;
        case 'f': ok = (fault_planted = fault_find(optarg)) != FAULTS; break;
        case 'a': ok = number_parse_u64(slice_str(optarg), &faults); break;
        case 'w': write_to = optarg; break;
        default: ok = false;
        }
    }
    if (!ok || optind < argc || (count == 0 && faults == 0)) {
        fprintf(stderr, "usage: simulation [--seeds N] [--seed FIRST] [--fault NAME]\n"
                        "       simulation --faults N [--seed FIRST]\n"
                        "       simulation --seed N --write FOLDER\n");
        return 2;
    }
    log_init("simulation", LOG_LEVEL_ERROR);
    log_redirect(open("/dev/null", O_WRONLY | O_CLOEXEC), NULL);
    char folder[64];
    (void)snprintf(folder, sizeof folder, "%s/weir-simulation.XXXXXX",
                   access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    check(mkdtemp(folder) != NULL);
    uint64_t failed =
        faults > 0 ? run_faults(first, faults, folder) : run_seeds(first, count, folder, write_to);
    (void)rmdir(folder);
    return failed == 0 ? 0 : 1;
}
