// Produce batches that are kept, beside the open batch: what is known of topics, what is settled, what
// is let go.
#include <stdio.h>

#include "meter/store/store.h"
#include "meter_sql.h"

enum {
    TOPICS_BYTES_MAX = 16 * 1024 * 1024, // of names of topics in one statement
    PRUNE_MAX = 50000,                   // batches let go at a time
};

// The line of a batch is written when its producer has its answer, so a reader's may come first; and
// brokers' clocks differ. What is behind by more isn't waited for.
static const int64_t READ_AFTER_US = 5LL * 1000000;

static void learn(struct store *s, struct fold *f, const struct pg_rows *rows) {
    for (int i = 0; i < pg_rows_count(rows); i++) {
        if (!pg_rows_is_null(rows, i, METER_WRITTEN_TOPICS_TOPIC)) {
            fold_learn_written(f, pg_rows_slice(rows, i, METER_WRITTEN_TOPICS_TOPIC),
                               pg_rows_slice(rows, i, METER_WRITTEN_TOPICS_WRITER),
                               pg_rows_bool(rows, i, METER_WRITTEN_TOPICS_KEPT));
        }
    }
    (void)snprintf(s->batches_horizon, sizeof s->batches_horizon, "%s",
                   pg_rows_text(rows, 0, METER_WRITTEN_TOPICS_HORIZON));
}

enum err_code store_load_written(struct store *s, struct fold *f, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(s->pg, &meter_sql_written_topics, PG_PARAMS(pg_text(s->cluster_id)), &rows, e);
    if (code == ERR_OK) {
        learn(s, f, &rows);
    }
    return code;
}

enum err_code store_refresh_written(struct store *s, struct fold *f, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(s->pg, &meter_sql_kept_topics_since,
               PG_PARAMS(pg_text(s->cluster_id), pg_text(s->batches_horizon)), &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    learn(s, f, &rows);
    PG_ROWS_AUTO struct pg_rows read = {0};
    code = pg_run_one(s->pg, &meter_sql_read_by_all, PG_PARAMS(pg_text(s->cluster_id)), &read, e);
    if (code == ERR_OK) {
        int64_t us = pg_rows_instant_us(&read, 0, METER_READ_BY_ALL_AT); // 0: not known
        f->read_by_all_us = us > 0 ? us : 0;
    }
    return code;
}

// The names in the only column of `rows`.
static void names_of(const struct pg_rows *rows, struct pg_array *ret) {
    pg_array_init(ret, PG_TEXT, TOPICS_BYTES_MAX);
    for (int i = 0; i < pg_rows_count(rows); i++) {
        pg_array_add_bytes(ret, pg_rows_slice(rows, i, 0));
    }
}

static enum err_code rename_topics(struct store *s, struct err *e) {
    static const struct pg_statement *const STATEMENTS[] = {
        &meter_sql_put_topics_of_names, &meter_sql_move_batches_of_names,
        &meter_sql_move_readings_of_names, &meter_sql_drop_names};
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(s->pg, &meter_sql_lock_renamed_topics, PG_PARAMS(pg_text(s->cluster_id)), &rows, e);
    if (code != ERR_OK || pg_rows_count(&rows) == 0) {
        return code;
    }
    struct pg_array names;
    names_of(&rows, &names);
    struct pg_param which = pg_array(&names);
    for (size_t i = 0; code == ERR_OK && i < sizeof STATEMENTS / sizeof *STATEMENTS; i++) {
        code = pg_run(s->pg, STATEMENTS[i], PG_PARAMS(pg_text(s->cluster_id), which), NULL, e);
    }
    pg_array_done(&names);
    return code;
}

static enum err_code settle(struct store *s, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(s->pg, &meter_sql_lock_pending_topics, PG_PARAMS(pg_text(s->cluster_id)), &rows, e);
    if (code != ERR_OK || pg_rows_count(&rows) == 0) {
        return code;
    }
    struct pg_array names;
    names_of(&rows, &names);
    code = pg_run(s->pg, &meter_sql_settle_produced,
                  PG_PARAMS(pg_text(s->cluster_id), pg_text(s->metering_class), pg_array(&names)),
                  NULL, e);
    pg_array_done(&names);
    return code;
}

static enum err_code in_transaction(struct store *s,
                                    enum err_code (*work)(struct store *, struct err *),
                                    struct err *e) {
    enum err_code code = pg_begin(s->pg, PG_READ_COMMITTED, e);
    if (code == ERR_OK) {
        code = work(s, e);
    }
    if (code == ERR_OK) {
        code = pg_commit(s->pg, e);
    }
    if (code != ERR_OK) {
        pg_rollback(s->pg);
    }
    return code;
}

enum err_code store_settle_batches(struct store *s, bool renamed, struct err *e) {
    enum err_code code = renamed ? in_transaction(s, rename_topics, e) : ERR_OK;
    return code == ERR_OK ? in_transaction(s, settle, e) : code;
}

static enum err_code settle_readings(struct store *s, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(s->pg, &meter_sql_lock_read_topics,
               PG_PARAMS(pg_text(s->cluster_id), pg_instant(s->settle_to_us)), &rows, e);
    if (code != ERR_OK || pg_rows_count(&rows) == 0) {
        return code;
    }
    struct pg_array names;
    names_of(&rows, &names);
    code = pg_run(s->pg, &meter_sql_settle_readings,
                  PG_PARAMS(pg_text(s->cluster_id), pg_text(s->metering_class), pg_array(&names),
                            pg_instant(s->settle_to_us)),
                  NULL, e);
    pg_array_done(&names);
    return code;
}

enum err_code store_settle_readings(struct store *s, const struct fold *f, struct err *e) {
    if (f->read_by_all_us == 0) {
        return ERR_OK;
    }
    s->settle_to_us = f->read_by_all_us - READ_AFTER_US;
    return in_transaction(s, settle_readings, e);
}

enum err_code store_prune_batches(struct store *s, int64_t before_us, int64_t most,
                                  int64_t *ret_topics, struct err *e) {
    *ret_topics = 0;
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run(
        s->pg, &meter_sql_prune_batches,
        PG_PARAMS(pg_text(s->cluster_id), pg_instant(before_us), pg_int8(most), pg_int8(PRUNE_MAX)),
        &rows, e);
    if (code == ERR_OK) {
        *ret_topics = pg_rows_affected(&rows);
    }
    return code;
}
