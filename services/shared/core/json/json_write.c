#include "core/json/json_write.h"

#include <stdlib.h>

#include "base/check.h"

const char *json_write_text(struct arena *a, json_t *json) {
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
    check(text != NULL);
    const char *copy = arena_str(a, slice_str(text));
    free(text);
    json_decref(json);
    return copy;
}
