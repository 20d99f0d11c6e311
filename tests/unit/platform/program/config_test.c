#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/program/config.h"

static const char *const COLOURS[] = {"red", "Green", NULL};

static bool is_letter(const char *text) {
    return text[0] >= 'a' && text[0] <= 'z' && text[1] == '\0';
}

static const struct config_row ROWS[] = {
    CONFIG_ROW_DATABASE,
    CONFIG_ROW_LOG_LEVEL,
    {.name = "port",
     .type = CONFIG_INT,
     .min = 1,
     .max = 65535,
     .fallback = "8080",
     .example = "8080",
     .help = "port to listen on"},
    {.name = "wait", .type = CONFIG_DURATION, .min = 1, .max = 60000, .example = "5s", .help = "x"},
    {.name = "size", .type = CONFIG_BYTES, .example = "1MiB", .help = "x"},
    {.name = "verbose", .type = CONFIG_BOOL, .example = "true", .help = "x"},
    {.name = "brokers", .type = CONFIG_LIST, .example = "a,b", .help = "x"},
    {.name = "colour", .type = CONFIG_CHOICE, .choices = COLOURS, .example = "red", .help = "x"},
    {.name = "letter",
     .type = CONFIG_TEXT,
     .fits = is_letter,
     .form = "one letter",
     .example = "a",
     .help = "x"},
    {.name = "state_dir", .type = CONFIG_PATH, .example = "/var/lib/weir", .help = "x"},
    {.name = "format", .type = CONFIG_TEXT, .flag_only = true, .example = "csv", .help = "a|b"},
};

static const struct config_program PROGRAM = {.name = "weir-test",
                                              .summary = "tests settings",
                                              .args = "FILE...",
                                              .args_max = 2,
                                              .rows = ROWS,
                                              .rows_count = sizeof ROWS / sizeof *ROWS};

static const char *const ENV[] = {"WEIR_DATABASE_URL=postgresql://x:hunter2@h/db", NULL};

// main() has its strings writable; config_load leaves them alone.
static char **writable(const char *const *strings) {
    return (char **)(uintptr_t)strings;
}

// Loads with a NULL-terminated list of arguments.
static enum err_code load(const char *const *args, const char *const *env, struct config **ret,
                          struct err *e) {
    const char *argv[16] = {"weir-test"};
    int argc = 1;
    for (; args[argc - 1] != NULL; argc++) {
        argv[argc] = args[argc - 1];
    }
    enum config_action action = CONFIG_HELP;
    return config_load(&PROGRAM, argc, writable(argv), writable(env), &action, ret, e);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static const char *write_file(const char *name, const char *text) {
    static char path[256];
    (void)snprintf(path, sizeof path, "/tmp/weir-config-test.%d.%s", (int)getpid(), name);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    (void)fputs(text, f);
    assert_int_equal(fclose(f), 0);
    return path;
}

static void values__are_typed_and_default(void **state) {
    (void)state;
    struct config *c = NULL;
    struct err e = {0};
    assert_int_equal(load(ARGS("--wait=5s", "--size", "2MiB", "--verbose", "--brokers", "a, b",
                               "--colour", "GREEN", "--letter=z", "--state-dir=/x", "one", "-"),
                          ENV, &c, &e),
                     ERR_OK);
    assert_int_equal(config_int(c, "port"), 8080);
    assert_int_equal(config_duration_ms(c, "wait"), 5000);
    assert_int_equal(config_bytes(c, "size"), 2 * 1024 * 1024);
    assert_true(config_bool(c, "verbose"));
    size_t n = 0;
    const char *const *items = config_list(c, "brokers", &n);
    assert_int_equal(n, 2);
    assert_string_equal(items[1], "b");
    assert_null(items[2]);
    assert_string_equal(config_text(c, "colour"), "Green");
    assert_string_equal(config_text(c, "letter"), "z");
    assert_string_equal(config_text(c, "state_dir"), "/x");
    assert_string_equal(config_secret(c, "database_url").value, "postgresql://x:hunter2@h/db");
    assert_null(config_text(c, "format"));
    assert_false(config_is_set(c, "format"));
    const char *const *args = config_args(c, &n);
    assert_int_equal(n, 2);
    assert_string_equal(args[1], "-");
    assert_ptr_equal(config_args(c, NULL), args);
    config_free(c);
}

static void sources__later_ones_win(void **state) {
    (void)state;
    const char *path = write_file("conf", "# comment\n\n port = 1 \nwait=1m\r\n"
                                          "colour = red\ndatabase_url = from file # x\n");
    struct config *c = NULL;
    struct err e = {0};
    const char *const env[] = {"WEIR_PORT=2", "WEIR_WAIT=", "WEIR_COLOUR=green", NULL};
    assert_int_equal(load(ARGS("--config", path, "--colour=red"), env, &c, &e), ERR_OK);
    assert_int_equal(config_int(c, "port"), 2);
    assert_int_equal(config_duration_ms(c, "wait"), 60000); // an empty variable is none
    assert_string_equal(config_text(c, "colour"), "red");
    assert_string_equal(config_secret(c, "database_url").value, "from file # x");
    config_free(c);
    (void)unlink(path);
}

static void secret__comes_from_its_file_but_never_from_arguments(void **state) {
    (void)state;
    struct config *c = NULL;
    struct err e = {0};
    const char *path = write_file("secret", "s3cret\n");
    assert_int_equal(load(ARGS("--database-url-file", path), NULL, &c, &e), ERR_OK);
    assert_string_equal(config_secret(c, "database_url").value, "s3cret");
    config_free(c);
    char variable[300];
    (void)snprintf(variable, sizeof variable, "WEIR_DATABASE_URL_FILE=%s", path);
    const char *const env[] = {variable, NULL};
    assert_int_equal(load(ARGS(), env, &c, &e), ERR_OK);
    assert_string_equal(config_secret(c, "database_url").value, "s3cret");
    config_free(c);
    assert_int_equal(load(ARGS("--database-url=hunter2"), NULL, &c, &e), ERR_CONFIG);
    assert_string_equal(e.field, "database_url");
    assert_null(strstr(e.text, "hunter2"));
    assert_non_null(strstr(e.hint, "WEIR_DATABASE_URL"));
    (void)unlink(path);
}

static void errors__name_the_setting_and_an_example(void **state) {
    (void)state;
    const struct {
        const char *argument;
        const char *field;
        const char *text;
    } cases[] = {
        {"--port=0", "port", "must be a whole number 1..65535, not \"0\" (command line)"},
        {"--port=65536", "port", "1..65535"},
        {"--port=8o", "port", "not \"8o\""},
        {"--wait=5", "wait", "a duration"},
        {"--wait=61s", "wait", "1ms..1m"},
        {"--wait=99999999999999999d", "wait", "a duration"},
        {"--size=1kb", "size", "a size"},
        {"--verbose=perhaps", "verbose", "true or false"},
        {"--brokers=a,,b", "brokers", "a list"},
        {"--colour=blue", "colour", "one of red, Green"},
        {"--letter=ab", "letter", "one letter"},
        {"--letter=", "letter", "one letter"},
        {"--state-dir=", "state_dir", "a path"},
        {"--nonsense=1", "nonsense", "no such setting"},
        {"-x", "-x", "no such setting"},
        {"--port", "port", "needs a value"},
        {"--config=/nowhere/x", "config", "can't open /nowhere/x"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct config *c = NULL;
        struct err e = {0};
        assert_int_equal(load(ARGS(cases[i].argument), ENV, &c, &e), ERR_CONFIG);
        assert_null(c);
        assert_string_equal(e.field, cases[i].field);
        assert_non_null(strstr(e.text, cases[i].text));
    }
    struct config *c = NULL;
    struct err e = {0};
    assert_int_equal(load(ARGS(), NULL, &c, &e), ERR_CONFIG);
    assert_string_equal(e.field, "database_url");
    assert_string_equal(e.text, "is not set");
    assert_non_null(strstr(e.hint, "example: database_url = postgresql://"));
    assert_int_equal(load(ARGS("a", "b", "c"), ENV, &c, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "unexpected argument \"c\""));
}

static void file__says_which_line_is_wrong(void **state) {
    (void)state;
    struct config *c = NULL;
    struct err e = {0};
    const char *path = write_file("bad", "port = 1\nprot = 2\n");
    assert_int_equal(load(ARGS("--config", path), ENV, &c, &e), ERR_CONFIG);
    assert_string_equal(e.field, "prot");
    assert_non_null(strstr(e.text, "line 2"));
    path = write_file("bad", "format = csv\n");
    assert_int_equal(load(ARGS("--config", path), ENV, &c, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "only taken from the command line"));
    path = write_file("bad", "no equals sign\n");
    assert_int_equal(load(ARGS("--config", path), ENV, &c, &e), ERR_CONFIG);
    assert_non_null(strstr(e.text, "line 1"));
    (void)unlink(path);
}

static void help__shows_every_setting(void **state) {
    (void)state;
    static const struct {
        const char *argument;
        enum config_action action;
        const char *expected[4];
    } CASES[] = {
        {"--help",
         CONFIG_HELP,
         {"usage: weir-test [OPTION...] FILE...\n", "--port VALUE", "default 8080",
          "--database-url-file PATH"}},
        {"--version", CONFIG_VERSION, {"weir-test " WEIR_VERSION "\n"}},
        {"--help-markdown",
         CONFIG_HELP_MARKDOWN,
         {"| `port` | `WEIR_PORT` | a whole number 1..65535 | `8080` | port to listen on",
          "| a\\|b, e.g. `csv` |", "only on the command line"}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct config *c = NULL;
        enum config_action action = CONFIG_RUN;
        const char *argv[] = {"weir-test", CASES[i].argument};
        assert_int_equal(config_load(&PROGRAM, 2, writable(argv), NULL, &action, &c, NULL), ERR_OK);
        assert_null(c);
        assert_int_equal(action, CASES[i].action);
        FILE *f = tmpfile();
        assert_non_null(f);
        config_print(&PROGRAM, action, fileno(f));
        rewind(f);
        static char text[65536];
        size_t n = fread(text, 1, sizeof text - 1, f);
        text[n] = '\0';
        assert_int_equal(fclose(f), 0);
        for (size_t j = 0; j < 4 && CASES[i].expected[j] != NULL; j++) {
            assert_non_null(strstr(text, CASES[i].expected[j]));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values__are_typed_and_default),
        cmocka_unit_test(sources__later_ones_win),
        cmocka_unit_test(secret__comes_from_its_file_but_never_from_arguments),
        cmocka_unit_test(errors__name_the_setting_and_an_example),
        cmocka_unit_test(file__says_which_line_is_wrong),
        cmocka_unit_test(help__shows_every_setting),
    };
    return cmocka_run_group_tests_name("platform/config", tests, NULL, NULL);
}
