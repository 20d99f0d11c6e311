// application/x-www-form-urlencoded: query strings and OAuth's token requests.
#ifndef WEIR_PLATFORM_HTTP_HTTP_FORM_H
#define WEIR_PLATFORM_HTTP_HTTP_FORM_H

#include "base/arena.h"
#include "base/slice.h"

enum { FORM_VALUE_MAX = 1000 };

// Unescaped text with NUL at its end; NULL if malformed, not UTF-8, with a NUL byte inside or above
// FORM_VALUE_MAX bytes.
const char *form_unescape(struct arena *arena, struct slice s);
// The first value of `name`, still escaped; {NULL, 0} if absent.
struct slice form_find(struct slice form, const char *name);
// Every pair of the form can be unescaped.
bool form_valid(struct arena *arena, struct slice form);

#endif
