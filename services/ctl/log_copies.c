// Compares heads first, and whole files where these agree.
#include "ctl/log_copies.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zlib.h>

#include "base/check.h"

enum { HEAD = 2048, CHUNK = 1 << 18 };

struct head {
    int len; // 0: not to be compared
    char bytes[HEAD];
};

// As much of `size` bytes as there is. An error is the end: what can't be read isn't counted either.
static int read_some(gzFile file, char *to, int size) {
    int n = gzread(file, to, (unsigned)size);
    return n > 0 ? n : 0;
}

static void read_head(const char *path, struct head *ret) {
    struct stat st;
    ret->len = 0;
    if (strcmp(path, "-") == 0 || stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        return;
    }
    gzFile file = gzopen(path, "rb"); // reads what is not gzip as it is
    if (file != NULL) {
        ret->len = read_some(file, ret->bytes, HEAD);
        gzclose(file);
    }
}

static bool breaks_off(gzFile file) {
    int code = Z_OK;
    (void)gzerror(file, &code);
    return code != Z_OK && code != Z_STREAM_END;
}

// Whether one of `a` and `b` begins the other: *ret tells of the shorter one. Returns whether that's
// `b`; of two of one length it's `a`.
static bool compare_streams(gzFile a, gzFile b, char *buffer, struct log_copy *ret) {
    ret->kind = LOG_COPY_NONE;
    for (;;) {
        int n = read_some(a, buffer, CHUNK);
        int m = read_some(b, buffer + CHUNK, CHUNK);
        if (memcmp(buffer, buffer + CHUNK, (size_t)(n < m ? n : m)) != 0) {
            return false;
        }
        if (n != m || n < CHUNK) {
            ret->kind = n == m ? LOG_COPY_SAME : LOG_COPY_BEGINNING;
            ret->damaged = breaks_off(n > m ? b : a);
            return n > m;
        }
    }
}

static bool compare_files(const char *a, const char *b, struct log_copy *ret) {
    gzFile x = gzopen(a, "rb"), y = gzopen(b, "rb");
    char *buffer = malloc(2 * (size_t)CHUNK);
    check(buffer != NULL);
    bool second = x != NULL && y != NULL && compare_streams(x, y, buffer, ret);
    free(buffer);
    if (x != NULL) {
        gzclose(x);
    }
    if (y != NULL) {
        gzclose(y);
    }
    return second;
}

static bool heads_agree(const struct head *a, const struct head *b) {
    int len = a->len < b->len ? a->len : b->len;
    return len > 0 && memcmp(a->bytes, b->bytes, (size_t)len) == 0;
}

void log_copies_find(char *const *paths, size_t count, struct log_copy *ret) {
    struct head *heads = calloc(count + 1, sizeof *heads);
    check(heads != NULL);
    for (size_t i = 0; i < count; i++) {
        ret[i] = (struct log_copy){LOG_COPY_NONE, i, false};
        if (count > 1) {
            read_head(paths[i], &heads[i]);
        }
    }
    for (size_t j = 1; j < count; j++) {
        for (size_t i = 0; i < j && ret[j].kind == LOG_COPY_NONE; i++) {
            struct log_copy copy = {LOG_COPY_NONE, i, false};
            if (ret[i].kind != LOG_COPY_NONE || !heads_agree(&heads[i], &heads[j])) {
                continue;
            }
            bool earlier = compare_files(paths[j], paths[i], &copy);
            copy.of = earlier ? j : i;
            if (copy.kind != LOG_COPY_NONE) {
                ret[earlier ? i : j] = copy;
            }
        }
    }
    free(heads);
}
