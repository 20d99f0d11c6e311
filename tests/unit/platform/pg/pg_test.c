// What needs no server is always tested; the rest runs against the empty PostgreSQL of
// tests/with_postgres.sh (make test-db) and is skipped without WEIR_TEST_DATABASE.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/instant.h"
#include "platform/pg/migrate.h"
#include "platform/pg/pg.h"
#include "platform/pg/pg_error.h"
#include "platform/program/log.h"

static struct pg *pg;

static struct pg_options options(void) {
    return (struct pg_options){.conninfo = {getenv("WEIR_TEST_DATABASE")},
                               .application_name = "weir-test",
                               .statement_timeout_ms = 20000};
}

static int connect_or_skip(void **state) {
    (void)state;
    struct pg_options o = options();
    struct err e;
    if (o.conninfo.value != NULL && pg_open(&o, &pg, &e) != ERR_OK) {
        print_error("%s\n", e.text);
        return -1;
    }
    return 0;
}

static int disconnect(void **state) {
    (void)state;
    pg_close(pg);
    pg = NULL;
    return 0;
}

static void need_server(void) {
    if (pg == NULL) {
        print_message("skipped: WEIR_TEST_DATABASE is not set; make test-db provides it\n");
        skip();
    }
}

#define STATEMENT(name_, text_, params_)                                                           \
    static const struct pg_statement name_ = {.name = #name_, .text = (text_), .params = (params_)}

STATEMENT(ECHO,
          "select $1::text, $2::int8, $3::numeric, $4::bool, $5::bytea, $6::timestamptz, "
          "$7::uuid, $8::text",
          8);
STATEMENT(ARRAYS,
          "select * from unnest($1::int8[], $2::text[], $3::bytea[], $4::bool[], $5::uuid[], "
          "$6::timestamptz[], $7::numeric[]) as t(a, b, c, d, e, f, g)",
          7);
STATEMENT(INSERT, "insert into pg_test_item (id, name) values ($1, $2)", 2);
STATEMENT(COUNT, "select count(*) from pg_test_item", 0);
STATEMENT(NAMED, "select id from pg_test_item where name = $1", 1);
STATEMENT(RAISE, "select pg_test_raise($1)", 1);
STATEMENT(WARN, "select pg_test_warn()", 0);
STATEMENT(WRONG, "select nothing from nowhere", 0);
STATEMENT(ORG, "select current_setting('weir.org', true)", 0);
STATEMENT(BACKEND, "select pg_backend_pid()", 0);
STATEMENT(TERMINATE, "select pg_terminate_backend($1::int4)", 1);
STATEMENT(TRY_LOCK, "select pg_try_advisory_lock(7)", 0);
STATEMENT(SUICIDE, "select pg_terminate_backend(pg_backend_pid())", 0);

static const char SCHEMA[] =
    "drop table if exists pg_test_item;"
    "create table pg_test_item (id int8 primary key check (id > 0), name text not null);"
    "create or replace function pg_test_raise(code text) returns void language plpgsql as $$"
    "begin raise exception using errcode = code, message = 'no more grants', hint = 'mirror'; end"
    "$$;"
    "create or replace function pg_test_warn() returns void language plpgsql as $$"
    "begin raise warning 'it is \"late\"'; raise notice 'by the way'; end"
    "$$";

static void sqlstate__maps_to_codes(void **state) {
    (void)state;
    static const struct {
        const char *sqlstate;
        enum err_code code;
        bool retriable;
    } CASES[] = {
        {"23505", ERR_CONFLICT, false},   {"23503", ERR_CONFLICT, false},
        {"23P01", ERR_CONFLICT, false},   {"23514", ERR_INVALID, false},
        {"40001", ERR_UNAVAILABLE, true}, {"40P01", ERR_UNAVAILABLE, true},
        {"55P03", ERR_UNAVAILABLE, true}, {"57014", ERR_UNAVAILABLE, true},
        {"57P01", ERR_UNAVAILABLE, true}, {"08006", ERR_UNAVAILABLE, true},
        {"53300", ERR_UNAVAILABLE, true}, {"42501", ERR_DENIED, false},
        {"22P02", ERR_INVALID, false},    {"WL000", ERR_LIMIT, false},
        {"WC000", ERR_CONFLICT, false},   {"P0001", ERR_CONFLICT, false},
        {"42P01", ERR_INTERNAL, false},   {"", ERR_INTERNAL, false},
        {NULL, ERR_INTERNAL, false},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(pg_error_code(CASES[i].sqlstate), CASES[i].code);
        assert_int_equal(pg_error_retriable(CASES[i].sqlstate), CASES[i].retriable);
    }
}

static void array__has_the_binary_form(void **state) {
    (void)state;
    struct pg_array a;
    pg_array_init(&a, PG_INT8, 48);
    pg_array_add_int8(&a, -2);
    pg_array_add_null(&a);
    struct pg_param p = pg_array(&a);
    static const unsigned char EXPECTED[] = {
        0, 0, 0, 1, 0, 0, 0,    1,    0,    0,    0,    20,   0,    0,    0,    2,    0,    0,
        0, 1, 0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xff};
    assert_int_equal(p.length, sizeof EXPECTED);
    assert_memory_equal(p.value, EXPECTED, sizeof EXPECTED);
    pg_array_add_int8(&a, 1);
    pg_array_add_int8(&a, 1); // past the maximum
    assert_int_equal(pg_array(&a).length, -1);
    pg_array_clear(&a);
    assert_int_equal(pg_array(&a).length, 12);
    pg_array_done(&a);
}

static void connection__refused_is_unavailable_and_nonsense_is_config(void **state) {
    (void)state;
    static const struct {
        const char *conninfo;
        enum err_code code;
    } CASES[] = {
        {"host=/nowhere", ERR_UNAVAILABLE},
        {"host=127.0.0.1 port=1", ERR_UNAVAILABLE},
        {"prot=1", ERR_CONFIG},
        {"postgresql://h:port/x", ERR_CONFIG},
        {NULL, ERR_CONFIG},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct pg_options o = options();
        o.conninfo.value = CASES[i].conninfo;
        struct pg *none = NULL;
        struct err e;
        assert_int_equal(pg_open(&o, &none, &e), CASES[i].code);
        assert_null(none);
    }
}

static int tries_left;

static bool few_tries(void) {
    return tries_left-- > 0;
}

static void waiting__ends_when_told(void **state) {
    (void)state;
    struct pg_options o = options();
    o.conninfo.value = "host=/nowhere";
    struct pg *none = NULL;
    struct err e;
    tries_left = 2;
    assert_int_equal(pg_open_wait(&o, few_tries, &none, &e), ERR_UNAVAILABLE);
    assert_true(tries_left <= 0);
}

static void values__go_there_and_back(void **state) {
    (void)state;
    need_server();
    struct arena a;
    arena_init(&a);
    PG_ROWS_AUTO struct pg_rows rows = {0};
    struct err e;
    i128 big = ((i128)1 << 100) + 7;
    assert_int_equal(pg_run_one(pg, &ECHO,
                                PG_PARAMS(pg_slice_in(&a, slice_of("g\xC3\xBCte!", 5)),
                                          pg_int8(INT64_MIN), pg_i128(-big), pg_bool(true),
                                          pg_bytea("\0\xff", 2), pg_instant(1812000000250000),
                                          pg_text("01234567-89ab-cdef-0123-"
                                                  "456789abcdef"),
                                          pg_null()),
                                &rows, &e),
                     ERR_OK);
    assert_string_equal(pg_rows_text(&rows, 0, 0), "g\xC3\xBCte");
    assert_true(pg_rows_int8(&rows, 0, 1) == INT64_MIN);
    assert_true(pg_rows_i128(&rows, 0, 2) == -big);
    assert_true(pg_rows_bool(&rows, 0, 3));
    struct slice bytes = pg_rows_bytea(&rows, 0, 4, &a);
    assert_int_equal(bytes.len, 2);
    assert_memory_equal(bytes.ptr, "\0\xff", 2);
    assert_true(pg_rows_instant_us(&rows, 0, 5) == 1812000000250000);
    assert_string_equal(pg_rows_text(&rows, 0, 6), "01234567-89ab-cdef-0123-456789abcdef");
    assert_true(pg_rows_is_null(&rows, 0, 7));
    assert_string_equal(pg_rows_text(&rows, 0, 7), "");
    assert_null(pg_rows_slice(&rows, 0, 7).ptr);
    arena_done(&a);
}

static void arrays__go_there_and_back(void **state) {
    (void)state;
    need_server();
    struct pg_array arrays[7];
    static const enum pg_array_type TYPES[] = {PG_INT8, PG_TEXT,        PG_BYTEA,  PG_BOOL,
                                               PG_UUID, PG_TIMESTAMPTZ, PG_NUMERIC};
    for (size_t i = 0; i < 7; i++) {
        pg_array_init(&arrays[i], TYPES[i], 4096);
    }
    static const i128 NUMBERS[] = {0, 9999, 10000, -1};
    const u128 largest = ~(u128)0;
    for (int i = 0; i < 5; i++) {
        pg_array_add_int8(&arrays[0], i - 2);
        pg_array_add_bytes(&arrays[1], i == 1 ? SLICE_LIT("{\"a,\\b") : slice_str(""));
        pg_array_add_bytes(&arrays[2], slice_of("\0\1\2\3\4", (size_t)i));
        pg_array_add_bool(&arrays[3], i == 3);
        pg_array_add_uuid(&arrays[4], SLICE_LIT("01234567-89AB-cdef-0123-456789abcdef"));
        pg_array_add_instant(&arrays[5], i * US_PER_DAY + 1);
        if (i < 4) {
            pg_array_add_i128(&arrays[6], NUMBERS[i]);
        } else {
            pg_array_add_u128(&arrays[6], largest);
        }
    }
    PG_ROWS_AUTO struct pg_rows rows = {0};
    struct err e;
    assert_int_equal(
        pg_run(pg, &ARRAYS,
               PG_PARAMS(pg_array(&arrays[0]), pg_array(&arrays[1]), pg_array(&arrays[2]),
                         pg_array(&arrays[3]), pg_array(&arrays[4]), pg_array(&arrays[5]),
                         pg_array(&arrays[6])),
               &rows, &e),
        ERR_OK);
    assert_int_equal(pg_rows_count(&rows), 5);
    assert_int_equal(pg_rows_int8(&rows, 0, 0), -2);
    assert_string_equal(pg_rows_text(&rows, 1, 1), "{\"a,\\b");
    assert_string_equal(pg_rows_text(&rows, 3, 2), "\\x000102");
    assert_true(pg_rows_bool(&rows, 3, 3));
    assert_string_equal(pg_rows_text(&rows, 4, 4), "01234567-89ab-cdef-0123-456789abcdef");
    assert_true(pg_rows_instant_us(&rows, 4, 5) == 4 * US_PER_DAY + 1);
    static const char *const EXPECTED[] = {"0", "9999", "10000", "-1",
                                           "340282366920938463463374607431768211455"};
    for (int i = 0; i < 5; i++) {
        assert_string_equal(pg_rows_text(&rows, i, 6), EXPECTED[i]);
    }
    for (size_t i = 0; i < 7; i++) {
        pg_array_done(&arrays[i]);
    }
}

static void errors__carry_code_state_and_constraint(void **state) {
    (void)state;
    need_server();
    struct err e;
    assert_int_equal(pg_script(pg, SCHEMA, "schema", &e), ERR_OK);
    assert_int_equal(pg_run_one(pg, &INSERT, PG_PARAMS(pg_int8(1), pg_text("a")), NULL, &e),
                     ERR_OK);
    assert_int_equal(pg_run(pg, &INSERT, PG_PARAMS(pg_int8(1), pg_text("b")), NULL, &e),
                     ERR_CONFLICT);
    assert_string_equal(e.sqlstate, "23505");
    assert_string_equal(e.field, "pg_test_item_pkey");
    assert_int_equal(pg_run(pg, &INSERT, PG_PARAMS(pg_int8(0), pg_text("b")), NULL, &e),
                     ERR_INVALID);
    assert_string_equal(e.field, "pg_test_item_id_check");
    assert_int_equal(pg_run(pg, &RAISE, PG_PARAMS(pg_text("WL000")), NULL, &e), ERR_LIMIT);
    assert_string_equal(e.text, "no more grants");
    assert_string_equal(e.hint, "mirror");
    assert_int_equal(pg_run_one(pg, &NAMED, PG_PARAMS(pg_text("zz")), NULL, &e), ERR_NOT_FOUND);
    assert_int_equal(pg_run(pg, &WRONG, PG_NO_PARAMS, NULL, &e), ERR_INTERNAL);
    assert_non_null(strstr(e.text, "WRONG: relation \"nowhere\" does not exist"));
    struct pg_array a;
    pg_array_init(&a, PG_TEXT, 32);
    pg_array_add_bytes(&a, SLICE_LIT("more than thirty-two bytes"));
    assert_int_equal(pg_run(pg, &NAMED, PG_PARAMS(pg_array(&a)), NULL, &e), ERR_LIMIT);
    pg_array_done(&a);
}

static int64_t items(void) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    struct err e;
    assert_int_equal(pg_run_one(pg, &COUNT, PG_NO_PARAMS, &rows, &e), ERR_OK);
    return pg_rows_int8(&rows, 0, 0);
}

// libpq would write it as it is; a line of the log is JSON.
static void warning_of_the_server__is_a_line_of_the_log(void **state) {
    (void)state;
    need_server();
    FILE *out = tmpfile();
    assert_non_null(out);
    log_init("weir-test", LOG_LEVEL_INFO);
    log_redirect(fileno(out), NULL);
    struct err e;
    assert_int_equal(pg_script(pg, SCHEMA, "schema", &e), ERR_OK);
    assert_int_equal(pg_run(pg, &WARN, PG_NO_PARAMS, NULL, &e), ERR_OK);
    log_redirect(STDERR_FILENO, NULL);
    char text[1024];
    rewind(out);
    size_t n = fread(text, 1, sizeof text - 1, out);
    text[n] = '\0';
    assert_int_equal(fclose(out), 0);
    assert_int_equal(text[0], '{');
    assert_non_null(strstr(text, "\"level\":\"warn\""));
    assert_non_null(strstr(text, "\"text\":\"it is \\\"late\\\"\""));
    assert_null(strstr(text, "by the way"));
    assert_ptr_equal(strchr(text, '\n'), text + n - 1); // one line
}

static void transaction__keeps_all_or_nothing(void **state) {
    (void)state;
    need_server();
    struct err e;
    assert_int_equal(pg_script(pg, SCHEMA, "schema", &e), ERR_OK);
    assert_int_equal(pg_begin(pg, PG_REPEATABLE_READ, &e), ERR_OK);
    assert_int_equal(pg_run(pg, &INSERT, PG_PARAMS(pg_int8(1), pg_text("a")), NULL, &e), ERR_OK);
    pg_rollback(pg);
    assert_false(pg_in_transaction(pg));
    assert_int_equal(items(), 0);
    assert_int_equal(pg_begin(pg, PG_READ_COMMITTED, &e), ERR_OK);
    assert_int_equal(pg_run(pg, &INSERT, PG_PARAMS(pg_int8(1), pg_text("a")), NULL, &e), ERR_OK);
    assert_int_equal(pg_commit(pg, &e), ERR_OK);
    assert_int_equal(items(), 1);
    // A commit after a failure is no commit.
    assert_int_equal(pg_begin(pg, PG_SERIALIZABLE, &e), ERR_OK);
    assert_int_equal(pg_run(pg, &INSERT, PG_PARAMS(pg_int8(2), pg_text("a")), NULL, &e), ERR_OK);
    assert_int_equal(pg_run(pg, &INSERT, PG_PARAMS(pg_int8(1), pg_text("a")), NULL, &e),
                     ERR_CONFLICT);
    assert_int_equal(pg_commit(pg, &e), ERR_INTERNAL);
    assert_int_equal(items(), 1);
}

static void list_of_instants__is_read_one_by_one(void **state) {
    (void)state;
    need_server();
    static const struct pg_statement LISTS = {
        .name = "test_lists",
        .text = "select array_to_string(array['2027-06-02 19:06:40.25+00','1970-01-01 00:00:00+00']"
                "::timestamptz[], ','), '', null"};
    PG_ROWS_AUTO struct pg_rows rows = {0};
    struct err e;
    assert_int_equal(pg_run_one(pg, &LISTS, PG_NO_PARAMS, &rows, &e), ERR_OK);
    size_t at = 0;
    int64_t us = 0;
    assert_true(pg_rows_next_instant_us(&rows, 0, 0, &at, &us));
    assert_true(us == 1811963200250000);
    assert_true(pg_rows_next_instant_us(&rows, 0, 0, &at, &us));
    assert_true(us == 0);
    assert_false(pg_rows_next_instant_us(&rows, 0, 0, &at, &us));
    for (int column = 1; column < 3; column++) {
        at = 0;
        assert_false(pg_rows_next_instant_us(&rows, 0, column, &at, &us));
    }
}

static void savepoint__undoes_the_innermost_part_after_an_error_too(void **state) {
    (void)state;
    need_server();
    struct err e;
    assert_int_equal(pg_script(pg, SCHEMA, "schema", &e), ERR_OK);
    assert_int_equal(pg_begin(pg, PG_READ_COMMITTED, &e), ERR_OK);
    assert_int_equal(pg_savepoint(pg, &e), ERR_OK);
    assert_int_equal(pg_run(pg, &INSERT, PG_PARAMS(pg_int8(1), pg_text("a")), NULL, &e), ERR_OK);
    assert_int_equal(pg_savepoint(pg, &e), ERR_OK);
    assert_int_equal(pg_run(pg, &INSERT, PG_PARAMS(pg_int8(2), pg_text("a")), NULL, &e), ERR_OK);
    assert_int_equal(pg_run(pg, &INSERT, PG_PARAMS(pg_int8(1), pg_text("a")), NULL, &e),
                     ERR_CONFLICT);
    assert_int_equal(pg_savepoint_undo(pg, &e), ERR_OK);
    assert_int_equal(items(), 1);
    assert_int_equal(pg_savepoint_keep(pg, &e), ERR_OK);
    assert_int_equal(pg_commit(pg, &e), ERR_OK);
    assert_int_equal(items(), 1);
}

static void org__is_set_for_the_transaction_alone(void **state) {
    (void)state;
    need_server();
    PG_ROWS_AUTO struct pg_rows rows = {0};
    struct err e;
    static const char ID[] = "01234567-89ab-cdef-0123-456789abcdef";
    assert_int_equal(pg_begin(pg, PG_READ_COMMITTED, &e), ERR_OK);
    assert_int_equal(pg_set_org(pg, ID, &e), ERR_OK);
    assert_int_equal(pg_run_one(pg, &ORG, PG_NO_PARAMS, &rows, &e), ERR_OK);
    assert_string_equal(pg_rows_text(&rows, 0, 0), ID);
    assert_int_equal(pg_commit(pg, &e), ERR_OK);
    assert_int_equal(pg_run_one(pg, &ORG, PG_NO_PARAMS, &rows, &e), ERR_OK);
    assert_string_equal(pg_rows_text(&rows, 0, 0), "");
}

static void lost_connection__is_unavailable_until_reconnected(void **state) {
    (void)state;
    need_server();
    struct err e;
    assert_int_equal(pg_script(pg, SCHEMA, "schema", &e), ERR_OK);
    assert_int_equal(items(), 0);
    assert_int_equal(pg_run(pg, &WRONG, PG_NO_PARAMS, NULL, &e), ERR_INTERNAL);
    assert_false(pg_error_lost(&e));
    assert_int_equal(pg_run(pg, &SUICIDE, PG_NO_PARAMS, NULL, &e), ERR_UNAVAILABLE);
    assert_true(pg_error_lost(&e));
    assert_int_equal(pg_run(pg, &COUNT, PG_NO_PARAMS, NULL, &e), ERR_UNAVAILABLE);
    assert_false(pg_usable(pg));
    pg_rollback(pg);
    assert_int_equal(pg_reconnect(pg, NULL, &e), ERR_OK);
    assert_int_equal(items(), 0); // prepared anew
}

static int64_t backend(void) {
    PG_ROWS_AUTO struct pg_rows rows = {0};
    struct err e;
    assert_int_equal(pg_run_one(pg, &BACKEND, PG_NO_PARAMS, &rows, &e), ERR_OK);
    return pg_rows_int8(&rows, 0, 0);
}

// At any moment after its backend was told to end: the last word read or not, hung up or not yet.
static void connection_that_died_idle__is_seen_before_work(void **state) {
    (void)state;
    need_server();
    struct pg_options o = options();
    struct pg *other = NULL;
    struct err e;
    assert_int_equal(pg_open(&o, &other, &e), ERR_OK);
    for (int i = 0; i < 50; i++) {
        assert_true(pg_alive(pg));
        assert_int_equal(pg_script(pg, "select pg_advisory_lock(7)", "lock", &e), ERR_OK);
        assert_int_equal(pg_run(other, &TERMINATE, PG_PARAMS(pg_int8(backend())), NULL, &e),
                         ERR_OK);
        while (pg_alive(pg)) {
        }
        assert_false(pg_usable(pg));
        // Whoever has seen the end may have what the session held.
        PG_ROWS_AUTO struct pg_rows rows = {0};
        assert_int_equal(pg_reconnect(pg, NULL, &e), ERR_OK);
        assert_int_equal(pg_run_one(pg, &TRY_LOCK, PG_NO_PARAMS, &rows, &e), ERR_OK);
        assert_true(pg_rows_bool(&rows, 0, 0));
    }
    pg_close(other);
}

static void looking_at_the_connection__loses_no_notification(void **state) {
    (void)state;
    need_server();
    struct err e;
    assert_int_equal(pg_script(pg, "listen pg_test", "listen", &e), ERR_OK);
    struct pg_options o = options();
    struct pg *other = NULL;
    assert_int_equal(pg_open(&o, &other, &e), ERR_OK);
    assert_int_equal(pg_script(other, "notify pg_test", "notify", &e), ERR_OK);
    assert_int_equal(pg_script(pg, "select", "a trip, so that it has come", &e), ERR_OK);
    assert_true(pg_alive(pg));
    assert_true(pg_wait_notify(pg, -1, 0));
    pg_close(other);
}

static void notification__ends_the_wait(void **state) {
    (void)state;
    need_server();
    struct err e;
    assert_int_equal(pg_script(pg, "listen pg_test", "listen", &e), ERR_OK);
    assert_false(pg_wait_notify(pg, -1, 0));
    struct pg_options o = options();
    struct pg *other = NULL;
    assert_int_equal(pg_open(&o, &other, &e), ERR_OK);
    assert_int_equal(pg_script(other, "notify pg_test", "notify", &e), ERR_OK);
    assert_true(pg_wait_notify(pg, -1, 20000));
    pg_close(other);
}

// --- migrations ----------------------------------------------------------------------------------

static const struct migration STEPS[] = {
    {1, "0001_a", "create table public.pg_test_a (x int8);"},
    {2, "0002_b",
     "create table public.pg_test_b (x int8); insert into public.pg_test_b values (1);"},
    {10, "0010_c", "create table public.pg_test_c (x int8);\nselect broken;"},
};

static int seen[2];

static void count_seen(void *ctx, const struct migration *m, enum migration_state s) {
    (void)ctx;
    (void)m;
    seen[s]++;
}

static void migrations__apply_once_in_order_and_whole(void **state) {
    (void)state;
    need_server();
    struct err e;
    static const char CLEAN[] = "drop table if exists public.weir_migration, public.pg_test_a, "
                                "public.pg_test_b, public.pg_test_c";
    assert_int_equal(pg_script(pg, CLEAN, "clean", &e), ERR_OK);
    const struct migration_report report = {.seen = count_seen};
    size_t n = 99;
    assert_int_equal(migrate_status(pg, STEPS, 2, NULL, &n, &e), ERR_OK);
    assert_int_equal(n, 2);
    assert_int_equal(migrate_up(pg, STEPS, 1, NULL, &n, &e), ERR_OK);
    assert_int_equal(n, 1);
    assert_int_equal(migrate_status(pg, STEPS, 2, &report, &n, &e), ERR_OK);
    assert_int_equal(n, 1);
    assert_int_equal(seen[MIGRATION_APPLIED], 1);
    assert_int_equal(seen[MIGRATION_PENDING], 1);
    assert_int_equal(migrate_up(pg, STEPS, 2, NULL, &n, &e), ERR_OK);
    assert_int_equal(migrate_up(pg, STEPS, 2, NULL, &n, &e), ERR_OK);
    assert_int_equal(n, 0);
    // A broken one leaves nothing behind.
    assert_int_equal(migrate_up(pg, STEPS, 3, NULL, &n, &e), ERR_INTERNAL);
    assert_non_null(strstr(e.text, "0010_c"));
    assert_int_equal(migrate_status(pg, STEPS, 3, NULL, &n, &e), ERR_OK);
    assert_int_equal(n, 1);
    assert_int_equal(pg_script(pg, "create table public.pg_test_c (x int8)", "c", &e), ERR_OK);
    // Changed, missing, out of order.
    struct migration changed[2] = {STEPS[0], STEPS[1]};
    changed[1].text = "select 1";
    assert_int_equal(migrate_up(pg, changed, 2, NULL, &n, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.text, "0002_b has changed"));
    assert_int_equal(migrate_up(pg, STEPS, 1, NULL, &n, &e), ERR_CONFLICT);
    const struct migration between[] = {STEPS[0], {2, "0002_z", "select 1"}, {3, "0003_b", "x"}};
    assert_int_equal(migrate_up(pg, between, 3, NULL, &n, &e), ERR_CONFLICT);
    const struct migration twice[] = {STEPS[0], STEPS[0]};
    assert_int_equal(migrate_up(pg, twice, 2, NULL, &n, &e), ERR_CONFLICT);
    assert_int_equal(pg_script(pg, CLEAN, "clean", &e), ERR_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sqlstate__maps_to_codes),
        cmocka_unit_test(array__has_the_binary_form),
        cmocka_unit_test(connection__refused_is_unavailable_and_nonsense_is_config),
        cmocka_unit_test(waiting__ends_when_told),
        cmocka_unit_test_setup_teardown(values__go_there_and_back, connect_or_skip, disconnect),
        cmocka_unit_test_setup_teardown(arrays__go_there_and_back, connect_or_skip, disconnect),
        cmocka_unit_test_setup_teardown(errors__carry_code_state_and_constraint, connect_or_skip,
                                        disconnect),
        cmocka_unit_test_setup_teardown(warning_of_the_server__is_a_line_of_the_log,
                                        connect_or_skip, disconnect),
        cmocka_unit_test_setup_teardown(list_of_instants__is_read_one_by_one, connect_or_skip,
                                        disconnect),
        cmocka_unit_test_setup_teardown(savepoint__undoes_the_innermost_part_after_an_error_too,
                                        connect_or_skip, disconnect),
        cmocka_unit_test_setup_teardown(transaction__keeps_all_or_nothing, connect_or_skip,
                                        disconnect),
        cmocka_unit_test_setup_teardown(org__is_set_for_the_transaction_alone, connect_or_skip,
                                        disconnect),
        cmocka_unit_test_setup_teardown(lost_connection__is_unavailable_until_reconnected,
                                        connect_or_skip, disconnect),
        cmocka_unit_test_setup_teardown(connection_that_died_idle__is_seen_before_work,
                                        connect_or_skip, disconnect),
        cmocka_unit_test_setup_teardown(looking_at_the_connection__loses_no_notification,
                                        connect_or_skip, disconnect),
        cmocka_unit_test_setup_teardown(notification__ends_the_wait, connect_or_skip, disconnect),
        cmocka_unit_test_setup_teardown(migrations__apply_once_in_order_and_whole, connect_or_skip,
                                        disconnect),
    };
    return cmocka_run_group_tests_name("platform/pg", tests, NULL, NULL);
}
