// One JSON line per event on standard error: time, level, program, ids, event, fields. Any thread.
// Only the top of a program logs an error, once; core and base never log.
//
//     log_info("subscription activated", log_id("org", org), log_int("topics", n));
#ifndef WEIR_PLATFORM_PROGRAM_LOG_H
#define WEIR_PLATFORM_PROGRAM_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

enum {
    LOG_LINE_MAX = 8192,  // bytes of a line; what doesn't fit is left out and "cut":true added
    LOG_VALUE_MAX = 2048, // bytes of one text value; the rest is cut
};

enum log_kind {
    LOG_KIND_NONE,
    LOG_KIND_END,
    LOG_KIND_ID,
    LOG_KIND_TEXT,
    LOG_KIND_INT,
    LOG_KIND_UINT,
    LOG_KIND_BOOL,
    LOG_KIND_ERR
};

struct log_field {
    const char *key;
    enum log_kind kind;
    struct slice text;
    int64_t number;
    uint64_t natural;
    const struct err *err;
};

// Before threads start. `program` is borrowed for good. The default is "weir", level info, fd 2.
void log_init(const char *program, enum log_level level);
// For tests: where lines go, and whose time they carry (NULL: the system's).
struct clock;
void log_redirect(int fd, const struct clock *clock);
// False if `name` is none of debug, info, warn, error.
bool log_level_parse(const char *name, enum log_level *ret);
bool log_enabled(enum log_level level);

// `fields` end with one of LOG_KIND_END. `event` is a constant phrase without values in it.
void log_event(enum log_level level, const char *event, const struct log_field *fields);

// The first one says nothing; it lets the list of the caller be empty.
#define LOG_FIELDS(...)                                                                            \
    ((const struct log_field[]){{.kind = LOG_KIND_NONE}, ##__VA_ARGS__, {.kind = LOG_KIND_END}})
#define log_debug(event, ...)                                                                      \
    (log_enabled(LOG_LEVEL_DEBUG) ? log_event(LOG_LEVEL_DEBUG, event, LOG_FIELDS(__VA_ARGS__))     \
                                  : (void)0)
#define log_info(event, ...) log_event(LOG_LEVEL_INFO, event, LOG_FIELDS(__VA_ARGS__))
#define log_warn(event, ...) log_event(LOG_LEVEL_WARN, event, LOG_FIELDS(__VA_ARGS__))
#define log_error(event, ...) log_event(LOG_LEVEL_ERROR, event, LOG_FIELDS(__VA_ARGS__))

// An id (org, subscription, request, ...): stands before the event, whatever its place in the call.
static inline struct log_field log_id(const char *key, const char *value) {
    return (struct log_field){.key = key, .kind = LOG_KIND_ID, .text = slice_str(value)};
}

static inline struct log_field log_str(const char *key, const char *value) {
    return (struct log_field){.key = key, .kind = LOG_KIND_TEXT, .text = slice_str(value)};
}

static inline struct log_field log_slice(const char *key, struct slice value) {
    return (struct log_field){.key = key, .kind = LOG_KIND_TEXT, .text = value};
}

static inline struct log_field log_int(const char *key, int64_t value) {
    return (struct log_field){.key = key, .kind = LOG_KIND_INT, .number = value};
}

static inline struct log_field log_uint(const char *key, uint64_t value) {
    return (struct log_field){.key = key, .kind = LOG_KIND_UINT, .natural = value};
}

static inline struct log_field log_bool(const char *key, bool value) {
    return (struct log_field){.key = key, .kind = LOG_KIND_BOOL, .number = value};
}

// Writes "error":{"code":...,"text":...} with field, hint and sqlstate where they are set.
static inline struct log_field log_err(const struct err *e) {
    return (struct log_field){.key = "error", .kind = LOG_KIND_ERR, .err = e};
}

#endif
