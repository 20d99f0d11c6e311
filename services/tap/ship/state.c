// The state file; see the header. One thread.
#include "tap/ship/state.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/number.h"

static const char FIRST_LINE[] = "weir-tap state 2";

static void render(struct buf *b, const struct state *s) {
    buf_printf(b, "%s\nbroker %" PRId32 "\n", FIRST_LINE, s->broker);
    buf_printf(b, "resume %" PRId64 " %" PRIu64 " %" PRId64 " %" PRIu64 "\n", s->resume.generation,
               s->resume.offset, s->resume.ident.first_ms, s->resume.ident.hash);
    buf_printf(b, "file %" PRIu64 "\n", s->resume.id);
    buf_printf(b, "forgotten %" PRId64 "\n", s->past.forgotten_ms);
    for (size_t i = 0; i < s->past.count; i++) {
        buf_printf(b, "begun %" PRId64 " %" PRId64 " %" PRIu64 "\n", s->past.items[i].generation,
                   s->past.items[i].ident.first_ms, s->past.items[i].ident.hash);
    }
    buf_printf(b, "partitions %" PRId32 "\n", s->partitions);
    for (int32_t p = 0; p < s->partitions; p++) {
        if (s->acked[p].has) {
            char pos[LOG_POSITION_TEXT_MAX];
            log_position_format(pos, &s->acked[p].pos);
            buf_printf(b, "acked %" PRId32 " %s\n", p, pos);
        }
    }
    uint32_t sum = (uint32_t)crc32(0, (const unsigned char *)b->ptr, (unsigned)b->len);
    buf_printf(b, "sum %08" PRIx32 "\n", sum);
}

static bool write_all(int fd, struct slice s) {
    while (s.len > 0) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno != EINTR) {
            return false;
        }
        if (n > 0) {
            s = slice_of(s.ptr + n, s.len - (size_t)n);
        }
    }
    return true;
}

static bool sync_folder(const char *path) {
    char copy[4096];
    if (strlen(path) >= sizeof copy) {
        return false;
    }
    memcpy(copy, path, strlen(path) + 1);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

enum err_code state_write(const char *path, const struct state *s, struct err *e) {
    char next[4096];
    int n = snprintf(next, sizeof next, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof next) {
        return err_set(e, ERR_IO, "%s: name too long", path);
    }
    struct buf b;
    buf_init(&b, STATE_FILE_MAX);
    render(&b, s);
    check(!b.overflow);
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    bool ok = fd >= 0 && write_all(fd, buf_slice(&b)) && fsync(fd) == 0;
    int reason = errno;
    if (fd >= 0) {
        close(fd);
    }
    if (ok && (rename(next, path) != 0 || !sync_folder(path))) {
        ok = false;
        reason = errno;
    }
    buf_done(&b);
    return ok ? ERR_OK
              : err_set(e, ERR_IO, "state can't be written to %s: %s", path, strerror(reason));
}

// Next line of `rest`, which moves behind it. False without a newline.
static bool next_line(struct slice *rest, struct slice *ret) {
    const char *newline = rest->len == 0 ? NULL : memchr(rest->ptr, '\n', rest->len);
    if (newline == NULL) {
        return false;
    }
    *ret = slice_of(rest->ptr, (size_t)(newline - rest->ptr));
    *rest = slice_of(newline + 1, rest->len - ret->len - 1);
    return true;
}

// Takes `word` and then up to `max` fields separated by single blanks.
static size_t fields(struct slice line, const char *word, struct slice *out, size_t max) {
    struct slice w = slice_str(word);
    if (!slice_starts_with(line, w) || line.len <= w.len || line.ptr[w.len] != ' ') {
        return 0;
    }
    const char *p = line.ptr + w.len + 1, *end = line.ptr + line.len;
    size_t n = 0;
    while (n < max) {
        const char *blank = memchr(p, ' ', (size_t)(end - p));
        const char *stop = blank == NULL ? end : blank;
        out[n++] = slice_of(p, (size_t)(stop - p));
        if (blank == NULL) {
            return n;
        }
        p = blank + 1;
    }
    return 0;
}

static bool parse_acked(struct slice line, struct state *s) {
    struct slice f[2];
    uint64_t p;
    if (fields(line, "acked", f, 2) != 2 || !number_parse_u64(f[0], &p) ||
        p >= (uint64_t)s->partitions || s->acked[p].has ||
        !log_position_parse(f[1], &s->acked[p].pos) || s->acked[p].pos.broker != s->broker) {
        return false;
    }
    s->acked[p].has = true;
    return true;
}

// `line` is the first one. Leaves it behind what it took, as next_line does.
static bool parse_past(struct slice *rest, struct slice *line, struct follow_past *past) {
    struct slice f[3];
    if (fields(*line, "forgotten", f, 1) != 1 || !number_parse_i64(f[0], &past->forgotten_ms)) {
        return false;
    }
    past->count = 0;
    while (next_line(rest, line)) {
        if (fields(*line, "begun", f, 3) != 3) {
            return true;
        }
        if (past->count == FOLLOW_KNOWN_MAX ||
            !number_parse_i64(f[0], &past->items[past->count].generation) ||
            !number_parse_i64(f[1], &past->items[past->count].ident.first_ms) ||
            !number_parse_u64(f[2], &past->items[past->count].ident.hash)) {
            return false;
        }
        past->count++;
    }
    return false;
}

static bool parse(struct slice text, struct state *s) {
    struct slice line, f[4], rest = text;
    int64_t broker, partitions;
    uint64_t offset, hash;
    if (!next_line(&rest, &line) || !slice_eq_str(line, FIRST_LINE)) {
        return false;
    }
    if (!next_line(&rest, &line) || fields(line, "broker", f, 1) != 1 ||
        !number_parse_i64(f[0], &broker) || broker < 0 || broker > INT32_MAX) {
        return false;
    }
    if (!next_line(&rest, &line) || fields(line, "resume", f, 4) != 4 ||
        !number_parse_i64(f[0], &s->resume.generation) || !number_parse_u64(f[1], &offset) ||
        !number_parse_i64(f[2], &s->resume.ident.first_ms) || !number_parse_u64(f[3], &hash)) {
        return false;
    }
    // Earlier releases didn't write it.
    if (!next_line(&rest, &line) ||
        (fields(line, "file", f, 1) == 1 &&
         (!number_parse_u64(f[0], &s->resume.id) || !next_line(&rest, &line)))) {
        return false;
    }
    if (!parse_past(&rest, &line, &s->past) || fields(line, "partitions", f, 1) != 1 ||
        !number_parse_i64(f[0], &partitions) || partitions < 1 || partitions > LOG_PARTITIONS_MAX) {
        return false;
    }
    s->broker = (int32_t)broker;
    s->partitions = (int32_t)partitions;
    s->resume.offset = offset;
    s->resume.ident.hash = hash;
    while (next_line(&rest, &line)) {
        if (fields(line, "sum", f, 1) == 1) {
            char sum[16];
            uint32_t crc = (uint32_t)crc32(0, (const unsigned char *)text.ptr,
                                           (unsigned)(line.ptr - text.ptr));
            snprintf(sum, sizeof sum, "%08" PRIx32, crc);
            return rest.len == 0 && slice_eq_str(f[0], sum);
        }
        if (!parse_acked(line, s)) {
            return false;
        }
    }
    return false;
}

enum err_code state_read(const char *path, struct state *ret, struct err *e) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                       strerror(errno));
    }
    char *text = malloc(STATE_FILE_MAX);
    struct state *s = calloc(1, sizeof *s);
    check(text != NULL && s != NULL);
    size_t len = 0;
    ssize_t n;
    while (len < STATE_FILE_MAX &&
           ((n = read(fd, text + len, STATE_FILE_MAX - len)) > 0 || (n < 0 && errno == EINTR))) {
        len += n > 0 ? (size_t)n : 0;
    }
    int reason = n < 0 ? errno : 0;
    close(fd);
    enum err_code rc = ERR_OK;
    if (reason != 0) {
        rc = err_set(e, ERR_IO, "%s: %s", path, strerror(reason));
    } else if (!parse(slice_of(text, len), s)) {
        rc = err_set(e, ERR_INVALID, "%s is not a whole state file", path);
    } else {
        *ret = *s;
    }
    free(s);
    free(text);
    return rc;
}
