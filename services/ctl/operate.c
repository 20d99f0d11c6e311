#include "ctl/command.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "ctl/rest.h"
#include "platform/program/program.h"
#include "platform/secret/secret.h"

enum { BODY_MAX = 4 << 20, POLL_MS = 500 };

static int run(const char *name, const char *summary, const char *args, size_t min, size_t max,
               const struct config_row *rows, size_t rows_count,
               enum err_code (*action)(const struct config *c, struct err *e), int argc,
               char **argv) {
    const struct program program = {
        .config = {.name = name,
                   .summary = summary,
                   .args = args,
                   .args_min = min,
                   .args_max = max,
                   .rows = rows,
                   .rows_count = rows_count},
        .run = action,
        .command = true,
    };
    return program_main(&program, argc, argv);
}
#define RUN(name, summary, args, min, max, rows, action)                                           \
    run(name, summary, args, min, max, rows, sizeof(rows) / sizeof *(rows), action, argc, argv)

static enum err_code print(const struct buf *answer, struct err *e) {
    if (answer->len > 0 && fwrite(answer->ptr, 1, answer->len, stdout) != answer->len) {
        return err_set(e, ERR_IO, "cannot write to standard output");
    }
    if (answer->len > 0 && answer->ptr[answer->len - 1] != '\n') {
        (void)putchar('\n');
    }
    return fflush(stdout) == 0 ? ERR_OK : err_set(e, ERR_IO, "cannot write to standard output");
}

// One call whose answer is printed as it is.
static enum err_code call_and_print(const struct config *c, const struct rest_call *call,
                                    struct err *e) {
    secret_init();
    struct rest *rest = NULL;
    struct buf answer;
    buf_init(&answer, REST_ANSWER_MAX);
    enum err_code code = rest_open(c, &rest, e);
    if (code == ERR_OK) {
        code = rest_do(rest, call, &answer, NULL, e);
    }
    if (code == ERR_OK) {
        code = print(&answer, e);
    }
    rest_close(rest);
    buf_done(&answer);
    return code;
}

// --- weirctl api ---------------------------------------------------------------------------------
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
        code = call_and_print(c, &call, e);
    }
    buf_done(&body);
    return code;
}

int api_command(int argc, char **argv) {
    return RUN("weirctl api", "Calls the REST API with a token and prints the answer.",
               "METHOD PATH", 2, 2, API_ROWS, api_run);
}

// --- weirctl bill --------------------------------------------------------------------------------
static const struct config_row BILL_ROWS[] = {
    REST_CONFIG_ROWS,
    {.name = "close_early",
     .type = CONFIG_BOOL,
     .flag_only = true,
     .fallback = "false",
     .example = "true",
     .help = "bill a month that has not ended; what is used later becomes delta lines"},
    {.name = "reason",
     .type = CONFIG_TEXT,
     .flag_only = true,
     .example = "contract ends",
     .help = "why it is closed early"},
    {.name = "override_incomplete",
     .type = CONFIG_TEXT,
     .flag_only = true,
     .example = "broker 3 is gone for good",
     .help = "bill although a broker has not been heard past the usage end, with this reason"},
    CONFIG_ROW_LOG_LEVEL,
};

static void progress_show(const json_t *run, char *last, size_t last_max) {
    char line[256];
    const json_t *missing = json_object_get(run, "waiting_for");
    (void)snprintf(line, sizeof line,
                   "%s: %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT
                   " accounts, %" JSON_INTEGER_FORMAT " documents%s",
                   json_string_value(json_object_get(run, "state")),
                   json_integer_value(json_object_get(run, "accounts_done")),
                   json_integer_value(json_object_get(run, "accounts_total")),
                   json_integer_value(json_object_get(run, "documents")),
                   json_array_size(missing) > 0 ? "; waiting for brokers" : "");
    if (strcmp(line, last) != 0) {
        (void)fprintf(stderr, "%s\n", line);
        (void)snprintf(last, last_max, "%s", line);
    }
}

// Follows the run until it has ended; the answer holds its last state.
static enum err_code run_follow(struct rest *rest, const char *id, struct buf *answer,
                                struct err *e) {
    char path[128];
    char last[256] = "";
    (void)snprintf(path, sizeof path, "/v1/billing-runs/%s", id);
    const struct rest_call call = {.method = "GET", .path = path};
    do {
        buf_clear(answer);
        enum err_code code = rest_do(rest, &call, answer, NULL, e);
        if (code != ERR_OK) {
            return code;
        }
        json_auto_t *state = json_loadb(answer->ptr, answer->len, 0, NULL);
        const char *word = json_string_value(json_object_get(state, "state"));
        progress_show(state, last, sizeof last);
        if (word == NULL || strcmp(word, "done") == 0) {
            return ERR_OK;
        }
        if (strcmp(word, "failed") == 0) {
            const char *why = json_string_value(json_object_get(state, "error"));
            return err_set(e, ERR_INTERNAL, "the run failed: %s", why == NULL ? "" : why);
        }
    } while (program_sleep_ms(POLL_MS));
    err_set(e, ERR_UNAVAILABLE, "interrupted; the run goes on by itself");
    return err_hint(e, "see weirctl api GET %s", path);
}

static char *bill_request(const struct config *c) {
    json_auto_t *body = json_object();
    check(json_object_set_new(body, "period", json_string(config_args(c, NULL)[0])) == 0);
    check(json_object_set_new(body, "close_early", json_boolean(config_bool(c, "close_early"))) ==
          0);
    if (config_is_set(c, "reason")) {
        check(json_object_set_new(body, "reason", json_string(config_text(c, "reason"))) == 0);
    }
    if (config_is_set(c, "override_incomplete")) {
        check(json_object_set_new(body, "override_incomplete_reason",
                                  json_string(config_text(c, "override_incomplete"))) == 0);
    }
    return json_dumps(body, JSON_COMPACT);
}

static enum err_code bill_in(const struct config *c, struct rest *rest, struct buf *answer,
                             struct err *e) {
    char *body = bill_request(c);
    check(body != NULL);
    const struct rest_call call = {
        .method = "POST", .path = "/v1/billing-runs", .body = slice_str(body)};
    enum err_code code = rest_do(rest, &call, answer, NULL, e);
    free(body);
    if (code != ERR_OK) {
        return code;
    }
    json_auto_t *made = json_loadb(answer->ptr, answer->len, 0, NULL);
    const char *id = json_string_value(json_object_get(made, "id"));
    return id == NULL ? err_set(e, ERR_INTERNAL, "the answer has no id")
                      : run_follow(rest, id, answer, e);
}

static enum err_code bill_run(const struct config *c, struct err *e) {
    secret_init();
    struct rest *rest = NULL;
    struct buf answer;
    buf_init(&answer, REST_ANSWER_MAX);
    enum err_code code = rest_open(c, &rest, e);
    if (code == ERR_OK) {
        code = bill_in(c, rest, &answer, e);
    }
    if (code == ERR_OK) {
        code = print(&answer, e);
    }
    rest_close(rest);
    buf_done(&answer);
    return code;
}

int bill_command(int argc, char **argv) {
    return RUN("weirctl bill", "Asks for a billing run of a month, follows it and prints it.",
               "YYYY-MM", 1, 1, BILL_ROWS, bill_run);
}

// --- weirctl export ------------------------------------------------------------------------------
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
    return call_and_print(c, &call, e);
}

int export_command(int argc, char **argv) {
    return RUN("weirctl export", "Writes issued invoices or their lines to standard output.",
               "invoices|invoice-lines", 1, 1, EXPORT_ROWS, export_run);
}

// --- lists ---------------------------------------------------------------------------------------
static const struct config_row LIST_ROWS[] = {
    REST_CONFIG_ROWS,
    {.name = "limit",
     .type = CONFIG_INT,
     .min = 1,
     .max = 200,
     .flag_only = true,
     .fallback = "50",
     .example = "200",
     .help = "rows to show, newest first"},
    CONFIG_ROW_LOG_LEVEL,
};

static const char *text_of(const json_t *item, const char *name) {
    const char *text = json_string_value(json_object_get(item, name));
    return text == NULL ? "-" : text;
}

static void dead_letter_print(const json_t *d) {
    (void)printf("%-8" JSON_INTEGER_FORMAT " %-27s broker %" JSON_INTEGER_FORMAT
                 " at %" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT
                 "  %-16s %" JSON_INTEGER_FORMAT " bytes  %s\n",
                 json_integer_value(json_object_get(d, "id")), text_of(d, "received_at"),
                 json_integer_value(json_object_get(d, "broker_id")),
                 json_integer_value(json_object_get(d, "generation")),
                 json_integer_value(json_object_get(d, "byte_offset")), text_of(d, "reason"),
                 json_integer_value(json_object_get(d, "line_bytes")), text_of(d, "detail"));
}

static void unbound_print(const json_t *u) {
    (void)printf("%-27s %-30s %-30s %14s bytes %10s messages  %s\n", text_of(u, "from_at"),
                 text_of(u, "principal"), text_of(u, "topic"), text_of(u, "bytes"),
                 text_of(u, "messages"), text_of(u, "reason"));
}

static enum err_code list_show(const struct config *c, const char *path,
                               void (*show)(const json_t *item), const char *none, struct err *e) {
    secret_init();
    struct rest *rest = NULL;
    struct buf answer;
    char full[128];
    buf_init(&answer, REST_ANSWER_MAX);
    (void)snprintf(full, sizeof full, "%s?limit=%" PRId64, path, config_int(c, "limit"));
    const struct rest_call call = {.method = "GET", .path = full};
    enum err_code code = rest_open(c, &rest, e);
    if (code == ERR_OK) {
        code = rest_do(rest, &call, &answer, NULL, e);
    }
    if (code == ERR_OK) {
        json_auto_t *page = json_loadb(answer.ptr, answer.len, 0, NULL);
        const json_t *items = json_object_get(page, "items");
        for (size_t i = 0; i < json_array_size(items); i++) {
            show(json_array_get(items, i));
        }
        if (json_array_size(items) == 0) {
            (void)printf("%s\n", none);
        } else if (!json_is_null(json_object_get(page, "next_cursor"))) {
            (void)printf("... and more: weirctl api GET %s\n", path);
        }
    }
    rest_close(rest);
    buf_done(&answer);
    return code;
}

static enum err_code dead_letters_run(const struct config *c, struct err *e) {
    size_t count = 0;
    const char *const *args = config_args(c, &count);
    if (count == 0) {
        return list_show(c, "/v1/dead-letters", dead_letter_print, "no dead letters", e);
    }
    char path[64];
    (void)snprintf(path, sizeof path, "/v1/dead-letters/%.20s", args[0]);
    const struct rest_call call = {.method = "GET", .path = path};
    return call_and_print(c, &call, e);
}

int dead_letters_command(int argc, char **argv) {
    return RUN("weirctl dead-letters",
               "Lists the log lines that could not be read, or shows one with its first bytes.",
               "[ID]", 0, 1, LIST_ROWS, dead_letters_run);
}

static enum err_code unbound_run(const struct config *c, struct err *e) {
    return list_show(c, "/v1/unbound-usage", unbound_print, "no unbound usage", e);
}

int unbound_command(int argc, char **argv) {
    return RUN("weirctl unbound", "Lists usage that nobody pays for yet.", NULL, 0, 0, LIST_ROWS,
               unbound_run);
}
