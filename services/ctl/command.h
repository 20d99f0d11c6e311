// One row per command of weirctl.
#ifndef WEIR_CTL_COMMAND_H
#define WEIR_CTL_COMMAND_H

// Exit codes of every command; a command's --help names what else it uses.
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct command {
    const char *name;
    const char *help; // one line
    // argv[0] is the command's name. Returns the exit code.
    int (*run)(int argc, char **argv);
};

int recount_command(int argc, char **argv);

#endif
