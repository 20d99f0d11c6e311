// The first page of a list of the API, a line for each item.
#ifndef WEIR_CTL_LISTING_H
#define WEIR_CTL_LISTING_H

#include <jansson.h>

#include "base/err.h"
#include "platform/program/config.h"

// How many items to show.
#define LISTING_ROW_LIMIT                                                                          \
    {                                                                                              \
        .name = "limit", .type = CONFIG_INT, .min = 1, .max = 200, .flag_only = true,              \
        .fallback = "50", .example = "200", .help = "rows to show, newest first"                   \
    }

// Gets `path` with the setting "limit" and calls `show` for each item; `none` is printed where there are
// no items. Errors are those of the call.
ERR_MUST_CHECK enum err_code listing_print(const struct config *c, const char *path,
                                           void (*show)(const json_t *item), const char *none,
                                           struct err *e);
// A member of an item as text, borrowed; "-" where it has none.
const char *listing_text(const json_t *item, const char *name);

#endif
