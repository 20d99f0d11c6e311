// weirctl: one list of commands.
#include <stdio.h>
#include <string.h>

#include "ctl/command.h"
#include "platform/program/confine.h"

static const struct command *const COMMANDS[] = {
    &recount_command, &migrate_command, &bootstrap_command,    &api_command,
    &bill_command,    &export_command,  &dead_letters_command, &unbound_command,
};

static void print_help(FILE *out) {
    fputs("usage: weirctl COMMAND [ARGUMENT…]\n\ncommands:\n", out);
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++) {
        fprintf(out, "  %-14s %s\n", COMMANDS[i]->name, COMMANDS[i]->help);
    }
    fputs("\nweirctl COMMAND --help says more. weirctl --version prints the version.\n", out);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("weirctl " WEIR_VERSION);
        return EXIT_DONE;
    }
    for (size_t i = 0; i < sizeof COMMANDS / sizeof *COMMANDS; i++) {
        if (strcmp(argv[1], COMMANDS[i]->name) == 0) {
            struct err e;
            if (confine_new_privileges(&e) != ERR_OK) {
                fprintf(stderr, "weirctl: %s\n", e.text);
                return EXIT_FAILED;
            }
            return COMMANDS[i]->run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "weirctl: no command \"%s\"; weirctl --help lists them\n", argv[1]);
    return EXIT_USAGE;
}
