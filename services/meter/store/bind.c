// Binding: usage that nobody owned gets its owner once a grant or a topic's name is known.
#include "meter/store/store.h"
#include "meter_sql.h"

enum {
    BIND_CHUNK = 1000,                      // principals in one transaction
    BIND_CHUNK_BYTES_MAX = 4 * 1024 * 1024, // of their names
};

static void add(struct store *s, struct pg_array *a, struct slice text) {
    if (!s->bind_all) {
        pg_array_add_bytes(a, text);
        s->bind_all = a->bytes.overflow;
    }
}

void store_bind_principal(struct store *s, struct slice name) {
    add(s, &s->bind_of, name);
}

void store_bind_topic(struct store *s, struct slice id) {
    add(s, &s->bind_topics, id);
}

// Quarter hours and days of these principals together.
static enum err_code bind(struct store *s, struct pg_array *principals, int64_t *bound,
                          struct err *e) {
    if (principals->count == 0) {
        return ERR_OK;
    }
    struct pg_param who = pg_array(principals);
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_begin(s->pg, PG_READ_COMMITTED, e);
    if (code == ERR_OK) {
        code = pg_run_one(s->pg, &meter_sql_bind_quarters, PG_PARAMS(pg_text(s->cluster_id), who),
                          &rows, e);
    }
    if (code == ERR_OK) {
        code = pg_run(s->pg, &meter_sql_bind_days, PG_PARAMS(pg_text(s->cluster_id), who), NULL, e);
    }
    if (code == ERR_OK) {
        code = pg_commit(s->pg, e);
    }
    if (code != ERR_OK) {
        pg_rollback(s->pg);
        return code;
    }
    *bound += pg_rows_int8(&rows, 0, 0);
    return ERR_OK;
}

// Of everybody, or of who reads the topics that were learned.
static enum err_code bind_found(struct store *s, int64_t *bound, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    struct pg_param topics = s->bind_all ? pg_null() : pg_array(&s->bind_topics);
    enum err_code code = pg_run(s->pg, &meter_sql_unbound_principals,
                                PG_PARAMS(pg_text(s->cluster_id), topics), &rows, e);
    struct pg_array chunk;
    pg_array_init(&chunk, PG_TEXT, BIND_CHUNK_BYTES_MAX);
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows); i++) {
        pg_array_add_bytes(&chunk, pg_rows_slice(&rows, i, METER_UNBOUND_PRINCIPALS_PRINCIPAL));
        if (chunk.count == BIND_CHUNK || i + 1 == pg_rows_count(&rows)) {
            code = bind(s, &chunk, bound, e);
            pg_array_clear(&chunk);
        }
    }
    pg_array_done(&chunk);
    return code;
}

enum err_code store_bind(struct store *s, int64_t *ret_bound, struct err *e) {
    int64_t bound = 0;
    enum err_code code = ERR_OK;
    if (s->bind_all || s->bind_topics.count > 0) {
        code = bind_found(s, &bound, e);
    }
    if (code == ERR_OK && !s->bind_all) {
        code = bind(s, &s->bind_of, &bound, e);
    }
    if (code == ERR_OK) {
        pg_array_clear(&s->bind_of);
        pg_array_clear(&s->bind_topics);
        s->bind_all = false;
    }
    *ret_bound = bound;
    return code;
}
