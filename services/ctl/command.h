// A command of weirctl: <name>_command.c ends in its descriptor, main.c lists them.
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

// Offline, on files.
extern const struct command recount_command;
// On the host, with the database owner's connection.
extern const struct command migrate_command, bootstrap_command;
// Calls of the REST API with a token: nothing goes around its rights and audit.
extern const struct command api_command, bill_command, export_command, dead_letters_command,
    unbound_command;

#endif
