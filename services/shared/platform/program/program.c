// Settings, log, signals and exit codes around the work of a program.
#include "platform/program/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "platform/program/confine.h"
#include "platform/program/log.h"

static _Atomic bool stop_wanted;
static int stop_fd = -1;

// Only what is allowed in a signal handler: an atomic store and write(2).
static void want_stop(void) {
    atomic_store(&stop_wanted, true);
    uint64_t one = 1;
    ssize_t n = write(stop_fd, &one, sizeof one);
    (void)n;
}

static void on_signal(int signal_number) {
    (void)signal_number;
    int saved = errno;
    want_stop();
    errno = saved;
}

static void install_signals(void) {
    if (stop_fd >= 0) {
        return;
    }
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    check(stop_fd >= 0);
    // SA_RESETHAND: the second signal finds the default action and ends the process.
    struct sigaction stop = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    check(sigaction(SIGTERM, &stop, NULL) == 0);
    check(sigaction(SIGINT, &stop, NULL) == 0);
    check(sigaction(SIGPIPE, &ignore, NULL) == 0);
}

bool program_should_stop(void) {
    return atomic_load_explicit(&stop_wanted, memory_order_relaxed);
}

bool program_keeps_running(void) {
    return !program_should_stop();
}

int program_stop_fd(void) {
    return stop_fd;
}

void program_stop(void) {
    want_stop();
}

bool program_sleep_ms(int64_t ms) {
    int64_t deadline_us = clock_monotonic_us() + ms * 1000;
    while (!program_should_stop()) {
        int64_t left_us = deadline_us - clock_monotonic_us();
        if (left_us <= 0) {
            return true;
        }
        int64_t left_ms = (left_us + 999) / 1000;
        struct pollfd fd = {.fd = stop_fd, .events = POLLIN};
        (void)poll(&fd, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
    }
    return false;
}

static bool has_row(const struct config_program *p, const char *name) {
    for (size_t i = 0; i < p->rows_count; i++) {
        if (strcmp(p->rows[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

static void start_log(const struct program *p, const struct config *c) {
    enum log_level level = LOG_LEVEL_INFO;
    if (has_row(&p->config, "log_level")) {
        check(log_level_parse(config_text(c, "log_level"), &level));
    }
    log_init(p->config.name, level);
}

// A daemon needs no capability, not even as root; a command may have to read its user's files.
static enum err_code confine(const struct program *p, struct err *e) {
    enum err_code code = confine_new_privileges(e);
    return code != ERR_OK || p->command ? code : confine_capabilities(e);
}

static int run(const struct program *p, const struct config *c) {
    start_log(p, c);
    install_signals();
    if (!p->command) {
        log_info("started", log_str("version", WEIR_VERSION), log_int("pid", getpid()));
    }
    struct err e = {.code = ERR_OK};
    enum err_code code = confine(p, &e);
    if (code == ERR_OK) {
        code = p->run(c, &e);
    }
    if (code == ERR_OK) {
        if (!p->command) {
            log_info("stopped");
        }
        return PROGRAM_EXIT_OK;
    }
    if (p->command || code == ERR_CONFIG) {
        config_print_error(&p->config, &e);
    } else {
        log_error("failed", log_err(&e));
    }
    return code == ERR_CONFIG ? PROGRAM_EXIT_USAGE : PROGRAM_EXIT_FAILED;
}

int program_main(const struct program *p, int argc, char **argv) {
    struct err e = {.code = ERR_OK};
    struct config *c = NULL;
    enum config_action action = CONFIG_RUN;
    if (config_load(&p->config, argc, argv, environ, &action, &c, &e) != ERR_OK) {
        config_print_error(&p->config, &e);
        return PROGRAM_EXIT_USAGE;
    }
    if (action != CONFIG_RUN) {
        config_print(&p->config, action, STDOUT_FILENO);
        return PROGRAM_EXIT_OK;
    }
    int status = run(p, c);
    config_free(c);
    return status;
}
