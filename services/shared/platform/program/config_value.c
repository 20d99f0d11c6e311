#include "platform/program/config_value.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/number.h"

struct unit {
    const char *suffix;
    int64_t factor;
};

static const struct unit DURATION_UNITS[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
};
static const struct unit BYTES_UNITS[] = {
    {"", 1}, {"KiB", 1024}, {"MiB", 1024 * 1024}, {"GiB", 1024 * 1024 * 1024}, {NULL, 0},
};

const char *const config_log_levels[] = {"debug", "info", "warn", "error", NULL};
const char *const config_kafka_protocols[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL",
                                              NULL};
const char *const config_kafka_mechanisms[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", NULL};

static void describe_quantity(int64_t value, const struct unit *units, struct buf *out) {
    const struct unit *best = units;
    for (const struct unit *u = units; u->suffix != NULL; u++) {
        if (value != 0 && value % u->factor == 0) {
            best = u;
        }
    }
    buf_printf(out, "%lld%s", (long long)(value / best->factor), best->suffix);
}

static void describe_range(const struct config_row *row, const struct unit *units,
                           struct buf *out) {
    if (row->min == 0 && row->max == 0) {
        return;
    }
    buf_add_char(out, ' ');
    describe_quantity(row->min, units, out);
    buf_add_str(out, "..");
    describe_quantity(row->max, units, out);
}

void config_value_describe(const struct config_row *row, struct buf *out) {
    static const struct unit PLAIN[] = {{"", 1}, {NULL, 0}};
    switch (row->type) {
    case CONFIG_TEXT: buf_add_str(out, row->form != NULL ? row->form : "text"); break;
    case CONFIG_INT:
        buf_add_str(out, "a whole number");
        describe_range(row, PLAIN, out);
        break;
    case CONFIG_BOOL: buf_add_str(out, "true or false"); break;
    case CONFIG_DURATION:
        buf_add_str(out, "a duration (ms, s, m, h, d)");
        describe_range(row, DURATION_UNITS, out);
        break;
    case CONFIG_BYTES:
        buf_add_str(out, "a size in bytes (KiB, MiB, GiB)");
        describe_range(row, BYTES_UNITS, out);
        break;
    case CONFIG_CHOICE:
        buf_add_str(out, "one of");
        for (size_t i = 0; row->choices[i] != NULL; i++) {
            buf_printf(out, "%s %s", i == 0 ? "" : ",", row->choices[i]);
        }
        break;
    case CONFIG_PATH: buf_add_str(out, "a path"); break;
    case CONFIG_LIST: buf_add_str(out, "a list separated by commas"); break;
    case CONFIG_SECRET: buf_add_str(out, "a secret"); break;
    }
}

static bool parse_quantity(const char *text, const struct unit *units, int64_t *ret) {
    size_t digits = strspn(text, "0123456789");
    int64_t value = 0;
    if (digits == 0 || !number_parse_i64(slice_of(text, digits), &value)) {
        return false;
    }
    if (value == 0 && text[digits] == '\0') {
        *ret = 0;
        return true;
    }
    for (const struct unit *u = units; u->suffix != NULL; u++) {
        if (strcmp(text + digits, u->suffix) == 0) {
            return !__builtin_mul_overflow(value, u->factor, ret);
        }
    }
    return false;
}

static bool parse_bool(const char *text, int64_t *ret) {
    static const char *const YES[] = {"true", "yes", "on", "1"};
    static const char *const NO[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < sizeof YES / sizeof *YES; i++) {
        if (strcmp(text, YES[i]) == 0 || strcmp(text, NO[i]) == 0) {
            *ret = strcmp(text, YES[i]) == 0;
            return true;
        }
    }
    return false;
}

static const char *find_choice(const struct config_row *row, const char *text) {
    for (size_t i = 0; row->choices[i] != NULL; i++) {
        if (strcasecmp(row->choices[i], text) == 0) {
            return row->choices[i];
        }
    }
    return NULL;
}

static struct slice trimmed(struct slice s) {
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[0]) != NULL) {
        s = slice_of(s.ptr + 1, s.len - 1);
    }
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[s.len - 1]) != NULL) {
        s.len--;
    }
    return s;
}

static bool parse_list(const char *text, struct arena *a, struct config_value *v) {
    v->items = arena_array(a, CONFIG_ITEMS_MAX + 1, sizeof *v->items);
    for (const char *at = text;;) {
        size_t len = strcspn(at, ",");
        struct slice item = trimmed(slice_of(at, len));
        if (item.len == 0 || v->items_count == CONFIG_ITEMS_MAX) {
            return false;
        }
        v->items[v->items_count++] = arena_str(a, item);
        if (at[len] == '\0') {
            return true;
        }
        at += len + 1;
    }
}

static bool parse_number(const struct config_row *row, const char *text, int64_t *ret) {
    bool read = false;
    if (row->type == CONFIG_INT) {
        read = number_parse_i64(slice_str(text), ret);
    } else {
        read = parse_quantity(text, row->type == CONFIG_BYTES ? BYTES_UNITS : DURATION_UNITS, ret);
    }
    return read && ((row->min == 0 && row->max == 0) || (*ret >= row->min && *ret <= row->max));
}

static enum err_code refuse(const struct config_row *row, const char *text, const char *origin,
                            struct err *e) {
    struct buf wanted;
    buf_init(&wanted, ERR_TEXT_MAX);
    config_value_describe(row, &wanted);
    enum err_code code =
        row->type == CONFIG_SECRET
            ? err_field(e, ERR_CONFIG, row->name, "must not be empty or above %d bytes (%s)",
                        CONFIG_VALUE_MAX, origin)
            : err_field(e, ERR_CONFIG, row->name, "must be %s, not \"%.80s\" (%s)", wanted.ptr,
                        text, origin);
    buf_done(&wanted);
    if (e != NULL) {
        (void)err_hint(e, "example: %s = %s", row->name, row->example);
    }
    return code;
}

enum err_code config_value_parse(const struct config_row *row, const char *text, const char *origin,
                                 struct arena *a, struct config_value *ret, struct err *e) {
    struct config_value v = {0};
    const char *kept = text;
    bool ok = text[0] != '\0' && strnlen(text, CONFIG_VALUE_MAX + 1) <= CONFIG_VALUE_MAX;
    switch (row->type) {
    case CONFIG_INT:
    case CONFIG_DURATION:
    case CONFIG_BYTES: ok = ok && parse_number(row, text, &v.number); break;
    case CONFIG_BOOL: ok = ok && parse_bool(text, &v.number); break;
    case CONFIG_CHOICE:
        kept = find_choice(row, text);
        ok = kept != NULL;
        break;
    case CONFIG_LIST: ok = ok && parse_list(text, a, &v); break;
    case CONFIG_TEXT: ok = ok && (row->fits == NULL || row->fits(text)); break;
    case CONFIG_PATH:
    case CONFIG_SECRET: break;
    }
    if (!ok) {
        return refuse(row, text, origin, e);
    }
    v.text = arena_str(a, slice_str(kept));
    *ret = v;
    return ERR_OK;
}

const char *config_env_name(struct arena *a, const char *name) {
    char *out = arena_printf(a, "WEIR_%s", name);
    for (char *c = out; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z') {
            *c = (char)(*c - 'a' + 'A');
        }
    }
    return out;
}
