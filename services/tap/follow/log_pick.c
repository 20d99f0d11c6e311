// Chooses among copies; see the header.
#include "tap/follow/log_pick.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { BLOCK_BYTES = 64 * 1024 };

static enum err_code open_as(const struct log_dir_entry *entry, struct log_file **ret,
                             struct err *e) {
    struct log_file_ident ident;
    enum err_code rc = log_file_open(entry->path, ret, e);
    if (rc == ERR_OK &&
        (!log_file_identify(*ret, &ident) || !log_file_ident_eq(ident, entry->ident))) {
        log_file_close(*ret);
        rc = err_set(e, ERR_NOT_FOUND, "%s is another file now", entry->path);
    }
    return rc;
}

// Fills the block unless the content ends, or can't be read further.
static size_t read_block(struct log_file *f, uint64_t at, char *block) {
    size_t len = 0, n = 1;
    while (len < BLOCK_BYTES && n > 0 &&
           log_file_read(f, at + len, block + len, BLOCK_BYTES - len, &n, NULL) == ERR_OK) {
        len += n;
    }
    return len;
}

// First byte in which two differ; UINT64_MAX: one is the other's beginning.
static uint64_t fork_of(struct log_file *a, struct log_file *b) {
    char *x = malloc(BLOCK_BYTES), *y = malloc(BLOCK_BYTES);
    check(x != NULL && y != NULL);
    uint64_t at = 0, fork = UINT64_MAX;
    for (size_t common = BLOCK_BYTES; common == BLOCK_BYTES && fork == UINT64_MAX; at += common) {
        size_t n = read_block(a, at, x), m = read_block(b, at, y);
        common = n < m ? n : m;
        for (size_t i = 0; i < common && fork == UINT64_MAX && memcmp(x, y, common) != 0; i++) {
            fork = x[i] == y[i] ? fork : at + i;
        }
    }
    free(x);
    free(y);
    return fork;
}

static bool is_better(const struct log_dir *d, size_t i, struct log_file *file, uint64_t length,
                      const struct log_pick *best, uint64_t best_length) {
    if (length != best_length) {
        return length > best_length;
    }
    if (log_file_is_packed(file) != log_file_is_packed(best->file)) {
        return !log_file_is_packed(file);
    }
    return d->entries[i].live && !d->entries[best->index].live;
}

enum err_code log_pick_open(const struct log_dir *d, size_t first, struct log_pick *ret,
                            struct err *e) {
    size_t end = log_dir_copies_end(d, first);
    struct log_pick best = {NULL, first, UINT64_MAX};
    uint64_t best_length = 0;
    enum err_code rc = ERR_OK;
    for (size_t i = first; i < end; i++) {
        struct log_file *file;
        if ((rc = open_as(&d->entries[i], &file, e)) != ERR_OK) {
            break;
        }
        if (best.file == NULL) {
            best.file = file;
            best_length = end - first > 1 ? log_file_length(file) : 0;
            continue;
        }
        if (log_file_id(file) == log_file_id(best.file)) { // under its old and its new name
            log_file_close(file);
            continue;
        }
        uint64_t fork = fork_of(file, best.file), length = log_file_length(file);
        best.fork = fork < best.fork ? fork : best.fork;
        if (is_better(d, i, file, length, &best, best_length)) {
            log_file_close(best.file);
            best.file = file;
            best.index = i;
            best_length = length;
        } else {
            log_file_close(file);
        }
    }
    if (rc != ERR_OK) {
        log_file_close(best.file);
        return rc;
    }
    *ret = best;
    return ERR_OK;
}
