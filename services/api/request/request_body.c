// JSON bodies: parsed once, then read by what the handler declares.
#include <stdio.h>

#include "api/request/request.h"
#include "api/request/request_internal.h"
#include "base/check.h"
#include "base/instant.h"

enum {
    JSON_DEPTH_MAX = 32,     // levels of a body
    TEXT_MAX_DEFAULT = 1000, // bytes of a text
    ITEMS_MAX_DEFAULT = 100, // items of an array
    LIST_TEXT_MAX = 200,     // bytes of a text in an array
    WHAT_MAX = 96,           // bytes of what is said of a wrong value
};

// --- parsing -------------------------------------------------------------------------------------

// jansson goes 2,048 deep by recursion; no body of ours needs more than a few levels.
static bool too_deep(struct slice body) {
    size_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < body.len; i++) {
        char c = body.ptr[i];
        if (quoted) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                quoted = false;
            }
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX) {
                return true;
            }
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

static bool is_json_type(struct slice type) {
    static const char JSON[] = "application/json";
    size_t n = sizeof JSON - 1;
    return type.len >= n && strncasecmp(type.ptr, JSON, n) == 0 &&
           (type.len == n || type.ptr[n] == ';' || type.ptr[n] == ' ');
}

bool request_parse_body(struct request *r) {
    struct slice body = r->job->body;
    json_error_t error;
    if (body.len == 0 && !slice_eq_str(r->job->method, "POST")) {
        request_problem(r, PROBLEM_INVALID, NULL, "the body is missing: say what to change");
        return false;
    }
    if (body.len == 0) {
        // A POST whose fields are all optional may come without a body.
        r->body = json_object();
        return true;
    }
    if (!is_json_type(r->job->content_type)) {
        request_problem(r, PROBLEM_MEDIA_TYPE, NULL, "Content-Type must be application/json");
        return false;
    }
    if (too_deep(body)) {
        request_problem(r, PROBLEM_INVALID, NULL, "the body is nested deeper than %d levels",
                        JSON_DEPTH_MAX);
        return false;
    }
    r->body = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES, &error);
    if (r->body == NULL) {
        request_problem(r, PROBLEM_INVALID, NULL, "the body is not JSON: line %d column %d: %s",
                        error.line, error.column, error.text);
        return false;
    }
    return true;
}

// --- fields --------------------------------------------------------------------------------------

static bool wrong(struct request *r, const char *at, const char *name, const char *what) {
    char pointer[ERR_FIELD_MAX];
    snprintf(pointer, sizeof pointer, "%s/%s", at, name);
    request_problem(r, PROBLEM_INVALID, pointer, "%s %s", name, what);
    return false;
}

static bool take_text(struct request *r, const char *at, const struct field *f, json_t *value) {
    char what[WHAT_MAX];
    int64_t max = f->max > 0 ? f->max : TEXT_MAX_DEFAULT;
    if (!json_is_string(value)) {
        return wrong(r, at, f->name, "must be a string");
    }
    size_t len = json_string_length(value);
    if (len < (size_t)f->min || len > (size_t)max) {
        snprintf(what, sizeof what, "must have %lld to %lld bytes", (long long)f->min,
                 (long long)max);
        return wrong(r, at, f->name, what);
    }
    struct slice s = slice_of(json_string_value(value), len);
    int64_t us;
    if (f->type == FIELD_UUID && !uuid_valid(s)) {
        return wrong(r, at, f->name, "must be a uuid");
    }
    if (f->type == FIELD_TIME && !instant_parse(s, &us)) {
        return wrong(r, at, f->name, "must be a time like 2026-11-01T00:00:00Z");
    }
    *(const char **)f->out = arena_str(r->arena, s);
    return true;
}

static bool take_array(struct request *r, const char *at, const struct field *f, json_t *value) {
    char what[WHAT_MAX];
    if (!json_is_array(value)) {
        return wrong(r, at, f->name, "must be an array");
    }
    size_t max = f->max > 0 ? (size_t)f->max : ITEMS_MAX_DEFAULT;
    size_t n = json_array_size(value);
    if (n < (size_t)f->min || n > max) {
        snprintf(what, sizeof what, "must have %lld to %zu items", (long long)f->min, max);
        return wrong(r, at, f->name, what);
    }
    for (size_t i = 0; i < n && f->type != FIELD_ARRAY; i++) {
        json_t *item = json_array_get(value, i);
        struct slice s = slice_of(json_string_value(item), json_string_length(item));
        if (!json_is_string(item) || s.len > LIST_TEXT_MAX) {
            return wrong(r, at, f->name, "must hold short strings only");
        }
        if (f->type == FIELD_UUIDS && !uuid_valid(s)) {
            return wrong(r, at, f->name, "must hold uuids only");
        }
    }
    *(json_t **)f->out = value;
    return true;
}

static bool take_field(struct request *r, const char *at, const struct field *f, json_t *value) {
    char what[WHAT_MAX];
    switch (f->type) {
    case FIELD_TEXT:
    case FIELD_UUID:
    case FIELD_TIME: return take_text(r, at, f, value);
    case FIELD_ARRAY:
    case FIELD_TEXTS:
    case FIELD_UUIDS: return take_array(r, at, f, value);
    case FIELD_INT:
        if (!json_is_integer(value)) {
            return wrong(r, at, f->name, "must be a whole number");
        }
        if (f->max > f->min &&
            (json_integer_value(value) < f->min || json_integer_value(value) > f->max)) {
            snprintf(what, sizeof what, "must be %lld..%lld", (long long)f->min, (long long)f->max);
            return wrong(r, at, f->name, what);
        }
        *(int64_t *)f->out = json_integer_value(value);
        return true;
    case FIELD_BOOL:
        if (!json_is_boolean(value)) {
            return wrong(r, at, f->name, "must be true or false");
        }
        *(bool *)f->out = json_is_true(value);
        return true;
    case FIELD_OBJECT:
        if (!json_is_object(value)) {
            return wrong(r, at, f->name, "must be an object");
        }
        *(json_t **)f->out = value;
        return true;
    }
    return true;
}

static bool known(const struct field *fields, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(fields[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

bool request_fields(struct request *r, json_t *object, const char *at, const struct field *fields,
                    size_t count) {
    const char *name;
    json_t *value;
    if (object == NULL) {
        object = r->body;
    }
    if (!json_is_object(object)) {
        request_problem(r, PROBLEM_INVALID, at, "must be a JSON object");
        return false;
    }
    json_object_foreach(object, name, value) {
        if (!known(fields, count, name)) {
            return wrong(r, at, name, "is not a field of this operation");
        }
    }
    for (size_t i = 0; i < count; i++) {
        value = json_object_get(object, fields[i].name);
        if (value == NULL || json_is_null(value)) {
            if (fields[i].required) {
                return wrong(r, at, fields[i].name, "is required");
            }
        } else if (!take_field(r, at, &fields[i], value)) {
            return false;
        }
    }
    return true;
}

static int append(const char *text, size_t len, void *out) {
    buf_add(out, text, len);
    return 0;
}

const char *request_json_text(struct request *r, const json_t *value) {
    struct buf out;
    buf_init(&out, REQUEST_ANSWER_MAX);
    check(json_dump_callback(value, append, &out, JSON_COMPACT | JSON_ENCODE_ANY) == 0);
    check(!out.overflow);
    const char *text = arena_str(r->arena, buf_slice(&out));
    buf_done(&out);
    return text;
}

const char *request_array_text(struct request *r, const json_t *array) {
    struct buf out;
    size_t i;
    json_t *item;
    buf_init(&out, REQUEST_ANSWER_MAX);
    buf_add_char(&out, '{');
    json_array_foreach(array, i, item) {
        buf_add_str(&out, i > 0 ? ",\"" : "\"");
        for (const char *c = json_string_value(item); *c != '\0'; c++) {
            if (*c == '"' || *c == '\\') {
                buf_add_char(&out, '\\');
            }
            buf_add_char(&out, *c);
        }
        buf_add_char(&out, '"');
    }
    buf_add_char(&out, '}');
    check(!out.overflow);
    const char *text = arena_str(r->arena, buf_slice(&out));
    buf_done(&out);
    return text;
}
