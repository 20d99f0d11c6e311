// What the log says beside usage: topics, and stretches that nobody can read.
#include "base/check.h"
#include "core/json/json_write.h"
#include "meter/fold/storable.h"
#include "meter/store/columns.h"
#include "meter/store/writing.h"
#include "meter_sql.h"

enum { NAME_SHOWN_MAX = 1024 }; // bytes of a name in a dead letter

// --- topics --------------------------------------------------------------------------------------

static enum err_code put_topics(struct writing *w, size_t from, size_t to, struct err *e) {
    static const struct pg_statement *const STATEMENTS[] = {&meter_sql_put_topics,
                                                            &meter_sql_end_topics};
    enum err_code code = ERR_OK;
    for (size_t k = 0; code == ERR_OK && k < 2; k++) {
        struct columns c;
        columns_init(&c, "ttzB");
        for (size_t i = from; i < to; i++) {
            const struct fold_fact *fact = &w->fold->facts[i];
            pg_array_add_bytes(&c.items[0], slice_of(fact->id, sizeof fact->id));
            pg_array_add_bytes(&c.items[1], fact->name);
            pg_array_add_instant(&c.items[2], fact->at_us);
            pg_array_add_bool(&c.items[3], fact->deleted);
        }
        code = columns_write(&c, w->store, STATEMENTS[k], e);
    }
    return code;
}

static void take_topic_out(struct writing *w, size_t at, struct dead_letter *ret) {
    const struct fold_fact *fact = &w->fold->facts[at];
    ret->partition = fact->partition;
    ret->at = fact->at;
    ret->line_at_us = fact->at_us;
    struct slice name = storable_text(&w->arena, fact->name, NAME_SHOWN_MAX);
    json_t *topic = json_pack("{ss%,sb,ss%}", "id", fact->id, sizeof fact->id, "deleted",
                              fact->deleted ? 1 : 0, "name", name.ptr, name.len);
    ret->head = slice_str(json_write_text(&w->arena, topic));
}

enum err_code writing_topics(struct writing *w, struct err *e) {
    static const struct writing_part PART = {
        .name = "topic", .write = put_topics, .take_out = take_topic_out};
    return writing_run(w, &PART, w->fold->fact_count, e);
}

// --- holes ---------------------------------------------------------------------------------------

static enum err_code add_holes(struct writing *w, size_t from, size_t to, struct err *e) {
    struct columns c;
    columns_init(&c, "itiiiizztiti");
    for (size_t i = from; i < to; i++) {
        const struct log_hole *h = &w->fold->holes[i].hole;
        pg_array_add_int8(&c.items[0], h->to.broker);
        pg_array_add_bytes(&c.items[1], h->kind);
        pg_array_add_int8(&c.items[2], h->has_from ? h->from.generation : 0);
        pg_array_add_int8(&c.items[3], h->has_from ? (int64_t)h->from.offset : 0);
        pg_array_add_int8(&c.items[4], h->to.generation);
        pg_array_add_int8(&c.items[5], (int64_t)h->to.offset);
        if (h->from_us == 0) {
            pg_array_add_null(&c.items[6]);
        } else {
            pg_array_add_instant(&c.items[6], h->from_us);
        }
        pg_array_add_instant(&c.items[7], h->to_us);
        pg_array_add_bytes(&c.items[8], h->principal);
        pg_array_add_int8(&c.items[9], (int64_t)h->lines_at_least);
        pg_array_add_bytes(&c.items[10], h->topic);
        pg_array_add_int8(&c.items[11], (int64_t)h->bytes_at_least);
    }
    return columns_write(&c, w->store, &meter_sql_add_holes, e);
}

static void take_hole_out(struct writing *w, size_t at, struct dead_letter *ret) {
    const struct log_hole *h = &w->fold->holes[at].hole;
    ret->at = h->to;
    ret->principal = h->principal;
    struct slice kind = storable_text(&w->arena, h->kind, NAME_SHOWN_MAX);
    json_t *hole =
        json_pack("{sI,sI,sI,sI,sI,sI,sI,ss%}", "from_generation", (json_int_t)h->from.generation,
                  "from_offset", (json_int_t)h->from.offset, "to_generation",
                  (json_int_t)h->to.generation, "to_offset", (json_int_t)h->to.offset, "from_us",
                  (json_int_t)h->from_us, "to_us", (json_int_t)h->to_us, "lines_at_least",
                  (json_int_t)h->lines_at_least, "kind", kind.ptr, kind.len);
    ret->head = slice_str(json_write_text(&w->arena, hole));
}

enum err_code writing_holes(struct writing *w, struct err *e) {
    static const struct writing_part PART = {
        .name = "hole", .write = add_holes, .take_out = take_hole_out};
    return writing_run(w, &PART, w->fold->hole_count, e);
}
