// Files of the log's name that are not read, each to be told once. One thread.
#ifndef WEIR_TAP_FOLLOW_ODD_FILES_H
#define WEIR_TAP_FOLLOW_ODD_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tap/follow/log_dir.h"

struct odd_files {
    size_t next; // where the next one goes; the oldest give way
    size_t count;
    struct {
        uint64_t id;
        enum log_dir_kind kind;
        char *path; // until it is told; owned
    } seen[LOG_DIR_FILES_MAX];
};

void odd_files_done(struct odd_files *o);
// Notes what a look at the folder showed.
void odd_files_note(struct odd_files *o, const struct log_dir *d);
// The next one not told yet. *ret_path is the caller's to free.
bool odd_files_take(struct odd_files *o, char **ret_path, enum log_dir_kind *ret_kind);

#endif
