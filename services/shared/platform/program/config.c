// Loads settings from their four sources. Runs once, before any thread is started.
#include "platform/program/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/check.h"
#include "base/slice.h"
#include "platform/program/config_value.h"

struct config {
    const struct config_program *program;
    struct arena arena;
    struct config_value values[CONFIG_ROWS_MAX];
    const char **args;
    size_t args_count;
};

enum source { SOURCE_FILE, SOURCE_ENV, SOURCE_FLAG };

static const struct config_row *find_row(const struct config_program *p, struct slice name) {
    for (size_t i = 0; i < p->rows_count; i++) {
        if (slice_eq_str(name, p->rows[i].name)) {
            return &p->rows[i];
        }
    }
    return NULL;
}

// The row of a secret that `name` gives the file of: "x_file" for the row "x".
static const struct config_row *find_file_row(const struct config_program *p, struct slice name) {
    static const char SUFFIX[] = "_file";
    size_t suffix = sizeof SUFFIX - 1;
    if (name.len <= suffix || memcmp(name.ptr + name.len - suffix, SUFFIX, suffix) != 0) {
        return NULL;
    }
    const struct config_row *row = find_row(p, slice_of(name.ptr, name.len - suffix));
    return row != NULL && row->type == CONFIG_SECRET ? row : NULL;
}

// Reads a whole file of at most `max` bytes; the result is malloc'd, NUL-terminated, to be wiped.
static enum err_code read_file(const char *setting, const char *path, size_t max, char **ret,
                               struct err *e) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_field(e, ERR_CONFIG, setting, "can't open %s: %s", path, strerror(errno));
    }
    char *text = malloc(max + 2);
    check(text != NULL);
    size_t len = 0;
    ssize_t n = 0;
    while (len <= max && (n = read(fd, text + len, max + 1 - len)) > 0) {
        len += (size_t)n;
    }
    int error = n < 0 ? errno : 0;
    (void)close(fd);
    text[len] = '\0';
    if (error != 0 || len > max || memchr(text, '\0', len) != NULL) {
        explicit_bzero(text, len);
        free(text);
        return err_field(e, ERR_CONFIG, setting, "can't read %s: %s", path,
                         error != 0  ? strerror(error)
                         : len > max ? "larger than a file of settings may be"
                                     : "holds a NUL byte");
    }
    *ret = text;
    return ERR_OK;
}

static void free_wiped(char *text) {
    explicit_bzero(text, strlen(text));
    free(text);
}

static struct config_value *value_of(struct config *c, const struct config_row *row) {
    return &c->values[row - c->program->rows];
}

static void wipe(const struct config_row *row, struct config_value *v) {
    if (row->type == CONFIG_SECRET && v->text != NULL) {
        explicit_bzero(v->text, strlen(v->text));
    }
}

static enum err_code set(struct config *c, const struct config_row *row, const char *text,
                         const char *origin, struct err *e) {
    struct config_value v = {0};
    enum err_code code = config_value_parse(row, text, origin, &c->arena, &v, e);
    if (code == ERR_OK) {
        wipe(row, value_of(c, row));
        *value_of(c, row) = v;
    }
    return code;
}

static enum err_code set_from_file(struct config *c, const struct config_row *row, const char *path,
                                   struct err *e) {
    char *text = NULL;
    enum err_code code = read_file(row->name, path, CONFIG_VALUE_MAX, &text, e);
    if (code != ERR_OK) {
        return code;
    }
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r')) {
        text[--len] = '\0';
    }
    code = set(c, row, text, path, e);
    free_wiped(text);
    return code;
}

static enum err_code unknown(const char *name, const char *origin, struct err *e) {
    (void)err_field(e, ERR_CONFIG, name, "no such setting (%s)", origin);
    return e == NULL ? ERR_CONFIG : err_hint(e, "--help lists them");
}

// One assignment from a source; `name` has underscores.
static enum err_code assign(struct config *c, enum source source, const char *name,
                            const char *value, const char *origin, struct err *e) {
    const struct config_row *row = find_row(c->program, slice_str(name));
    if (row != NULL && row->flag_only && source != SOURCE_FLAG) {
        return err_field(e, ERR_CONFIG, name, "is only taken from the command line (%s)", origin);
    }
    if (row != NULL && row->type == CONFIG_SECRET && source == SOURCE_FLAG) {
        (void)err_field(e, ERR_CONFIG, name,
                        "is a secret, which a command line would show to everybody");
        return e == NULL ? ERR_CONFIG
                         : err_hint(e, "example: --%s_file PATH, or %s in the environment", name,
                                    config_env_name(&c->arena, name));
    }
    if (row != NULL) {
        return set(c, row, value, origin, e);
    }
    row = find_file_row(c->program, slice_str(name));
    return row == NULL ? unknown(name, origin, e) : set_from_file(c, row, value, e);
}

// --- file ----------------------------------------------------------------------------------------

static char *trim(char *s) {
    while (*s == ' ' || *s == '\t') {
        s++;
    }
    size_t len = strlen(s);
    while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t' || s[len - 1] == '\r')) {
        s[--len] = '\0';
    }
    return s;
}

static enum err_code load_line(struct config *c, const char *path, int number, char *line,
                               struct err *e) {
    line = trim(line);
    if (line[0] == '\0' || line[0] == '#') {
        return ERR_OK;
    }
    const char *origin = arena_printf(&c->arena, "%s line %d", path, number);
    char *equals = strchr(line, '=');
    if (equals == NULL) {
        (void)err_field(e, ERR_CONFIG, "config", "%s has no \"=\"", origin);
        return e == NULL ? ERR_CONFIG : err_hint(e, "example: log_level = debug");
    }
    *equals = '\0';
    return assign(c, SOURCE_FILE, trim(line), trim(equals + 1), origin, e);
}

static enum err_code load_file(struct config *c, const char *path, struct err *e) {
    char *text = NULL;
    enum err_code code = read_file("config", path, CONFIG_FILE_MAX, &text, e);
    if (code != ERR_OK) {
        return code;
    }
    check(text != NULL);
    size_t size = strlen(text);
    int number = 1;
    for (char *line = text; code == ERR_OK && line < text + size; number++) {
        char *end = strchr(line, '\n');
        char *next = end == NULL ? text + size : end + 1;
        if (end != NULL) {
            *end = '\0';
        }
        code = load_line(c, path, number, line, e);
        line = next;
    }
    explicit_bzero(text, size);
    free(text);
    return code;
}

// --- environment ---------------------------------------------------------------------------------

static const char *env_value(char *const envp[], const char *name) {
    size_t len = strlen(name);
    for (size_t i = 0; envp != NULL && envp[i] != NULL; i++) {
        if (strncmp(envp[i], name, len) == 0 && envp[i][len] == '=' && envp[i][len + 1] != '\0') {
            return envp[i] + len + 1;
        }
    }
    return NULL;
}

static enum err_code load_env(struct config *c, char *const envp[], struct err *e) {
    for (size_t i = 0; i < c->program->rows_count; i++) {
        const struct config_row *row = &c->program->rows[i];
        if (row->flag_only) {
            continue;
        }
        enum err_code code = ERR_OK;
        const char *name = config_env_name(&c->arena, row->name);
        const char *value = env_value(envp, name);
        if (row->type == CONFIG_SECRET) {
            const char *file_name = arena_printf(&c->arena, "%s_FILE", name);
            const char *path = env_value(envp, file_name);
            if (path != NULL) {
                code = set_from_file(c, row, path, e);
            }
        }
        if (code == ERR_OK && value != NULL) {
            code = set(c, row, value, name, e);
        }
        if (code != ERR_OK) {
            return code;
        }
    }
    return ERR_OK;
}

// --- command line --------------------------------------------------------------------------------

struct flag {
    const char *name; // with underscores
    const char *value;
};

struct flags {
    struct flag *items;
    size_t count;
    const char *config_path;
    enum config_action action;
};

static enum err_code read_flag(struct config *c, int argc, char *const argv[], int *at,
                               struct flags *f, struct err *e) {
    const char *word = argv[*at] + 2;
    size_t len = strcspn(word, "=");
    char *name = arena_str(&c->arena, slice_of(word, len));
    for (char *p = name; *p != '\0'; p++) {
        *p = *p == '-' ? '_' : *p;
    }
    const char *value = word[len] == '=' ? word + len + 1 : NULL;
    const struct config_row *row = find_row(c->program, slice_str(name));
    if (row == NULL && strcmp(name, "config") != 0 &&
        find_file_row(c->program, slice_str(name)) == NULL) {
        return unknown(name, "command line", e);
    }
    if (value == NULL && row != NULL && row->type == CONFIG_BOOL) {
        value = "true";
    }
    if (value == NULL) {
        if (*at + 1 >= argc) {
            return err_field(e, ERR_CONFIG, name, "--%s needs a value", word);
        }
        value = argv[++*at];
    }
    if (row == NULL && strcmp(name, "config") == 0) {
        f->config_path = value;
    } else {
        f->items[f->count++] = (struct flag){name, value};
    }
    return ERR_OK;
}

static bool read_action(const char *word, enum config_action *ret) {
    static const struct {
        const char *word;
        enum config_action action;
    } WORDS[] = {{"--help", CONFIG_HELP},
                 {"-h", CONFIG_HELP},
                 {"--version", CONFIG_VERSION},
                 {"--help-markdown", CONFIG_HELP_MARKDOWN}};
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (strcmp(word, WORDS[i].word) == 0) {
            *ret = WORDS[i].action;
            return true;
        }
    }
    return false;
}

static enum err_code read_flags(struct config *c, int argc, char *const argv[], struct flags *f,
                                struct err *e) {
    f->items = arena_array(&c->arena, (size_t)argc + 1, sizeof *f->items);
    c->args = arena_array(&c->arena, CONFIG_ARGS_MAX + 1, sizeof *c->args);
    bool options = true;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (options && strcmp(word, "--") == 0) {
            options = false;
        } else if (options && read_action(word, &f->action)) {
            return ERR_OK;
        } else if (options && strncmp(word, "--", 2) == 0) {
            enum err_code code = read_flag(c, argc, argv, &i, f, e);
            if (code != ERR_OK) {
                return code;
            }
        } else if (options && word[0] == '-' && word[1] != '\0') {
            return unknown(word, "command line", e);
        } else if (c->args_count >= c->program->args_max) {
            return err_field(e, ERR_CONFIG, "", "unexpected argument \"%.80s\"", word);
        } else {
            c->args[c->args_count++] = word;
        }
    }
    return ERR_OK;
}

static enum err_code check_complete(const struct config *c, struct err *e) {
    for (size_t i = 0; i < c->program->rows_count; i++) {
        const struct config_row *row = &c->program->rows[i];
        if (row->required && c->values[i].text == NULL) {
            (void)err_field(e, ERR_CONFIG, row->name, "is not set");
            return e == NULL ? ERR_CONFIG
                             : err_hint(e, "example: %s = %s", row->name, row->example);
        }
    }
    if (c->args_count < c->program->args_min) {
        return err_field(e, ERR_CONFIG, "", "too few arguments: %s expected",
                         c->program->args == NULL ? "" : c->program->args);
    }
    return ERR_OK;
}

static enum err_code load(struct config *c, int argc, char *const argv[], char *const envp[],
                          struct flags *f, struct err *e) {
    enum err_code code = read_flags(c, argc, argv, f, e);
    if (code != ERR_OK || f->action != CONFIG_RUN) {
        return code;
    }
    for (size_t i = 0; i < c->program->rows_count; i++) {
        const struct config_row *row = &c->program->rows[i];
        check(row->fallback == NULL || set(c, row, row->fallback, "default", e) == ERR_OK);
    }
    const char *path = f->config_path != NULL ? f->config_path : env_value(envp, "WEIR_CONFIG");
    if (path != NULL) {
        code = load_file(c, path, e);
    }
    if (code == ERR_OK) {
        code = load_env(c, envp, e);
    }
    for (size_t i = 0; code == ERR_OK && i < f->count; i++) {
        code = assign(c, SOURCE_FLAG, f->items[i].name, f->items[i].value, "command line", e);
    }
    return code == ERR_OK ? check_complete(c, e) : code;
}

enum err_code config_load(const struct config_program *p, int argc, char *const argv[],
                          char *const envp[], enum config_action *ret_action, struct config **ret,
                          struct err *e) {
    check(p->rows_count <= CONFIG_ROWS_MAX && p->args_max <= CONFIG_ARGS_MAX);
    struct config *c = calloc(1, sizeof *c);
    check(c != NULL);
    c->program = p;
    arena_init(&c->arena);
    struct flags f = {.action = CONFIG_RUN};
    enum err_code code = load(c, argc, argv, envp, &f, e);
    if (code != ERR_OK) {
        config_free(c);
        return code;
    }
    *ret_action = f.action;
    if (f.action != CONFIG_RUN) {
        config_free(c);
        c = NULL;
    }
    *ret = c;
    return ERR_OK;
}

void config_free(struct config *c) {
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->program->rows_count; i++) {
        wipe(&c->program->rows[i], &c->values[i]);
    }
    arena_done(&c->arena);
    free(c);
}

// --- values --------------------------------------------------------------------------------------

static const struct config_value *get(const struct config *c, const char *name,
                                      unsigned allowed_types) {
    const struct config_row *row = find_row(c->program, slice_str(name));
    check(row != NULL);
    check((allowed_types & (1U << row->type)) != 0);
    return &c->values[row - c->program->rows];
}

bool config_is_set(const struct config *c, const char *name) {
    return get(c, name, ~0U)->text != NULL;
}

const char *config_text(const struct config *c, const char *name) {
    return get(c, name, 1U << CONFIG_TEXT | 1U << CONFIG_PATH | 1U << CONFIG_CHOICE)->text;
}

int64_t config_int(const struct config *c, const char *name) {
    return get(c, name, 1U << CONFIG_INT)->number;
}

bool config_bool(const struct config *c, const char *name) {
    return get(c, name, 1U << CONFIG_BOOL)->number != 0;
}

int64_t config_duration_ms(const struct config *c, const char *name) {
    return get(c, name, 1U << CONFIG_DURATION)->number;
}

int64_t config_bytes(const struct config *c, const char *name) {
    return get(c, name, 1U << CONFIG_BYTES)->number;
}

struct secret_text config_secret(const struct config *c, const char *name) {
    return (struct secret_text){get(c, name, 1U << CONFIG_SECRET)->text};
}

const char *const *config_list(const struct config *c, const char *name, size_t *ret_count) {
    static const char *const NONE[] = {NULL};
    const struct config_value *v = get(c, name, 1U << CONFIG_LIST);
    if (ret_count != NULL) {
        *ret_count = v->items_count;
    }
    return v->items == NULL ? NONE : (const char *const *)v->items;
}

const char *const *config_args(const struct config *c, size_t *ret_count) {
    if (ret_count != NULL) {
        *ret_count = c->args_count;
    }
    return (const char *const *)c->args;
}
