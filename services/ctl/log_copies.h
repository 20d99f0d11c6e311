// Finds log files that were given twice: the same file, a copy of it, packed and plain, an older copy
// that the log has outgrown.
#ifndef WEIR_CTL_LOG_COPIES_H
#define WEIR_CTL_LOG_COPIES_H

#include <stdbool.h>
#include <stddef.h>

enum log_copy_kind {
    LOG_COPY_NONE,
    LOG_COPY_SAME,      // the same content
    LOG_COPY_BEGINNING, // the beginning of the other's content
};

struct log_copy {
    enum log_copy_kind kind;
    size_t of;    // index of the file that has all of this one's content
    bool damaged; // as far as this one can be read: it breaks off
};

// Of the content of files, unpacked. ret[i] tells of paths[i]; of files of the same content the first
// is none. Files that can't be read twice ("-", pipes) or not at all, and empty ones, are none.
void log_copies_find(char *const *paths, size_t count, struct log_copy *ret);

#endif
