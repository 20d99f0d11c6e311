// Reads the text of one setting by its row. A part of platform/config.
#ifndef WEIR_PLATFORM_PROGRAM_CONFIG_VALUE_H
#define WEIR_PLATFORM_PROGRAM_CONFIG_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "platform/program/config.h"

struct config_value {
    char *text;     // NULL: not set; of secrets wiped by config_free
    int64_t number; // int, bool, milliseconds, bytes
    const char **items;
    size_t items_count;
};

// `origin` says where the text came from, for the error. Memory is the arena's.
ERR_MUST_CHECK enum err_code config_value_parse(const struct config_row *row, const char *text,
                                                const char *origin, struct arena *a,
                                                struct config_value *ret, struct err *e);
// "a whole number 1..65535", "one of a, b": for errors and help.
void config_value_describe(const struct config_row *row, struct buf *out);
// "WEIR_PORT"; the memory is the arena's.
const char *config_env_name(struct arena *a, const char *name);

#endif
