#include "ctl/log_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "base/check.h"
#include "core/brokerlog/broker_line.h"

enum { CHUNK = 1 << 18, BUFFER_MAX = 4 * BROKER_LINE_MAX };

// Plain files are read, not mapped: one that is cut while it is read would kill the program.
struct log_reader {
    char *path;
    int fd;        // of a plain file, -1 otherwise
    gzFile stream; // of anything else
    char *buffer;  // owned; BUFFER_MAX bytes at most
    size_t buffer_cap;
    bool at_end;
    struct err error;

    const char *pos; // next byte in the buffer
    const char *end;
    uint64_t offset; // of pos in the unpacked file
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
    if (r->buffer_cap - unread < CHUNK) {
        r->buffer_cap = r->buffer_cap == 0 ? 2 * (size_t)CHUNK : r->buffer_cap * 2;
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

// Passes over the rest of a line that is longer than is kept. Returns whether a newline ended it.
static bool skip_rest(struct log_reader *r, struct log_line *line) {
    for (;;) {
        const char *newline = memchr(r->pos, '\n', (size_t)(r->end - r->pos));
        const char *stop = newline == NULL ? r->end : newline;
        line->len += (uint64_t)(stop - r->pos);
        r->offset += (uint64_t)(stop - r->pos) + (newline != NULL);
        r->pos = newline == NULL ? r->end : newline + 1;
        if (newline != NULL) {
            return true;
        }
        if (!fill(r)) {
            return false;
        }
    }
}

bool log_reader_next(struct log_reader *r, struct log_line *ret_line) {
    const char *newline = NULL;
    size_t looked = 0;
    for (;;) {
        size_t unread = (size_t)(r->end - r->pos);
        newline = unread == looked ? NULL : memchr(r->pos + looked, '\n', unread - looked);
        if (newline != NULL || unread > BROKER_LINE_MAX) {
            break;
        }
        looked = unread;
        if (!fill(r)) {
            break;
        }
    }
    size_t len = (size_t)((newline == NULL ? r->end : newline) - r->pos);
    if (len == 0 && newline == NULL) {
        return false;
    }
    *ret_line = (struct log_line){
        .text = slice_of(r->pos, len),
        .offset = r->offset,
        .len = len,
        .finished = newline != NULL,
        .too_long = len > BROKER_LINE_MAX,
    };
    r->pos += len + (newline != NULL);
    r->offset += len + (newline != NULL);
    if (newline == NULL && len > BROKER_LINE_MAX) {
        // Its text is not needed: the reason alone is told.
        ret_line->text.len = 0;
        ret_line->finished = skip_rest(r, ret_line);
    }
    return true;
}
