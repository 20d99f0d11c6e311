// weirctl api: one call of the REST API, its answer as it is.
#include "ctl/command.h"

#include <stdio.h>
#include <string.h>

#include "ctl/rest.h"
#include "ctl/rest_print.h"
#include "platform/program/program.h"

enum { BODY_MAX = 4 << 20 }; // bytes

static const struct config_row API_ROWS[] = {
    REST_CONFIG_ROWS,
    {.name = "data",
     .type = CONFIG_PATH,
     .flag_only = true,
     .example = "product.json",
     .help = "file with the request's body, - for standard input"},
    {.name = "content_type",
     .type = CONFIG_TEXT,
     .flag_only = true,
     .fallback = "application/json",
     .example = "application/yaml",
     .help = "media type of the body"},
    CONFIG_ROW_LOG_LEVEL,
};

static enum err_code body_read(const char *path, struct buf *body, struct err *e) {
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (file == NULL) {
        return err_field(e, ERR_CONFIG, "data", "cannot open %s", path);
    }
    char chunk[16384];
    size_t n = 0;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        buf_add(body, chunk, n);
    }
    bool failed = ferror(file) != 0;
    if (file != stdin) {
        (void)fclose(file);
    }
    if (failed || body->overflow) {
        return err_field(e, ERR_CONFIG, "data", "cannot read %s, or it has more than %d bytes",
                         path, BODY_MAX);
    }
    return ERR_OK;
}

static enum err_code api_run(const struct config *c, struct err *e) {
    const char *const *args = config_args(c, NULL);
    struct buf body;
    buf_init(&body, BODY_MAX);
    enum err_code code = ERR_OK;
    if (config_is_set(c, "data")) {
        code = body_read(config_text(c, "data"), &body, e);
    }
    if (code == ERR_OK) {
        struct rest_call call = {.method = args[0],
                                 .path = args[1],
                                 .body = config_is_set(c, "data") ? buf_slice(&body)
                                                                  : (struct slice){NULL, 0},
                                 .content_type = config_text(c, "content_type")};
        code = rest_print_call(c, &call, e);
    }
    buf_done(&body);
    return code;
}

static const struct program PROGRAM = {
    .config = {.name = "weirctl api",
               .summary = "Calls the REST API with a token and prints the answer.",
               .args = "METHOD PATH",
               .args_min = 2,
               .args_max = 2,
               .rows = API_ROWS,
               .rows_count = sizeof API_ROWS / sizeof *API_ROWS},
    .run = api_run,
    .command = true,
};

static int run(int argc, char **argv) {
    return program_main(&PROGRAM, argc, argv);
}

const struct command api_command = {"api", "call the REST API with a token", run};
