// Migrates the database of WEIR_TEST_DATABASE (empty before) and then, for every statement of every
// program, prepares it and plans it under the role that the program has in production: a wrong
// column, a wrong type and a missing right are all seen here. So is a column that moved: what a
// statement says it gives ("-- columns:") is what the server says, and one that gives more than
// UNNAMED_COLUMNS_MAX must say it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/buf.h"
#include "migrations.h"
#include "platform/pg/migrate.h"
#include "platform/pg/pg.h"
#include "sql_programs.h"

enum { UNNAMED_COLUMNS_MAX = 2, WHY_BYTES_MAX = 4096 };

static int failures;
static int checked;

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

static bool columns_agree(const PGresult *described, const struct pg_statement *st,
                          struct buf *why) {
    int given = PQnfields(described);
    if (st->columns_count == 0 && given <= UNNAMED_COLUMNS_MAX) {
        return true;
    }
    bool same = given == st->columns_count;
    for (int i = 0; same && i < given; i++) {
        same = strcmp(PQfname(described, i), st->columns[i]) == 0;
    }
    if (!same) {
        buf_add_str(why, "columns:");
        for (int i = 0; i < st->columns_count; i++) {
            buf_printf(why, "%s %s", i == 0 ? "" : ",", st->columns[i]);
        }
        buf_add_str(why, "\n    the server gives:");
        for (int i = 0; i < given; i++) {
            buf_printf(why, "%s %s", i == 0 ? "" : ",", PQfname(described, i));
        }
        buf_add_char(why, '\n');
    }
    return same;
}

static bool description_agrees(PGconn *connection, const struct pg_statement *st, struct buf *why) {
    PGresult *described = PQdescribePrepared(connection, st->name);
    bool ok = PQnparams(described) == st->params;
    if (!ok) {
        buf_printf(why, "%d parameters at the server, %d counted\n", PQnparams(described),
                   st->params);
    }
    ok = ok && columns_agree(described, st, why);
    PQclear(described);
    return ok;
}

// False, and why, if the statement can't be what the program takes it for.
static bool passes(PGconn *connection, const struct pg_statement *st, struct buf *why) {
    PGresult *result = PQprepare(connection, st->name, st->text, 0, NULL);
    bool prepared = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    if (!prepared) {
        buf_printf(why, "prepare: %s", PQerrorMessage(connection));
        return false;
    }
    if (!description_agrees(connection, st, why)) {
        return false;
    }
    if (!plan(connection, st)) {
        buf_printf(why, "plan: %s", PQerrorMessage(connection));
        return false;
    }
    return true;
}

static void check_statement(PGconn *connection, const struct pg_statement *st) {
    struct buf why;
    buf_init(&why, WHY_BYTES_MAX);
    if (passes(connection, st, &why)) {
        checked++;
    } else {
        (void)fprintf(stderr, "sql: %s: %.*s", st->name, (int)why.len, why.ptr);
        failures++;
    }
    buf_done(&why);
}

// The check itself must refuse what it is there for.
static void check_refusals(const char *conninfo) {
    static const char *const AB[] = {"a", "b"};
    static const struct pg_statement WRONG[] = {
        {.name = "no_such_column", .text = "select nowhere"},
        {.name = "a_parameter_not_counted", .text = "select $1::int"},
        {.name = "columns_in_another_order",
         .text = "select 1 as b, 2 as a",
         .columns = AB,
         .columns_count = 2},
        {.name = "a_column_too_many",
         .text = "select 1 as a, 2 as b, 3 as c",
         .columns = AB,
         .columns_count = 2},
        {.name = "three_without_names", .text = "select 1 as a, 2 as b, 3 as c"},
    };
    PGconn *connection = PQconnectdb(conninfo);
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        struct buf why;
        buf_init(&why, WHY_BYTES_MAX);
        if (passes(connection, &WRONG[i], &why)) {
            (void)fprintf(stderr, "sql: the check let pass: %s\n", WRONG[i].name);
            failures++;
        }
        buf_done(&why);
    }
    PQfinish(connection);
}

static void check_program(const char *conninfo, const struct sql_program *p) {
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
    check_refusals(conninfo);
    for (size_t i = 0; i < sizeof SQL_PROGRAMS / sizeof *SQL_PROGRAMS; i++) {
        check_program(conninfo, &SQL_PROGRAMS[i]);
    }
    printf("sql: %d passed, %d failed\n", checked, failures);
    return failures == 0 && checked > 0 ? 0 : 1;
}
