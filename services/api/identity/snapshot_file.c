// The snapshot on disk: one line with a keyed hash of the rest, then the text.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/identity/snapshot.h"
#include "base/check.h"
#include "base/encoding.h"

enum { PATH_TEXT_MAX = 4096, LINE_CHARS = SECRET_HASH_BYTES * 2 };

static enum err_code failed(struct err *e, const char *what, const char *path) {
    return err_set(e, ERR_IO, "can't %s %s: %s", what, path, strerror(errno));
}

static bool paths(const char *dir, char *path, char *fresh) {
    int n = snprintf(path, PATH_TEXT_MAX, "%s/clients.snapshot", dir);
    int m = snprintf(fresh, PATH_TEXT_MAX, "%s/clients.snapshot.%d", dir, (int)getpid());
    return n > 0 && n < PATH_TEXT_MAX && m > 0 && m < PATH_TEXT_MAX;
}

static bool write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return false;
        }
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

enum err_code snapshot_save(const char *dir, struct slice text,
                            const unsigned char master[SECRET_KEY_BYTES], struct err *e) {
    char path[PATH_TEXT_MAX], fresh[PATH_TEXT_MAX], line[LINE_CHARS + 1];
    unsigned char hash[SECRET_HASH_BYTES];
    if (!paths(dir, path, fresh)) {
        return err_field(e, ERR_CONFIG, "snapshot_dir", "snapshot_dir is too long");
    }
    secret_hash(hash, text, master);
    line[hex_encode(line, hash, sizeof hash)] = '\n';
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return failed(e, "create", fresh);
    }
    bool written =
        write_all(fd, line, sizeof line) && write_all(fd, text.ptr, text.len) && fsync(fd) == 0;
    written = close(fd) == 0 && written;
    if (!written || rename(fresh, path) != 0) {
        failed(e, "write", fresh);
        unlink(fresh);
        return ERR_IO;
    }
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd >= 0) {
        fsync(dir_fd);
        close(dir_fd);
    }
    return ERR_OK;
}

static enum err_code read_file(const char *path, char **ret, size_t *ret_len, struct err *e) {
    struct stat st;
    FILE *f = fopen(path, "rbe");
    if (f == NULL) {
        return errno == ENOENT ? err_set(e, ERR_NOT_FOUND, "no snapshot yet")
                               : failed(e, "open", path);
    }
    if (fstat(fileno(f), &st) != 0 || st.st_size > SNAPSHOT_BYTES_MAX) {
        fclose(f);
        return err_set(e, ERR_LIMIT, "%s is too large", path);
    }
    size_t len = (size_t)st.st_size;
    char *bytes = malloc(len + 1);
    check(bytes != NULL);
    bool whole = fread(bytes, 1, len, f) == len;
    fclose(f);
    if (!whole) {
        free(bytes);
        return failed(e, "read", path);
    }
    *ret = bytes;
    *ret_len = len;
    return ERR_OK;
}

enum err_code snapshot_load(const char *dir, const unsigned char master[SECRET_KEY_BYTES],
                            struct snapshot **ret, struct err *e) {
    char path[PATH_TEXT_MAX], fresh[PATH_TEXT_MAX];
    unsigned char want[SECRET_HASH_BYTES], have[SECRET_HASH_BYTES];
    char *bytes = NULL;
    size_t len = 0;
    if (!paths(dir, path, fresh)) {
        return err_field(e, ERR_CONFIG, "snapshot_dir", "snapshot_dir is too long");
    }
    enum err_code code = read_file(path, &bytes, &len, e);
    if (code != ERR_OK) {
        return code;
    }
    if (len <= LINE_CHARS || bytes[LINE_CHARS] != '\n' ||
        !hex_decode(want, sizeof want, slice_of(bytes, LINE_CHARS))) {
        code = err_set(e, ERR_INVALID, "%s is not a snapshot", path);
    } else {
        struct slice text = slice_of(bytes + LINE_CHARS + 1, len - LINE_CHARS - 1);
        secret_hash(have, text, master);
        code =
            secret_equal(want, have, sizeof want)
                ? snapshot_parse(text, master, ret, e)
                : err_set(e, ERR_INVALID, "%s was changed or made with another master_key", path);
    }
    free(bytes);
    return code;
}
