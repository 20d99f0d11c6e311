#include "tap/log_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/check.h"

void log_folder_init(struct log_folder *f) {
    snprintf(f->dir, sizeof f->dir, "/tmp/weir-tap-test-XXXXXX");
    check(mkdtemp(f->dir) != NULL);
    snprintf(f->live, sizeof f->live, "%s/kafka-request.log", f->dir);
}

void log_folder_done(struct log_folder *f) {
    DIR *dir = opendir(f->dir);
    check(dir != NULL);
    const struct dirent *item;
    char path[512];
    while ((item = readdir(dir)) != NULL) {
        if (item->d_name[0] != '.' && unlink(log_folder_path(f, item->d_name, path)) != 0) {
            rmdir(path);
        }
    }
    closedir(dir);
    rmdir(f->dir);
}

const char *log_folder_path(const struct log_folder *f, const char *name, char out[512]) {
    int n = snprintf(out, 512, "%s/%s", f->dir, name == NULL ? "kafka-request.log" : name);
    check(n > 0 && n < 512);
    return out;
}

void log_folder_append(const struct log_folder *f, const char *name, const char *text) {
    char path[512];
    int fd = open(log_folder_path(f, name, path), O_WRONLY | O_CREAT | O_APPEND, 0644);
    check(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

void log_folder_rename(const struct log_folder *f, const char *from, const char *to) {
    char a[512], b[512];
    check(rename(log_folder_path(f, from, a), log_folder_path(f, to, b)) == 0);
}

void log_folder_remove(const struct log_folder *f, const char *name) {
    char path[512];
    check(unlink(log_folder_path(f, name, path)) == 0);
}

void log_folder_truncate(const struct log_folder *f, const char *name, uint64_t size) {
    char path[512];
    check(truncate(log_folder_path(f, name, path), (off_t)size) == 0);
}

void log_folder_gzip(const struct log_folder *f, const char *from, const char *to) {
    char path[512];
    FILE *in = fopen(log_folder_path(f, from, path), "rb");
    gzFile out = gzopen(log_folder_path(f, to, path), "wb");
    check(in != NULL && out != NULL);
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof block, in)) > 0) {
        check(gzwrite(out, block, (unsigned)n) == (int)n);
    }
    fclose(in);
    check(gzclose(out) == Z_OK);
}

void log_folder_write(const struct log_folder *f, const char *name, const void *bytes, size_t len) {
    char path[512];
    int fd = open(log_folder_path(f, name, path), O_WRONLY | O_CREAT | O_APPEND, 0644);
    check(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}

void log_folder_copy(const struct log_folder *f, const char *from, const char *to) {
    char a[512], b[512], block[4096];
    FILE *in = fopen(log_folder_path(f, from, a), "rb");
    FILE *out = fopen(log_folder_path(f, to, b), "wb");
    check(in != NULL && out != NULL);
    size_t n;
    while ((n = fread(block, 1, sizeof block, in)) > 0) {
        check(fwrite(block, 1, n, out) == n);
    }
    fclose(in);
    check(fclose(out) == 0);
}

void log_folder_zstd(const struct log_folder *f, const char *from, const char *to) {
    char path[512];
    static char text[1 << 20], packed[ZSTD_COMPRESSBOUND(sizeof text)];
    FILE *in = fopen(log_folder_path(f, from, path), "rb");
    check(in != NULL);
    size_t len = fread(text, 1, sizeof text, in);
    fclose(in);
    check(len < sizeof text);
    size_t n = ZSTD_compress(packed, sizeof packed, text, len, 3);
    check(!ZSTD_isError(n));
    log_folder_write(f, to, packed, n);
}

const char *log_folder_line(int second, const char *text) {
    static char line[65536];
    snprintf(line, sizeof line, "[2026-11-22 %02d:%02d:%02d,000] DEBUG %s\n", 16 + second / 3600,
             second / 60 % 60, second % 60, text);
    return line;
}

int64_t log_folder_ms(int second) {
    return 1795363200000LL + second * 1000LL; // 2026-11-22T16:00:00Z
}
