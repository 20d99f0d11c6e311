// Dead letters: lines that can't be read, and what the database refused of this batch.
#include <string.h>

#include "base/check.h"
#include "meter/store/columns.h"
#include "meter/store/writing.h"
#include "meter_sql.h"

// --- a letter's columns --------------------------------------------------------------------------

static void letters_init(struct columns *c) {
    columns_init(c, "iiiittbiztt");
}

static void add_instant(struct pg_array *a, int64_t us) {
    if (us == INT64_MIN) {
        pg_array_add_null(a);
    } else {
        pg_array_add_instant(a, us);
    }
}

static void add_letter(struct columns *c, const struct dead_letter *d) {
    pg_array_add_int8(&c->items[0], d->partition);
    pg_array_add_int8(&c->items[1], d->at.broker);
    pg_array_add_int8(&c->items[2], d->at.generation);
    pg_array_add_int8(&c->items[3], (int64_t)d->at.offset);
    pg_array_add_bytes(&c->items[4], d->reason);
    pg_array_add_bytes(&c->items[5], d->detail);
    pg_array_add_bytes(&c->items[6], d->head);
    pg_array_add_int8(&c->items[7], (int64_t)d->line_bytes);
    add_instant(&c->items[8], d->line_at_us);
    pg_array_add_bytes(&c->items[9], d->principal);
    pg_array_add_bytes(&c->items[10], d->api);
}

// --- lines that can't be read --------------------------------------------------------------------

static enum err_code judge(struct store *s, struct fold *f, struct err *e) {
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

static enum err_code write_letters(struct writing *w, size_t from, size_t to, struct err *e) {
    struct columns c;
    letters_init(&c);
    for (size_t i = from; i < to; i++) {
        if (!w->fold->dead.items[i].counted_only) {
            add_letter(&c, &w->fold->dead.items[i]);
        }
    }
    return columns_write(&c, w->store, &meter_sql_add_dead_letters, e);
}

static void take_out(struct writing *w, size_t at, struct dead_letter *ret) {
    const struct dead_letter *d = &w->fold->dead.items[at];
    *ret = *d;
    ret->principal = (struct slice){0};
    ret->api = (struct slice){0};
}

static enum err_code write_floods(struct writing *w, struct err *e) {
    const struct fold *f = w->fold;
    struct store_outcome *ret = w->outcome;
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
    return columns_write(&c, w->store, &meter_sql_add_floods, e);
}

// --- what was refused ----------------------------------------------------------------------------

// Not held to the hour's limit: what was to be written stands nowhere else.
static enum err_code write_refused(struct writing *w, struct err *e) {
    struct columns c;
    letters_init(&c);
    for (size_t i = 0; i < w->refused_count; i++) {
        struct dead_letter letter = w->refused[i].letter;
        if (letter.head.len > LOG_DEAD_TEXT_MAX) {
            letter.head.len = LOG_DEAD_TEXT_MAX;
        }
        add_letter(&c, &letter);
    }
    return columns_write(&c, w->store, &meter_sql_add_dead_letters, e);
}

enum err_code writing_letters(struct writing *w, struct err *e) {
    static const struct writing_part PART = {
        .name = "letter", .write = write_letters, .take_out = take_out};
    enum err_code code = ERR_OK;
    if (w->fold->dead.count > 0) {
        code = judge(w->store, w->fold, e);
        if (code == ERR_OK) {
            code = writing_run(w, &PART, w->fold->dead.count, e);
        }
        if (code == ERR_OK) {
            code = write_floods(w, e);
        }
    }
    return code == ERR_OK ? write_refused(w, e) : code;
}
