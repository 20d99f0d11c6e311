// Finds the files of a request log; see the header. One thread.
#include "tap/follow/log_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/hash.h"

enum { PASSES_MAX = 8 };

static bool ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

// Newer content last; of equal first lines the plain file first, so that it stays unless another has
// more.
static int by_age(const void *x, const void *y) {
    const struct log_dir_entry *a = x, *b = y;
    if (a->live != b->live) {
        return a->live ? 1 : -1;
    }
    if (a->ident.first_ms != b->ident.first_ms) {
        return a->ident.first_ms < b->ident.first_ms ? -1 : 1;
    }
    if (a->ident.hash != b->ident.hash) {
        return a->ident.hash < b->ident.hash ? -1 : 1;
    }
    bool gz_a = ends_with(a->path, ".gz"), gz_b = ends_with(b->path, ".gz");
    return gz_a != gz_b ? (gz_a ? 1 : -1) : strcmp(a->path, b->path);
}

// Bytes of the unpacked content, as far as it can be read.
static uint64_t content_of(const struct log_dir_entry *entry) {
    struct log_file *f;
    if (log_file_open(entry->path, &f, NULL) != ERR_OK) {
        return 0;
    }
    uint64_t bytes = log_file_size(f);
    if (log_file_is_compressed(f)) {
        static char block[65536];
        size_t n = 0;
        while (log_file_read(f, bytes, block, sizeof block, &n, NULL) == ERR_OK && n > 0) {
            bytes += n;
        }
    }
    log_file_close(f);
    return bytes;
}

static void drop_equal_content(struct log_dir *d) {
    size_t kept = 0;
    for (size_t i = 0; i < d->count; i++) {
        bool again = kept > 0 && log_file_ident_eq(d->entries[kept - 1].ident, d->entries[i].ident);
        // A rename between two looks shows the live file under its old and its new name.
        bool better = again && (d->entries[i].live ||
                                (!d->entries[kept - 1].live &&
                                 content_of(&d->entries[i]) > content_of(&d->entries[kept - 1])));
        if (better) {
            free(d->entries[kept - 1].path);
            d->entries[kept - 1] = d->entries[i];
        } else if (again) {
            free(d->entries[i].path);
        } else {
            d->entries[kept++] = d->entries[i];
        }
    }
    d->count = kept;
}

// A file that can't be opened must not be passed over: what it holds would be lost in silence.
static enum err_code add_file(struct log_dir *d, const char *path, bool live, struct err *e) {
    struct log_file *f;
    struct log_file_ident ident;
    enum err_code rc = log_file_open(path, &f, e);
    if (rc != ERR_OK) {
        return rc == ERR_NOT_FOUND ? ERR_OK : rc; // renamed meanwhile: the next pass sees it
    }
    char *copy = strdup(path);
    check(copy != NULL);
    struct stat st;
    if (log_file_identify(f, &ident)) {
        d->entries[d->count++] = (struct log_dir_entry){copy, ident, live};
    } else if (!live && stat(path, &st) == 0 && st.st_size > 0) {
        int64_t written_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
        uint64_t parts[] = {st.st_ino, (uint64_t)st.st_size, (uint64_t)written_ns};
        d->unreadable[d->unreadable_count++] = (struct log_dir_unreadable){
            copy, {0, hash_bytes(parts, sizeof parts, 0)}, written_ns / 1000000};
    } else {
        free(copy);
    }
    log_file_close(f);
    return ERR_OK;
}

// Something is there, and it is no file.
static bool is_no_file(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static enum err_code read_once(const char *live_path, struct log_dir *ret, struct err *e) {
    char folder[LOG_DIR_PATH_MAX], path[LOG_DIR_PATH_MAX];
    const char *slash = strrchr(live_path, '/');
    const char *base = slash == NULL ? live_path : slash + 1;
    int n = slash == NULL
                ? snprintf(folder, sizeof folder, ".")
                : snprintf(folder, sizeof folder, "%.*s", (int)(slash - live_path), live_path);
    check(n >= 0 && (size_t)n < sizeof folder);
    size_t base_len = strlen(base);
    struct log_dir d = {.entries = calloc(LOG_DIR_FILES_MAX, sizeof *d.entries),
                        .unreadable = calloc(LOG_DIR_FILES_MAX, sizeof *d.unreadable)};
    check(d.entries != NULL && d.unreadable != NULL);
    DIR *dir = opendir(folder[0] == '\0' ? "/" : folder);
    if (dir == NULL && errno != ENOENT) {
        log_dir_done(&d);
        return err_set(e, ERR_IO, "%s: %s", folder, strerror(errno));
    }
    const struct dirent *item;
    enum err_code rc = ERR_OK;
    while (dir != NULL && rc == ERR_OK && (item = readdir(dir)) != NULL) {
        if (strncmp(item->d_name, base, base_len) != 0) {
            continue;
        }
        bool live = item->d_name[base_len] == '\0';
        if (!live &&
            (strchr(".-_", item->d_name[base_len]) == NULL || item->d_name[base_len + 1] == '\0')) {
            continue;
        }
        n = snprintf(path, sizeof path, "%s/%s", folder, item->d_name);
        if (n <= 0 || (size_t)n >= sizeof path ||
            d.count + d.unreadable_count == LOG_DIR_FILES_MAX) {
            rc = err_set(e, ERR_LIMIT, "%s has more than %d files of %s", folder, LOG_DIR_FILES_MAX,
                         base);
        } else if (is_no_file(path)) {
            d.no_files++;
        } else {
            rc = add_file(&d, path, live, e);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    if (rc != ERR_OK) {
        log_dir_done(&d);
        return rc;
    }
    qsort(d.entries, d.count, sizeof d.entries[0], by_age);
    drop_equal_content(&d);
    *ret = d;
    return ERR_OK;
}

static bool same_files(const struct log_dir *a, const struct log_dir *b) {
    if (a->count != b->count || a->unreadable_count != b->unreadable_count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!log_file_ident_eq(a->entries[i].ident, b->entries[i].ident)) {
            return false;
        }
    }
    return true;
}

enum err_code log_dir_read(const char *live_path, struct log_dir *ret, struct err *e) {
    struct log_dir last = {0};
    enum err_code rc = read_once(live_path, &last, e);
    for (int pass = 1; rc == ERR_OK && pass < PASSES_MAX; pass++) {
        struct log_dir again = {0};
        rc = read_once(live_path, &again, e);
        if (rc != ERR_OK) {
            log_dir_done(&last);
            return rc;
        }
        bool agree = same_files(&last, &again);
        log_dir_done(&last);
        last = again;
        if (agree) {
            *ret = last;
            return ERR_OK;
        }
    }
    if (rc != ERR_OK) {
        return rc;
    }
    log_dir_done(&last);
    return err_set(e, ERR_UNAVAILABLE, "the files of %s keep changing while they are listed",
                   live_path);
}

void log_dir_done(struct log_dir *d) {
    for (size_t i = 0; i < d->count; i++) {
        free(d->entries[i].path);
    }
    for (size_t i = 0; i < d->unreadable_count; i++) {
        free(d->unreadable[i].path);
    }
    free(d->entries);
    free(d->unreadable);
    *d = (struct log_dir){0};
}

size_t log_dir_find(const struct log_dir *d, struct log_file_ident ident) {
    for (size_t i = 0; i < d->count; i++) {
        if (log_file_ident_eq(d->entries[i].ident, ident)) {
            return i;
        }
    }
    return (size_t)-1;
}
