// Applies migrations in order, forward only: one transaction each, under one advisory lock,
// recorded with their hash in the table weir_migration.
#ifndef WEIR_PLATFORM_PG_MIGRATE_H
#define WEIR_PLATFORM_PG_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "platform/pg/pg.h"

struct migration {
    int version;      // NNNN of NNNN_name.sql
    const char *name; // "0001_parties"
    const char *text;
};

enum migration_state { MIGRATION_APPLIED, MIGRATION_PENDING };

struct migration_report {
    void (*seen)(void *ctx, const struct migration *m, enum migration_state state);
    void *ctx;
};

// Brings the database up to date; `report` (may be NULL) hears of each one as it is applied.
// ERR_CONFLICT if an applied one has changed since or is missing here, or if a new one would come
// before an applied one: every database takes the same steps in the same order.
ERR_MUST_CHECK enum err_code migrate_up(struct pg *pg, const struct migration *all, size_t count,
                                        const struct migration_report *report, size_t *ret_applied,
                                        struct err *e);
// Says of each one whether it is applied; checks as migrate_up does; changes nothing.
ERR_MUST_CHECK enum err_code migrate_status(struct pg *pg, const struct migration *all,
                                            size_t count, const struct migration_report *report,
                                            size_t *ret_pending, struct err *e);

#endif
