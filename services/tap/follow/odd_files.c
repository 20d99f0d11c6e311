// What is left out; see the header.
#include "tap/follow/odd_files.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

void odd_files_done(struct odd_files *o) {
    for (size_t i = 0; i < o->count; i++) {
        free(o->seen[i].path);
    }
}

// A renamed file is the same one.
static bool is_known(const struct odd_files *o, const struct log_dir_entry *entry) {
    for (size_t i = 0; i < o->count; i++) {
        if (o->seen[i].id == entry->id && o->seen[i].kind == entry->kind) {
            return true;
        }
    }
    return false;
}

void odd_files_note(struct odd_files *o, const struct log_dir *d) {
    for (size_t i = 0; i < d->total; i++) {
        const struct log_dir_entry *entry = &d->entries[i];
        if (entry->kind == LOG_DIR_FILE || is_known(o, entry)) {
            continue;
        }
        free(o->seen[o->next].path);
        o->seen[o->next].id = entry->id;
        o->seen[o->next].kind = entry->kind;
        o->seen[o->next].path = strdup(entry->path);
        check(o->seen[o->next].path != NULL);
        o->next = (o->next + 1) % LOG_DIR_FILES_MAX;
        o->count += o->count < LOG_DIR_FILES_MAX;
    }
}

bool odd_files_take(struct odd_files *o, char **ret_path, enum log_dir_kind *ret_kind) {
    for (size_t i = 0; i < o->count; i++) {
        if (o->seen[i].path != NULL) {
            *ret_path = o->seen[i].path;
            *ret_kind = o->seen[i].kind;
            o->seen[i].path = NULL;
            return true;
        }
    }
    return false;
}
