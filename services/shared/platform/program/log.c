// Each event is written into a buffer of its own and goes out in one write(2), which keeps lines of
// several threads whole up to the size of a pipe's buffer; the lock covers the rest.
#include "platform/program/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "platform/program/clock.h"

static const char *log_program = "weir";
static _Atomic enum log_level log_least = LOG_LEVEL_INFO;
static int log_fd = STDERR_FILENO;
static const struct clock *log_clock = &clock_system;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;

static const char *const LEVEL_NAMES[] = {"debug", "info", "warn", "error"};

void log_init(const char *program, enum log_level level) {
    log_program = program;
    atomic_store(&log_least, level);
}

void log_redirect(int fd, const struct clock *clock) {
    log_fd = fd;
    log_clock = clock == NULL ? &clock_system : clock;
}

bool log_level_parse(const char *name, enum log_level *ret) {
    for (size_t i = 0; i < sizeof LEVEL_NAMES / sizeof *LEVEL_NAMES; i++) {
        if (strcmp(name, LEVEL_NAMES[i]) == 0) {
            *ret = (enum log_level)i;
            return true;
        }
    }
    return false;
}

bool log_enabled(enum log_level level) {
    return level >= atomic_load_explicit(&log_least, memory_order_relaxed);
}

// Cuts at LOG_VALUE_MAX, not inside a UTF-8 sequence.
static struct slice shorten(struct slice s) {
    if (s.len <= LOG_VALUE_MAX) {
        return s;
    }
    size_t len = LOG_VALUE_MAX;
    while (len > 0 && ((unsigned char)s.ptr[len] & 0xC0) == 0x80) {
        len--;
    }
    return slice_of(s.ptr, len == 0 ? LOG_VALUE_MAX : len);
}

static void add_text(struct buf *line, const char *key, struct slice value) {
    buf_add_json_string(line, slice_str(key));
    buf_add_char(line, ':');
    if (value.ptr == NULL) {
        buf_add_str(line, "null");
    } else {
        buf_add_json_string(line, shorten(value));
    }
}

static void add_err(struct buf *line, const struct err *e) {
    buf_add_str(line, "\"error\":{");
    add_text(line, "code", slice_str(err_name(e->code)));
    const struct {
        const char *key;
        const char *value;
    } parts[] = {
        {"text", e->text}, {"field", e->field}, {"sqlstate", e->sqlstate}, {"hint", e->hint}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (parts[i].value[0] != '\0') {
            buf_add_char(line, ',');
            add_text(line, parts[i].key, slice_str(parts[i].value));
        }
    }
    buf_add_char(line, '}');
}

// Writes one field with a comma in front, or nothing and false if it doesn't fit.
static bool add_field(struct buf *line, const struct log_field *f) {
    size_t before = line->len;
    buf_add_char(line, ',');
    switch (f->kind) {
    case LOG_KIND_ID:
    case LOG_KIND_TEXT: add_text(line, f->key, f->text); break;
    case LOG_KIND_INT:
        buf_add_json_string(line, slice_str(f->key));
        buf_printf(line, ":%lld", (long long)f->number);
        break;
    case LOG_KIND_UINT:
        buf_add_json_string(line, slice_str(f->key));
        buf_printf(line, ":%llu", (unsigned long long)f->natural);
        break;
    case LOG_KIND_BOOL:
        buf_add_json_string(line, slice_str(f->key));
        buf_add_str(line, f->number != 0 ? ":true" : ":false");
        break;
    case LOG_KIND_ERR: add_err(line, f->err); break;
    case LOG_KIND_NONE:
    case LOG_KIND_END: break;
    }
    if (!line->overflow) {
        return true;
    }
    line->overflow = false;
    line->len = before;
    return false;
}

static void write_line(const struct buf *line) {
    const char *at = line->ptr;
    size_t left = line->len;
    while (left > 0) {
        ssize_t n = write(log_fd, at, left);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return; // nobody is left to tell
        }
        at += n;
        left -= (size_t)n;
    }
}

void log_event(enum log_level level, const char *event, const struct log_field *fields) {
    if (!log_enabled(level)) {
        return;
    }
    static const char CUT[] = ",\"cut\":true";
    static const char END[] = "}\n";
    struct buf line;
    buf_init(&line, LOG_LINE_MAX - (sizeof CUT - 1) - (sizeof END - 1));
    char now[INSTANT_TEXT_MAX];
    instant_format(now, clock_now_us(log_clock));
    buf_printf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"program\":\"%s\"", now,
               LEVEL_NAMES[level], log_program);
    bool whole = true;
    for (const struct log_field *f = fields; f->kind != LOG_KIND_END; f++) {
        whole = (f->kind != LOG_KIND_ID || add_field(&line, f)) && whole;
    }
    const struct log_field name = log_str("event", event);
    whole = add_field(&line, &name) && whole;
    for (const struct log_field *f = fields; f->kind != LOG_KIND_END; f++) {
        bool later = f->kind != LOG_KIND_ID && f->kind != LOG_KIND_NONE;
        whole = (!later || add_field(&line, f)) && whole;
    }
    line.max = LOG_LINE_MAX;
    buf_add_str(&line, whole ? "" : CUT);
    buf_add_str(&line, END);
    pthread_mutex_lock(&log_lock);
    write_line(&line);
    pthread_mutex_unlock(&log_lock);
    buf_done(&line);
}
