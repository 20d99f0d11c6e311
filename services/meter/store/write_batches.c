// Produce batches that are kept, and who writes which topic.
#include "core/json/json_write.h"
#include "meter/store/columns.h"
#include "meter/store/writing.h"
#include "meter_sql.h"

// Before any row of usage: what is locked here is locked first everywhere.
enum err_code writing_written_topics(struct writing *w, struct err *e) {
    struct fold *f = w->fold;
    if (f->batches.untold == 0) {
        return ERR_OK;
    }
    struct columns c;
    columns_init(&c, "ttBBzz");
    for (size_t i = 0; i < f->batches.topic_count; i++) {
        const struct written_topic *t = &f->batches.topics[i];
        if (!t->told) {
            pg_array_add_bytes(&c.items[0], t->name);
            pg_array_add_bytes(&c.items[1], t->writer);
            pg_array_add_bool(&c.items[2], t->several);
            pg_array_add_bool(&c.items[3], t->shared);
            if (t->unplaced_to_us == INT64_MIN) {
                pg_array_add_null(&c.items[4]);
                pg_array_add_null(&c.items[5]);
            } else {
                pg_array_add_instant(&c.items[4], t->unplaced_from_us);
                pg_array_add_instant(&c.items[5], t->unplaced_to_us);
            }
        }
    }
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code = columns_run(&c, w->store, &meter_sql_put_written_topics, NULL, &rows, e);
    columns_done(&c);
    for (int i = 0; code == ERR_OK && i < pg_rows_count(&rows); i++) {
        fold_learn_written(f, pg_rows_slice(&rows, i, METER_PUT_WRITTEN_TOPICS_TOPIC),
                           pg_rows_slice(&rows, i, METER_PUT_WRITTEN_TOPICS_WRITER),
                           pg_rows_bool(&rows, i, METER_PUT_WRITTEN_TOPICS_KEPT));
    }
    return code;
}

static enum err_code add_batches(struct writing *w, size_t from, size_t to, struct err *e) {
    struct columns c;
    columns_init(&c, "tiiittzzz");
    for (size_t i = from; i < to; i++) {
        const struct produce_batch *b = &w->fold->batches.rows[i];
        pg_array_add_bytes(&c.items[0], b->topic);
        pg_array_add_int8(&c.items[1], b->partition);
        pg_array_add_int8(&c.items[2], b->base);
        if (b->bytes >= 0) {
            pg_array_add_int8(&c.items[3], b->bytes);
        } else {
            pg_array_add_null(&c.items[3]);
        }
        pg_array_add_bytes(&c.items[4], b->principal->name);
        pg_array_add_bytes(&c.items[5], b->named);
        pg_array_add_instant(&c.items[6], b->from_us);
        pg_array_add_instant(&c.items[7], b->day_from_us);
        pg_array_add_instant(&c.items[8], b->at_us);
    }
    return columns_write(&c, w->store, &meter_sql_add_produce_batches, e);
}

static enum err_code add_readings(struct writing *w, size_t from, size_t to, struct err *e) {
    struct columns c;
    columns_init(&c, "tiiiittizzz");
    for (size_t i = from; i < to; i++) {
        const struct produce_reading *r = &w->fold->batches.readings[i];
        pg_array_add_bytes(&c.items[0], r->topic);
        pg_array_add_int8(&c.items[1], r->of.partition);
        pg_array_add_int8(&c.items[2], r->of.first);
        pg_array_add_int8(&c.items[3], r->of.last);
        pg_array_add_int8(&c.items[4], (int64_t)r->of.messages);
        pg_array_add_bytes(&c.items[5], r->principal->name);
        pg_array_add_bytes(&c.items[6], r->named);
        pg_array_add_int8(&c.items[7], r->of.delivery);
        pg_array_add_instant(&c.items[8], r->from_us);
        pg_array_add_instant(&c.items[9], r->day_from_us);
        pg_array_add_instant(&c.items[10], r->of.at_us);
    }
    return columns_write(&c, w->store, &meter_sql_add_readings, e);
}

// Its bytes stay unknown.
static void take_reading_out(struct writing *w, size_t at, struct dead_letter *ret) {
    const struct produce_reading *r = &w->fold->batches.readings[at];
    ret->partition = r->principal->partition;
    ret->principal = r->principal->name;
    ret->line_at_us = r->of.at_us;
    json_t *row = json_pack("{ss%,si,sI,sI}", "topic", r->topic.ptr, r->topic.len, "partition",
                            r->of.partition, "first", (json_int_t)r->of.first, "last",
                            (json_int_t)r->of.last);
    ret->head = slice_str(json_write_text(&w->arena, row));
}

static void take_out(struct writing *w, size_t at, struct dead_letter *ret) {
    const struct produce_batch *b = &w->fold->batches.rows[at];
    ret->partition = b->principal->partition;
    ret->principal = b->principal->name;
    ret->line_at_us = b->at_us;
    json_t *row = json_pack("{ss%,ss%,si,sI,sI}", "topic", b->topic.ptr, b->topic.len, "named",
                            b->named.ptr, b->named.len, "partition", b->partition, "base_offset",
                            (json_int_t)b->base, "bytes", (json_int_t)b->bytes);
    ret->head = slice_str(json_write_text(&w->arena, row));
}

enum err_code writing_batches(struct writing *w, struct err *e) {
    static const struct writing_part PART = {
        .name = "produce batch", .write = add_batches, .take_out = take_out};
    static const struct writing_part READINGS = {
        .name = "reading", .write = add_readings, .take_out = take_reading_out};
    enum err_code code = writing_run(w, &PART, w->fold->batches.count, e);
    return code == ERR_OK ? writing_run(w, &READINGS, w->fold->batches.reading_count, e) : code;
}
