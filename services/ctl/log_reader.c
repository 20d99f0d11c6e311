#include "ctl/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/check.h"
#include "core/brokerlog/broker_line.h"
#include "core/brokerlog/line_prefix.h"

enum {
    CHUNK = 1 << 18,
    BUFFER_MAX = 2 * BROKER_LINE_MAX,
    BUFFER_KEPT = 16 * CHUNK, // when a giant line has been read, what is more is given back
};

// Plain files are read, not mapped: one that is cut while it is read would kill the program.
struct log_reader {
    char *path;
    int fd;        // of a plain file, -1 otherwise
    gzFile stream; // of anything else
    char *buffer;  // owned; BUFFER_MAX bytes at most, BUFFER_KEPT after a giant line
    size_t buffer_cap;
    bool at_end;
    struct err error;

    const char *pos; // next byte in the buffer
    const char *end;
    uint64_t offset; // of pos in the unpacked file
    uint64_t nuls;
    struct line_remains remains;
};

static bool is_plain_file(int fd) {
    struct stat st;
    unsigned char magic[2] = {0, 0};
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return false;
    }
    return pread(fd, magic, sizeof magic, 0) != sizeof magic || magic[0] != 0x1f ||
           magic[1] != 0x8b;
}

enum err_code log_reader_open(const char *path, struct log_reader **ret_reader, struct err *e) {
    bool standard = strcmp(path, "-") == 0;
    int fd = standard ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    }
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        return err_set(e, ERR_IO, "%s: is a folder", path);
    }
    struct log_reader *r = calloc(1, sizeof *r);
    check(r != NULL);
    r->fd = -1;
    r->path = strdup(standard ? "stdin" : path);
    check(r->path != NULL);
    if (!standard && is_plain_file(fd)) {
        (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
        r->fd = fd;
    } else {
        r->stream = gzdopen(fd, "rb"); // reads what is not gzip as it is
        check(r->stream != NULL);
        (void)gzbuffer(r->stream, CHUNK);
    }
    *ret_reader = r;
    return ERR_OK;
}

void log_reader_close(struct log_reader *r) {
    if (r == NULL) {
        return;
    }
    if (r->fd >= 0) {
        close(r->fd);
    }
    if (r->stream != NULL) {
        gzclose(r->stream);
    }
    free(r->buffer);
    free(r->path);
    free(r);
}

const char *log_reader_path(const struct log_reader *r) {
    return r->path;
}

const struct line_remains *log_reader_remains(const struct log_reader *r) {
    return &r->remains;
}

uint64_t log_reader_nuls(const struct log_reader *r) {
    return r->nuls;
}

enum err_code log_reader_error(const struct log_reader *r, struct err *e) {
    if (r->error.code != ERR_OK && e != NULL) {
        *e = r->error;
    }
    return r->error.code;
}

static ssize_t read_plain(struct log_reader *r, char *to) {
    ssize_t n;
    do {
        n = read(r->fd, to, CHUNK);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        (void)err_set(&r->error, ERR_IO, "%s: %s", r->path, strerror(errno));
    }
    return n;
}

static ssize_t read_stream(struct log_reader *r, char *to) {
    int n = gzread(r->stream, to, CHUNK);
    int code = Z_OK;
    const char *text = gzerror(r->stream, &code);
    if (n < 0 || (n == 0 && code == Z_BUF_ERROR)) {
        (void)err_set(&r->error, ERR_IO, "%s: %s", r->path,
                      code == Z_BUF_ERROR ? "gzip data ends in the middle" : text);
    }
    return n;
}

// Reads one more chunk behind the unread bytes. False if nothing came.
static bool fill(struct log_reader *r) {
    size_t unread = (size_t)(r->end - r->pos);
    if (r->at_end) {
        return false;
    }
    if (unread > 0 && r->pos != r->buffer) {
        memmove(r->buffer, r->pos, unread);
    }
    bool giant = r->buffer_cap > BUFFER_KEPT && unread < CHUNK;
    if (giant || r->buffer_cap - unread < CHUNK) {
        r->buffer_cap = giant || r->buffer_cap == 0 ? 2 * (size_t)CHUNK : r->buffer_cap * 2;
        check(r->buffer_cap <= BUFFER_MAX);
        r->buffer = realloc(r->buffer, r->buffer_cap);
        check(r->buffer != NULL);
    }
    r->pos = r->buffer;
    r->end = r->buffer + unread;
    char *to = r->buffer + unread;
    ssize_t n = r->fd >= 0 ? read_plain(r, to) : read_stream(r, to);
    r->at_end = n <= 0;
    r->end += n > 0 ? n : 0;
    return n > 0;
}

static void pass(struct log_reader *r, size_t len) {
    r->pos += len;
    r->offset += len;
}

// The end of the line at `pos`, a newline or NUL; NULL if the buffer holds none from `looked` on.
static const char *line_end(const struct log_reader *r, size_t looked) {
    size_t len = (size_t)(r->end - r->pos) - looked;
    const char *from = r->pos + looked;
    const char *newline = len == 0 ? NULL : memchr(from, '\n', len);
    size_t before = newline == NULL ? len : (size_t)(newline - from);
    const char *nul = before == 0 ? NULL : memchr(from, '\0', before);
    return nul != NULL ? nul : newline;
}

// How much of [pos, end) ends between two members, so that no field is cut.
static size_t whole_members(const struct log_reader *r) {
    size_t len = (size_t)(r->end - r->pos);
    for (size_t at = len; at-- > len - len / 2;) {
        if (r->pos[at] == '"' && r->pos[at - 1] == ',') {
            return at;
        }
    }
    return len;
}

// Passes over a line that is longer than is kept, looking at what it was.
static void skip_line(struct log_reader *r, struct log_line *line) {
    bool first = true;
    line->text.len = 0;
    line->len = 0;
    do {
        const char *stop = line_end(r, 0);
        size_t len = stop == NULL ? whole_members(r) : (size_t)(stop - r->pos);
        if (first) {
            line_remains_read(slice_of(r->pos, len), &r->remains);
        } else {
            line_remains_add(&r->remains, slice_of(r->pos, len));
        }
        first = false;
        line->len += len;
        line->finished = stop != NULL;
        pass(r, len);
    } while (!line->finished && fill(r));
    // What was left at the end of the file.
    line->len += line->finished ? 0 : (uint64_t)(r->end - r->pos);
    pass(r, line->finished ? *r->pos == '\n' : (size_t)(r->end - r->pos));
}

static void pass_nuls(struct log_reader *r) {
    do {
        struct slice unread = slice_of(r->pos, (size_t)(r->end - r->pos));
        size_t nuls = line_prefix_nuls(unread);
        r->nuls += nuls;
        pass(r, nuls);
    } while (r->pos == r->end && fill(r));
}

bool log_reader_next(struct log_reader *r, struct log_line *ret_line) {
    const char *stop = NULL;
    size_t looked = 0;
    if (r->pos == r->end || *r->pos == '\0') {
        pass_nuls(r);
    }
    for (;;) {
        stop = line_end(r, looked);
        looked = (size_t)(r->end - r->pos);
        if (stop != NULL || looked > BROKER_LINE_MAX || !fill(r)) {
            break;
        }
    }
    size_t len = (size_t)((stop == NULL ? r->end : stop) - r->pos);
    if (len == 0 && stop == NULL) {
        return false;
    }
    *ret_line = (struct log_line){
        .text = slice_of(r->pos, len),
        .offset = r->offset,
        .len = len,
        .finished = stop != NULL,
        .too_long = len > BROKER_LINE_MAX,
    };
    if (ret_line->too_long) {
        skip_line(r, ret_line);
    } else {
        pass(r, len + (stop != NULL && *stop == '\n'));
    }
    return true;
}
