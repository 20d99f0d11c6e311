// One open file of the request log; see the header. One thread.
#include "tap/follow/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/check.h"
#include "core/brokerlog/line_prefix.h"

struct log_file {
    int fd;
    gzFile gz; // NULL for a plain file; owns its own descriptor
    dev_t dev;
    ino_t ino;
    struct log_file_ident ident;
    uint64_t search_from; // start of the first line not yet found wanting
    uint64_t head_offset; // where the identifying line stands
    char head[LOG_FILE_HEAD_MAX];
    size_t head_len;
};

static bool named_gzip(const char *path) {
    size_t n = strlen(path);
    return n > 3 && strcmp(path + n - 3, ".gz") == 0;
}

enum err_code log_file_open(const char *path, struct log_file **ret, struct err *e) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: %s", path,
                       strerror(errno));
    }
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return err_set(e, ERR_IO, "%s is not a regular file", path);
    }
    struct log_file *f = calloc(1, sizeof *f);
    check(f != NULL);
    f->fd = fd;
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    if (named_gzip(path)) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        f->gz = copy < 0 ? NULL : gzdopen(copy, "rb");
        if (f->gz == NULL) {
            if (copy >= 0) {
                close(copy);
            }
            log_file_close(f);
            return err_set(e, ERR_IO, "%s: gzip reader can't be opened", path);
        }
    }
    *ret = f;
    return ERR_OK;
}

void log_file_close(struct log_file *f) {
    if (f == NULL) {
        return;
    }
    if (f->gz != NULL) {
        gzclose(f->gz);
    }
    close(f->fd);
    free(f);
}

static enum err_code read_gzip(struct log_file *f, uint64_t offset, char *buf, size_t size,
                               size_t *ret_len, struct err *e) {
    gzclearerr(f->gz);
    if ((uint64_t)gztell(f->gz) != offset && gzseek(f->gz, (z_off_t)offset, SEEK_SET) < 0) {
        return err_set(e, ERR_IO, "gzip file can't be read up to byte %llu",
                       (unsigned long long)offset);
    }
    int n = gzread(f->gz, buf, (unsigned)size);
    int number = Z_OK;
    const char *text = gzerror(f->gz, &number);
    if (n < 0 || (n == 0 && number != Z_OK && number != Z_STREAM_END)) {
        return err_set(e, ERR_IO, "gzip file is damaged at byte %llu: %s",
                       (unsigned long long)offset, text);
    }
    *ret_len = (size_t)n;
    return ERR_OK;
}

enum err_code log_file_read(struct log_file *f, uint64_t offset, char *buf, size_t size,
                            size_t *ret_len, struct err *e) {
    check(size > 0 && size <= 1U << 30);
    if (f->gz != NULL) {
        return read_gzip(f, offset, buf, size, ret_len, e);
    }
    ssize_t n;
    do {
        n = pread(f->fd, buf, size, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return err_set(e, ERR_IO, "request log can't be read: %s", strerror(errno));
    }
    *ret_len = (size_t)n;
    return ERR_OK;
}

// FNV-1a and no other: the hash stands in state files.
static uint64_t fnv1a(const char *p, size_t len) {
    uint64_t h = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)p[i]) * 0x100000001b3ULL;
    }
    return h;
}

// Goes over complete lines from search_from on, keeping the head of each, until one has a time.
bool log_file_identify(struct log_file *f, struct log_file_ident *ret) {
    if (f->head_len > 0) {
        *ret = f->ident;
        return true;
    }
    char block[16384];
    char head[LOG_FILE_HEAD_MAX];
    size_t head_len = 0, n = 0;
    uint64_t at = f->search_from;
    while (at < LOG_FILE_SEARCH_MAX &&
           log_file_read(f, at, block, sizeof block, &n, NULL) == ERR_OK && n > 0) {
        for (size_t i = 0; i < n; i++) {
            if (block[i] != '\n') {
                if (head_len < sizeof head) {
                    head[head_len++] = block[i];
                }
                continue;
            }
            int64_t first_us;
            if (line_prefix_time(slice_of(head, head_len), &first_us)) {
                f->ident.first_ms = first_us / 1000;
                f->ident.hash = fnv1a(head, head_len);
                memcpy(f->head, head, head_len);
                f->head_len = head_len;
                f->head_offset = f->search_from;
                *ret = f->ident;
                return true;
            }
            head_len = 0;
            f->search_from = at + i + 1;
        }
        at += n;
    }
    return false;
}

bool log_file_was_replaced(const struct log_file *f, uint64_t offset) {
    if (f->gz != NULL) {
        return false;
    }
    struct stat st;
    if (fstat(f->fd, &st) != 0) {
        return false;
    }
    if ((uint64_t)st.st_size < offset) {
        return true;
    }
    char now[LOG_FILE_HEAD_MAX];
    ssize_t n = pread(f->fd, now, f->head_len, (off_t)f->head_offset);
    return f->head_len > 0 && (n != (ssize_t)f->head_len || memcmp(now, f->head, f->head_len) != 0);
}

bool log_file_is_compressed(const struct log_file *f) {
    return f->gz != NULL;
}

bool log_file_is_at(const struct log_file *f, const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino;
}

uint64_t log_file_size(const struct log_file *f) {
    struct stat st;
    return f->gz == NULL && fstat(f->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

int64_t log_file_written_ms(const struct log_file *f) {
    struct stat st;
    return fstat(f->fd, &st) == 0 ? st.st_mtim.tv_sec * 1000LL + st.st_mtim.tv_nsec / 1000000
                                  : INT64_MIN;
}
