// weirctl migrate: brings a database up to date; migrate --status says what is missing.
#include <stdio.h>

#include "ctl/command.h"
#include "migrations.h"
#include "platform/pg/migrate.h"
#include "platform/program/program.h"

static const struct config_row ROWS[] = {
    {.name = "status",
     .type = CONFIG_BOOL,
     .flag_only = true,
     .fallback = "false",
     .example = "true",
     .help = "only say which migrations are applied; exit code 1 if one is missing"},
    CONFIG_ROW_DATABASE,
    CONFIG_ROW_LOG_LEVEL,
};

static void step_print(void *ctx, const struct migration *m, enum migration_state state) {
    (void)ctx;
    (void)printf("%-8s %s\n", state == MIGRATION_APPLIED ? "applied" : "pending", m->name);
    (void)fflush(stdout);
}

static enum err_code status_show(struct pg *pg, const struct migration_report *report,
                                 struct err *e) {
    size_t pending = 0;
    enum err_code code =
        migrate_status(pg, MIGRATION_FILES, MIGRATION_FILES_COUNT, report, &pending, e);
    if (code == ERR_OK && pending > 0) {
        err_set(e, ERR_CONFLICT, "%zu migrations are pending", pending);
        return err_hint(e, "run weirctl migrate");
    }
    return code;
}

static enum err_code up(struct pg *pg, const struct migration_report *report, struct err *e) {
    size_t applied = 0;
    enum err_code code =
        migrate_up(pg, MIGRATION_FILES, MIGRATION_FILES_COUNT, report, &applied, e);
    if (code == ERR_OK) {
        (void)printf("%zu applied, the schema is at %s\n", applied,
                     MIGRATION_FILES[MIGRATION_FILES_COUNT - 1].name);
    }
    return code;
}

static enum err_code migrate_run(const struct config *c, struct err *e) {
    const struct migration_report report = {.seen = step_print};
    const struct pg_options options = {.conninfo = config_secret(c, "database_url"),
                                       .application_name = "weirctl migrate"};
    struct pg *pg = NULL;
    enum err_code code = pg_open(&options, &pg, e);
    if (code == ERR_OK) {
        code = config_bool(c, "status") ? status_show(pg, &report, e) : up(pg, &report, e);
    }
    pg_close(pg);
    return code;
}

static const struct program PROGRAM = {
    .config = {.name = "weirctl migrate",
               .summary = "Applies the migrations that this weirctl carries, in order, each in "
                          "one transaction.",
               .rows = ROWS,
               .rows_count = sizeof ROWS / sizeof *ROWS},
    .run = migrate_run,
    .command = true,
};

static int run(int argc, char **argv) {
    return program_main(&PROGRAM, argc, argv);
}

const struct command migrate_command = {"migrate", "bring the database's schema up to date", run};
