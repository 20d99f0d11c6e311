// application/x-www-form-urlencoded: query strings and OAuth's token requests.
#ifndef WEIR_PLATFORM_HTTP_HTTP_FORM_H
#define WEIR_PLATFORM_HTTP_HTTP_FORM_H

#include "base/arena.h"
#include "base/slice.h"

enum { HTTP_FORM_VALUE_MAX = 8000 }; // bytes, unescaped: a cursor may hold a key of thousands

// Unescaped text with NUL at its end; NULL if malformed, not UTF-8, with a NUL byte inside or above
// HTTP_FORM_VALUE_MAX bytes.
const char *http_form_unescape(struct arena *arena, struct slice s);
// The first value of `name`, still escaped; {NULL, 0} if absent.
struct slice http_form_find(struct slice form, const char *name);
// Every pair of the form can be unescaped.
bool http_form_valid(struct arena *arena, struct slice form);

#endif
