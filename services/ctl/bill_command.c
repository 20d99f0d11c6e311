// weirctl bill: asks for a billing run, follows it, prints its end.
#include "ctl/command.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "ctl/rest.h"
#include "ctl/rest_print.h"
#include "platform/program/program.h"

enum { POLL_MS = 500 };

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
    struct rest *rest = NULL;
    struct buf answer;
    buf_init(&answer, REST_ANSWER_MAX);
    enum err_code code = rest_open(c, &rest, e);
    if (code == ERR_OK) {
        code = bill_in(c, rest, &answer, e);
    }
    if (code == ERR_OK) {
        code = rest_print(&answer, e);
    }
    rest_close(rest);
    buf_done(&answer);
    return code;
}

static const struct program PROGRAM = {
    .config = {.name = "weirctl bill",
               .summary = "Asks for a billing run of a month, follows it and prints it.",
               .args = "YYYY-MM",
               .args_min = 1,
               .args_max = 1,
               .rows = BILL_ROWS,
               .rows_count = sizeof BILL_ROWS / sizeof *BILL_ROWS},
    .run = bill_run,
    .command = true,
};

static int run(int argc, char **argv) {
    return program_main(&PROGRAM, argc, argv);
}

const struct command bill_command = {"bill", "ask for a billing run of a month and follow it", run};
