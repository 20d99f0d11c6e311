// weirctl export: issued invoices or their lines to standard output.
#include "ctl/command.h"

#include <stdio.h>
#include <string.h>

#include "ctl/rest.h"
#include "ctl/rest_print.h"
#include "platform/program/program.h"

static const char *const FORMATS[] = {"csv", "json", NULL};
static const struct config_row EXPORT_ROWS[] = {
    REST_CONFIG_ROWS,
    {.name = "format",
     .type = CONFIG_CHOICE,
     .choices = FORMATS,
     .flag_only = true,
     .fallback = "csv",
     .example = "json",
     .help = "of the export"},
    {.name = "period",
     .type = CONFIG_TEXT,
     .flag_only = true,
     .example = "2027-06",
     .help = "one month only"},
    CONFIG_ROW_LOG_LEVEL,
};

static enum err_code export_run(const struct config *c, struct err *e) {
    const char *what = config_args(c, NULL)[0];
    if (strcmp(what, "invoices") != 0 && strcmp(what, "invoice-lines") != 0) {
        return err_set(e, ERR_CONFIG, "there is no export \"%s\" (invoices, invoice-lines)", what);
    }
    char path[256];
    (void)snprintf(path, sizeof path, "/v1/exports/%s?format=%s%s%.32s", what,
                   config_text(c, "format"), config_is_set(c, "period") ? "&period=" : "",
                   config_is_set(c, "period") ? config_text(c, "period") : "");
    const struct rest_call call = {.method = "GET", .path = path};
    return rest_print_call(c, &call, e);
}

static const struct program PROGRAM = {
    .config = {.name = "weirctl export",
               .summary = "Writes issued invoices or their lines to standard output.",
               .args = "invoices|invoice-lines",
               .args_min = 1,
               .args_max = 1,
               .rows = EXPORT_ROWS,
               .rows_count = sizeof EXPORT_ROWS / sizeof *EXPORT_ROWS},
    .run = export_run,
    .command = true,
};

static int run(int argc, char **argv) {
    return program_main(&PROGRAM, argc, argv);
}

const struct command export_command = {"export",
                                       "write issued invoices or their lines as CSV or JSON", run};
