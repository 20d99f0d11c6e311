// Joins the files of api/openapi into the one OpenAPI document that weir-api serves:
//
//     openapi_join root.json AREA/RESOURCE.json... >openapi.json
//
// The first file is the document itself; each of the others brings paths and components. What two
// files both define, an operation without a name of its own, a $ref that leads nowhere and a
// component that nothing uses are faults: all of them are told on stderr, nothing is written, and
// the exit code is 1. The text depends on nothing but the files and their order.
//
// A tool of the build: it has nothing but jansson, and frees everything so that it runs under
// AddressSanitizer too.
#include <jansson.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char COMPONENTS[] = "#/components/";

struct join {
    json_t *document;
    json_t *homes;   // "paths/NAME", "schemas/NAME" ...: the file that defines it
    json_t *names;   // operationId: the operation that has it
    json_t *reached; // "schemas/NAME" ...: components that something uses
    int faults;
};

static void fault(struct join *j, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fault(struct join *j, const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)fputs("openapi_join: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    va_end(args);
    j->faults++;
}

// The parts joined with nothing between them; to be freed by the caller.
static char *text_of(const char *a, const char *b, const char *c) {
    size_t size = strlen(a) + strlen(b) + strlen(c) + 1;
    char *text = malloc(size);
    if (text == NULL) {
        abort();
    }
    (void)snprintf(text, size, "%s%s%s", a, b, c);
    return text;
}

// The object called `name` in `parent`, made if it isn't there; borrowed.
static json_t *object_in(json_t *parent, const char *name) {
    if (json_object_get(parent, name) == NULL) {
        (void)json_object_set_new(parent, name, json_object());
    }
    return json_object_get(parent, name);
}

// --- joining -----------------------------------------------------------------------------------

// Takes every member of `from` over into the object called `kind` of `parent`.
static void take_names(struct join *j, const char *file, json_t *parent, const char *kind,
                       json_t *from) {
    if (!json_is_object(from)) {
        fault(j, "%s: %s is no object", file, kind);
        return;
    }
    json_t *into = object_in(parent, kind), *value;
    const char *name;
    json_object_foreach(from, name, value) {
        char *key = text_of(kind, "/", name);
        const char *home = json_string_value(json_object_get(j->homes, key));
        if (home != NULL) {
            fault(j, "%s: %s stands in %s already", file, key, home);
        } else {
            (void)json_object_set_new(j->homes, key, json_string(file));
            (void)json_object_set(into, name, value);
        }
        free(key);
    }
}

static void take_components(struct join *j, const char *file, json_t *from) {
    if (!json_is_object(from)) {
        fault(j, "%s: components is no object", file);
        return;
    }
    json_t *into = object_in(j->document, "components"), *names;
    const char *kind;
    json_object_foreach(from, kind, names) {
        take_names(j, file, into, kind, names);
    }
}

static void take_file(struct join *j, const char *file, bool is_root) {
    json_error_t error;
    json_t *part = json_load_file(file, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(part)) {
        fault(j, "%s:%d: %s", file, error.line, part == NULL ? error.text : "no object");
        json_decref(part);
        return;
    }
    const char *key;
    json_t *value;
    json_object_foreach(part, key, value) {
        if (strcmp(key, "paths") == 0) {
            take_names(j, file, j->document, key, value);
        } else if (strcmp(key, "components") == 0) {
            take_components(j, file, value);
        } else if (is_root) {
            (void)json_object_set(j->document, key, value);
        } else {
            fault(j, "%s: %s has its place in the root file", file, key);
        }
    }
    json_decref(part);
}

// --- checking ----------------------------------------------------------------------------------

static void follow(struct join *j, const char *where, json_t *value);

// `key`, such as "schemas/NAME", is used at `where`; and with it all that it uses.
static void reach(struct join *j, const char *where, const char *key) {
    if (json_object_get(j->reached, key) != NULL) {
        return;
    }
    const char *slash = strchr(key, '/');
    char *kind = strndup(key, slash != NULL ? (size_t)(slash - key) : strlen(key));
    if (kind == NULL) {
        abort();
    }
    json_t *names = json_object_get(json_object_get(j->document, "components"), kind);
    json_t *component = slash != NULL ? json_object_get(names, slash + 1) : NULL;
    free(kind);
    if (component == NULL) {
        fault(j, "%s: %s%s isn't there", where, COMPONENTS, key);
        return;
    }
    (void)json_object_set_new(j->reached, key, json_true());
    follow(j, key, component);
}

// A reference is any text that begins like one: discriminators have theirs without $ref.
static void follow(struct join *j, const char *where, json_t *value) {
    const char *key, *text = json_string_value(value);
    size_t i;
    json_t *item;
    if (text != NULL && strncmp(text, COMPONENTS, sizeof COMPONENTS - 1) == 0) {
        reach(j, where, text + sizeof COMPONENTS - 1);
    }
    json_array_foreach(value, i, item) {
        follow(j, where, item);
    }
    json_object_foreach(value, key, item) {
        text = json_string_value(item);
        if (strcmp(key, "$ref") == 0 &&
            (text == NULL || strncmp(text, COMPONENTS, sizeof COMPONENTS - 1) != 0)) {
            fault(j, "%s: a $ref leads to a component: %s...", where, COMPONENTS);
        }
        follow(j, where, item);
    }
}

// Security schemes are used by name.
static void follow_security(struct join *j, const char *where, json_t *security) {
    size_t i;
    json_t *requirement, *scopes;
    const char *name;
    json_array_foreach(security, i, requirement) {
        json_object_foreach(requirement, name, scopes) {
            char *key = text_of("securitySchemes", "/", name);
            reach(j, where, key);
            free(key);
        }
    }
}

static void check_operation(struct join *j, const char *where, json_t *operation) {
    const char *name = json_string_value(json_object_get(operation, "operationId"));
    const char *first = name != NULL ? json_string_value(json_object_get(j->names, name)) : NULL;
    if (name == NULL) {
        fault(j, "%s: no operationId", where);
    } else if (first != NULL) {
        fault(j, "%s: the operationId %s is that of %s", where, name, first);
    } else {
        (void)json_object_set_new(j->names, name, json_string(where));
    }
    follow_security(j, where, json_object_get(operation, "security"));
}

static void check(struct join *j) {
    const char *path, *method, *kind, *name;
    json_t *item, *operation, *names, *component;
    json_object_foreach(json_object_get(j->document, "paths"), path, item) {
        // Of what a path may have, only operations are objects.
        json_object_foreach(item, method, operation) {
            char *where = text_of(method, " ", path);
            if (json_is_object(operation)) {
                check_operation(j, where, operation);
            }
            follow(j, where, operation);
            free(where);
        }
    }
    follow_security(j, "security", json_object_get(j->document, "security"));

    json_object_foreach(json_object_get(j->document, "components"), kind, names) {
        json_object_foreach(names, name, component) {
            char *key = text_of(kind, "/", name);
            if (json_object_get(j->reached, key) == NULL) {
                fault(j, "%s: nothing uses %s", json_string_value(json_object_get(j->homes, key)),
                      key);
            }
            free(key);
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 2) {
        (void)fprintf(stderr, "usage: openapi_join ROOT.json [FILE.json...]\n");
        return 2;
    }
    struct join j = {json_object(), json_object(), json_object(), json_object(), 0};
    for (int i = 1; i < argc; i++) {
        take_file(&j, argv[i], i == 1);
    }
    // A file that couldn't be read leaves gaps that are no faults of the others.
    if (j.faults == 0) {
        check(&j);
    }
    if (j.faults == 0 && (json_dumpf(j.document, stdout, JSON_INDENT(1)) != 0 ||
                          putchar('\n') == EOF || fflush(stdout) != 0)) {
        fault(&j, "the document couldn't be written");
    }
    json_decref(j.document);
    json_decref(j.homes);
    json_decref(j.names);
    json_decref(j.reached);
    return j.faults == 0 ? 0 : 1;
}
