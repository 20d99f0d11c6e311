// One open file of the request log; see the header. One thread.
#include "tap/follow/log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/hash.h"
#include "core/brokerlog/line_prefix.h"
#include "tap/follow/log_unpack.h"

enum {
    BLOCK_BYTES = 16384,
    LOOK_BACK_BYTES = 1048576,
    TIME_BYTES = 64, // enough of a line for its time
};

struct log_file {
    int fd;
    struct log_unpack *unpack; // NULL for a plain file
    dev_t dev;
    ino_t ino;
    struct log_file_ident ident;
    uint64_t search_from; // start of the first line not yet found wanting
    uint64_t head_offset; // where the identifying line stands
    char head[LOG_FILE_HEAD_MAX];
    size_t head_len;
};

enum err_code log_file_open(const char *path, struct log_file **ret, struct err *e) {
    // Without waiting for the other end of a pipe.
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        enum err_code code = errno == ENOENT                     ? ERR_NOT_FOUND
                             : errno == EACCES || errno == EPERM ? ERR_DENIED
                                                                 : ERR_IO;
        return err_set(e, code, "%s: %s", path, strerror(errno));
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
    enum log_packing packing = log_packing_of(fd, path);
    if (packing != LOG_PLAIN && (f->unpack = log_unpack_new(fd, packing)) == NULL) {
        log_file_close(f);
        return err_set(e, ERR_IO, "%s: can't be unpacked, no memory or descriptor is left", path);
    }
    *ret = f;
    return ERR_OK;
}

void log_file_close(struct log_file *f) {
    if (f == NULL) {
        return;
    }
    log_unpack_free(f->unpack);
    close(f->fd);
    free(f);
}

enum err_code log_file_read(struct log_file *f, uint64_t offset, char *buf, size_t size,
                            size_t *ret_len, struct err *e) {
    check(size > 0 && size <= 1U << 30);
    *ret_len = 0;
    if (f->unpack != NULL) {
        return log_unpack_read(f->unpack, offset, buf, size, ret_len, e);
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

// --- what stands where ---------------------------------------------------------------------------

enum err_code log_file_skip_nuls(struct log_file *f, uint64_t offset, uint64_t *ret_offset,
                                 struct err *e) {
    char block[BLOCK_BYTES];
    for (;;) {
        if (f->unpack == NULL) {
            off_t data = lseek(f->fd, (off_t)offset, SEEK_DATA);
            if (data < 0 && errno == ENXIO) {
                *ret_offset = UINT64_MAX;
                return ERR_OK;
            }
            offset = data > (off_t)offset ? (uint64_t)data : offset;
        }
        size_t n;
        enum err_code rc = log_file_read(f, offset, block, sizeof block, &n, e);
        if (rc != ERR_OK) {
            return rc;
        }
        if (n == 0) {
            *ret_offset = UINT64_MAX;
            return ERR_OK;
        }
        for (size_t i = 0; i < n; i++) {
            if (block[i] != '\0') {
                *ret_offset = offset + i;
                return ERR_OK;
            }
        }
        offset += n;
    }
}

// Up to `size` bytes at `offset`, as many as can be read.
static size_t read_whole(struct log_file *f, uint64_t offset, char *buf, size_t size) {
    size_t len = 0, n = 1;
    while (len < size && n > 0 &&
           log_file_read(f, offset + len, buf + len, size - len, &n, NULL) == ERR_OK) {
        len += n;
    }
    return len;
}

int64_t log_file_time_before(struct log_file *f, uint64_t offset) {
    uint64_t from = offset > LOOK_BACK_BYTES ? offset - LOOK_BACK_BYTES : 0;
    char *text = malloc(LOOK_BACK_BYTES);
    check(text != NULL);
    size_t len = offset == from ? 0 : read_whole(f, from, text, (size_t)(offset - from));
    int64_t time_us = 0;
    bool found = false;
    const char *end = len == 0 ? NULL : memrchr(text, '\n', len);
    while (end != NULL && !found) {
        const char *before = memrchr(text, '\n', (size_t)(end - text));
        if (before == NULL && from > 0) {
            break; // maybe not a line from its beginning
        }
        const char *begin = before == NULL ? text : before + 1;
        found = line_prefix_time(slice_of(begin, (size_t)(end - begin)), &time_us);
        end = before;
    }
    free(text);
    return found ? time_us / 1000 : 0;
}

int64_t log_file_time_at(struct log_file *f, uint64_t offset) {
    char text[TIME_BYTES];
    int64_t time_us;
    size_t len = read_whole(f, offset, text, sizeof text);
    return line_prefix_time(slice_of(text, len), &time_us) ? time_us / 1000 : 0;
}

uint64_t log_file_length(struct log_file *f) {
    if (f->unpack == NULL) {
        return log_file_size(f);
    }
    char block[BLOCK_BYTES];
    uint64_t length = 0;
    size_t n = 0;
    while (log_file_read(f, length, block, sizeof block, &n, NULL) == ERR_OK && n > 0) {
        length += n;
    }
    return length;
}

// --- identity ------------------------------------------------------------------------------------

// FNV-1a and no other: the hash stands in state files.
static uint64_t fnv1a(const char *p, size_t len) {
    uint64_t h = 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < len; i++) {
        h = (h ^ (unsigned char)p[i]) * 0x100000001b3ULL;
    }
    return h;
}

// Whether the line at search_from, whose head is given, is the one that identifies the file.
static bool take_ident(struct log_file *f, const char *head, size_t head_len) {
    int64_t first_us;
    if (!line_prefix_time(slice_of(head, head_len), &first_us)) {
        return false;
    }
    f->ident.first_ms = first_us / 1000;
    f->ident.hash = fnv1a(head, head_len);
    memcpy(f->head, head, head_len);
    f->head_len = head_len;
    f->head_offset = f->search_from;
    return true;
}

// Goes over lines from search_from on, keeping the head of each, until one has a time.
bool log_file_identify(struct log_file *f, struct log_file_ident *ret) {
    char block[BLOCK_BYTES];
    char head[LOG_FILE_HEAD_MAX];
    size_t head_len = 0, n = 0, searched = 0;
    uint64_t at = f->search_from;
    bool found = f->head_len > 0;
    while (!found && searched < LOG_FILE_SEARCH_MAX &&
           log_file_read(f, at, block, sizeof block, &n, NULL) == ERR_OK && n > 0) {
        size_t i = 0;
        for (; i < n && !found && (block[i] != '\0' || head_len > 0); i++) {
            bool ends = block[i] == '\n', full = head_len == sizeof head;
            if (!ends && !full) {
                head[head_len++] = block[i];
            }
            if (!full && (ends || head_len == sizeof head)) {
                found = take_ident(f, head, head_len);
            }
            if (ends && !found) {
                head_len = 0;
                f->search_from = at + i + 1;
            }
        }
        searched += i;
        at += i;
        if (i < n && !found) { // NULs at the beginning of a line
            if (log_file_skip_nuls(f, at, &at, NULL) != ERR_OK || at == UINT64_MAX) {
                return false;
            }
            f->search_from = at;
        }
    }
    if (found) {
        *ret = f->ident;
    }
    return found;
}

bool log_file_was_replaced(const struct log_file *f, uint64_t offset) {
    if (f->unpack != NULL) {
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

bool log_file_is_packed(const struct log_file *f) {
    return f->unpack != NULL;
}

bool log_file_is_at(const struct log_file *f, const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino;
}

int64_t log_file_renamed_ms(const struct log_file *f) {
    enum { MS = 1000, MS_NS = 1000000 };
    struct stat st;
    return f->unpack == NULL && fstat(f->fd, &st) == 0
               ? (int64_t)st.st_ctim.tv_sec * MS + st.st_ctim.tv_nsec / MS_NS
               : 0;
}

uint64_t log_file_size(const struct log_file *f) {
    struct stat st;
    return f->unpack == NULL && fstat(f->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
}

static uint64_t id_of(int fd, const char *path, int flags) {
    struct statx st;
    memset(&st, 0, sizeof st);
    if (statx(fd, path, flags, STATX_INO | STATX_BTIME, &st) != 0) {
        return 0;
    }
    uint64_t parts[] = {st.stx_ino, (uint64_t)st.stx_btime.tv_sec, st.stx_btime.tv_nsec};
    return hash_bytes(parts, sizeof parts, 0);
}

uint64_t log_file_id(const struct log_file *f) {
    return id_of(f->fd, "", AT_EMPTY_PATH);
}

uint64_t log_file_id_at(const char *path) {
    return id_of(AT_FDCWD, path, 0);
}
