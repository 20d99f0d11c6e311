#include "access/access_store.h"

#include <stdio.h>
#include <string.h>

#include "access_sql.h"

enum err_code access_store_cluster(struct pg *pg, const char *name, char ret_id[ACCESS_UUID_TEXT],
                                   struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run_one(pg, &access_sql_cluster, PG_PARAMS(pg_text(name)), &rows, e);
    if (code == ERR_OK) {
        (void)snprintf(ret_id, ACCESS_UUID_TEXT, "%s", pg_rows_text(&rows, 0, 0));
    }
    return code;
}

enum err_code access_store_try_lock(struct pg *pg, const char *cluster, bool *ret_held,
                                    struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run_one(pg, &access_sql_try_lock, PG_PARAMS(pg_text(cluster)), &rows, e);
    if (code == ERR_OK) {
        *ret_held = pg_rows_bool(&rows, 0, 0);
    }
    return code;
}

enum err_code access_store_wanted(struct pg *pg, const char *cluster_id, struct arena *a,
                                  struct acl_list *ret, int64_t *ret_adopted, struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run(pg, &access_sql_wanted, PG_PARAMS(pg_text(cluster_id)), &rows, e);
    int64_t adopted = 0;
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows); i++) {
        const char *principal = pg_rows_text(&rows, i, ACCESS_WANTED_PRINCIPAL);
        const char *name = pg_rows_text(&rows, i, ACCESS_WANTED_TOPIC);
        if (pg_rows_bool(&rows, i, ACCESS_WANTED_ADOPTED)) {
            adopted++;
        } else if (strcmp(pg_rows_text(&rows, i, ACCESS_WANTED_KIND), "consumer") == 0) {
            code = acl_want_consumer(a, ret, principal, name, e);
        } else {
            code = acl_want_producer(a, ret, principal, name, e);
        }
    }
    if (code == ERR_OK) {
        *ret_adopted = adopted;
    }
    return code;
}

enum err_code access_store_next_border_ms(struct pg *pg, const char *cluster_id, int64_t *ret_ms,
                                          struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        pg_run_one(pg, &access_sql_next_border, PG_PARAMS(pg_text(cluster_id)), &rows, e);
    if (code == ERR_OK) {
        int64_t ms = pg_rows_is_null(&rows, 0, 0) ? -1 : pg_rows_int8(&rows, 0, 0);
        *ret_ms = ms >= -1 ? ms : 0;
    }
    return code;
}

static void add_changes(struct arena *a, const struct acl_list *l, const char *action,
                        struct pg_array *actions, struct pg_array *principals,
                        struct pg_array *objects) {
    for (size_t i = 0; i < l->count; i++) {
        pg_array_add_bytes(actions, slice_str(action));
        pg_array_add_bytes(principals, slice_str(l->items[i].principal + strlen("User:")));
        pg_array_add_bytes(objects, slice_str(acl_text(a, &l->items[i])));
    }
}

static enum err_code save_audit(struct pg *pg, const char *cluster, const struct access_outcome *o,
                                struct err *e) {
    if (o->created->count + o->removed->count == 0) {
        return ERR_OK;
    }
    struct arena a;
    arena_init(&a);
    struct pg_array actions;
    struct pg_array principals;
    struct pg_array objects;
    pg_array_init(&actions, PG_TEXT, ACCESS_AUDIT_BYTES_MAX);
    pg_array_init(&principals, PG_TEXT, ACCESS_AUDIT_BYTES_MAX);
    pg_array_init(&objects, PG_TEXT, ACCESS_AUDIT_BYTES_MAX);
    add_changes(&a, o->created, "acl.created", &actions, &principals, &objects);
    add_changes(&a, o->removed, "acl.removed", &actions, &principals, &objects);
    enum err_code code = pg_run(
        pg, &access_sql_audit,
        PG_PARAMS(pg_text(cluster), pg_array(&actions), pg_array(&principals), pg_array(&objects)),
        NULL, e);
    pg_array_done(&actions);
    pg_array_done(&principals);
    pg_array_done(&objects);
    arena_done(&a);
    return code;
}

enum err_code access_store_save(struct pg *pg, const char *cluster_id, const char *cluster,
                                const struct access_outcome *o, struct err *e) {
    enum err_code code = pg_begin(pg, PG_READ_COMMITTED, e);
    if (code == ERR_OK) {
        code = save_audit(pg, cluster, o, e);
    }
    if (code == ERR_OK) {
        code = pg_run(
            pg, &access_sql_save_state,
            PG_PARAMS(pg_text(cluster_id), pg_int8(o->wanted), pg_int8((int64_t)o->created->count),
                      pg_int8((int64_t)o->removed->count), pg_int8(o->foreign), pg_text(o->error)),
            NULL, e);
    }
    if (code == ERR_OK) {
        code = pg_commit(pg, e);
    }
    pg_rollback(pg);
    return code;
}

enum err_code access_store_save_error(struct pg *pg, const char *cluster_id, const char *error,
                                      struct err *e) {
    return pg_run(pg, &access_sql_save_error, PG_PARAMS(pg_text(cluster_id), pg_text(error)), NULL,
                  e);
}

static void read_topic(struct arena *a, const struct pg_rows *rows, int row,
                       struct access_topic *ret) {
    *ret = (struct access_topic){
        .id = arena_str(a, pg_rows_slice(rows, row, ACCESS_TOPICS_ID)),
        .wish = {.name = slice_str(arena_str(a, pg_rows_slice(rows, row, ACCESS_TOPICS_NAME))),
                 .size = {.partitions = pg_rows_int8(rows, row, ACCESS_TOPICS_PARTITIONS),
                          .retention_ms = pg_rows_int8(rows, row, ACCESS_TOPICS_RETENTION_MS),
                          .message_bytes =
                              pg_rows_int8(rows, row, ACCESS_TOPICS_MAX_MESSAGE_BYTES)}},
        .limits = {.max = {.partitions = pg_rows_int8(rows, row, ACCESS_TOPICS_PARTITIONS_MAX),
                           .retention_ms = pg_rows_int8(rows, row, ACCESS_TOPICS_RETENTION_MS_MAX),
                           .message_bytes =
                               pg_rows_int8(rows, row, ACCESS_TOPICS_MESSAGE_BYTES_MAX)}},
    };
    if (!pg_rows_is_null(rows, row, ACCESS_TOPICS_TOPIC_PREFIX)) {
        ret->limits.prefix =
            slice_str(arena_str(a, pg_rows_slice(rows, row, ACCESS_TOPICS_TOPIC_PREFIX)));
    }
}

enum err_code access_store_topics(struct pg *pg, const char *cluster_id, size_t max,
                                  struct arena *a, struct access_topic **ret, size_t *ret_count,
                                  struct err *e) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = pg_run(pg, &access_sql_topics,
                                PG_PARAMS(pg_text(cluster_id), pg_int8((int64_t)max)), &rows, e);
    if (code != ERR_OK) {
        return code;
    }
    size_t count = (size_t)pg_rows_count(&rows);
    struct access_topic *topics = arena_array(a, count, sizeof *topics);
    for (size_t i = 0; i < count; i++) {
        read_topic(a, &rows, (int)i, &topics[i]);
    }
    *ret = topics;
    *ret_count = count;
    return ERR_OK;
}

enum err_code access_store_decide_topic(struct pg *pg, const char *id, const char *cluster,
                                        const char *refusal, struct err *e) {
    return pg_run(pg, &access_sql_decide_topic,
                  PG_PARAMS(pg_text(id), pg_text(cluster), pg_text(refusal)), NULL, e);
}
