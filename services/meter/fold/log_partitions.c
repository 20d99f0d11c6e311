#include "meter/fold/log_partitions.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

void log_partitions_init(struct log_partitions *p) {
    *p = (struct log_partitions){.gaps = calloc(GAPS_MAX, sizeof(struct log_gap))};
    check(p->gaps != NULL);
}

void log_partitions_done(struct log_partitions *p) {
    log_partitions_drop_all(p);
    free(p->by_number);
    free(p->gaps);
    *p = (struct log_partitions){0};
}

struct log_partition *log_partitions_find(const struct log_partitions *p, int32_t number) {
    return number >= 0 && (size_t)number < p->cap ? p->by_number[number] : NULL;
}

void log_partitions_drop(struct log_partitions *p, int32_t number) {
    struct log_partition *one = log_partitions_find(p, number);
    if (one == NULL) {
        return;
    }
    for (size_t i = 0; i < one->broker_count; i++) {
        long_line_drop(&one->brokers[i].line);
    }
    free(one->brokers);
    free(one);
    p->by_number[number] = NULL;
    p->owned--;
    size_t kept = 0;
    for (size_t i = 0; i < p->gap_count; i++) {
        if (p->gaps[i].partition != number) {
            p->gaps[kept++] = p->gaps[i];
        }
    }
    p->gap_count = kept;
}

void log_partitions_drop_all(struct log_partitions *p) {
    for (size_t i = 0; i < p->cap; i++) {
        log_partitions_drop(p, (int32_t)i);
    }
    p->gap_count = 0;
}

struct log_partition *log_partitions_own(struct log_partitions *p, int32_t number) {
    check(number >= 0 && number < LOG_PARTITIONS_MAX);
    log_partitions_drop(p, number);
    if ((size_t)number >= p->cap) {
        size_t cap = (size_t)number + 64;
        p->by_number = realloc(p->by_number, cap * sizeof(struct log_partition *));
        check(p->by_number != NULL);
        memset(p->by_number + p->cap, 0, (cap - p->cap) * sizeof(struct log_partition *));
        p->cap = cap;
    }
    struct log_partition *one = calloc(1, sizeof *one);
    check(one != NULL);
    one->number = number;
    one->horizon_us = INT64_MIN;
    p->by_number[number] = one;
    p->owned++;
    return one;
}

static struct log_broker *find_broker(const struct log_partition *p, int32_t id) {
    for (size_t i = 0; i < p->broker_count; i++) {
        if (p->brokers[i].id == id) {
            return &p->brokers[i];
        }
    }
    return NULL;
}

struct log_broker *log_partitions_broker(struct log_partition *p, int32_t id) {
    struct log_broker *b = find_broker(p, id);
    if (b != NULL) {
        return b;
    }
    if (p->broker_count == p->broker_cap) {
        check(p->broker_cap < PARTITION_BROKERS_MAX);
        p->broker_cap = p->broker_cap == 0 ? 4 : p->broker_cap * 2;
        p->brokers = realloc(p->brokers, p->broker_cap * sizeof *p->brokers);
        check(p->brokers != NULL);
    }
    b = &p->brokers[p->broker_count++];
    *b = (struct log_broker){
        .id = id, .watermark = {.broker = id}, .heard_us = INT64_MIN, .may_jump = p->expired};
    return b;
}

static void note_gap(struct log_partitions *p, int32_t partition, struct log_broker *b) {
    bool opened = !b->gap_open;
    b->gap_open = true;
    for (size_t i = p->gap_count; i > 0; i--) {
        struct log_gap *g = &p->gaps[i - 1];
        if (g->partition == partition && g->above.broker == b->id &&
            log_position_cmp(&g->above, &b->watermark) == 0) {
            g->records++;
            return;
        }
    }
    check(p->gap_count < GAPS_MAX);
    p->gaps[p->gap_count++] = (struct log_gap){
        .partition = partition, .above = b->watermark, .opened = opened, .records = 1};
}

static void move_watermark(struct log_broker *b, const struct log_position *to) {
    b->watermark = *to;
    b->has_watermark = true;
    b->dirty = true;
    if (b->gap_open) {
        b->gap_open = false;
        b->gap_closed = true;
    }
}

enum log_verdict log_partitions_judge(struct log_partitions *p, struct log_partition *partition,
                                      const struct broker_record *r) {
    struct log_broker *b = log_partitions_broker(partition, r->pos.broker);
    enum log_verdict verdict = broker_record_verdict(r, b->has_watermark ? &b->watermark : NULL);
    if (verdict == LOG_GAP) {
        note_gap(p, partition->number, b);
    } else if (verdict == LOG_TAKE && broker_record_kind_advances(r->kind)) {
        move_watermark(b, &r->pos);
        if (b->line.text != NULL && log_position_cmp(&b->line.pos, &b->watermark) <= 0) {
            long_line_drop(&b->line); // passed over: not shipped the second time
        }
    }
    return verdict;
}

enum log_verdict log_partitions_judge_part(struct log_partitions *p,
                                           struct log_partition *partition,
                                           const struct broker_record *r, struct slice text,
                                           struct slice *ret_line) {
    struct log_broker *b = log_partitions_broker(partition, r->pos.broker);
    enum log_verdict verdict = broker_record_verdict(r, b->has_watermark ? &b->watermark : NULL);
    if (verdict == LOG_TAKE) {
        verdict = long_line_add(&b->line, r, text, partition->read_offset);
    }
    // A line counts once, with its first part, unless that is what is missing.
    if (verdict == LOG_GAP && (r->part_from == 0 || !b->gap_open)) {
        note_gap(p, partition->number, b);
    } else if (verdict == LOG_TAKE) {
        *ret_line = slice_of(b->line.text, b->line.len);
        move_watermark(b, &r->pos);
    }
    return verdict;
}

void log_partitions_line_done(struct log_partition *p, const struct broker_record *r) {
    if (r->line_bytes > 0) {
        long_line_drop(&log_partitions_broker(p, r->pos.broker)->line);
    }
}

// Of the blocks read, the first that is still needed where memory is lost.
static void set_next(struct log_partition *p) {
    p->next_offset = p->read_offset;
    for (size_t i = 0; i < p->broker_count; i++) {
        const struct long_line *l = &p->brokers[i].line;
        if (long_line_open(l) && l->first_offset < p->next_offset) {
            p->next_offset = l->first_offset;
        }
    }
}

void log_partitions_begin(struct log_partition *p, int64_t offset) {
    p->read_offset = offset;
    set_next(p);
}

void log_partitions_end(struct log_partition *p) {
    p->read_offset++;
    set_next(p);
}

void log_partitions_expire(struct log_partition *p, int64_t offset) {
    p->expired = true;
    p->read_offset = offset;
    p->next_offset = offset;
    for (size_t i = 0; i < p->broker_count; i++) {
        p->brokers[i].may_jump = true;
    }
}

bool log_partitions_jump(struct log_partitions *p, struct log_partition *partition,
                         const struct broker_record *r, struct log_position *ret_from) {
    struct log_broker *b = log_partitions_broker(partition, r->pos.broker);
    if (!b->may_jump || !r->has_prev || !broker_record_kind_advances(r->kind) || r->part_from > 0) {
        return false; // of a line whose beginning is gone the rest can't be read
    }
    b->may_jump = false;
    *ret_from = b->watermark;
    b->watermark = r->prev;
    b->has_watermark = true;
    b->dirty = true;
    // It was noted as a gap a moment ago, but it is a hole.
    struct log_gap *last = p->gap_count > 0 ? &p->gaps[p->gap_count - 1] : NULL;
    if (last != NULL && last->partition == partition->number && last->records == 1 &&
        last->above.broker == b->id && log_position_cmp(&last->above, ret_from) == 0) {
        p->gap_count--;
    }
    return true;
}

void log_partitions_heard(struct log_partition *p, int32_t broker, int64_t time_us,
                          int64_t heard_us) {
    struct log_broker *b = log_partitions_broker(p, broker);
    if (!b->has_time || b->time_us < time_us) {
        b->has_time = true;
        b->time_us = time_us;
        b->dirty = true;
    }
    if (b->heard_us < heard_us) {
        b->heard_us = heard_us;
        b->dirty = true;
    }
}

bool log_partitions_silent(const struct log_partition *p, const struct log_expected *broker,
                           int64_t now_us) {
    int64_t newest_us = INT64_MIN;
    int64_t since_us = broker->listed_us;
    for (size_t i = 0; i < p->broker_count; i++) {
        const struct log_broker *b = &p->brokers[i];
        newest_us = b->heard_us > newest_us ? b->heard_us : newest_us;
        since_us = b->id == broker->id && b->heard_us > since_us ? b->heard_us : since_us;
    }
    newest_us = newest_us < now_us ? newest_us : now_us;
    return newest_us != INT64_MIN && newest_us > since_us && newest_us - since_us > LOG_SILENT_US;
}

int64_t log_partitions_horizon(const struct log_partition *p, const struct log_expected *expected,
                               size_t count, int64_t now_us) {
    int64_t horizon_us = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        if (log_partitions_silent(p, &expected[i], now_us)) {
            continue;
        }
        const struct log_broker *b = find_broker(p, expected[i].id);
        if (b == NULL || !b->has_time) {
            return INT64_MIN;
        }
        horizon_us = b->time_us < horizon_us ? b->time_us : horizon_us;
    }
    for (size_t i = 0; count == 0 && i < p->broker_count; i++) {
        if (!p->brokers[i].has_time) {
            return INT64_MIN;
        }
        horizon_us = p->brokers[i].time_us < horizon_us ? p->brokers[i].time_us : horizon_us;
    }
    return horizon_us == INT64_MAX ? INT64_MIN : horizon_us;
}

size_t log_partitions_open_gaps(const struct log_partitions *p) {
    size_t open = 0;
    for (size_t i = 0; i < p->cap; i++) {
        for (size_t k = 0; p->by_number[i] != NULL && k < p->by_number[i]->broker_count; k++) {
            open += p->by_number[i]->brokers[k].gap_open ? 1 : 0;
        }
    }
    return open;
}

void log_partitions_stored(struct log_partitions *p) {
    for (size_t i = 0; i < p->cap; i++) {
        struct log_partition *one = p->by_number[i];
        for (size_t k = 0; one != NULL && k < one->broker_count; k++) {
            one->brokers[k].dirty = false;
            one->brokers[k].gap_closed = false;
        }
        if (one != NULL && one->touched) {
            one->stored_version = one->next_version;
        }
        if (one != NULL) {
            one->stored_offset = one->next_offset;
            one->touched = false;
        }
    }
    p->gap_count = 0;
}
