// What every role may do in the migrated database of WEIR_TEST_DATABASE, as a table on standard output;
// and, for each right, whether anything needs it: the right is taken away and every statement of the
// role is planned again. A right without which all of them still can be planned is one too many.
//
//   privileges_check FUNCTIONS.sql
//
// FUNCTIONS.sql: what functions and triggers read and write on behalf of a role, which no plan of a
// statement shows. Blocks "-- as: ROLE FUNCTION", then one statement. Exit code 1: a right too many.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/buf.h"
#include "base/check.h"
#include "sql_programs.h"

enum { NEEDS_MAX = 1000, TEXT_MAX = 1 << 20, COMMAND_MAX = 4096 };

// A statement that a role runs; prepared as n<index>.
struct need {
    const char *role;
    const char *text;
    int params;
};

static struct need needs[NEEDS_MAX];
static size_t needs_count;

static void die(const char *what, const char *why) {
    (void)fprintf(stderr, "privileges: %s: %s\n", what, why);
    exit(2);
}

static PGresult *run(PGconn *connection, const char *text) {
    PGresult *result = PQexec(connection, text);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        die(text, PQerrorMessage(connection));
    }
    return result;
}

static void do_command(PGconn *connection, const char *text) {
    PQclear(run(connection, text));
}

static void need_add(PGconn *connection, const char *role, const char *what, const char *text) {
    char name[32];
    check(needs_count < NEEDS_MAX);
    struct need *n = &needs[needs_count];
    (void)snprintf(name, sizeof name, "n%zu", needs_count++);
    PGresult *result = PQprepare(connection, name, text, 0, NULL);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        die(what, PQerrorMessage(connection));
    }
    PQclear(result);
    result = PQdescribePrepared(connection, name);
    *n = (struct need){role, text, PQnparams(result)};
    PQclear(result);
}

static void needs_of_programs(PGconn *connection) {
    for (size_t i = 0; i < sizeof SQL_PROGRAMS / sizeof *SQL_PROGRAMS; i++) {
        const struct sql_program *p = &SQL_PROGRAMS[i];
        for (size_t k = 0; p->statements != NULL && p->role != NULL && k < *p->count; k++) {
            need_add(connection, p->role, p->statements[k]->name, p->statements[k]->text);
        }
    }
}

static void needs_of_functions(PGconn *connection, const char *path) {
    static char text[TEXT_MAX];
    static const char MARK[] = "-- as: ";
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        die(path, "can't be read");
    }
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    (void)fclose(f);
    for (char *block = strstr(text, MARK), *next = NULL; block != NULL; block = next) {
        char *role = block + sizeof MARK - 1;
        char *end = strchr(role, '\n');
        check(end != NULL);
        next = strstr(end, MARK);
        if (next != NULL) {
            next[-1] = '\0';
        }
        *end = '\0';
        char *function = strchr(role, ' ');
        if (function == NULL) {
            die(role, "a block says which role and which function");
        }
        *function = '\0';
        need_add(connection, role, function + 1, end + 1);
    }
}

// EXPLAIN starts the plan, which is when PostgreSQL looks at rights, but doesn't run it.
static bool may_run(PGconn *connection, size_t i) {
    char text[COMMAND_MAX];
    int len = snprintf(text, sizeof text, "explain execute n%zu", i);
    for (int k = 0; k < needs[i].params; k++) {
        len += snprintf(text + len, sizeof text - (size_t)len, k == 0 ? "(null" : ", null");
    }
    (void)snprintf(text + len, sizeof text - (size_t)len, needs[i].params > 0 ? ")" : "");
    PGresult *result = PQexec(connection, text);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    bool refused = state != NULL && strcmp(state, "42501") == 0;
    if (state != NULL && !refused) {
        die(needs[i].text, PQerrorMessage(connection));
    }
    PQclear(result);
    return !refused;
}

// Statements that name the object come first: most often the first of them settles it.
static bool all_may_run(PGconn *connection, const char *role, const char *object) {
    for (int naming = 1; naming >= 0; naming--) {
        for (size_t i = 0; i < needs_count; i++) {
            bool names = strstr(needs[i].text, object) != NULL;
            if (strcmp(needs[i].role, role) == 0 && names == (naming == 1) &&
                !may_run(connection, i)) {
                return false;
            }
        }
    }
    return true;
}

// With all its rights a role runs all its statements; else every right would seem to be needed.
static void roles_check(PGconn *connection) {
    char text[COMMAND_MAX];
    for (size_t i = 0; i < needs_count; i++) {
        do_command(connection, "begin");
        (void)snprintf(text, sizeof text, "set local role %s", needs[i].role);
        do_command(connection, text);
        if (!may_run(connection, i)) {
            die(needs[i].text, "the role may not run it");
        }
        do_command(connection, "rollback");
    }
}

static bool right_is_needed(PGconn *connection, const char *role, const char *object,
                            const char *revoke) {
    char text[COMMAND_MAX];
    do_command(connection, "begin");
    do_command(connection, revoke);
    (void)snprintf(text, sizeof text, "set local role %s", role);
    do_command(connection, text);
    bool needed = !all_may_run(connection, role, object);
    do_command(connection, "rollback");
    return needed;
}

// One row for each right: role, object, verb, column or null, name to look for, REVOKE.
static const char RIGHTS[] =
    "with relation as ("
    "  select a.grantee, c.relname::text as object, a.privilege_type as verb, null::text as col, 0 "
    "as n, c.relname::text as name"
    "    from pg_class c, aclexplode(c.relacl) a"
    "   where c.relnamespace = 'public'::regnamespace and a.grantee <> c.relowner"
    "  union all"
    "  select a.grantee, c.relname, a.privilege_type, t.attname, t.attnum, c.relname"
    "    from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a"
    "   where c.relnamespace = 'public'::regnamespace and a.grantee <> c.relowner"
    "), f as ("
    "  select a.grantee, p.oid::regprocedure::text as object, a.privilege_type as verb, null::text "
    "as col, 0 as n,"
    "         p.proname::text as name"
    "    from pg_proc p, aclexplode(p.proacl) a"
    "   where p.pronamespace = 'public'::regnamespace and a.grantee <> p.proowner and a.grantee <> "
    "0)"
    "select coalesce(r.rolname, 'PUBLIC'), x.object, x.verb, x.col, x.name,"
    "       format('revoke %s%s on %s %s from %s', x.verb, '(' || quote_ident(x.col) || ')',"
    "              case when x.verb = 'EXECUTE' then 'function' else 'table' end, x.object, "
    "coalesce(r.rolname, 'PUBLIC'))"
    "  from (select * from relation union all select * from f) x left join pg_roles r on r.oid = "
    "x.grantee"
    " order by 1, 2, 3, x.n";

// The auditor is a person: no statement of ours says what it needs.
static bool judged(const char *role) {
    return strcmp(role, "weir_auditor") != 0;
}

static int rights_print(PGconn *connection) {
    PGresult *rights = run(connection, RIGHTS);
    int too_many = 0, n = PQntuples(rights);
    for (int i = 0; i < n; i++) {
        const char *role = PQgetvalue(rights, i, 0), *object = PQgetvalue(rights, i, 1);
        const char *verb = PQgetvalue(rights, i, 2), *column = PQgetvalue(rights, i, 3);
        bool goes_on = i > 0 && strcmp(role, PQgetvalue(rights, i - 1, 0)) == 0 &&
                       strcmp(object, PQgetvalue(rights, i - 1, 1)) == 0 &&
                       strcmp(verb, PQgetvalue(rights, i - 1, 2)) == 0;
        if (goes_on) {
            printf(", %s", column);
        } else {
            printf("%s%-19s %-7s %s%s%s", i == 0 ? "" : "\n", role, verb, object,
                   *column != '\0' ? ": " : "", column);
        }
        if (judged(role) && (strcmp(role, "PUBLIC") == 0 ||
                             !right_is_needed(connection, role, PQgetvalue(rights, i, 4),
                                              PQgetvalue(rights, i, 5)))) {
            (void)fprintf(stderr, "privileges: nothing needs: %s %s %s %s\n", role, verb, object,
                          column);
            too_many++;
        }
    }
    printf("\n");
    PQclear(rights);
    (void)fprintf(stderr, "privileges: %d passed, %d failed\n", n - too_many, too_many);
    return too_many;
}

int main(int argc, char **argv) {
    const char *conninfo = getenv("WEIR_TEST_DATABASE");
    if (argc != 2 || conninfo == NULL) {
        die("usage", "tests/with_postgres.sh privileges_check FUNCTIONS.sql");
    }
    PGconn *connection = PQconnectdb(conninfo);
    // Planned for any parameters, not for nulls, of which much is known before.
    do_command(connection, "set plan_cache_mode = force_generic_plan");
    needs_of_programs(connection);
    needs_of_functions(connection, argv[1]);
    roles_check(connection);
    int too_many = rights_print(connection);
    PQfinish(connection);
    return too_many == 0 ? 0 : 1;
}
