// `weirctl recount`: needs no database and no Kafka.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl/command.h"
#include "ctl/recount.h"

enum { EXIT_DEAD_LETTERS = 3 };

static const char HELP[] =
    "usage: weirctl recount [--format table|csv|json] FILE…\n"
    "\n"
    "Adds up raw kafka-request.log files (kafka.request.logger at DEBUG): who read and wrote "
    "what, a row\n"
    "for each principal and topic.\n"
    "\n"
    "  bytes              read, as the broker handed them out\n"
    "  replay_bytes       those of them below what the principal had read before\n"
    "  derived_bytes      of share groups: not derived yet, always empty\n"
    "  messages           read: how far each fetch moved its reader\n"
    "  derived_messages   those of them that no later request shows; after an hour they are taken "
    "from\n"
    "                     the reader's earlier fetches, or from what was produced\n"
    "  open_fetches       fetches of which no messages are known: the hour isn't over, or nothing "
    "is\n"
    "                     there to derive them from\n"
    "  fetches            FETCH requests that carried any bytes of the topic\n"
    "  produced_bytes, produced_messages\n"
    "\n"
    "FILE is plain or gzip, rotated or not, of any number of brokers, in any order; \"-\" is "
    "standard\n"
    "input (one broker). A file whose content another one has, whole or as its beginning, is "
    "counted once\n"
    "(not looked for in standard input and pipes). Names of topics come from METADATA lines in the "
    "files;\n"
    "else the id is shown. Bytes of share groups are not in the log: \"-\" in the table, empty in "
    "CSV, null\n"
    "in JSON.\n"
    "\n"
    "Text of other loggers, blank lines and NULs in the files are passed over and counted. Lines "
    "that\n"
    "can't be read are named on standard error and not counted; of those that may be fetches, "
    "money at\n"
    "risk, with principal, time and bytes as far as they can be read.\n"
    "\n"
    "exit: 0 every line was read; 1 a file could not be opened (nothing is counted) or read to its "
    "end (the\n"
    "rest is); 2 wrong usage; 3 some lines could not be read.\n";

static int usage_error(const char *what, const char *argument) {
    fprintf(stderr, "weirctl recount: %s%s; see weirctl recount --help\n", what, argument);
    return EXIT_USAGE;
}

static bool parse_format(const char *text, enum recount_format *ret) {
    static const char *const NAMES[] = {"table", "csv", "json"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, NAMES[i]) == 0) {
            *ret = (enum recount_format)i;
            return true;
        }
    }
    return false;
}

static int run(char *const *paths, size_t count, enum recount_format format) {
    struct err e;
    struct recount *rc = recount_new();
    recount_report_to(rc, stderr);
    if (recount_files(rc, paths, count, &e) != ERR_OK) {
        fprintf(stderr, "weirctl recount: %s\n", e.text);
        recount_free(rc);
        return EXIT_FAILED;
    }
    recount_print(stdout, format, rc);
    struct recount_totals totals = recount_totals(rc);
    recount_print_totals(stderr, &totals);
    recount_free(rc);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("weirctl recount: standard output");
        return EXIT_FAILED;
    }
    if (totals.damaged > 0) {
        return EXIT_FAILED;
    }
    return totals.dead_letters > 0 ? EXIT_DEAD_LETTERS : EXIT_DONE;
}

static int command_run(int argc, char **argv) {
    enum recount_format format = RECOUNT_TABLE;
    int i = 1;
    for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            fputs(HELP, stdout);
            return EXIT_DONE;
        }
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        const char *value = NULL;
        if (strncmp(argv[i], "--format=", 9) == 0) {
            value = argv[i] + 9;
        } else if (strcmp(argv[i], "--format") != 0) {
            return usage_error("unknown option ", argv[i]);
        } else if (i + 1 < argc) {
            value = argv[++i];
        }
        if (value == NULL || !parse_format(value, &format)) {
            return usage_error("--format is table, csv or json", "");
        }
    }
    if (i == argc) {
        return usage_error("no file given", "");
    }
    return run(argv + i, (size_t)(argc - i), format);
}

const struct command recount_command = {
    "recount", "add up raw kafka-request.log files: who read and wrote what", command_run};
