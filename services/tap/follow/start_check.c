// Checks at the start; see the header.
#include "tap/follow/start_check.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "core/brokerlog/broker_line.h"
#include "core/brokerlog/line_prefix.h"

enum {
    TAIL_BYTES = 256 * 1024,
    QUARTER_MS = 15 * 60 * 1000,
    SLACK_MS = 5000, // between a line's time and the file's; a buffered appender may be so late
    ZONE_MAX_MINUTES = 14 * 60,
};

int start_check_zone_minutes(int64_t line_ms, int64_t written_ms) {
    int64_t off = line_ms - written_ms;
    int64_t quarters = (off + (off < 0 ? -QUARTER_MS / 2 : QUARTER_MS / 2)) / QUARTER_MS;
    int64_t rest = off - quarters * QUARTER_MS;
    int64_t minutes = quarters * 15;
    if (quarters == 0 || rest > SLACK_MS || rest < -SLACK_MS || minutes > ZONE_MAX_MINUTES ||
        minutes < -ZONE_MAX_MINUTES) {
        return 0;
    }
    return (int)minutes;
}

bool start_check_is_local(struct slice connection, const char *const *addresses) {
    const char *dash = memchr(connection.ptr, '-', connection.len);
    if (addresses == NULL || dash == NULL) {
        return true;
    }
    struct slice local = slice_of(connection.ptr, (size_t)(dash - connection.ptr));
    const char *colon = memrchr(local.ptr, ':', local.len);
    struct slice host = local;
    if (colon != NULL) {
        host.len = (size_t)(colon - local.ptr);
    }
    for (; *addresses != NULL; addresses++) {
        if (slice_eq_str(local, *addresses) || slice_eq_str(host, *addresses)) {
            return true;
        }
    }
    return false;
}

struct newest {
    bool has_time;
    int64_t time_ms;
    bool has_connection;
    struct slice connection;
};

// From the end backwards, until both are known.
static struct newest newest_of(struct slice tail) {
    struct newest n = {0};
    int64_t time_us = 0;
    while (tail.len > 0 && !(n.has_time && n.has_connection)) {
        const char *newline = memrchr(tail.ptr, '\n', tail.len);
        if (newline == NULL) {
            break;
        }
        tail.len = (size_t)(newline - tail.ptr);
        const char *before = tail.len == 0 ? NULL : memrchr(tail.ptr, '\n', tail.len);
        if (before == NULL) {
            break; // maybe not a line from its beginning
        }
        struct slice line = slice_of(before + 1, (size_t)(newline - before - 1));
        if (!n.has_time) {
            n.has_time = line_prefix_time(line, &time_us);
            n.time_ms = time_us / 1000;
        }
        struct broker_line_brief b;
        if (!n.has_connection && broker_line_classify(line, &b) == LINE_FAULT_NONE &&
            !b.forwarded && b.connection.len > 0) {
            n.has_connection = true;
            n.connection = b.connection;
        }
        tail.len = (size_t)(before + 1 - tail.ptr);
    }
    return n;
}

static enum err_code judge(const struct start_check_options *o, const struct newest *n,
                           const struct stat *st, struct err *e) {
    int64_t written_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    int minutes = n->has_time ? start_check_zone_minutes(n->time_ms, written_ms) : 0;
    if (o->utc && minutes != 0) {
        (void)err_field(e, ERR_CONFIG, "log_file",
                        "%s is not in UTC: its newest line is %d minutes %s the file's own time",
                        o->path, minutes < 0 ? -minutes : minutes,
                        minutes < 0 ? "behind" : "ahead of");
        (void)err_hint(e,
                       "run the broker with -Duser.timezone=UTC, or %%d{...}{UTC} in log4j2.yaml");
        return ERR_CONFIG;
    }
    if (n->has_connection && !start_check_is_local(n->connection, o->addresses)) {
        return err_field(e, ERR_CONFIG, "broker_address",
                         "%s is another broker's log: its newest line is of connection %.*s",
                         o->path, SLICE_ARG(n->connection));
    }
    return ERR_OK;
}

enum err_code start_check(const struct start_check_options *o, bool *ret_done, struct err *e) {
    *ret_done = false;
    int fd = open(o->path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0 || st.st_size == 0) {
        if (fd >= 0) {
            close(fd);
        }
        return ERR_OK;
    }
    char *tail = malloc(TAIL_BYTES + 1);
    check(tail != NULL);
    // A newline in front of the file's first line, so that it counts as a whole one.
    tail[0] = '\n';
    off_t from = st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0;
    ssize_t n = pread(fd, tail + 1, TAIL_BYTES, from);
    (void)fstat(fd, &st);
    close(fd);
    enum err_code rc = ERR_OK;
    if (n > 0) {
        struct newest newest =
            newest_of(from == 0 ? slice_of(tail, (size_t)n + 1) : slice_of(tail + 1, (size_t)n));
        *ret_done = newest.has_time;
        rc = judge(o, &newest, &st, e);
    }
    free(tail);
    return rc;
}
