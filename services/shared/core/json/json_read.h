// Strict reading of a JSON document: every member is named, unknown ones are refused, figures are
// strings. The first error is kept with the JSON pointer (RFC 6901) of its place, and what is read
// after it gives defaults, so that a reader checks once at its end. null counts as absent.
#ifndef WEIR_CORE_JSON_JSON_READ_H
#define WEIR_CORE_JSON_JSON_READ_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/money/decimal.h"

struct json_read {
    struct arena *arena;
    struct err *e;
    enum err_code code; // of the first error, or ERR_OK
};

// A value at its place. Borrows the document.
struct json_node {
    struct json_read *read;
    json_t *json; // NULL: absent
    char pointer[ERR_FIELD_MAX];
};

// A member that has only its default so far, and that default as JSON text.
struct json_default {
    const char *name, *only;
};

struct json_node json_node_root(struct json_read *r, json_t *json, const char *pointer);
struct json_node json_node_member(const struct json_node *object, const char *name);
struct json_node json_node_element(const struct json_node *array, size_t i);

// Records an error at the node, unless there is one already.
void json_node_fail(const struct json_node *n, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// That the node is an object whose members are all in `names` or `defaults`, and that the latter
// have the value given there, else "... is not supported yet". Lists end with NULL; `defaults` may
// be NULL. False if the node is absent or wrong.
bool json_node_object(const struct json_node *n, const char *const *names,
                      const struct json_default *defaults);
// The number of elements; 0 if absent. More than `max` or no array is an error.
size_t json_node_array(const struct json_node *n, size_t max);
// That a required node is there.
bool json_node_required(const struct json_node *n);

// A copy in the arena of a string of 1 to `max` bytes; `otherwise` if absent.
const char *json_node_text(const struct json_node *n, size_t max, const char *otherwise);
// The index of the string in `words` (ends with NULL), `otherwise` if absent.
int json_node_word(const struct json_node *n, const char *const *words, int otherwise);
bool json_node_bool(const struct json_node *n, bool otherwise);
int64_t json_node_int(const struct json_node *n, int64_t min, int64_t max, int64_t otherwise);
// A decimal string; 0 if absent. A count may be a whole number up to 2^128 - 1; a stored figure,
// one that we wrote, has any number of digits.
struct decimal json_node_decimal(const struct json_node *n);
struct decimal json_node_count(const struct json_node *n);
struct decimal json_node_stored(const struct json_node *n);
// As json_node_decimal, and at least (above) 0.
struct decimal json_node_decimal_from_zero(const struct json_node *n);
struct decimal json_node_decimal_above_zero(const struct json_node *n);

#endif
