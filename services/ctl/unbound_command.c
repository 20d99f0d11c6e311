// weirctl unbound: usage that nobody pays for yet.
#include "ctl/command.h"

#include <stdio.h>

#include "ctl/listing.h"
#include "ctl/rest.h"
#include "platform/program/program.h"

static const struct config_row ROWS[] = {
    REST_CONFIG_ROWS,
    LISTING_ROW_LIMIT,
    CONFIG_ROW_LOG_LEVEL,
};

static void unbound_print(const json_t *u) {
    (void)printf("%-27s %-30s %-30s %14s bytes %10s messages  %s\n", listing_text(u, "from_at"),
                 listing_text(u, "principal"), listing_text(u, "topic"), listing_text(u, "bytes"),
                 listing_text(u, "messages"), listing_text(u, "reason"));
}

static enum err_code unbound_run(const struct config *c, struct err *e) {
    return listing_print(c, "/v1/unbound-usage", unbound_print, "no unbound usage", e);
}

static const struct program PROGRAM = {
    .config = {.name = "weirctl unbound",
               .summary = "Lists usage that nobody pays for yet.",
               .rows = ROWS,
               .rows_count = sizeof ROWS / sizeof *ROWS},
    .run = unbound_run,
    .command = true,
};

static int run(int argc, char **argv) {
    return program_main(&PROGRAM, argc, argv);
}

const struct command unbound_command = {"unbound", "list usage that nobody pays for yet", run};
