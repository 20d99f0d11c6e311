// Writing: the open batch in one transaction, one statement per table.
#include <string.h>

#include "base/check.h"
#include "core/usage/usage_blob.h"
#include "meter/store/store.h"
#include "meter_sql.h"

enum {
    COLUMNS_MAX = 16,
    COLUMN_BYTES_MAX = 256 * 1024 * 1024,
    STATES_CHUNK_BYTES = 32 * 1024 * 1024, // of encoded states in one statement
    STATES_CHUNK_ROWS = 20000,
};

// Arrays of a statement, one per column.
struct columns {
    struct pg_array items[COLUMNS_MAX];
    size_t count;
};

// `types` has a letter per column: i int8, t text, b bytea, B bool, z timestamptz.
static void columns_init(struct columns *c, const char *types) {
    c->count = strlen(types);
    check(c->count <= COLUMNS_MAX);
    for (size_t i = 0; i < c->count; i++) {
        enum pg_array_type type = types[i] == 'i'   ? PG_INT8
                                  : types[i] == 't' ? PG_TEXT
                                  : types[i] == 'b' ? PG_BYTEA
                                  : types[i] == 'B' ? PG_BOOL
                                                    : PG_TIMESTAMPTZ;
        pg_array_init(&c->items[i], type, COLUMN_BYTES_MAX);
    }
}

static void columns_done(struct columns *c) {
    for (size_t i = 0; i < c->count; i++) {
        pg_array_done(&c->items[i]);
    }
}

// Runs with the parameters ($1 cluster, then `extra` if not NULL, then the arrays); nothing to do
// without rows.
static enum err_code columns_run(struct columns *c, struct store *s, const struct pg_statement *st,
                                 const char *extra, struct pg_rows *ret, struct err *e) {
    if (c->items[0].count == 0) {
        return ERR_OK;
    }
    struct pg_param params[COLUMNS_MAX + 2];
    size_t n = 0;
    params[n++] = pg_text(s->cluster_id);
    if (extra != NULL) {
        params[n++] = pg_text(extra);
    }
    for (size_t i = 0; i < c->count; i++) {
        params[n++] = pg_array(&c->items[i]);
    }
    return pg_run(s->pg, st, (struct pg_params){params, n}, ret, e);
}

static enum err_code columns_write(struct columns *c, struct store *s,
                                   const struct pg_statement *st, struct err *e) {
    enum err_code code = columns_run(c, s, st, NULL, NULL, e);
    columns_done(c);
    return code;
}

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
        int64_t stored = pg_rows_int8(&rows, i, METER_LOCK_PARTITIONS_NEXT_OFFSET);
        same += p != NULL && p->stored_offset == stored ? 1 : 0;
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
    enum err_code code = columns_run(&c, s, &meter_sql_advance_partitions, NULL, &rows, e);
    columns_done(&c);
    if (code == ERR_OK && wanted > 0 && pg_rows_affected(&rows) != (int64_t)wanted) {
        return err_set(e, ERR_CONFLICT, "another meter has read on in a partition");
    }
    return code;
}

static enum err_code put_positions(struct store *s, struct fold *f, struct err *e) {
    struct columns c;
    columns_init(&c, "iiiiz");
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

// --- usage ---------------------------------------------------------------------------------------

static void add_topic(struct pg_array *a, const struct topic_key *topic) {
    if (topic->has_id) {
        char text[TOPIC_ID_TEXT_LEN];
        topic_id_format(text, topic->id);
        pg_array_add_bytes(a, slice_of(text, sizeof text));
    } else {
        pg_array_add_bytes(a, topic->name);
    }
}

static enum err_code add_usage(struct store *s, const struct fold *f, int64_t *ret_unbound,
                               struct err *e) {
    struct columns c;
    columns_init(&c, "ttizziiiiiii");
    for (size_t i = 0; i < f->rows.count; i++) {
        const struct usage_row *r = &f->rows.items[i];
        pg_array_add_bytes(&c.items[0], r->principal->name);
        add_topic(&c.items[1], &r->topic);
        pg_array_add_int8(&c.items[2], r->delivery);
        pg_array_add_instant(&c.items[3], r->from_us);
        pg_array_add_instant(&c.items[4], r->day_from_us);
        const int64_t sums[] = {
            r->bytes,          r->messages,       r->fetches,          r->open_fetches,
            r->share_messages, r->produced_bytes, r->produced_messages};
        for (size_t k = 0; k < sizeof sums / sizeof *sums; k++) {
            pg_array_add_int8(&c.items[5 + k], sums[k]);
        }
    }
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = columns_run(&c, s, &meter_sql_add_usage, s->metering_class, &rows, e);
    columns_done(&c);
    if (code == ERR_OK && f->rows.count > 0) {
        *ret_unbound = pg_rows_int8(&rows, 0, 0);
    }
    return code;
}

static enum err_code add_evidence(struct store *s, const struct fold *f, struct err *e) {
    struct columns c;
    columns_init(&c, "ttiziiiiii");
    for (size_t i = 0; i < f->rows.count; i++) {
        const struct usage_row *r = &f->rows.items[i];
        for (const struct usage_evidence *v = r->evidence; v != NULL; v = v->next) {
            pg_array_add_bytes(&c.items[0], r->principal->name);
            add_topic(&c.items[1], &r->topic);
            pg_array_add_int8(&c.items[2], r->delivery);
            pg_array_add_instant(&c.items[3], r->from_us);
            pg_array_add_int8(&c.items[4], v->first.broker);
            pg_array_add_int8(&c.items[5], v->first.generation);
            pg_array_add_int8(&c.items[6], (int64_t)v->first.offset);
            pg_array_add_int8(&c.items[7], v->last.generation);
            pg_array_add_int8(&c.items[8], (int64_t)v->last.offset);
            pg_array_add_int8(&c.items[9], (int64_t)v->lines);
        }
    }
    return columns_write(&c, s, &meter_sql_add_evidence, e);
}

// --- states --------------------------------------------------------------------------------------

static enum err_code put_states(struct store *s, const struct fold *f, struct err *e) {
    struct buf blob;
    buf_init(&blob, USAGE_BLOB_MAX);
    enum err_code code = ERR_OK;
    for (size_t i = 0; code == ERR_OK && i < f->dirty_count;) {
        struct columns c;
        columns_init(&c, "itb");
        for (; i < f->dirty_count && c.items[0].count < STATES_CHUNK_ROWS &&
               c.items[2].bytes.len < STATES_CHUNK_BYTES;
             i++) {
            const struct principal *p = f->dirty[i];
            if (usage_state_empty(p->state)) {
                continue;
            }
            buf_clear(&blob);
            usage_blob_encode(p->state, &blob);
            if (blob.overflow) {
                code = err_set(e, ERR_LIMIT, "a principal's state is larger than %d bytes",
                               USAGE_BLOB_MAX);
                break;
            }
            pg_array_add_int8(&c.items[0], p->partition);
            pg_array_add_bytes(&c.items[1], p->name);
            pg_array_add_bytes(&c.items[2], buf_slice(&blob));
        }
        if (code != ERR_OK) {
            columns_done(&c);
        } else {
            code = columns_write(&c, s, &meter_sql_put_states, e);
        }
    }
    buf_done(&blob);
    return code;
}

static enum err_code remove_states(struct store *s, const struct fold *f, struct err *e) {
    struct columns c;
    columns_init(&c, "it");
    for (size_t i = 0; i < f->dirty_count; i++) {
        const struct principal *p = f->dirty[i];
        if (p->stored && usage_state_empty(p->state)) {
            pg_array_add_int8(&c.items[0], p->partition);
            pg_array_add_bytes(&c.items[1], p->name);
        }
    }
    return columns_write(&c, s, &meter_sql_remove_states, e);
}

// --- the rest ------------------------------------------------------------------------------------

static enum err_code put_topics(struct store *s, const struct fold *f, struct err *e) {
    static const struct pg_statement *const STATEMENTS[] = {&meter_sql_put_topics,
                                                            &meter_sql_end_topics};
    enum err_code code = ERR_OK;
    for (size_t k = 0; code == ERR_OK && k < 2; k++) {
        struct columns c;
        columns_init(&c, "ttzB");
        for (size_t i = 0; i < f->fact_count; i++) {
            const struct fold_fact *fact = &f->facts[i];
            pg_array_add_bytes(&c.items[0], slice_of(fact->id, sizeof fact->id));
            pg_array_add_bytes(&c.items[1], fact->name);
            pg_array_add_instant(&c.items[2], fact->at_us);
            pg_array_add_bool(&c.items[3], fact->deleted);
        }
        code = columns_write(&c, s, STATEMENTS[k], e);
    }
    return code;
}

static enum err_code judge_dead_letters(struct store *s, struct fold *f, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(s->pg, &meter_sql_dead_letters_of_hour, PG_PARAMS(pg_text(s->cluster_id)), &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    dead_letters_limit_begin(&f->dead);
    for (int i = 0; i < pg_rows_count(&rows); i++) {
        dead_letters_stored(&f->dead,
                            (int32_t)pg_rows_int8(&rows, i, METER_DEAD_LETTERS_OF_HOUR_BROKER_ID),
                            pg_rows_slice(&rows, i, METER_DEAD_LETTERS_OF_HOUR_REASON),
                            (uint64_t)pg_rows_int8(&rows, i, METER_DEAD_LETTERS_OF_HOUR_LINES));
    }
    dead_letters_limit(&f->dead);
    return ERR_OK;
}

static enum err_code add_letters(struct store *s, const struct fold *f, struct err *e) {
    struct columns c;
    columns_init(&c, "iiiittbiz");
    for (size_t i = 0; i < f->dead.count; i++) {
        const struct dead_letter *d = &f->dead.items[i];
        if (d->counted_only) {
            continue;
        }
        pg_array_add_int8(&c.items[0], d->partition);
        pg_array_add_int8(&c.items[1], d->at.broker);
        pg_array_add_int8(&c.items[2], d->at.generation);
        pg_array_add_int8(&c.items[3], (int64_t)d->at.offset);
        pg_array_add_bytes(&c.items[4], d->reason);
        pg_array_add_bytes(&c.items[5], d->detail);
        pg_array_add_bytes(&c.items[6], d->head);
        pg_array_add_int8(&c.items[7], (int64_t)d->line_bytes);
        if (d->line_at_us == INT64_MIN) {
            pg_array_add_null(&c.items[8]);
        } else {
            pg_array_add_instant(&c.items[8], d->line_at_us);
        }
    }
    return columns_write(&c, s, &meter_sql_add_dead_letters, e);
}

static enum err_code add_dead(struct store *s, struct fold *f, struct store_outcome *ret,
                              struct err *e) {
    if (f->dead.count == 0) {
        return ERR_OK;
    }
    enum err_code code = judge_dead_letters(s, f, e);
    if (code == ERR_OK) {
        code = add_letters(s, f, e);
    }
    if (code != ERR_OK) {
        return code;
    }
    ret->dead_letters = (int64_t)f->dead.count;
    struct columns c;
    columns_init(&c, "itiiiii");
    for (size_t i = 0; i < f->dead.flood_count; i++) {
        const struct dead_flood *d = &f->dead.floods[i];
        if (d->counted == 0) {
            continue;
        }
        ret->floods += (int64_t)d->counted;
        ret->dead_letters -= (int64_t)d->counted;
        pg_array_add_int8(&c.items[0], d->broker);
        pg_array_add_bytes(&c.items[1], d->reason);
        pg_array_add_int8(&c.items[2], (int64_t)d->counted);
        pg_array_add_int8(&c.items[3], d->first.generation);
        pg_array_add_int8(&c.items[4], (int64_t)d->first.offset);
        pg_array_add_int8(&c.items[5], d->last.generation);
        pg_array_add_int8(&c.items[6], (int64_t)d->last.offset);
    }
    return columns_write(&c, s, &meter_sql_add_floods, e);
}

static enum err_code add_holes(struct store *s, const struct fold *f, struct err *e) {
    struct columns c;
    columns_init(&c, "itiiiiti");
    for (size_t i = 0; i < f->hole_count; i++) {
        const struct log_hole *h = &f->holes[i].hole;
        pg_array_add_int8(&c.items[0], h->to.broker);
        pg_array_add_bytes(&c.items[1], h->kind);
        pg_array_add_int8(&c.items[2], h->has_from ? h->from.generation : 0);
        pg_array_add_int8(&c.items[3], h->has_from ? (int64_t)h->from.offset : 0);
        pg_array_add_int8(&c.items[4], h->to.generation);
        pg_array_add_int8(&c.items[5], (int64_t)h->to.offset);
        pg_array_add_bytes(&c.items[6], h->principal);
        pg_array_add_int8(&c.items[7], (int64_t)h->lines_at_least);
    }
    return columns_write(&c, s, &meter_sql_add_holes, e);
}

// --- all of it -----------------------------------------------------------------------------------

static enum err_code write_batch(struct store *s, struct fold *f, struct store_outcome *ret,
                                 struct err *e) {
    enum err_code code = lock_partitions(s, f, e);
    if (code == ERR_OK) {
        code = store_read_grants(s, f, e);
    }
    // Topics first: a payer is found by a topic's name.
    if (code == ERR_OK) {
        code = put_topics(s, f, e);
    }
    if (code == ERR_OK) {
        code = add_usage(s, f, &ret->unbound_bytes, e);
    }
    if (code == ERR_OK) {
        code = add_evidence(s, f, e);
    }
    if (code == ERR_OK) {
        code = put_states(s, f, e);
    }
    if (code == ERR_OK) {
        code = remove_states(s, f, e);
    }
    if (code == ERR_OK) {
        code = add_dead(s, f, ret, e);
    }
    if (code == ERR_OK) {
        code = add_holes(s, f, e);
    }
    if (code == ERR_OK) {
        code = put_gaps(s, f, e);
    }
    if (code == ERR_OK) {
        code = put_positions(s, f, e);
    }
    return code == ERR_OK ? advance_partitions(s, f, e) : code;
}

enum err_code store_commit(struct store *s, struct fold *f, struct store_outcome *ret,
                           struct err *e) {
    struct store_outcome outcome = {0};
    fold_finish(f);
    enum err_code code = pg_begin(s->pg, PG_READ_COMMITTED, e);
    if (code == ERR_OK) {
        code = write_batch(s, f, &outcome, e);
    }
    if (code == ERR_OK) {
        code = pg_commit(s->pg, e);
    }
    if (code != ERR_OK) {
        pg_rollback(s->pg);
        return code;
    }
    if (f->fact_count > 0) {
        s->bind_due = true;
    }
    *ret = outcome;
    return ERR_OK;
}
