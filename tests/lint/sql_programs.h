// The programs that speak SQL, with all their statements and the role each has in production.
#ifndef WEIR_LINT_SQL_PROGRAMS_H
#define WEIR_LINT_SQL_PROGRAMS_H

#include "platform/pg/pg.h"

// Weak, for a program without SQL has no table.
#define SQL_TABLE(program)                                                                         \
    extern const struct pg_statement *const program##_sql_all[] __attribute__((weak));             \
    extern const size_t program##_sql_count __attribute__((weak))
SQL_TABLE(api);
SQL_TABLE(tap);
SQL_TABLE(meter);
SQL_TABLE(biller);
SQL_TABLE(access);
SQL_TABLE(ctl);

struct sql_program {
    const char *name;
    const char *role; // NULL: the owner
    const struct pg_statement *const *statements;
    const size_t *count;
};

static const struct sql_program SQL_PROGRAMS[] = {
    {"api", "weir_api", api_sql_all, &api_sql_count},
    {"tap", NULL, tap_sql_all, &tap_sql_count},
    {"meter", "weir_meter", meter_sql_all, &meter_sql_count},
    {"biller", "weir_biller", biller_sql_all, &biller_sql_count},
    {"access", "weir_access", access_sql_all, &access_sql_count},
    {"ctl", NULL, ctl_sql_all, &ctl_sql_count},
};

#endif
