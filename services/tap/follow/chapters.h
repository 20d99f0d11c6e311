// The files of the log in the order in which they are read, each with what is missing in front of it.
// A chapter is one run of positions: a generation of one file. Each generation is above the one
// before. One thread.
#ifndef WEIR_TAP_FOLLOW_CHAPTERS_H
#define WEIR_TAP_FOLLOW_CHAPTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tap/follow/follow_past.h"
#include "tap/follow/log_file.h"
#include "tap/follow/odd_files.h"

enum { CHAPTERS_MAX = 64 }; // open at a time

// A place to go on from, with the file it is in.
struct follow_mark {
    int64_t generation;
    uint64_t offset; // of the next line's first byte
    struct log_file_ident ident;
    uint64_t id; // log_file_id of what the logger wrote; 0: unknown
};

// What nobody knows in front of a place.
struct missing {
    const char *why; // NULL: nothing
    bool has_from;
    int64_t from_generation;
    uint64_t from_offset;
    int64_t from_ms;
    int64_t to_ms;
};

struct chapter {
    struct log_file *file; // NULL: its content is gone
    struct log_file_ident ident;
    uint64_t id; // log_file_id of what the logger wrote; 0: unknown
    int64_t generation;
    uint64_t begin;       // first offset of this generation in the file
    uint64_t end;         // of a chapter whose content is gone: how far it was read
    uint64_t fork;        // from here on a copy of it says otherwise; UINT64_MAX: none does
    bool final;           // nothing will be added
    bool copied;          // what copytruncate copied: lines between copy and truncation are lost
    bool damaged;         // it breaks off
    int64_t last_ms;      // time of the newest line given; 0: none
    int64_t seen_live_ms; // when it was last seen to be the live file; 0: never
    struct missing before;
};

struct chapters {
    char *path; // of the live file
    bool has_start;
    struct follow_mark start;
    struct follow_past past; // of all chapters there ever were
    struct odd_files odd;    // what the looks at the folder showed
    struct chapter items[CHAPTERS_MAX];
    size_t count;
    unsigned fruitless_looks;
    uint64_t unreadable_bytes; // of the files that the last look couldn't read
    uint64_t denied_id;        // of a file that there was no right to read; 0: none
};

// What a look at the folder led to.
enum chapters_step {
    CHAPTERS_NOTHING, // look again later
    CHAPTERS_NEXT,    // there is another chapter, to be read from its beginning
    CHAPTERS_START,   // there is the first chapter, to be read from the start's offset
    CHAPTERS_COPY,    // what the last chapter lost was found in a copy: on from its `end`
    CHAPTERS_FINAL,   // nothing is added to the last chapter any more: read it to its end once more
};

// For `start` and `past`, see follow_new.
void chapters_init(struct chapters *all, const char *path, const struct follow_mark *start,
                   const struct follow_past *past);
void chapters_done(struct chapters *all);
// Looks for the first chapter.
ERR_MUST_CHECK enum err_code chapters_open_first(struct chapters *all, enum chapters_step *ret,
                                                 struct err *e);
// Looks for what comes after the last chapter, which is read up to `end`, its end.
ERR_MUST_CHECK enum err_code chapters_open_next(struct chapters *all, uint64_t end,
                                                enum chapters_step *ret, struct err *e);
// Closes the first `count`.
void chapters_release(struct chapters *all, size_t count);
// Bytes on disk of the files not begun, packed ones by their size.
uint64_t chapters_bytes_ahead(const struct chapters *all);

// A hole from `offset` of a chapter on. A clock set back is none: the earlier time begins it.
struct missing chapter_missing(const struct chapter *c, const char *why, uint64_t offset,
                               int64_t from_ms, int64_t to_ms);
// Time of the last line before `offset`, or that of the chapter's file.
int64_t chapter_time_before(const struct chapter *c, uint64_t offset);

#endif
