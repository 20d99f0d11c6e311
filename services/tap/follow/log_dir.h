// The files of one request log: the live one and those renamed from it, oldest first, and among them
// those that can't be read.
#ifndef WEIR_TAP_FOLLOW_LOG_DIR_H
#define WEIR_TAP_FOLLOW_LOG_DIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tap/follow/log_file.h"

enum { LOG_DIR_FILES_MAX = 4096, LOG_DIR_PATH_MAX = 4096 };

enum log_dir_kind {
    LOG_DIR_FILE,    // has a first line with a time
    LOG_DIR_DAMAGED, // has content, but none that can be read
    LOG_DIR_DENIED,  // there is no right to read it
    LOG_DIR_OTHER,   // a folder, pipe, socket or device: no log file
};

struct log_dir_entry {
    char *path; // owned
    enum log_dir_kind kind;
    struct log_file_ident ident; // of LOG_DIR_FILE
    bool live;                   // the live file, or of the same first line
    uint64_t id;                 // log_file_id_at
    uint64_t bytes;              // on disk
};

struct log_dir {
    struct log_dir_entry *entries; // see log_dir_read
    size_t count;                  // of these, without LOG_DIR_OTHER
    size_t total;
    bool ascending; // of files with numbers the highest is the newest
};

// Reads the folder of `live_path`: that file, and what is named like it (log_name.h). Files with a
// first line come by its time, those of the live file's content last; copies (of one first line)
// stand beside each other. Damaged and denied files stand where their names put them among names of
// the same kind, else before the live file; LOG_DIR_OTHER behind `count`. Left out are empty plain
// files, a live file without a line, and what a compressor has only begun to write beside the plain
// file. Reads until two passes agree, for a rename in between can hide a file.
// On success the caller owns *ret (log_dir_done). A folder that isn't there is an empty one.
ERR_MUST_CHECK enum err_code log_dir_read(const char *live_path, struct log_dir *ret,
                                          struct err *e);
void log_dir_done(struct log_dir *d);
// Index of the first file with this first line, or (size_t)-1.
size_t log_dir_find(const struct log_dir *d, struct log_file_ident ident);
// One past the last of the copies that begin at `first`.
size_t log_dir_copies_end(const struct log_dir *d, size_t first);

#endif
