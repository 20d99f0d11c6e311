#include "meter/fold/dead_line.h"

#include <string.h>

#include "core/brokerlog/line_prefix.h"
#include "meter/fold/principals.h"

// The plain string that follows `name` where it stands last (`from_end`) or first; empty if there
// is none, or if it has escapes.
static struct slice value_of(struct slice text, struct slice name, bool from_end) {
    const char *at = NULL;
    for (size_t i = 0; i + name.len <= text.len;) {
        const char *found = memmem(text.ptr + i, text.len - i, name.ptr, name.len);
        if (found == NULL) {
            break;
        }
        at = found + name.len;
        if (!from_end) {
            break;
        }
        i = (size_t)(at - text.ptr);
    }
    if (at == NULL) {
        return (struct slice){0};
    }
    size_t left = text.len - (size_t)(at - text.ptr);
    const char *end = memchr(at, '"', left);
    if (end == NULL || memchr(at, '\\', (size_t)(end - at)) != NULL) {
        return (struct slice){0};
    }
    return slice_of(at, (size_t)(end - at));
}

void dead_line_read(struct slice text, struct dead_line *ret) {
    *ret = (struct dead_line){.at_us = INT64_MIN};
    int64_t at_us;
    if (line_prefix_time(text, &at_us)) {
        ret->at_us = at_us;
    }
    ret->api = value_of(text, SLICE_LIT("\"requestApiKeyName\":\""), false);
    ret->principal = principals_bare_name(value_of(text, SLICE_LIT("\"principal\":\""), true));
}
