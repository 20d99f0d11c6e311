// The files of one request log: the live one and those renamed from it, oldest first.
#ifndef WEIR_TAP_FOLLOW_LOG_DIR_H
#define WEIR_TAP_FOLLOW_LOG_DIR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "tap/follow/log_file.h"

enum { LOG_DIR_FILES_MAX = 4096, LOG_DIR_PATH_MAX = 4096 };

struct log_dir_entry {
    char *path; // owned
    struct log_file_ident ident;
    bool live;
};

// A renamed file with content of which no line can be read: another compression, damaged, NULs.
struct log_dir_unreadable {
    char *path;                  // owned
    struct log_file_ident ident; // first_ms 0; of its inode, size and time of writing
    int64_t written_ms;
};

struct log_dir {
    struct log_dir_entry *entries; // by first_ms, the live file last
    size_t count;
    struct log_dir_unreadable *unreadable;
    size_t unreadable_count;
    size_t no_files; // folders, sockets, devices that are named like the log
};

// Reads the folder of `live_path`: that file, and what is named like it with a dot, a dash
// (logrotate's dateext) or an underscore and something behind it, "….gz" being compressed. Only
// regular files count. A live file without a complete line is left out; of files that begin with
// the same line (compression at work, a copy that somebody made) the one with the longest content
// stays. Reads until two passes agree, for a rename in between can hide a file. On success the caller
// owns *ret (log_dir_done). A folder that isn't there is an empty one.
ERR_MUST_CHECK enum err_code log_dir_read(const char *live_path, struct log_dir *ret,
                                          struct err *e);
void log_dir_done(struct log_dir *d);
// Index of the file with this first line, or (size_t)-1.
size_t log_dir_find(const struct log_dir *d, struct log_file_ident ident);

#endif
