// Migrates the database of WEIR_TEST_DATABASE (empty before) and then, for every statement of every
// program, prepares it and plans it under the role that the program has in production: a wrong
// column, a wrong type and a missing right are all seen here.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/buf.h"
#include "migrations.h"
#include "platform/pg/migrate.h"
#include "platform/pg/pg.h"

// Weak, for a program without SQL has no table.
#define TABLE(program)                                                                             \
    extern const struct pg_statement *const program##_sql_all[] __attribute__((weak));             \
    extern const size_t program##_sql_count __attribute__((weak))
TABLE(api);
TABLE(tap);
TABLE(meter);
TABLE(biller);
TABLE(access);
TABLE(ctl);

struct program {
    const char *name;
    const char *role; // NULL: the owner
    const struct pg_statement *const *statements;
    const size_t *count;
};

static int failures;
static int checked;

static void report(const struct pg_statement *st, const char *step, const PGconn *connection) {
    (void)fprintf(stderr, "sql: %s: %s: %s", st->name, step, PQerrorMessage(connection));
    failures++;
}

static bool command(PGconn *connection, const char *text) {
    PGresult *result = PQexec(connection, text);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}

// EXPLAIN starts the plan, which is when PostgreSQL looks at rights, but doesn't run it.
static bool plan(PGconn *connection, const struct pg_statement *st) {
    struct buf text;
    buf_init(&text, 4096);
    buf_printf(&text, "explain execute %s", st->name);
    for (int i = 0; i < st->params; i++) {
        buf_add_str(&text, i == 0 ? "(null" : ", null");
    }
    buf_add_str(&text, st->params > 0 ? ")" : "");
    bool ok = command(connection, text.ptr);
    buf_done(&text);
    return ok;
}

static void check_statement(PGconn *connection, const struct pg_statement *st) {
    PGresult *result = PQprepare(connection, st->name, st->text, 0, NULL);
    bool prepared = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    if (!prepared) {
        report(st, "prepare", connection);
        return;
    }
    result = PQdescribePrepared(connection, st->name);
    if (PQnparams(result) != st->params) {
        (void)fprintf(stderr, "sql: %s: %d parameters at the server, %d counted\n", st->name,
                      PQnparams(result), st->params);
        failures++;
    } else if (!plan(connection, st)) {
        report(st, "plan", connection);
    } else {
        checked++;
    }
    PQclear(result);
}

static void check_program(const char *conninfo, const struct program *p) {
    if (p->statements == NULL) {
        return;
    }
    PGconn *connection = PQconnectdb(conninfo);
    char role[64] = "select 1";
    if (p->role != NULL) {
        (void)snprintf(role, sizeof role, "set role %s", p->role);
    }
    if (!command(connection, role)) {
        (void)fprintf(stderr, "sql: %s: %s", role, PQerrorMessage(connection));
        failures++;
    }
    for (size_t i = 0; i < *p->count; i++) {
        check_statement(connection, p->statements[i]);
    }
    PQfinish(connection);
}

static enum err_code migrate(const char *conninfo, struct err *e) {
    const struct pg_options o = {.conninfo = {conninfo}, .application_name = "sql_check"};
    struct pg *pg = NULL;
    enum err_code code = pg_open(&o, &pg, e);
    size_t applied = 0;
    if (code == ERR_OK) {
        code = migrate_up(pg, MIGRATION_FILES, MIGRATION_FILES_COUNT, NULL, &applied, e);
    }
    pg_close(pg);
    return code;
}

int main(void) {
    const char *conninfo = getenv("WEIR_TEST_DATABASE");
    if (conninfo == NULL) {
        (void)fprintf(stderr,
                      "sql: WEIR_TEST_DATABASE is not set; run by tests/with_postgres.sh\n");
        return 2;
    }
    struct err e = {.code = ERR_OK};
    if (migrate(conninfo, &e) != ERR_OK) {
        (void)fprintf(stderr, "sql: %s\n", e.text);
        return 1;
    }
    const struct program programs[] = {
        {"api", "weir_api", api_sql_all, &api_sql_count},
        {"tap", NULL, tap_sql_all, &tap_sql_count},
        {"meter", "weir_meter", meter_sql_all, &meter_sql_count},
        {"biller", "weir_biller", biller_sql_all, &biller_sql_count},
        {"access", "weir_access", access_sql_all, &access_sql_count},
        {"ctl", NULL, ctl_sql_all, &ctl_sql_count},
    };
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        check_program(conninfo, &programs[i]);
    }
    printf("sql: %d passed, %d failed\n", checked, failures);
    return failures == 0 && checked > 0 ? 0 : 1;
}
