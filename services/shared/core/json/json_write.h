// JSON as text.
#ifndef WEIR_CORE_JSON_JSON_WRITE_H
#define WEIR_CORE_JSON_JSON_WRITE_H

#include <jansson.h>

#include "base/arena.h"

// Compact text in the arena. Takes the reference; a value that can't be written fails a check.
const char *json_write_text(struct arena *a, json_t *json);

#endif
