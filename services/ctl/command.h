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

// Offline, on files.
int recount_command(int argc, char **argv);
// On the host, with the database owner's connection.
int migrate_command(int argc, char **argv);
int bootstrap_command(int argc, char **argv);
// Calls of the REST API with a token: nothing goes around its rights and audit.
int api_command(int argc, char **argv);
int bill_command(int argc, char **argv);
int export_command(int argc, char **argv);
int dead_letters_command(int argc, char **argv);
int unbound_command(int argc, char **argv);

#endif
