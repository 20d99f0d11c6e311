#include "simulation/fault.h"

#include <string.h>

#include "core/brokerlog/broker_record.h"
#include "core/brokerlog/log_block.h"
#include "core/brokerlog/log_value.h"
#include "meter/fold/long_line.h"
#include "simulation/process.h"
#include "simulation/wrap.h"
#include "tap/select/select.h"
#include "tap/ship/ship.h"

static const int64_t EARLY_US = 3 * 3600LL * 1000000;

enum fault fault_planted;

static const char *const NAMES[FAULTS] = {
    [FAULT_NONE] = "none",
    [FAULT_IGNORE_PREV] = "ignore-prev",
    [FAULT_TAKE_AGAIN] = "take-again",
    [FAULT_NO_COMPARE] = "no-compare",
    [FAULT_COMPARE_OFFSETS] = "compare-offsets",
    [FAULT_TWO_COMMITS] = "two-commits",
    [FAULT_FORGET_STATES] = "forget-states",
    [FAULT_LOSE_PARTS] = "lose-blocks",
    [FAULT_CUT_LONG_LINES] = "cut-long-lines",
    [FAULT_DONT_GO_BACK] = "dont-go-back",
    [FAULT_KEEP_MEMORY] = "keep-memory",
    [FAULT_EARLY_STATE] = "early-state",
    [FAULT_EARLY_CONTROL] = "early-control",
};

const char *fault_name(enum fault fault) {
    return NAMES[fault];
}

enum fault fault_find(const char *name) {
    int f = 0;
    while (f < FAULTS && strcmp(NAMES[f], name) != 0) {
        f++;
    }
    return (enum fault)f;
}

enum log_verdict REAL(broker_record_verdict)(const struct broker_record *r,
                                             const struct log_position *watermark);
enum log_verdict WRAPPED(broker_record_verdict)(const struct broker_record *r,
                                                const struct log_position *watermark);
enum log_verdict WRAPPED(broker_record_verdict)(const struct broker_record *r,
                                                const struct log_position *watermark) {
    struct broker_record changed = *r;
    if (fault_planted == FAULT_IGNORE_PREV) {
        changed.has_prev = false;
    }
    enum log_verdict verdict = REAL(broker_record_verdict)(&changed, watermark);
    return (fault_planted == FAULT_TAKE_AGAIN && verdict == LOG_DUPLICATE) ? LOG_TAKE : verdict;
}

enum log_verdict REAL(long_line_add)(struct long_line *l, const struct broker_record *r,
                                     struct slice text, int64_t offset);
enum log_verdict WRAPPED(long_line_add)(struct long_line *l, const struct broker_record *r,
                                        struct slice text, int64_t offset);
enum log_verdict WRAPPED(long_line_add)(struct long_line *l, const struct broker_record *r,
                                        struct slice text, int64_t offset) {
    enum log_verdict verdict = REAL(long_line_add)(l, r, text, offset);
    bool nearly = l->text != NULL && l->line_bytes - l->len <= LOG_PART_MAX;
    return (fault_planted == FAULT_CUT_LONG_LINES && verdict == LOG_WAIT && nearly) ? LOG_TAKE
                                                                                    : verdict;
}

bool REAL(ship_resume)(const struct ship *s, struct ship_origin *ret);
bool WRAPPED(ship_resume)(const struct ship *s, struct ship_origin *ret);
bool WRAPPED(ship_resume)(const struct ship *s, struct ship_origin *ret) {
    bool failed = ship_failed(s, NULL);
    if ((fault_planted == FAULT_DONT_GO_BACK && failed) ||
        (fault_planted == FAULT_EARLY_STATE && !failed)) {
        return false;
    }
    return REAL(ship_resume)(s, ret);
}

void REAL(select_clear)(struct select *s);
void WRAPPED(select_clear)(struct select *s);
void WRAPPED(select_clear)(struct select *s) {
    if (fault_planted != FAULT_KEEP_MEMORY) {
        REAL(select_clear)(s);
    }
}

void REAL(log_value_encode_control)(struct buf *out, const struct log_control *control);
void WRAPPED(log_value_encode_control)(struct buf *out, const struct log_control *control);
void WRAPPED(log_value_encode_control)(struct buf *out, const struct log_control *control) {
    struct log_control changed = *control;
    changed.broker_time_us += fault_planted == FAULT_EARLY_CONTROL ? EARLY_US : 0;
    REAL(log_value_encode_control)(out, &changed);
}
