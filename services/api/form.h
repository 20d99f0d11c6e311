// application/x-www-form-urlencoded: query strings and OAuth's token requests.
#ifndef WEIR_API_FORM_H
#define WEIR_API_FORM_H

#include "base/arena.h"
#include "base/slice.h"

// Unescaped text with NUL; NULL if malformed, not UTF-8, holding a NUL byte or above 1000 bytes.
const char *form_unescape(struct arena *arena, struct slice s);
// The first value of `name`, still escaped; {NULL, 0} if absent.
struct slice form_find(struct slice form, const char *name);

#endif
