// The arrays of a statement, one per column: what it unnests.
#ifndef WEIR_METER_STORE_COLUMNS_H
#define WEIR_METER_STORE_COLUMNS_H

#include <stddef.h>

#include "base/err.h"
#include "meter/store/store.h"
#include "platform/pg/pg.h"

enum {
    COLUMNS_MAX = 20,
    COLUMN_BYTES_MAX = 256 * 1024 * 1024, // of one array; more is ERR_LIMIT
};

struct columns {
    struct pg_array items[COLUMNS_MAX];
    size_t count;
};

// `types` has a letter per column: i int8, n numeric, t text, b bytea, B bool, z timestamptz.
void columns_init(struct columns *c, const char *types);
void columns_done(struct columns *c);
// Runs with the parameters ($1 cluster, then `extra` if not NULL, then the arrays); nothing to do
// without rows. `ret` may be NULL.
ERR_MUST_CHECK enum err_code columns_run(struct columns *c, struct store *s,
                                         const struct pg_statement *st, const char *extra,
                                         struct pg_rows *ret, struct err *e);
// As columns_run, and done.
ERR_MUST_CHECK enum err_code columns_write(struct columns *c, struct store *s,
                                           const struct pg_statement *st, struct err *e);

#endif
