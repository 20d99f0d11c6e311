// The states of principals. One that is refused is forgotten: the principal begins anew.
#include "core/usage/usage_blob.h"
#include "meter/store/columns.h"
#include "meter/store/writing.h"
#include "meter_sql.h"

enum {
    STATES_CHUNK_BYTES = 32 * 1024 * 1024, // of encoded states in one statement
    STATES_CHUNK_ROWS = 20000,
};

static enum err_code put_states(struct writing *w, size_t from, size_t to, struct err *e) {
    struct fold *f = w->fold;
    struct buf blob;
    buf_init(&blob, USAGE_BLOB_MAX);
    enum err_code code = ERR_OK;
    for (size_t i = from; code == ERR_OK && i < to;) {
        struct columns c;
        columns_init(&c, "itb");
        for (; i < to && c.items[0].count < STATES_CHUNK_ROWS &&
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
            code = columns_write(&c, w->store, &meter_sql_put_states, e);
        }
    }
    buf_done(&blob);
    return code;
}

// What is stored of a principal whose state is empty now or was refused: it would be older than
// what was counted.
static enum err_code remove_states(struct writing *w, struct err *e) {
    struct columns c;
    columns_init(&c, "it");
    for (size_t i = 0; i < w->fold->dirty_count; i++) {
        const struct principal *p = w->fold->dirty[i];
        if (p->stored && (usage_state_empty(p->state) || p->unstorable)) {
            pg_array_add_int8(&c.items[0], p->partition);
            pg_array_add_bytes(&c.items[1], p->name);
        }
    }
    return columns_write(&c, w->store, &meter_sql_remove_states, e);
}

static void take_out(struct writing *w, size_t at, struct dead_letter *ret) {
    struct principal *p = w->fold->dirty[at];
    p->unstorable = true;
    ret->partition = p->partition;
    ret->principal = p->name;
}

enum err_code writing_states(struct writing *w, struct err *e) {
    static const struct writing_part PART = {
        .name = "state", .write = put_states, .take_out = take_out};
    for (size_t i = 0; i < w->fold->dirty_count; i++) {
        w->fold->dirty[i]->unstorable = false; // by an attempt that was rolled back
    }
    enum err_code code = writing_run(w, &PART, w->fold->dirty_count, e);
    return code == ERR_OK ? remove_states(w, e) : code;
}
