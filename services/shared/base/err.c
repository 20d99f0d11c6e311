#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 4, 0))) static void
err_fill(struct err *e, enum err_code code, const char *field, const char *fmt, va_list ap) {
    memset(e, 0, sizeof *e);
    e->code = code;
    (void)snprintf(e->field, sizeof e->field, "%s", field);
    (void)vsnprintf(e->text, sizeof e->text, fmt, ap);
}

enum err_code err_set(struct err *e, enum err_code code, const char *fmt, ...) {
    if (e != NULL) {
        va_list ap;
        va_start(ap, fmt);
        err_fill(e, code, "", fmt, ap);
        va_end(ap);
    }
    return code;
}

enum err_code err_field(struct err *e, enum err_code code, const char *field, const char *fmt,
                        ...) {
    if (e != NULL) {
        va_list ap;
        va_start(ap, fmt);
        err_fill(e, code, field, fmt, ap);
        va_end(ap);
    }
    return code;
}

enum err_code err_hint(struct err *e, const char *fmt, ...) {
    if (e == NULL) {
        return ERR_INTERNAL;
    }
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(e->hint, sizeof e->hint, fmt, ap);
    va_end(ap);
    return e->code;
}

enum err_code err_context(struct err *e, const char *fmt, ...) {
    if (e == NULL) {
        return ERR_INTERNAL;
    }
    char text[ERR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    size_t used = n < 0 ? 0 : (size_t)n;
    static const char SEPARATOR[] = ": ";
    if (used + sizeof SEPARATOR < sizeof text) {
        memcpy(text + used, SEPARATOR, sizeof SEPARATOR - 1);
        used += sizeof SEPARATOR - 1;
        size_t rest = strnlen(e->text, sizeof text - used - 1); // a long text loses its end
        memcpy(text + used, e->text, rest);
        text[used + rest] = '\0';
    }
    memcpy(e->text, text, sizeof text);
    return e->code;
}

const char *err_name(enum err_code code) {
    switch (code) {
    case ERR_OK: return "ok";
    case ERR_INVALID: return "invalid";
    case ERR_NOT_FOUND: return "not_found";
    case ERR_CONFLICT: return "conflict";
    case ERR_DENIED: return "denied";
    case ERR_UNAUTHENTICATED: return "unauthenticated";
    case ERR_LIMIT: return "limit";
    case ERR_UNAVAILABLE: return "unavailable";
    case ERR_IO: return "io";
    case ERR_CONFIG: return "config";
    case ERR_INTERNAL: return "internal";
    }
    return "unknown";
}
