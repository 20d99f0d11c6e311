// Usage with its evidence: a row is refused with both or with none.
#include "base/check.h"
#include "base/instant.h"
#include "core/json/json_write.h"
#include "meter/fold/storable.h"
#include "meter/store/columns.h"
#include "meter/store/writing.h"
#include "meter_sql.h"

// Of a refused row, so that its figures and its names fit into a dead letter.
enum { NAME_SHOWN_MAX = 1024, EVIDENCE_SHOWN_MAX = 8 };

static void add_topic(struct pg_array *a, const struct topic_key *topic) {
    if (topic->has_id) {
        char text[TOPIC_ID_TEXT_LEN];
        topic_id_format(text, topic->id);
        pg_array_add_bytes(a, slice_of(text, sizeof text));
    } else {
        pg_array_add_bytes(a, topic->name);
    }
}

// *ret_unbound: bytes that nobody owns.
static enum err_code add_usage(struct writing *w, size_t from, size_t to, i128 *ret_unbound,
                               struct err *e) {
    struct columns c;
    columns_init(&c, "ttizznnnnnnnnnn");
    for (size_t i = from; i < to; i++) {
        const struct usage_row *r = &w->fold->rows.items[i];
        pg_array_add_bytes(&c.items[0], r->principal->name);
        add_topic(&c.items[1], &r->topic);
        pg_array_add_int8(&c.items[2], r->delivery);
        pg_array_add_instant(&c.items[3], r->from_us);
        pg_array_add_instant(&c.items[4], r->day_from_us);
        const i128 sums[] = {
            r->bytes,           r->messages,       r->fetches,           r->open_fetches,
            r->share_messages,  r->produced_bytes, r->produced_messages, r->derived_messages,
            r->derived_fetches, r->share_unknown};
        for (size_t k = 0; k < sizeof sums / sizeof *sums; k++) {
            pg_array_add_i128(&c.items[5 + k], sums[k]);
        }
    }
    PG_ROWS_AUTO struct pg_rows rows = {0};
    enum err_code code =
        columns_run(&c, w->store, &meter_sql_add_usage, w->store->metering_class, &rows, e);
    columns_done(&c);
    if (code == ERR_OK) {
        *ret_unbound = pg_rows_i128(&rows, 0, 0);
    }
    return code;
}

static enum err_code add_evidence(struct writing *w, size_t from, size_t to, struct err *e) {
    struct columns c;
    columns_init(&c, "ttiziiiiii");
    for (size_t i = from; i < to; i++) {
        const struct usage_row *r = &w->fold->rows.items[i];
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
    return columns_write(&c, w->store, &meter_sql_add_evidence, e);
}

static enum err_code write_rows(struct writing *w, size_t from, size_t to, struct err *e) {
    i128 unbound = 0;
    enum err_code code = add_usage(w, from, to, &unbound, e);
    if (code == ERR_OK) {
        code = add_evidence(w, from, to, e);
    }
    if (code == ERR_OK) {
        w->outcome->unbound_bytes += unbound;
    }
    return code;
}

// --- what is refused -----------------------------------------------------------------------------

static json_t *number(i128 value) {
    char text[I128_TEXT_MAX];
    size_t len = number_format_i128(text, value);
    return json_stringn(text, len);
}

// The row as it was to be added: what a replay needs, for it stands nowhere else.
static struct slice row_as_json(struct arena *a, const struct usage_row *r) {
    char topic[TOPIC_ID_TEXT_LEN];
    topic_id_format(topic, r->topic.id);
    struct slice name = storable_text(
        a, r->topic.has_id ? slice_of(topic, sizeof topic) : r->topic.name, NAME_SHOWN_MAX);
    char from[INSTANT_TEXT_MAX];
    char day[INSTANT_TEXT_MAX];
    (void)instant_format(from, r->from_us);
    (void)instant_format(day, r->day_from_us);
    json_t *evidence = json_array();
    for (const struct usage_evidence *v = r->evidence; v != NULL; v = v->next) {
        if (json_array_size(evidence) < EVIDENCE_SHOWN_MAX) {
            (void)json_array_append_new(
                evidence, json_pack("[i,I,I,I,I,I]", v->first.broker, v->first.generation,
                                    (json_int_t)v->first.offset, v->last.generation,
                                    (json_int_t)v->last.offset, (json_int_t)v->lines));
        }
    }
    json_t *row = json_pack(
        "{so,so,so,so,so,so,so,so,so,so,ss,ss,si,so,ss%}", "bytes", number(r->bytes), "messages",
        number(r->messages), "fetches", number(r->fetches), "open_fetches", number(r->open_fetches),
        "share_messages", number(r->share_messages), "produced_bytes", number(r->produced_bytes),
        "produced_messages", number(r->produced_messages), "derived_messages",
        number(r->derived_messages), "derived_fetches", number(r->derived_fetches), "share_unknown",
        number(r->share_unknown), "from_at", from, "day_from_at", day, "delivery", (int)r->delivery,
        "evidence", evidence, "topic", name.ptr, name.len);
    return slice_str(json_write_text(a, row));
}

static void take_out(struct writing *w, size_t at, struct dead_letter *ret) {
    const struct usage_row *r = &w->fold->rows.items[at];
    ret->partition = r->principal->partition;
    if (r->evidence != NULL) {
        ret->at = r->evidence->first;
    }
    ret->principal = r->principal->name;
    ret->line_at_us = r->from_us;
    ret->line_bytes =
        r->bytes > INT64_MAX ? INT64_MAX : (uint64_t)r->bytes; // the head has them all
    ret->head = row_as_json(&w->arena, r);
}

enum err_code writing_usage(struct writing *w, struct err *e) {
    static const struct writing_part PART = {
        .name = "usage", .write = write_rows, .take_out = take_out};
    return writing_run(w, &PART, w->fold->rows.count, e);
}
