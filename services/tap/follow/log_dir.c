// Finds the files of a request log; see the header. One thread.
#include "tap/follow/log_dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "tap/follow/log_name.h"

enum { PASSES_MAX = 8 };

static const char *name_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

// --- order ---------------------------------------------------------------------------------------

// By first line, the live file's content last; what has none at the end.
static int by_age(const void *x, const void *y) {
    const struct log_dir_entry *a = x, *b = y;
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    if (a->live != b->live) {
        return a->live ? 1 : -1;
    }
    if (a->ident.first_ms != b->ident.first_ms) {
        return a->ident.first_ms < b->ident.first_ms ? -1 : 1;
    }
    if (a->ident.hash != b->ident.hash) {
        return a->ident.hash < b->ident.hash ? -1 : 1;
    }
    return strcmp(a->path, b->path);
}

// A copy of the live file, or the file itself under its new name, is as new as that.
static void mark_live_content(struct log_dir *d) {
    const struct log_dir_entry *live = NULL;
    for (size_t i = 0; i < d->total; i++) {
        live = d->entries[i].live && d->entries[i].kind == LOG_DIR_FILE ? &d->entries[i] : live;
    }
    for (size_t i = 0; live != NULL && i < d->total; i++) {
        struct log_dir_entry *one = &d->entries[i];
        one->live |= one->kind == LOG_DIR_FILE && log_file_ident_eq(one->ident, live->ident);
    }
}

// Where a file without a first line belongs among the first `count`, by names alike.
static size_t place_of(const struct log_dir *d, const char *base,
                       const struct log_dir_entry *file) {
    struct log_name mine, other;
    size_t before = (size_t)-1, live = d->count; // the first newer one; the live file
    check(log_name_parse(base, name_of(file->path), &mine));
    for (size_t i = d->count; i > 0; i--) {
        const struct log_dir_entry *one = &d->entries[i - 1];
        if (one->live) {
            live = i - 1;
            continue;
        }
        check(log_name_parse(base, name_of(one->path), &other));
        if (!log_name_alike(mine.part, other.part)) {
            continue;
        }
        int order = log_name_order(other.part, mine.part);
        if (log_name_is_number(mine.part) && !d->ascending ? order >= 0 : order <= 0) {
            return i; // directly behind the newest older one
        }
        before = i - 1;
    }
    return file->live || before == (size_t)-1 ? live : before;
}

// Rotators that count either give the newest file the number 1, the usual, or the highest.
static bool numbers_ascend(const struct log_dir *d, const char *base) {
    struct log_name first = {.part = {0}}, last = {.part = {0}}, name;
    for (size_t i = 0; i < d->count; i++) {
        if (!d->entries[i].live && log_name_parse(base, name_of(d->entries[i].path), &name) &&
            log_name_is_number(name.part)) {
            first = first.part.len == 0 ? name : first;
            last = name;
        }
    }
    return first.part.len > 0 && log_name_order(first.part, last.part) < 0;
}

// Puts the damaged and denied files, which stand behind the others, in their places.
static void place_unreadable(struct log_dir *d, const char *base) {
    d->count = 0;
    while (d->count < d->total && d->entries[d->count].kind == LOG_DIR_FILE) {
        d->count++;
    }
    d->ascending = numbers_ascend(d, base);
    while (d->count < d->total && d->entries[d->count].kind != LOG_DIR_OTHER) {
        struct log_dir_entry file = d->entries[d->count];
        size_t at = place_of(d, base, &file);
        memmove(d->entries + at + 1, d->entries + at, (d->count - at) * sizeof file);
        d->entries[at] = file;
        d->count++;
    }
}

// --- one pass ------------------------------------------------------------------------------------

static bool is_there(const char *folder, struct slice name) {
    char path[LOG_DIR_PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/%.*s", folder, SLICE_ARG(name));
    return n > 0 && (size_t)n < sizeof path && stat(path, &st) == 0;
}

// True if the file belongs to the list, as `ret->kind` says. A file that can't be read must not be
// passed over: what it holds would be lost in silence.
static enum err_code look_at(const char *folder, const char *path, const struct log_name *name,
                             struct log_dir_entry *ret, bool *ret_listed, struct err *e) {
    struct stat st;
    *ret_listed = false;
    if (stat(path, &st) != 0) {
        // Renamed meanwhile, when the next pass sees it; or a link to nowhere.
        return errno == ENOENT ? ERR_OK : err_set(e, ERR_IO, "%s: %s", path, strerror(errno));
    }
    ret->live = name->live;
    ret->id = log_file_id_at(path);
    ret->bytes = (uint64_t)st.st_size;
    if (!S_ISREG(st.st_mode)) {
        ret->kind = LOG_DIR_OTHER;
        *ret_listed = true;
        return name->live ? err_set(e, ERR_IO, "%s is not a regular file", path) : ERR_OK;
    }
    struct log_file *f;
    enum err_code rc = log_file_open(path, &f, e);
    if (rc == ERR_NOT_FOUND || rc == ERR_DENIED) {
        ret->kind = LOG_DIR_DENIED;
        *ret_listed = rc == ERR_DENIED;
        return ERR_OK;
    }
    if (rc != ERR_OK) {
        return rc;
    }
    // Packed in a way that is not read, it is not searched for lines either.
    bool readable = !name->packed || log_file_is_packed(f);
    bool found = readable && log_file_identify(f, &ret->ident);
    log_file_close(f);
    ret->kind = found ? LOG_DIR_FILE : LOG_DIR_DAMAGED;
    bool has_content = st.st_size > 0 || name->packed;
    bool begun = name->packed && is_there(folder, name->plain);
    *ret_listed = found || (!name->live && has_content && !begun);
    return ERR_OK;
}

static enum err_code add_file(struct log_dir *d, const char *folder, const char *base,
                              const char *file, struct err *e) {
    char path[LOG_DIR_PATH_MAX];
    struct log_name name;
    if (!log_name_parse(base, file, &name)) {
        return ERR_OK;
    }
    int n = snprintf(path, sizeof path, "%s/%s", folder, file);
    if (n <= 0 || (size_t)n >= sizeof path || d->total == LOG_DIR_FILES_MAX) {
        return err_set(e, ERR_LIMIT, "%s has more than %d files of %s", folder, LOG_DIR_FILES_MAX,
                       base);
    }
    struct log_dir_entry one = {0};
    bool listed;
    enum err_code rc = look_at(folder, path, &name, &one, &listed, e);
    if (rc == ERR_OK && listed) {
        one.path = strdup(path);
        check(one.path != NULL);
        d->entries[d->total++] = one;
    }
    return rc;
}

static enum err_code read_once(const char *live_path, struct log_dir *ret, struct err *e) {
    char folder[LOG_DIR_PATH_MAX];
    const char *base = name_of(live_path);
    int n = base == live_path
                ? snprintf(folder, sizeof folder, ".")
                : snprintf(folder, sizeof folder, "%.*s", (int)(base - 1 - live_path), live_path);
    check(n >= 0 && (size_t)n < sizeof folder);
    struct log_dir d = {.entries = calloc(LOG_DIR_FILES_MAX, sizeof(struct log_dir_entry))};
    check(d.entries != NULL);
    DIR *dir = opendir(folder[0] == '\0' ? "/" : folder);
    if (dir == NULL && errno != ENOENT) {
        log_dir_done(&d);
        return err_set(e, ERR_IO, "%s: %s", folder, strerror(errno));
    }
    const struct dirent *item;
    enum err_code rc = ERR_OK;
    while (dir != NULL && rc == ERR_OK && (item = readdir(dir)) != NULL) {
        rc = add_file(&d, folder, base, item->d_name, e);
    }
    if (dir != NULL) {
        closedir(dir);
    }
    if (rc != ERR_OK) {
        log_dir_done(&d);
        return rc;
    }
    mark_live_content(&d);
    qsort(d.entries, d.total, sizeof d.entries[0], by_age);
    place_unreadable(&d, base);
    *ret = d;
    return ERR_OK;
}

// --- until two agree -----------------------------------------------------------------------------

static bool same_files(const struct log_dir *a, const struct log_dir *b) {
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (a->entries[i].kind != b->entries[i].kind ||
            !log_file_ident_eq(a->entries[i].ident, b->entries[i].ident)) {
            return false;
        }
    }
    return true;
}

enum err_code log_dir_read(const char *live_path, struct log_dir *ret, struct err *e) {
    struct log_dir last = {.count = 0};
    enum err_code rc = read_once(live_path, &last, e);
    for (int pass = 1; rc == ERR_OK && pass < PASSES_MAX; pass++) {
        struct log_dir again = {.count = 0};
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
    for (size_t i = 0; i < d->total; i++) {
        free(d->entries[i].path);
    }
    free(d->entries);
    *d = (struct log_dir){0};
}

size_t log_dir_find(const struct log_dir *d, struct log_file_ident ident) {
    for (size_t i = 0; i < d->count; i++) {
        if (d->entries[i].kind == LOG_DIR_FILE && log_file_ident_eq(d->entries[i].ident, ident)) {
            return i;
        }
    }
    return (size_t)-1;
}

size_t log_dir_copies_end(const struct log_dir *d, size_t first) {
    size_t end = first + 1;
    while (end < d->count && d->entries[end].kind == LOG_DIR_FILE &&
           log_file_ident_eq(d->entries[end].ident, d->entries[first].ident)) {
        end++;
    }
    return end;
}
