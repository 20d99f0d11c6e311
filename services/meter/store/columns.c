#include "meter/store/columns.h"

#include <string.h>

#include "base/check.h"

static enum pg_array_type type_of(char letter) {
    switch (letter) {
    case 'i': return PG_INT8;
    case 'n': return PG_NUMERIC;
    case 't': return PG_TEXT;
    case 'b': return PG_BYTEA;
    case 'B': return PG_BOOL;
    default: check(letter == 'z'); return PG_TIMESTAMPTZ;
    }
}

void columns_init(struct columns *c, const char *types) {
    c->count = strlen(types);
    check(c->count <= COLUMNS_MAX);
    for (size_t i = 0; i < c->count; i++) {
        pg_array_init(&c->items[i], type_of(types[i]), COLUMN_BYTES_MAX);
    }
}

void columns_done(struct columns *c) {
    for (size_t i = 0; i < c->count; i++) {
        pg_array_done(&c->items[i]);
    }
}

enum err_code columns_run(struct columns *c, struct store *s, const struct pg_statement *st,
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

enum err_code columns_write(struct columns *c, struct store *s, const struct pg_statement *st,
                            struct err *e) {
    enum err_code code = columns_run(c, s, st, NULL, NULL, e);
    columns_done(c);
    return code;
}
