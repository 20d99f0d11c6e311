#include "simulation/straight.h"

#include "base/check.h"
#include "core/brokerlog/broker_record.h"
#include "simulation/tap_host.h"
#include "tap/select/select.h"

struct straight {
    const struct request_log_line *line;
    int32_t partitions;
    struct fold fold;
    struct counted *counted;
};

static void fold_one(struct straight *s, const struct select_record *r, int32_t number) {
    struct broker_record record = {.kind = r->kind,
                                   .pos = {s->line->broker, s->line->generation, r->offset}};
    struct log_partition *p = log_partitions_find(&s->fold.partitions, number);
    log_partitions_begin(p, p->read_offset);
    fold_record(&s->fold, p, &record, r->value, s->line->time_us);
    log_partitions_end(p);
    const struct counted_record taken = {number, record.pos, r->kind};
    check(counted_add_taken(s->counted, &taken));
}

static bool on_record(void *ctx, const struct select_record *r) {
    struct straight *s = ctx;
    int32_t own = broker_record_partition(r->key, s->partitions);
    for (int32_t p = 0; p < s->partitions; p++) {
        if (r->everywhere || p == own) {
            fold_one(s, r, p);
        }
    }
    return true;
}

// As the control records of all brokers say: nothing of before `us` is still to come.
static void hear(struct straight *s, int brokers, int64_t us) {
    for (int32_t p = 0; p < s->partitions; p++) {
        for (int32_t b = 1; b <= brokers; b++) {
            log_partitions_heard(log_partitions_find(&s->fold.partitions, p), b, us, us);
        }
    }
    fold_finish(&s->fold, us);
}

void straight_pass(const struct request_log *log, int32_t partitions, struct counted *ret,
                   struct counted *ret_says_nothing) {
    struct straight s = {.partitions = partitions, .counted = ret};
    counted_init(ret);
    counted_init(ret_says_nothing);
    fold_init(&s.fold);
    for (int32_t p = 0; p < partitions; p++) {
        (void)log_partitions_own(&s.fold.partitions, p);
    }
    for (int b = 0; b < log->brokers; b++) {
        s.fold.expected[s.fold.expected_count++] =
            (struct log_expected){.id = b + 1, .listed_us = log->begin_us};
    }
    struct select *selects[REQUEST_LOG_BROKERS_MAX];
    for (int b = 0; b < log->brokers; b++) {
        selects[b] = select_new(&tap_host_select, on_record, &s);
    }
    for (size_t i = 0; i < log->count; i++) {
        const struct request_log_line *line = &log->lines[i];
        int64_t time_us = 0;
        s.line = line;
        if (select_line(selects[line->broker - 1], slice_of(line->text, line->len), line->offset,
                        &time_us) == SELECT_EMPTY_FETCH) {
            for (int32_t p = 0; p < partitions; p++) {
                const struct counted_record nothing = {
                    p, {line->broker, line->generation, line->offset}, BROKER_RECORD_LINE};
                (void)counted_add_taken(ret_says_nothing, &nothing);
            }
        }
    }
    hear(&s, log->brokers, log->end_us); // from here on it is counted how long states are idle
    hear(&s, log->brokers, log->end_us + STRAIGHT_AFTER_US);
    counted_add_batch(ret, &s.fold);
    for (int b = 0; b < log->brokers; b++) {
        select_free(selects[b]);
    }
    fold_done(&s.fold);
}
