// --help, --version and the documentation of settings, all from the table of rows.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "platform/program/config_value.h"

enum { HELP_TEXT_MAX = 65536, HELP_COLUMN = 30 };

static void add_notes(const struct config_row *row, struct buf *out) {
    buf_add_str(out, " (");
    config_value_describe(row, out);
    if (row->fallback != NULL) {
        buf_printf(out, "; default %s", row->fallback);
    }
    buf_add_str(out, row->required ? "; required)" : ")");
}

static void add_flag(const struct config_row *row, struct buf *out) {
    size_t start = out->len;
    buf_add_str(out, "  --");
    for (const char *c = row->name; *c != '\0'; c++) {
        buf_add_char(out, *c == '_' ? '-' : *c);
    }
    if (row->type == CONFIG_SECRET) {
        buf_add_str(out, "-file PATH");
    } else if (row->type != CONFIG_BOOL) {
        buf_add_str(out, " VALUE");
    }
    if (out->len - start >= HELP_COLUMN) {
        buf_add_char(out, '\n');
        start = out->len;
    }
    buf_printf(out, "%*s%s", (int)(HELP_COLUMN - (out->len - start)), "", row->help);
    add_notes(row, out);
    buf_add_char(out, '\n');
}

static void add_help(const struct config_program *p, struct buf *out) {
    buf_printf(out, "%s: %s\n\nusage: %s [OPTION...]%s%s\n\n", p->name, p->summary, p->name,
               p->args == NULL ? "" : " ", p->args == NULL ? "" : p->args);
    buf_add_str(out, "  --config PATH               read settings from a file of lines "
                     "\"name = value\"\n");
    for (size_t i = 0; i < p->rows_count; i++) {
        add_flag(&p->rows[i], out);
    }
    buf_add_str(out, "  --version                   print the version\n"
                     "  --help                      print this\n"
                     "  --help-markdown             print the settings as a table\n\n"
                     "A setting --some-name is some_name in the file and WEIR_SOME_NAME in the "
                     "environment. The file\nis read first, then the environment, then the "
                     "command line; the later one wins. A secret is read\nfrom the file, the "
                     "environment, or a file of its own (some_name_file), never from the command "
                     "line.\n");
}

static void add_cell(struct buf *out, const char *text) {
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '|') {
            buf_add_char(out, '\\');
        }
        buf_add_char(out, *c);
    }
}

static void add_markdown(const struct config_program *p, struct buf *out, struct arena *a) {
    buf_printf(out, "### %s\n\n", p->name);
    add_cell(out, p->summary);
    buf_add_str(out, "\n\n| setting | environment | value | default | meaning |\n"
                     "| --- | --- | --- | --- | --- |\n");
    for (size_t i = 0; i < p->rows_count; i++) {
        const struct config_row *row = &p->rows[i];
        struct buf value;
        buf_init(&value, ERR_TEXT_MAX);
        config_value_describe(row, &value);
        const char *env = row->flag_only ? "only on the command line"
                                         : arena_printf(a, "`%s`", config_env_name(a, row->name));
        const char *fallback = row->fallback != NULL ? arena_printf(a, "`%s`", row->fallback)
                               : row->required       ? "required"
                                                     : "";
        buf_printf(out, "| `%s` | %s | ", row->name, env);
        add_cell(out, value.ptr);
        buf_add_str(out, " | ");
        add_cell(out, fallback);
        buf_add_str(out, " | ");
        add_cell(out, row->help);
        if (row->example != NULL) {
            buf_add_str(out, ", e.g. `");
            add_cell(out, row->example);
            buf_add_char(out, '`');
        }
        buf_add_str(out, " |\n");
        buf_done(&value);
    }
}

void config_print(const struct config_program *p, enum config_action action, int fd) {
    struct buf out;
    struct arena a;
    buf_init(&out, HELP_TEXT_MAX);
    arena_init(&a);
    switch (action) {
    case CONFIG_HELP: add_help(p, &out); break;
    case CONFIG_VERSION: buf_printf(&out, "%s %s\n", p->name, WEIR_VERSION); break;
    case CONFIG_HELP_MARKDOWN: add_markdown(p, &out, &a); break;
    case CONFIG_RUN: break;
    }
    if (out.len > 0) {
        (void)dprintf(fd, "%s", out.ptr);
    }
    arena_done(&a);
    buf_done(&out);
}

void config_print_error(const struct config_program *p, const struct err *e) {
    (void)dprintf(STDERR_FILENO, "%s: %s%s%s%s%s\n", p->name, e->field,
                  e->field[0] == '\0' ? "" : ": ", e->text, e->hint[0] == '\0' ? "" : "; ",
                  e->hint);
}
