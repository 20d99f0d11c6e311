// Reading: what the meter remembers, from one snapshot, and the grants that changed since.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "core/usage/usage_blob.h"
#include "meter/fold/storable.h"
#include "meter/store/store.h"
#include "meter_sql.h"

enum {
    NUMBERS_BYTES_MAX = 20 + 12 * LOG_PARTITIONS_MAX,
    BIND_BYTES_MAX = 16 * 1024 * 1024, // more than these names, and everybody is bound
};

// Longer than the pause between two statements of a commit can ever be, shorter than anybody waits.
static const char IDLE_IN_TRANSACTION[] = "10s";

enum err_code store_session(struct pg *pg, struct err *e) {
    return pg_run(pg, &meter_sql_session, PG_PARAMS(pg_text(IDLE_IN_TRANSACTION)), NULL, e);
}

// False if the text doesn't fit.
static bool copy_text(char *out, size_t size, const char *text) {
    int n = snprintf(out, size, "%s", text);
    return n >= 0 && (size_t)n < size;
}

enum err_code store_open(struct store *s, struct pg *pg, const char *cluster, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run_one(pg, &meter_sql_cluster, PG_PARAMS(pg_text(cluster)), &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    *s = (struct store){.pg = pg, .bind_all = true};
    pg_array_init(&s->bind_of, PG_TEXT, BIND_BYTES_MAX);
    pg_array_init(&s->bind_topics, PG_TEXT, BIND_BYTES_MAX);
    if (!copy_text(s->cluster_id, sizeof s->cluster_id, pg_rows_text(&rows, 0, METER_CLUSTER_ID)) ||
        !copy_text(s->log_topic, sizeof s->log_topic,
                   pg_rows_text(&rows, 0, METER_CLUSTER_LOG_TOPIC)) ||
        !copy_text(s->metering_class, sizeof s->metering_class,
                   pg_rows_text(&rows, 0, METER_CLUSTER_METERING_CLASS))) {
        return err_set(e, ERR_INTERNAL, "cluster %s has a value that is too long", cluster);
    }
    return ERR_OK;
}

void store_done(struct store *s) {
    pg_array_done(&s->bind_of);
    pg_array_done(&s->bind_topics);
    *s = (struct store){0};
}

static enum err_code load_offsets(struct store *s, struct fold *f, struct pg_param numbers,
                                  struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(s->pg, &meter_sql_partitions, PG_PARAMS(pg_text(s->cluster_id), numbers), &rows, e);
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows); i++) {
        struct log_partition *p = log_partitions_own(
            &f->partitions, (int32_t)pg_rows_int8(&rows, i, METER_PARTITIONS_LOG_PARTITION));
        p->stored_offset = pg_rows_int8(&rows, i, METER_PARTITIONS_NEXT_OFFSET);
        p->next_offset = p->stored_offset;
        p->stored_version = pg_rows_int8(&rows, i, METER_PARTITIONS_VERSION);
    }
    return code;
}

// A broker in a partition; both were read in the same snapshot, so the partition is owned.
static struct log_broker *broker_of(struct fold *f, int64_t log_partition, int64_t broker) {
    struct log_partition *p = log_partitions_find(&f->partitions, (int32_t)log_partition);
    check(p != NULL);
    return log_partitions_broker(p, (int32_t)broker);
}

static enum err_code load_positions(struct store *s, struct fold *f, struct pg_param numbers,
                                    struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(s->pg, &meter_sql_positions, PG_PARAMS(pg_text(s->cluster_id), numbers), &rows, e);
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows); i++) {
        struct log_broker *b = broker_of(f, pg_rows_int8(&rows, i, METER_POSITIONS_LOG_PARTITION),
                                         pg_rows_int8(&rows, i, METER_POSITIONS_BROKER_ID));
        b->watermark.generation = pg_rows_int8(&rows, i, METER_POSITIONS_GENERATION);
        b->watermark.offset = (uint64_t)pg_rows_int8(&rows, i, METER_POSITIONS_BYTE_OFFSET);
        b->has_watermark = b->watermark.generation != 0 || b->watermark.offset != 0;
        b->has_time = !pg_rows_is_null(&rows, i, METER_POSITIONS_BROKER_TIME);
        b->time_us = pg_rows_instant_us(&rows, i, METER_POSITIONS_BROKER_TIME);
        if (!pg_rows_is_null(&rows, i, METER_POSITIONS_HEARD_AT)) {
            b->heard_us = pg_rows_instant_us(&rows, i, METER_POSITIONS_HEARD_AT);
        }
    }
    if (code != ERR_OK) {
        return code;
    }
    PG_ROWS_AUTO struct pg_rows gaps = {0};
    code =
        pg_run(s->pg, &meter_sql_open_gaps, PG_PARAMS(pg_text(s->cluster_id), numbers), &gaps, e);
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&gaps); i++) {
        broker_of(f, pg_rows_int8(&gaps, i, METER_OPEN_GAPS_LOG_PARTITION),
                  pg_rows_int8(&gaps, i, METER_OPEN_GAPS_BROKER_ID))
            ->gap_open = true;
    }
    return code;
}

static enum err_code load_states(struct store *s, struct fold *f, int32_t number, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run(s->pg, &meter_sql_states,
                                PG_PARAMS(pg_text(s->cluster_id), pg_int8(number)), &rows, e);
    struct arena blob;
    arena_init(&blob);
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows); i++) {
        struct principal *p =
            principals_get(&f->principals, pg_rows_slice(&rows, i, METER_STATES_PRINCIPAL));
        check(p != NULL && p->state == NULL);
        arena_reset(&blob);
        code = usage_blob_decode(pg_rows_bytea(&rows, i, METER_STATES_STATE, &blob), &p->state, e);
        if (code != ERR_OK) {
            (void)err_context(e, "state of principal %s in log partition %" PRId32,
                              pg_rows_text(&rows, i, METER_STATES_PRINCIPAL), number);
            break;
        }
        p->partition = number;
        p->stored = true;
    }
    arena_done(&blob);
    return code;
}

static enum err_code load_cluster(struct store *s, struct fold *f, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run(s->pg, &meter_sql_topics, PG_PARAMS(pg_text(s->cluster_id)), &rows, e);
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows); i++) {
        fold_learn(f, pg_rows_slice(&rows, i, METER_TOPICS_TOPIC_ID),
                   pg_rows_slice(&rows, i, METER_TOPICS_NAME),
                   pg_rows_instant_us(&rows, i, METER_TOPICS_SEEN_AT),
                   pg_rows_is_null(&rows, i, METER_TOPICS_DELETED_AT)
                       ? INT64_MIN
                       : pg_rows_instant_us(&rows, i, METER_TOPICS_DELETED_AT));
    }
    if (code != ERR_OK) {
        return code;
    }
    PG_ROWS_AUTO struct pg_rows brokers = {0};
    code = pg_run(s->pg, &meter_sql_brokers, PG_PARAMS(pg_text(s->cluster_id)), &brokers, e);
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&brokers); i++) {
        if (f->expected_count == FOLD_BROKERS_MAX) {
            return err_set(e, ERR_LIMIT, "the cluster has more than %d brokers", FOLD_BROKERS_MAX);
        }
        f->expected[f->expected_count++] = (struct log_expected){
            .id = (int32_t)pg_rows_int8(&brokers, i, METER_BROKERS_BROKER_ID),
            .listed_us = pg_rows_instant_us(&brokers, i, METER_BROKERS_LISTED_AT)};
    }
    return code;
}

enum err_code store_load(struct store *s, struct fold *f, const int32_t *numbers, size_t count,
                         struct err *e) {
    struct pg_array list;
    pg_array_init(&list, PG_INT8, NUMBERS_BYTES_MAX);
    for (size_t i = 0; i < count; i++) {
        pg_array_add_int8(&list, numbers[i]);
    }
    struct pg_param wanted = pg_array(&list);
    // Outside the snapshot: rows made here must be visible in it.
    enum err_code code = pg_run(s->pg, &meter_sql_make_partitions,
                                PG_PARAMS(pg_text(s->cluster_id), wanted), NULL, e);
    if (code == ERR_OK) {
        code = pg_begin(s->pg, PG_REPEATABLE_READ, e);
    }
    if (code == ERR_OK) {
        code = load_offsets(s, f, wanted, e);
    }
    if (code == ERR_OK) {
        code = load_positions(s, f, wanted, e);
    }
    if (code == ERR_OK) {
        code = load_cluster(s, f, e);
    }
    for (size_t i = 0; code == ERR_OK && i < count; i++) {
        code = load_states(s, f, numbers[i], e);
    }
    if (code == ERR_OK) {
        code = store_load_written(s, f, e);
        fold_loaded(f);
    }
    if (code == ERR_OK) {
        s->grants_horizon[0] = '\0';
        code = store_read_grants(s, f, e);
    }
    if (code == ERR_OK) {
        code = pg_commit(s->pg, e);
    }
    if (code != ERR_OK) {
        pg_rollback(s->pg);
    }
    pg_array_done(&list);
    s->bind_all = true;
    return code;
}

// --- grants --------------------------------------------------------------------------------------

static void borders_of(const struct pg_rows *rows, int row, struct borders *ret) {
    int64_t at_us;
    size_t next = 0;
    while (pg_rows_next_instant_us(rows, row, METER_GRANTS_CHANGED_BEGINS, &next, &at_us)) {
        borders_add(ret, at_us);
    }
    next = 0;
    while (pg_rows_next_instant_us(rows, row, METER_GRANTS_CHANGED_ENDS, &next, &at_us)) {
        borders_add_end(ret, at_us);
    }
    if (!pg_rows_is_null(rows, row, METER_GRANTS_CHANGED_BOUND_FROM)) {
        borders_add(ret, pg_rows_instant_us(rows, row, METER_GRANTS_CHANGED_BOUND_FROM));
    }
    borders_finish(ret);
}

static void bind_rows(struct store *s, const struct pg_rows *rows) {
    for (int i = 0; !s->bind_all && i < pg_rows_count(rows); i++) {
        store_bind_principal(s, pg_rows_slice(rows, i, METER_GRANTS_CHANGED_PRINCIPAL));
    }
}

// All of them where nothing was read yet, else of the principals where one changed since.
static enum err_code query_grants(struct store *s, struct pg_rows *rows, struct err *e) {
    if (s->grants_horizon[0] == '\0') {
        return pg_run(s->pg, &meter_sql_grants, PG_PARAMS(pg_text(s->cluster_id)), rows, e);
    }
    return pg_run(s->pg, &meter_sql_grants_changed,
                  PG_PARAMS(pg_text(s->cluster_id), pg_text(s->grants_horizon)), rows, e);
}

enum err_code store_read_grants(struct store *s, struct fold *f, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = query_grants(s, &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    check(pg_rows_count(&rows) > 0);
    uint64_t stamp = 0; // the rows come in any order
    bool fits = true;
    for (int i = 0;
         i < pg_rows_count(&rows) && !pg_rows_is_null(&rows, i, METER_GRANTS_CHANGED_PRINCIPAL);
         i++) {
        struct slice name = pg_rows_slice(&rows, i, METER_GRANTS_CHANGED_PRINCIPAL);
        struct slice text = pg_rows_slice(&rows, i, METER_GRANTS_CHANGED_STAMP);
        struct borders fresh = {0};
        borders_of(&rows, i, &fresh);
        fits = fold_rebound(f, name, &fresh) && fits;
        stamp += hash_bytes(text.ptr, text.len, hash_bytes(name.ptr, name.len, 1));
    }
    if (stamp != 0 && stamp != s->grants_stamp) {
        bind_rows(s, &rows);
    }
    if (!fits) {
        return err_set(e, ERR_CONFLICT, "a grant begins or ends inside the open batch");
    }
    s->grants_stamp = stamp;
    (void)copy_text(s->grants_horizon, sizeof s->grants_horizon,
                    pg_rows_text(&rows, 0, METER_GRANTS_CHANGED_HORIZON));
    return ERR_OK;
}

enum err_code store_refresh(struct store *s, struct fold *f, struct err *e) {
    return store_read_grants(s, f, e);
}

enum { PRODUCED_BYTES_MAX = 4 * 1024 * 1024 }; // of the names asked for

enum err_code store_load_produced(struct store *s, struct fold *f, struct err *e) {
    struct produced *p = &f->produced;
    if (p->wanted == 0) {
        return ERR_OK;
    }
    struct pg_array wanted;
    pg_array_init(&wanted, PG_TEXT, PRODUCED_BYTES_MAX);
    for (uint32_t i = 0; i < p->count; i++) {
        if (p->topics[i].wanted && storable(slice_of(p->topics[i].name, p->topics[i].name_len))) {
            pg_array_add_bytes(&wanted, slice_of(p->topics[i].name, p->topics[i].name_len));
        }
    }
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run(s->pg, &meter_sql_produced,
                                PG_PARAMS(pg_text(s->cluster_id), pg_array(&wanted)), &rows, e);
    pg_array_done(&wanted);
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows); i++) {
        i128 bytes = pg_rows_i128(&rows, i, METER_PRODUCED_BYTES);
        i128 messages = pg_rows_i128(&rows, i, METER_PRODUCED_MESSAGES);
        if (bytes <= INT64_MAX && messages <= INT64_MAX) {
            produced_set(p, pg_rows_slice(&rows, i, METER_PRODUCED_TOPIC), (uint64_t)bytes,
                         (uint64_t)messages);
        }
    }
    if (code == ERR_OK) {
        produced_loaded(p);
    }
    return code;
}
