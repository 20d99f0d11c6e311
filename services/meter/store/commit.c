// Writing: the open batch in one transaction, part by part. Positions are compared and set first
// and last, so whatever goes wrong in between leaves everything as it was.
#include "base/check.h"
#include "meter/store/columns.h"
#include "meter/store/store.h"
#include "meter/store/writing.h"
#include "meter_sql.h"
#include "platform/program/log.h"

enum { REFUSED_LOGGED_MAX = 16 }; // of a batch, one by one

// --- positions -----------------------------------------------------------------------------------

static enum err_code lock_partitions(struct store *s, struct fold *f, struct err *e) {
    struct columns c;
    columns_init(&c, "i");
    for (size_t i = 0; i < f->partitions.cap; i++) {
        if (f->partitions.by_number[i] != NULL && f->partitions.by_number[i]->touched) {
            pg_array_add_int8(&c.items[0], (int64_t)i);
        }
    }
    size_t wanted = c.items[0].count;
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = columns_run(&c, s, &meter_sql_lock_partitions, NULL, &rows, e);
    columns_done(&c);
    if (code != ERR_OK || wanted == 0) {
        return code;
    }
    size_t same = 0;
    for (int i = 0; i < pg_rows_count(&rows); i++) {
        const struct log_partition *p = log_partitions_find(
            &f->partitions, (int32_t)pg_rows_int8(&rows, i, METER_LOCK_PARTITIONS_LOG_PARTITION));
        // Not by the offset: it stays where a line in parts isn't complete, or a batch was full.
        int64_t version = pg_rows_int8(&rows, i, METER_LOCK_PARTITIONS_VERSION);
        same += p != NULL && p->stored_version == version ? 1 : 0;
    }
    return same == wanted ? ERR_OK
                          : err_set(e, ERR_CONFLICT, "another meter has read on in a partition");
}

static enum err_code advance_partitions(struct store *s, struct fold *f, struct err *e) {
    struct columns c;
    columns_init(&c, "iii");
    for (size_t i = 0; i < f->partitions.cap; i++) {
        const struct log_partition *p = f->partitions.by_number[i];
        if (p != NULL && p->touched) {
            pg_array_add_int8(&c.items[0], p->number);
            pg_array_add_int8(&c.items[1], p->stored_offset);
            pg_array_add_int8(&c.items[2], p->next_offset);
        }
    }
    size_t wanted = c.items[0].count;
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        columns_run(&c, s, &meter_sql_advance_partitions, s->batches_horizon, &rows, e);
    columns_done(&c);
    if (code == ERR_OK && wanted > 0 && pg_rows_affected(&rows) != (int64_t)wanted) {
        return err_set(e, ERR_CONFLICT, "another meter has read on in a partition");
    }
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows); i++) {
        struct log_partition *p = log_partitions_find(
            &f->partitions,
            (int32_t)pg_rows_int8(&rows, i, METER_ADVANCE_PARTITIONS_LOG_PARTITION));
        check(p != NULL);
        p->next_version = pg_rows_int8(&rows, i, METER_ADVANCE_PARTITIONS_VERSION);
    }
    return code;
}

static enum err_code put_positions(struct store *s, struct fold *f, struct err *e) {
    struct columns c;
    columns_init(&c, "iiiizz");
    for (size_t i = 0; i < f->partitions.cap; i++) {
        const struct log_partition *p = f->partitions.by_number[i];
        for (size_t k = 0; p != NULL && k < p->broker_count; k++) {
            const struct log_broker *b = &p->brokers[k];
            if (!b->dirty) {
                continue;
            }
            pg_array_add_int8(&c.items[0], p->number);
            pg_array_add_int8(&c.items[1], b->id);
            pg_array_add_int8(&c.items[2], b->watermark.generation);
            pg_array_add_int8(&c.items[3], (int64_t)b->watermark.offset);
            if (b->has_time) {
                pg_array_add_instant(&c.items[4], b->time_us);
            } else {
                pg_array_add_null(&c.items[4]);
            }
            if (b->heard_us != INT64_MIN) {
                pg_array_add_instant(&c.items[5], b->heard_us);
            } else {
                pg_array_add_null(&c.items[5]);
            }
        }
    }
    return columns_write(&c, s, &meter_sql_put_positions, e);
}

static enum err_code put_gaps(struct store *s, struct fold *f, struct err *e) {
    struct columns c;
    columns_init(&c, "iiiii");
    for (size_t i = 0; i < f->partitions.gap_count; i++) {
        const struct log_gap *g = &f->partitions.gaps[i];
        pg_array_add_int8(&c.items[0], g->partition);
        pg_array_add_int8(&c.items[1], g->above.broker);
        pg_array_add_int8(&c.items[2], g->above.generation);
        pg_array_add_int8(&c.items[3], (int64_t)g->above.offset);
        pg_array_add_int8(&c.items[4], (int64_t)g->records);
    }
    enum err_code code = columns_write(&c, s, &meter_sql_add_gaps, e);
    if (code != ERR_OK) {
        return code;
    }
    columns_init(&c, "iiii");
    for (size_t i = 0; i < f->partitions.cap; i++) {
        const struct log_partition *p = f->partitions.by_number[i];
        for (size_t k = 0; p != NULL && k < p->broker_count; k++) {
            const struct log_broker *b = &p->brokers[k];
            if (b->gap_closed) {
                pg_array_add_int8(&c.items[0], p->number);
                pg_array_add_int8(&c.items[1], b->id);
                pg_array_add_int8(&c.items[2], b->watermark.generation);
                pg_array_add_int8(&c.items[3], (int64_t)b->watermark.offset);
            }
        }
    }
    return columns_write(&c, s, &meter_sql_close_gaps, e);
}

// --- all of it -----------------------------------------------------------------------------------

static enum err_code write_parts(struct writing *w, struct err *e) {
    static enum err_code (*const PARTS[])(struct writing *, struct err *) = {
        writing_topics,         // first: a payer is found by a topic's name
        writing_written_topics, // before usage: the order of locks
        writing_usage,          writing_batches, writing_states, writing_holes, writing_letters,
    };
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < sizeof PARTS / sizeof *PARTS; i++) {
        code = PARTS[i](w, e);
    }
    return code;
}

static enum err_code write_batch(struct writing *w, struct err *e) {
    struct store *s = w->store;
    struct fold *f = w->fold;
    enum err_code code = lock_partitions(s, f, e);
    if (code == ERR_OK) {
        code = write_parts(w, e);
    }
    if (code == ERR_OK) {
        code = put_gaps(s, f, e);
    }
    if (code == ERR_OK) {
        code = put_positions(s, f, e);
    }
    if (code == ERR_OK) {
        code = advance_partitions(s, f, e);
    }
    // Last: a grant that was committed while the rows were written is seen, too.
    return code == ERR_OK ? store_read_grants(s, f, e) : code;
}

// The alarm: once, when the letters are there to be looked at.
static void report(const struct writing *w) {
    w->outcome->refused = (int64_t)w->refused_count;
    for (size_t i = 0; i < w->refused_count && i < REFUSED_LOGGED_MAX; i++) {
        const struct dead_letter *d = &w->refused[i].letter;
        log_error("the database refuses what was counted: kept as a dead letter",
                  log_str("part", w->refused[i].part), log_slice("principal", d->principal),
                  log_int("broker", d->at.broker), log_int("generation", d->at.generation),
                  log_uint("offset", d->at.offset), log_slice("detail", d->detail));
    }
    if (w->refused_count > REFUSED_LOGGED_MAX) {
        log_error("the database refuses more: kept as dead letters",
                  log_uint("letters", w->refused_count - REFUSED_LOGGED_MAX));
    }
}

static enum err_code attempt(struct store *s, struct fold *f, bool halving,
                             struct store_outcome *ret, struct err *e) {
    struct store_outcome outcome = {0};
    struct writing w;
    writing_init(&w, s, f, &outcome, halving);
    enum err_code code = pg_begin(s->pg, PG_READ_COMMITTED, e);
    if (code == ERR_OK) {
        code = write_batch(&w, e);
    }
    if (code == ERR_OK) {
        code = pg_commit(s->pg, e);
    }
    if (code == ERR_OK) {
        report(&w);
        *ret = outcome;
    } else {
        pg_rollback(s->pg);
    }
    writing_done(&w);
    return code;
}

enum err_code store_commit(struct store *s, struct fold *f, struct store_outcome *ret,
                           struct err *e) {
    enum err_code code = attempt(s, f, false, ret, e);
    if (code != ERR_OK && writing_refused(e)) {
        log_warn("batch refused for its content: the part at fault is looked for", log_err(e));
        code = attempt(s, f, true, ret, e);
    }
    for (size_t i = 0; code == ERR_OK && i < f->fact_count; i++) {
        store_bind_topic(s, slice_of(f->facts[i].id, sizeof f->facts[i].id));
    }
    return code;
}
