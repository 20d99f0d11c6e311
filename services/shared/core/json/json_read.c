#include "core/json/json_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

// Adds "/name" to a pointer, escaped as RFC 6901 asks; what does not fit is cut.
static void pointer_add(char pointer[ERR_FIELD_MAX], const char *name) {
    size_t n = strlen(pointer);
    if (n < ERR_FIELD_MAX - 1) {
        pointer[n++] = '/';
    }
    for (; *name != '\0' && n < ERR_FIELD_MAX - 2; name++) {
        if (*name == '~' || *name == '/') {
            pointer[n++] = '~';
            pointer[n++] = *name == '~' ? '0' : '1';
        } else {
            pointer[n++] = *name;
        }
    }
    pointer[n] = '\0';
}

struct json_node json_node_root(struct json_read *r, json_t *json, const char *pointer) {
    struct json_node n = {.read = r, .json = json_is_null(json) ? NULL : json};
    (void)snprintf(n.pointer, sizeof n.pointer, "%s", pointer);
    return n;
}

struct json_node json_node_member(const struct json_node *object, const char *name) {
    struct json_node n =
        json_node_root(object->read, json_object_get(object->json, name), object->pointer);
    pointer_add(n.pointer, name);
    return n;
}

struct json_node json_node_element(const struct json_node *array, size_t i) {
    struct json_node n =
        json_node_root(array->read, json_array_get(array->json, i), array->pointer);
    char index[24];
    (void)snprintf(index, sizeof index, "%zu", i);
    pointer_add(n.pointer, index);
    return n;
}

void json_node_fail(const struct json_node *n, const char *hint, const char *fmt, ...) {
    if (n->read->code != ERR_OK) {
        return;
    }
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    n->read->code = ERR_INVALID;
    (void)err_field(n->read->e, ERR_INVALID, n->pointer, "%s", text);
    if (hint != NULL) {
        (void)err_hint(n->read->e, "%s", hint);
    }
}

static void check_default(const struct json_node *object, const struct json_default *d) {
    struct json_node n = json_node_member(object, d->name);
    if (n.json == NULL) {
        return;
    }
    json_t *only = json_loads(d->only, JSON_DECODE_ANY, NULL);
    check(only != NULL);
    bool same = json_equal(n.json, only) != 0;
    json_decref(only);
    if (!same) {
        char hint[ERR_HINT_MAX];
        (void)snprintf(hint, sizeof hint, "leave it out or write %s", d->only);
        json_node_fail(&n, hint, "this value of %s is not supported yet", d->name);
    }
}

static bool is_known(const char *name, const char *const *names,
                     const struct json_default *defaults) {
    for (; *names != NULL; names++) {
        if (strcmp(name, *names) == 0) {
            return true;
        }
    }
    for (; defaults != NULL && defaults->name != NULL; defaults++) {
        if (strcmp(name, defaults->name) == 0) {
            return true;
        }
    }
    return false;
}

bool json_node_object(const struct json_node *n, const char *const *names,
                      const struct json_default *defaults) {
    if (n->json == NULL) {
        return false;
    }
    if (!json_is_object(n->json)) {
        json_node_fail(n, NULL, "an object is expected");
        return false;
    }
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(n->json, name, value) {
        if (!is_known(name, names, defaults)) {
            struct json_node unknown = json_node_member(n, name);
            json_node_fail(&unknown, "unknown fields are refused, so that nothing is ignored",
                           "unknown field \"%.64s\"", name);
            return false;
        }
    }
    for (const struct json_default *d = defaults; d != NULL && d->name != NULL; d++) {
        check_default(n, d);
    }
    return n->read->code == ERR_OK;
}

size_t json_node_array(const struct json_node *n, size_t max) {
    if (n->json == NULL) {
        return 0;
    }
    if (!json_is_array(n->json)) {
        json_node_fail(n, NULL, "an array is expected");
        return 0;
    }
    size_t size = json_array_size(n->json);
    if (size > max) {
        json_node_fail(n, NULL, "%zu entries, at most %zu are allowed", size, max);
        return 0;
    }
    return size;
}

bool json_node_required(const struct json_node *n) {
    if (n->json == NULL) {
        json_node_fail(n, NULL, "this field is required");
    }
    return n->json != NULL;
}

const char *json_node_text(const struct json_node *n, size_t max, const char *otherwise) {
    if (n->json == NULL) {
        return otherwise;
    }
    size_t len = json_string_length(n->json);
    if (!json_is_string(n->json) || len == 0 || len > max) {
        json_node_fail(n, NULL, "a string of 1 to %zu bytes is expected", max);
        return otherwise;
    }
    return arena_str(n->read->arena, slice_of(json_string_value(n->json), len));
}

int json_node_word(const struct json_node *n, const char *const *words, int otherwise) {
    if (n->json == NULL) {
        return otherwise;
    }
    char hint[ERR_HINT_MAX] = "one of:";
    for (int i = 0; words[i] != NULL; i++) {
        if (json_is_string(n->json) && strcmp(json_string_value(n->json), words[i]) == 0) {
            return i;
        }
        size_t used = strlen(hint);
        (void)snprintf(hint + used, sizeof hint - used, " %s", words[i]);
    }
    if (json_is_string(n->json)) {
        json_node_fail(n, hint, "unknown value \"%.64s\"", json_string_value(n->json));
    } else {
        json_node_fail(n, hint, "a string is expected");
    }
    return otherwise;
}

bool json_node_bool(const struct json_node *n, bool otherwise) {
    if (n->json == NULL) {
        return otherwise;
    }
    if (!json_is_boolean(n->json)) {
        json_node_fail(n, NULL, "true or false is expected");
        return otherwise;
    }
    return json_is_true(n->json);
}

int64_t json_node_int(const struct json_node *n, int64_t min, int64_t max, int64_t otherwise) {
    if (n->json == NULL) {
        return otherwise;
    }
    if (!json_is_integer(n->json) || json_integer_value(n->json) < min ||
        json_integer_value(n->json) > max) {
        json_node_fail(n, NULL, "a whole number from %lld to %lld is expected", (long long)min,
                       (long long)max);
        return otherwise;
    }
    return json_integer_value(n->json);
}

enum figure { FIGURE_INPUT, FIGURE_COUNT, FIGURE_STORED };

static enum err_code parse_figure(struct arena *a, enum figure figure, struct slice text,
                                  struct decimal *ret, struct err *e) {
    switch (figure) {
    case FIGURE_INPUT: return decimal_parse(text, ret, e);
    case FIGURE_COUNT: return decimal_parse_count(a, text, ret, e);
    case FIGURE_STORED: return decimal_parse_stored(a, text, ret, e);
    }
    return ERR_INTERNAL;
}

static struct decimal decimal_of(const struct json_node *n, enum figure figure) {
    struct decimal value = decimal_from_i64(0);
    if (n->json == NULL) {
        return value;
    }
    if (!json_is_string(n->json)) {
        json_node_fail(n, "write it in quotes: \"0.25\"",
                       "a decimal number as a string is expected");
        return value;
    }
    struct slice text = slice_of(json_string_value(n->json), json_string_length(n->json));
    struct err e = {0};
    enum err_code code = parse_figure(n->read->arena, figure, text, &value, &e);
    if (code != ERR_OK) {
        json_node_fail(n, e.hint[0] != '\0' ? e.hint : NULL, "%s", e.text);
    }
    return value;
}

struct decimal json_node_decimal(const struct json_node *n) {
    return decimal_of(n, FIGURE_INPUT);
}

struct decimal json_node_count(const struct json_node *n) {
    return decimal_of(n, FIGURE_COUNT);
}

struct decimal json_node_stored(const struct json_node *n) {
    return decimal_of(n, FIGURE_STORED);
}

struct decimal json_node_decimal_from_zero(const struct json_node *n) {
    struct decimal value = json_node_decimal(n);
    if (decimal_sign(value) < 0) {
        json_node_fail(n, NULL, "must not be negative");
    }
    return value;
}

struct decimal json_node_decimal_above_zero(const struct json_node *n) {
    struct decimal value = json_node_decimal(n);
    if (n->json != NULL && decimal_sign(value) <= 0) {
        json_node_fail(n, NULL, "must be above zero");
    }
    return value;
}
