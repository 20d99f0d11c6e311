// Each case runs a whole program in a child process and looks at its exit code and output.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/program/program.h"

static const struct config_row ROWS[] = {
    CONFIG_ROW_LOG_LEVEL,
    {.name = "port", .type = CONFIG_INT, .required = true, .example = "8080", .help = "port"},
};

static enum err_code run_until_stopped(const struct config *c, struct err *e) {
    (void)c;
    (void)e;
    (void)raise(SIGPIPE); // ignored
    (void)raise(SIGTERM);
    bool slept = program_sleep_ms(600000);
    return !slept && program_should_stop() ? ERR_OK : err_set(e, ERR_INTERNAL, "slept on");
}

static enum err_code run_failing(const struct config *c, struct err *e) {
    return err_set(e, config_int(c, "port") == 1 ? ERR_CONFIG : ERR_IO, "broken by port");
}

static enum err_code run_second_signal(const struct config *c, struct err *e) {
    (void)c;
    (void)e;
    (void)raise(SIGINT);
    (void)raise(SIGINT);
    return ERR_OK;
}

static char output[8192];

// Returns the wait status; standard output and error are in `output`.
static int play(enum err_code (*run)(const struct config *, struct err *), const char *argument) {
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    (void)fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)dup2(pipe_fds[1], STDOUT_FILENO);
        (void)dup2(pipe_fds[1], STDERR_FILENO);
        const struct program p = {
            .config = {.name = "weir-test", .summary = "x", .rows = ROWS, .rows_count = 2},
            .run = run};
        const char *argv[] = {"weir-test", argument, NULL};
        _exit(program_main(&p, 2, (char **)(uintptr_t)argv));
    }
    (void)close(pipe_fds[1]);
    size_t len = 0;
    ssize_t n = 0;
    while ((n = read(pipe_fds[0], output + len, sizeof output - 1 - len)) > 0) {
        len += (size_t)n;
    }
    output[len] = '\0';
    (void)close(pipe_fds[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void exit_code(int status, int expected) {
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), expected);
}

static void signal__stops_in_order(void **state) {
    (void)state;
    exit_code(play(run_until_stopped, "--port=2"), 0);
    assert_non_null(strstr(output, "\"event\":\"started\",\"version\":\"" WEIR_VERSION));
    assert_non_null(strstr(output, "\"event\":\"stopped\""));
}

static void second_signal__ends_at_once(void **state) {
    (void)state;
    int status = play(run_second_signal, "--port=2");
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
}

static void failure__is_logged_and_exits_1(void **state) {
    (void)state;
    exit_code(play(run_failing, "--port=2"), 1);
    assert_non_null(strstr(output, "\"event\":\"failed\",\"error\":{\"code\":\"io\""));
}

static void wrong_setting__is_one_line_and_exits_2(void **state) {
    (void)state;
    exit_code(play(run_failing, "--port=x"), 2);
    assert_string_equal(output,
                        "weir-test: port: must be a whole number, not \"x\" (command line); "
                        "example: port = 8080\n");
    exit_code(play(run_failing, "--log-level=info"), 2);
    assert_string_equal(output, "weir-test: port: is not set; example: port = 8080\n");
    exit_code(play(run_failing, "--port=1"), 2); // found wrong by the program itself
    assert_non_null(strstr(output, "weir-test: broken by port\n"));
}

static void help_and_version__exit_0(void **state) {
    (void)state;
    exit_code(play(run_failing, "--version"), 0);
    assert_string_equal(output, "weir-test " WEIR_VERSION "\n");
    exit_code(play(run_failing, "--help"), 0);
    assert_non_null(strstr(output, "--port VALUE"));
}

int main(void) {
    (void)unsetenv("WEIR_PORT");
    (void)unsetenv("WEIR_LOG_LEVEL");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signal__stops_in_order),
        cmocka_unit_test(second_signal__ends_at_once),
        cmocka_unit_test(failure__is_logged_and_exits_1),
        cmocka_unit_test(wrong_setting__is_one_line_and_exits_2),
        cmocka_unit_test(help_and_version__exit_0),
    };
    return cmocka_run_group_tests_name("platform/program", tests, NULL, NULL);
}
