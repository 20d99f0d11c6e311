#include "meter/meter_log.h"

#include "base/hash.h"
#include "platform/program/log.h"

static void say_gap(const char *event, int32_t partition, const struct log_position *above) {
    log_warn(event, log_int("partition", partition), log_int("broker", above->broker),
             log_int("generation", above->generation), log_uint("offset", above->offset));
}

void meter_log_loaded(const struct fold *f) {
    for (size_t i = 0; i < f->partitions.cap; i++) {
        const struct log_partition *p = f->partitions.by_number[i];
        for (size_t k = 0; p != NULL && k < p->broker_count; k++) {
            if (p->brokers[k].gap_open) {
                say_gap("gap still open: waiting for the tap to ship what is missing", p->number,
                        &p->brokers[k].watermark);
            }
        }
    }
}

static void say_closed(const struct log_partition *p) {
    for (size_t k = 0; k < p->broker_count; k++) {
        if (p->brokers[k].gap_closed) {
            log_info("gap closed: what was missing has come", log_int("partition", p->number),
                     log_int("broker", p->brokers[k].id));
        }
    }
}

void meter_log_batch(const struct fold *f) {
    for (size_t i = 0; i < f->partitions.gap_count; i++) {
        const struct log_gap *g = &f->partitions.gaps[i];
        if (g->opened) {
            say_gap("gap: records are not taken, for something before them is missing",
                    g->partition, &g->above);
        }
    }
    for (size_t i = 0; i < f->partitions.cap; i++) {
        if (f->partitions.by_number[i] != NULL) {
            say_closed(f->partitions.by_number[i]);
        }
    }
    if (f->counts.foreign > 0) {
        log_warn("records of the log topic that no tap wrote: skipped",
                 log_uint("records", f->counts.foreign));
    }
}

size_t meter_log_silent(const struct fold *f, uint64_t *told) {
    uint64_t silent = 0;
    size_t count = 0;
    for (size_t i = 0; i < f->expected_count; i++) {
        if (f->expected[i].silent) {
            silent = hash_mix(silent ^ ((uint64_t)f->expected[i].id + 1));
            count++;
        }
    }
    for (size_t i = 0; silent != *told && i < f->expected_count; i++) {
        if (f->expected[i].silent) {
            log_warn("broker silent for more than 25 hours: states are pruned without it",
                     log_int("broker", f->expected[i].id));
        }
    }
    if (silent == 0 && *told != 0) {
        log_info("every broker of the cluster is heard again");
    }
    *told = silent;
    return count;
}
