#include "meter/fold/fold.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/instant.h"
#include "core/usage/usage_fold.h"
#include "meter/fold/dead_line.h"
#include "meter/fold/hole_times.h"
#include "meter/fold/storable.h"

// How often a state is pruned, by the brokers' own time: busy ones soon, so that they stay small;
// idle ones seldom, for each time is a write; those in which nothing waits hardly ever.
static const int64_t PRUNE_BUSY_US = 60LL * 1000000;
static const int64_t PRUNE_IDLE_US = 900LL * 1000000;
static const int64_t PRUNE_RESTING_US = 86400LL * 1000000;

static void counts_clear(struct fold_counts *c) {
    *c = (struct fold_counts){.oldest_line_us = INT64_MAX, .newest_line_us = INT64_MIN};
}

void fold_init(struct fold *f) {
    *f = (struct fold){0};
    log_partitions_init(&f->partitions);
    principals_init(&f->principals);
    f->names = topic_names_new();
    usage_rows_init(&f->rows);
    produce_batches_init(&f->batches);
    dead_letters_init(&f->dead);
    f->facts = calloc(FOLD_FACTS_MAX, sizeof *f->facts);
    f->holes = calloc(FOLD_HOLES_MAX, sizeof *f->holes);
    f->expected = calloc(FOLD_BROKERS_MAX, sizeof *f->expected);
    check(f->facts != NULL && f->holes != NULL && f->expected != NULL);
    arena_init(&f->arena);
    arena_init(&f->scratch);
    broker_line_init(&f->line);
    counts_clear(&f->counts);
}

void fold_done(struct fold *f) {
    log_partitions_done(&f->partitions);
    principals_done(&f->principals);
    topic_names_free(f->names);
    produced_done(&f->produced);
    usage_rows_done(&f->rows);
    produce_batches_done(&f->batches);
    dead_letters_done(&f->dead);
    free(f->dirty);
    free(f->facts);
    free(f->holes);
    free(f->expected);
    arena_done(&f->arena);
    arena_done(&f->scratch);
    broker_line_done(&f->line);
    *f = (struct fold){0};
}

void fold_reset(struct fold *f) {
    fold_done(f);
    fold_init(f);
}

// --- the open batch ------------------------------------------------------------------------------

bool fold_empty(const struct fold *f) {
    return f->counts.records == 0 && f->dirty_count == 0 &&
           f->batches_version == f->batches.version;
}

bool fold_full(const struct fold *f) {
    return f->rows.count >= FOLD_ROWS_MAX || f->batches.count >= FOLD_BATCHES_MAX ||
           f->batches.reading_count >= FOLD_BATCHES_MAX || dead_letters_full(&f->dead) ||
           f->fact_count + LOG_FACT_TOPICS_MAX > FOLD_FACTS_MAX ||
           f->hole_count + 1 >= FOLD_HOLES_MAX || f->partitions.gap_count == GAPS_MAX;
}

void fold_stored(struct fold *f) {
    for (size_t i = 0; i < f->dirty_count; i++) {
        struct principal *p = f->dirty[i];
        p->dirty = false;
        p->newest_us = INT64_MIN;
        p->stored = true;
        if (p->unstorable || usage_state_empty(p->state)) {
            principals_forget(p);
        }
    }
    f->dirty_count = 0;
    f->fact_count = 0;
    f->hole_count = 0;
    usage_rows_clear(&f->rows);
    produce_batches_clear(&f->batches);
    dead_letters_clear(&f->dead);
    log_partitions_stored(&f->partitions);
    arena_reset(&f->arena);
    counts_clear(&f->counts);
}

static void mark_dirty(struct fold *f, struct principal *p) {
    if (p->dirty) {
        return;
    }
    if (f->dirty_count == f->dirty_cap) {
        f->dirty_cap = f->dirty_cap == 0 ? 1024 : f->dirty_cap * 2;
        f->dirty = realloc(f->dirty, f->dirty_cap * sizeof(struct principal *));
        check(f->dirty != NULL);
    }
    p->dirty = true;
    struct log_partition *partition = log_partitions_find(&f->partitions, p->partition);
    check(partition != NULL);
    partition->touched = true;
    f->dirty[f->dirty_count++] = p;
}

// --- usage ---------------------------------------------------------------------------------------

struct adding {
    struct fold *fold;
    struct principal *principal;
    struct log_position at; // of the line; of no meaning for corrections
};

static void add_delta(void *ctx, const struct usage_delta *d) {
    struct adding *a = ctx;
    if (d->at_us > a->principal->newest_us) {
        a->principal->newest_us = d->at_us;
    }
    usage_rows_add(&a->fold->rows, a->principal, &a->at, d);
}

static bool keeps(void *ctx, const struct topic_key *topic) {
    struct adding *a = ctx;
    return produce_batches_written(&a->fold->batches, topic, a->principal->name);
}

static void add_batch(void *ctx, const struct usage_appended *b) {
    struct adding *a = ctx;
    if (b->at_us > a->principal->newest_us) {
        a->principal->newest_us = b->at_us;
    }
    if (b->base < 0) {
        produce_batches_unplaced(&a->fold->batches, &b->topic, b->at_us);
    } else {
        produce_batches_add(&a->fold->batches, a->principal, b);
    }
}

static void add_reading(void *ctx, const struct usage_shared *r) {
    struct adding *a = ctx;
    produce_batches_read(&a->fold->batches, a->principal, r);
}

static bool produced_of(void *ctx, const struct topic_key *topic, uint64_t *ret_bytes,
                        uint64_t *ret_messages) {
    struct adding *a = ctx;
    return produced_find(&a->fold->produced, topic, ret_bytes, ret_messages);
}

static struct usage_sink sink_of(struct adding *a) {
    return (struct usage_sink){.add = add_delta,
                               .keeps = keeps,
                               .appended = add_batch,
                               .shared = add_reading,
                               .produced = produced_of,
                               .ctx = a};
}

// `text` is the line, or what is left of it; `bytes` its whole length.
static void add_dead(struct fold *f, const struct log_partition *partition,
                     const struct broker_record *r, struct slice reason, struct slice detail,
                     struct slice text, uint64_t bytes) {
    struct dead_line known;
    dead_line_read(text, &known);
    struct dead_letter letter = {.partition = partition->number,
                                 .at = r->pos,
                                 .reason = reason,
                                 .detail = detail,
                                 .principal = known.principal,
                                 .api = known.api,
                                 .head = text,
                                 .line_bytes = bytes,
                                 .line_at_us = known.at_us};
    dead_letters_add(&f->dead, &letter);
}

static bool fits_in_database(struct slice name) {
    return name.len <= PRINCIPAL_NAME_MAX && storable(name);
}

// The principal with a state in this partition; NULL with the reason in *ret_detail.
static struct principal *principal_in(struct fold *f, const struct log_partition *partition,
                                      struct slice raw, const char **ret_detail) {
    struct slice name = principals_bare_name(raw);
    struct principal *p = principals_find(&f->principals, name);
    if (p == NULL) {
        p = fits_in_database(name) ? principals_get(&f->principals, name) : NULL;
        if (p == NULL) {
            *ret_detail = "the principal's name can't be stored";
            return NULL;
        }
    }
    if (p->state == NULL) {
        p->state = usage_state_new();
        p->partition = partition->number;
    } else if (p->partition != partition->number) {
        *ret_detail = "the principal's lines belong into another partition of the log";
        return NULL;
    }
    return p;
}

static bool time_is_off(int64_t line_us, int64_t timestamp_us) {
    return timestamp_us >= 0 && (line_us > timestamp_us + FOLD_TIME_AHEAD_MAX_US ||
                                 line_us < timestamp_us - FOLD_TIME_BEHIND_MAX_US);
}

static void fold_line(struct fold *f, const struct log_partition *partition,
                      const struct broker_record *r, struct slice text, int64_t timestamp_us) {
    enum line_fault fault = broker_line_parse(&f->line, text);
    if (f->line.torn.len > 0) {
        add_dead(f, partition, r, slice_str(line_fault_name(LINE_FAULT_TORN)), (struct slice){0},
                 f->line.torn, f->line.torn.len);
    }
    if (fault == LINE_FAULT_NONE && time_is_off(f->line.time_us, timestamp_us)) {
        fault = LINE_FAULT_TIME_OFF;
    }
    const char *detail = NULL;
    struct principal *p = NULL;
    if (fault == LINE_FAULT_NONE) {
        p = principal_in(f, partition, f->line.principal, &detail);
        fault = p == NULL ? LINE_FAULT_BAD_VALUE : LINE_FAULT_NONE;
    }
    if (p == NULL) {
        add_dead(f, partition, r, slice_str(line_fault_name(fault)), slice_str(detail), text,
                 text.len);
        return;
    }
    f->counts.lines++;
    if (f->line.time_us < f->counts.oldest_line_us) {
        f->counts.oldest_line_us = f->line.time_us;
    }
    if (f->line.time_us > f->counts.newest_line_us) {
        f->counts.newest_line_us = f->line.time_us;
    }
    struct adding adding = {.fold = f, .principal = p, .at = r->pos};
    struct usage_sink sink = sink_of(&adding);
    mark_dirty(f, p);
    p->rests = false;
    usage_fold_line(p->state, r->pos.broker, &f->line, f->names, &sink);
}

// --- other kinds ---------------------------------------------------------------------------------

static void learn(struct fold *f, struct slice id, struct slice name, enum topic_event event,
                  int64_t at_us) {
    struct topic_fact fact = {.name = name, .event = event};
    if (name.len > 0 && topic_id_parse(id, fact.id)) {
        // A full table means that ids of new topics stay unresolved here; the database has them.
        (void)topic_names_learn(f->names, &fact, at_us);
    }
}

static enum err_code fold_fact(struct fold *f, const struct log_partition *partition,
                               const struct broker_record *r, struct slice value, struct err *e) {
    struct log_fact fact;
    enum err_code code = log_value_decode_fact(value, &f->scratch, &fact, e);
    if (code != ERR_OK) {
        return code;
    }
    f->counts.facts++;
    for (size_t i = 0; i < fact.count; i++) {
        const struct log_topic *t = &fact.topics[i];
        if (t->id.len != TOPIC_ID_TEXT_LEN) {
            continue; // a name alone binds nothing
        }
        learn(f, t->id, t->name, t->event, fact.at_us);
        check(f->fact_count < FOLD_FACTS_MAX);
        struct fold_fact *kept = &f->facts[f->fact_count++];
        *kept = (struct fold_fact){.at_us = fact.at_us,
                                   .deleted = t->event == TOPIC_DELETED,
                                   .partition = partition->number,
                                   .at = r->pos};
        memcpy(kept->id, t->id.ptr, sizeof kept->id);
        kept->name = slice_of(arena_str(&f->arena, t->name), t->name.len);
    }
    return ERR_OK;
}

static enum err_code fold_dead(struct fold *f, const struct log_partition *partition,
                               const struct broker_record *r, struct slice value, struct err *e) {
    struct log_dead dead;
    enum err_code code = log_value_decode_dead(value, &f->scratch, &dead, e);
    if (code != ERR_OK) {
        return code;
    }
    add_dead(f, partition, r, dead.reason, (struct slice){0}, dead.text, dead.bytes);
    return ERR_OK;
}

static void add_hole(struct fold *f, const struct log_hole *hole, int64_t received_us) {
    check(f->hole_count < FOLD_HOLES_MAX);
    struct log_hole *kept = &f->holes[f->hole_count++].hole;
    *kept = *hole;
    hole_times_settle(kept, received_us);
    f->counts.holes++;
}

static enum err_code fold_hole(struct fold *f, struct slice value, int64_t timestamp_us,
                               struct err *e) {
    struct log_hole hole;
    enum err_code code = log_value_decode_hole(value, &f->scratch, &hole, e);
    if (code == ERR_OK && !(fits_in_database(hole.kind) && fits_in_database(hole.principal) &&
                            fits_in_database(hole.topic))) {
        code = err_set(e, ERR_INVALID, "hole record's names can't be stored");
    }
    if (code != ERR_OK) {
        return code;
    }
    struct slice name = principals_bare_name(hole.principal);
    hole.kind = slice_of(arena_str(&f->arena, hole.kind), hole.kind.len);
    hole.principal = slice_of(arena_str(&f->arena, name), name.len);
    hole.topic = slice_of(arena_str(&f->arena, hole.topic), hole.topic.len);
    add_hole(f, &hole, timestamp_us);
    return ERR_OK;
}

static enum err_code fold_control(struct fold *f, struct log_partition *partition,
                                  const struct broker_record *r, struct slice value,
                                  int64_t timestamp_us, struct err *e) {
    struct log_control control;
    enum err_code code = log_value_decode_control(value, &f->scratch, &control, e);
    if (code == ERR_OK && !storable_time(control.broker_time_us)) {
        code = err_set(e, ERR_INVALID, "control record's time can't be stored");
    }
    if (code == ERR_OK) {
        f->counts.controls++;
        log_partitions_heard(partition, r->pos.broker, control.broker_time_us,
                             timestamp_us >= 0 ? timestamp_us : control.broker_time_us);
    }
    return code;
}

static enum err_code fold_other(struct fold *f, struct log_partition *partition,
                                const struct broker_record *r, struct slice value,
                                int64_t timestamp_us, struct err *e) {
    switch (r->kind) {
    case BROKER_RECORD_FACT: return fold_fact(f, partition, r, value, e);
    case BROKER_RECORD_DEAD: return fold_dead(f, partition, r, value, e);
    case BROKER_RECORD_HOLE: return fold_hole(f, value, timestamp_us, e);
    case BROKER_RECORD_CONTROL: return fold_control(f, partition, r, value, timestamp_us, e);
    case BROKER_RECORD_REFUSAL: f->counts.refusals++; return ERR_OK;
    case BROKER_RECORD_LINE: break;
    }
    return ERR_OK;
}

static enum log_verdict judge(struct fold *f, struct log_partition *partition,
                              const struct broker_record *r, struct slice *value) {
    if (r->line_bytes == 0) {
        return log_partitions_judge(&f->partitions, partition, r);
    }
    return log_partitions_judge_part(&f->partitions, partition, r, *value, value);
}

void fold_record(struct fold *f, struct log_partition *partition, const struct broker_record *r,
                 struct slice value, int64_t timestamp_us) {
    f->counts.records++;
    partition->touched = true;
    enum log_verdict verdict = judge(f, partition, r, &value);
    struct log_position from;
    if (verdict == LOG_GAP && f->hole_count < FOLD_HOLES_MAX &&
        log_partitions_jump(&f->partitions, partition, r, &from)) {
        struct log_hole hole = {
            .has_from = true, .from = from, .to = r->prev, .kind = SLICE_LIT("topic_expired")};
        add_hole(f, &hole, timestamp_us);
        verdict = judge(f, partition, r, &value);
    }
    switch (verdict) {
    case LOG_DUPLICATE: f->counts.duplicates += r->part_from == 0; return;
    case LOG_GAP: f->counts.gaps += r->part_from == 0; return;
    case LOG_WAIT: return;
    case LOG_TAKE: break;
    }
    if (r->kind == BROKER_RECORD_LINE) {
        fold_line(f, partition, r, value, timestamp_us);
        log_partitions_line_done(partition, r);
        return;
    }
    arena_reset(&f->scratch);
    struct err e = {0};
    if (fold_other(f, partition, r, value, timestamp_us, &e) != ERR_OK) {
        add_dead(f, partition, r, SLICE_LIT("bad_record"), slice_str(e.text), value, value.len);
    }
}

void fold_foreign(struct fold *f, struct log_partition *partition) {
    f->counts.records++;
    partition->touched = true;
    f->counts.foreign++;
}

// --- before a commit -----------------------------------------------------------------------------

static void settle(struct fold *f) {
    uint64_t version = topic_names_version(f->names);
    if (version == f->settled_version) {
        return;
    }
    for (size_t i = 0; i < f->principals.count; i++) {
        struct principal *p = f->principals.list[i];
        if (p->state != NULL && p->settled_version != version &&
            usage_state_has_unresolved(p->state)) {
            struct adding adding = {.fold = f, .principal = p};
            struct usage_sink sink = sink_of(&adding);
            usage_fold_settle(p->state, f->names, &sink);
            mark_dirty(f, p);
        }
        p->settled_version = version;
    }
    f->settled_version = version;
}

static int64_t prune_every_us(const struct principal *p) {
    if (p->dirty) {
        return PRUNE_BUSY_US;
    }
    return p->rests ? PRUNE_RESTING_US : PRUNE_IDLE_US;
}

static void hand_over_of(struct fold *f, struct principal *p) {
    size_t before = f->batches.count;
    struct adding adding = {.fold = f, .principal = p};
    struct usage_sink sink = sink_of(&adding);
    p->batches_version = f->batches.version;
    usage_fold_hand_over(p->state, &sink);
    if (f->batches.count > before) {
        mark_dirty(f, p);
    }
}

// Another principal's writing of a topic, or the database's word, concerns all that are known here.
static void hand_over(struct fold *f) {
    while (f->batches_version != f->batches.version) {
        f->batches_version = f->batches.version;
        for (size_t i = 0; i < f->principals.count; i++) {
            struct principal *p = f->principals.list[i];
            if (p->state != NULL && p->batches_version != f->batches.version) {
                hand_over_of(f, p);
            }
        }
    }
}

static void prune(struct fold *f, struct principal *p) {
    const struct log_partition *partition = log_partitions_find(&f->partitions, p->partition);
    if (p->state == NULL || partition == NULL) {
        return;
    }
    if (usage_state_empty(p->state)) {
        mark_dirty(f, p); // so that it goes
        return;
    }
    int64_t horizon_us = partition->horizon_us;
    if (horizon_us == INT64_MIN) {
        return;
    }
    if (p->pruned_us == INT64_MIN) {
        p->pruned_us = horizon_us; // just loaded or made: the clock starts here
        return;
    }
    if (horizon_us - p->pruned_us < prune_every_us(p)) {
        return;
    }
    p->pruned_us = horizon_us;
    struct adding adding = {.fold = f, .principal = p};
    struct usage_sink sink = sink_of(&adding);
    usage_state_hold_batches(p->state, f->read_by_all_us);
    usage_fold_prune(p->state, horizon_us, &sink);
    mark_dirty(f, p);
    p->rests = usage_state_rests(p->state);
}

// How far each partition has been read, and which of the expected brokers are silent in one.
static void look_at_brokers(struct fold *f, int64_t now_us) {
    for (size_t k = 0; k < f->expected_count; k++) {
        f->expected[k].silent = false;
    }
    for (size_t i = 0; i < f->partitions.cap; i++) {
        struct log_partition *p = f->partitions.by_number[i];
        if (p == NULL) {
            continue;
        }
        p->horizon_us = log_partitions_horizon(p, f->expected, f->expected_count, now_us);
        for (size_t k = 0; k < f->expected_count; k++) {
            f->expected[k].silent |= log_partitions_silent(p, &f->expected[k], now_us);
        }
    }
}

void fold_finish(struct fold *f, int64_t now_us) {
    look_at_brokers(f, now_us);
    settle(f);
    hand_over(f);
    size_t dirty = f->dirty_count; // prune adds to the list
    for (size_t i = 0; i < dirty; i++) {
        prune(f, f->dirty[i]);
    }
    for (size_t i = 0; i < FOLD_SWEEP_MAX && i < f->principals.count; i++) {
        f->swept = f->swept + 1 < f->principals.count ? f->swept + 1 : 0;
        if (!f->principals.list[f->swept]->dirty) {
            prune(f, f->principals.list[f->swept]);
        }
    }
}

// --- loading -------------------------------------------------------------------------------------

void fold_learn_written(struct fold *f, struct slice topic, struct slice writer, bool kept) {
    produce_batches_learn(&f->batches, topic, writer, kept);
}

void fold_loaded(struct fold *f) {
    f->batches.version += f->principals.count > 0;
}

void fold_learn(struct fold *f, struct slice id, struct slice name, int64_t seen_us,
                int64_t deleted_us) {
    learn(f, id, name, TOPIC_SEEN, seen_us);
    if (deleted_us != INT64_MIN) {
        learn(f, id, name, TOPIC_DELETED, deleted_us);
    }
}

bool fold_rebound(struct fold *f, struct slice name, struct borders *fresh) {
    struct principal *p = principals_get(&f->principals, name);
    if (p == NULL) {
        borders_done(fresh);
        return true;
    }
    int64_t changed_us = borders_first_difference(&p->borders, fresh);
    if (changed_us <= p->newest_us) {
        borders_done(fresh);
        return false;
    }
    borders_take(&p->borders, fresh);
    return true;
}
