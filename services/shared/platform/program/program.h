// What main() of every program does: settings, log, signals, exit codes, and giving up privileges
// (confine.h): no_new_privs always, capabilities unless it is a command.
//
//     int main(int argc, char **argv) { return program_main(&METER, argc, argv); }
//
// Exit codes: 0 done or stopped by signal, 1 failed (the error is logged), 2 wrong usage or
// setting.
#ifndef WEIR_PLATFORM_PROGRAM_PROGRAM_H
#define WEIR_PLATFORM_PROGRAM_PROGRAM_H

#include <stdbool.h>

#include "base/err.h"
#include "platform/program/clock.h"
#include "platform/program/config.h"

enum { PROGRAM_EXIT_OK = 0, PROGRAM_EXIT_FAILED = 1, PROGRAM_EXIT_USAGE = 2 };

struct program {
    struct config_program config; // include CONFIG_ROW_LOG_LEVEL in its rows
    // The program's work; returns when done or soon after program_should_stop(). ERR_CONFIG ends
    // with exit code 2 and one clear line, any other error with 1 and one log line.
    enum err_code (*run)(const struct config *c, struct err *e);
    // A command (weirctl): no start and stop lines in the log, errors as one plain line on stderr.
    bool command;
};

int program_main(const struct program *p, int argc, char **argv);

// Set by SIGTERM and SIGINT (a second one of them ends the process at once).
bool program_should_stop(void);
bool program_keeps_running(void); // the opposite, for pg_open_wait
// Readable (eventfd) from the moment the program should stop; for poll and event loops. Never read.
int program_stop_fd(void);
// Asks the program to stop, from any thread.
void program_stop(void);
// Sleeps; false at once when the program should stop.
bool program_sleep_ms(int64_t ms);

#endif
