// weirctl dead-letters: the log lines that could not be read, or one with its first bytes.
#include "ctl/command.h"

#include <stdio.h>

#include "ctl/listing.h"
#include "ctl/rest.h"
#include "ctl/rest_print.h"
#include "platform/program/program.h"

static const struct config_row ROWS[] = {
    REST_CONFIG_ROWS,
    LISTING_ROW_LIMIT,
    CONFIG_ROW_LOG_LEVEL,
};

static void dead_letter_print(const json_t *d) {
    (void)printf("%-8" JSON_INTEGER_FORMAT " %-27s broker %" JSON_INTEGER_FORMAT
                 " at %" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT
                 "  %-16s %" JSON_INTEGER_FORMAT " bytes  %s %s  %s\n",
                 json_integer_value(json_object_get(d, "id")), listing_text(d, "received_at"),
                 json_integer_value(json_object_get(d, "broker_id")),
                 json_integer_value(json_object_get(d, "generation")),
                 json_integer_value(json_object_get(d, "byte_offset")), listing_text(d, "reason"),
                 json_integer_value(json_object_get(d, "line_bytes")), listing_text(d, "api"),
                 listing_text(d, "principal"), listing_text(d, "detail"));
}

static enum err_code dead_letters_run(const struct config *c, struct err *e) {
    size_t count = 0;
    const char *const *args = config_args(c, &count);
    if (count == 0) {
        return listing_print(c, "/v1/dead-letters", dead_letter_print, "no dead letters", e);
    }
    char path[64];
    (void)snprintf(path, sizeof path, "/v1/dead-letters/%.20s", args[0]);
    const struct rest_call call = {.method = "GET", .path = path};
    return rest_print_call(c, &call, e);
}

static const struct program PROGRAM = {
    .config = {.name = "weirctl dead-letters",
               .summary =
                   "Lists the log lines that could not be read, or shows one with its first bytes.",
               .args = "[ID]",
               .args_max = 1,
               .rows = ROWS,
               .rows_count = sizeof ROWS / sizeof *ROWS},
    .run = dead_letters_run,
    .command = true,
};

static int run(int argc, char **argv) {
    return program_main(&PROGRAM, argc, argv);
}

const struct command dead_letters_command = {"dead-letters",
                                             "list log lines that could not be read", run};
