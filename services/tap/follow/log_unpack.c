// Packed files; see the header.
#include "tap/follow/log_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/check.h"

enum { IN_BYTES = 128 * 1024, SKIP_BYTES = 64 * 1024 };

struct log_unpack {
    enum log_packing packing;
    int fd;
    gzFile gz;
    ZSTD_DCtx *zstd;
    char *in_bytes;
    ZSTD_inBuffer in;
    off_t in_offset; // of the next byte to read from the file
    uint64_t at;     // of the next byte to be unpacked
    bool in_frame;   // more of a frame must follow
    bool broken;     // nothing can be unpacked from `at` on
};

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n > m && strcmp(s + n - m, end) == 0;
}

enum log_packing log_packing_of(int fd, const char *path) {
    unsigned char head[4] = {0};
    ssize_t n = pread(fd, head, sizeof head, 0);
    if (n >= 2 && head[0] == 0x1f && head[1] == 0x8b) {
        return LOG_GZIP;
    }
    if (n == 4 && memcmp(head, "\x28\xb5\x2f\xfd", 4) == 0) {
        return LOG_ZSTD;
    }
    return ends_with(path, ".gz") ? LOG_GZIP : ends_with(path, ".zst") ? LOG_ZSTD : LOG_PLAIN;
}

struct log_unpack *log_unpack_new(int fd, enum log_packing packing) {
    struct log_unpack *u = calloc(1, sizeof *u);
    check(u != NULL);
    u->packing = packing;
    u->fd = fd;
    if (packing == LOG_ZSTD) {
        u->zstd = ZSTD_createDCtx();
        u->in_bytes = malloc(IN_BYTES);
        u->in.src = u->in_bytes;
    } else {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        u->gz = copy < 0 ? NULL : gzdopen(copy, "rb");
        if (u->gz == NULL && copy >= 0) {
            close(copy);
        }
    }
    if (packing == LOG_ZSTD ? u->zstd == NULL || u->in_bytes == NULL : u->gz == NULL) {
        log_unpack_free(u);
        return NULL;
    }
    return u;
}

void log_unpack_free(struct log_unpack *u) {
    if (u == NULL) {
        return;
    }
    if (u->gz != NULL) {
        gzclose(u->gz);
    }
    ZSTD_freeDCtx(u->zstd);
    free(u->in_bytes);
    free(u);
}

static enum err_code read_gzip(struct log_unpack *u, uint64_t offset, char *buf, size_t size,
                               size_t *ret_len, struct err *e) {
    gzclearerr(u->gz);
    if ((uint64_t)gztell(u->gz) != offset && gzseek(u->gz, (z_off_t)offset, SEEK_SET) < 0) {
        return err_set(e, ERR_IO, "gzip file can't be read up to byte %llu",
                       (unsigned long long)offset);
    }
    int n = gzread(u->gz, buf, (unsigned)size);
    int number = Z_OK;
    const char *text = gzerror(u->gz, &number);
    if (n < 0 || (n == 0 && number != Z_OK && number != Z_STREAM_END)) {
        return err_set(e, ERR_IO, "gzip file is damaged at byte %llu: %s",
                       (unsigned long long)offset, text);
    }
    *ret_len = (size_t)n;
    return ERR_OK;
}

// --- zstd ----------------------------------------------------------------------------------------

static void zstd_rewind(struct log_unpack *u) {
    ZSTD_DCtx_reset(u->zstd, ZSTD_reset_session_only);
    u->in.pos = u->in.size = 0;
    u->in_offset = 0;
    u->at = 0;
    u->in_frame = true; // an empty file isn't whole
    u->broken = false;
}

static bool zstd_fill(struct log_unpack *u, struct err *e) {
    if (u->in.pos < u->in.size) {
        return true;
    }
    ssize_t n;
    do {
        n = pread(u->fd, u->in_bytes, IN_BYTES, u->in_offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        (void)err_set(e, ERR_IO, "zstd file can't be read: %s", strerror(errno));
        return false;
    }
    u->in.pos = 0;
    u->in.size = (size_t)n;
    u->in_offset += n;
    return true;
}

// What comes next; 0 at the end of the last frame.
static enum err_code zstd_next(struct log_unpack *u, void *buf, size_t size, size_t *ret_len,
                               struct err *e) {
    ZSTD_outBuffer out = {buf, size, 0};
    const char *why = "it breaks off";
    *ret_len = 0;
    while (!u->broken && out.pos == 0) {
        if (!zstd_fill(u, e)) {
            return ERR_IO;
        }
        bool no_more = u->in.size == 0;
        if (no_more && !u->in_frame) {
            break;
        }
        size_t rc = ZSTD_decompressStream(u->zstd, &out, &u->in);
        if (ZSTD_isError(rc)) {
            why = ZSTD_getErrorName(rc);
            u->broken = true;
        } else {
            u->in_frame = rc != 0;
            u->broken = no_more && out.pos == 0 && u->in_frame;
        }
    }
    if (out.pos == 0 && u->broken) {
        return err_set(e, ERR_IO, "zstd file is damaged at byte %llu: %s",
                       (unsigned long long)u->at, why);
    }
    u->at += out.pos;
    *ret_len = out.pos;
    return ERR_OK;
}

static enum err_code read_zstd(struct log_unpack *u, uint64_t offset, char *buf, size_t size,
                               size_t *ret_len, struct err *e) {
    if (offset < u->at || u->in_offset == 0) {
        zstd_rewind(u);
    }
    char skipped[SKIP_BYTES];
    while (u->at < offset) {
        uint64_t rest = offset - u->at;
        size_t n;
        enum err_code rc =
            zstd_next(u, skipped, rest < sizeof skipped ? (size_t)rest : sizeof skipped, &n, e);
        if (rc != ERR_OK) {
            return rc;
        }
        if (n == 0) {
            *ret_len = 0;
            return ERR_OK;
        }
    }
    return zstd_next(u, buf, size, ret_len, e);
}

enum err_code log_unpack_read(struct log_unpack *u, uint64_t offset, char *buf, size_t size,
                              size_t *ret_len, struct err *e) {
    return u->packing == LOG_ZSTD ? read_zstd(u, offset, buf, size, ret_len, e)
                                  : read_gzip(u, offset, buf, size, ret_len, e);
}
