// Reads the request log line by line, each with its position, over rename, compression, truncation
// and restart. Only complete lines; a file's unfinished end is given when nothing can be added to
// it any more. One thread, never waits.
//
// Files are kept open until follow_release says that they will not be read again, so a rewind finds
// even a file that was removed meanwhile.
#ifndef WEIR_TAP_FOLLOW_FOLLOW_H
#define WEIR_TAP_FOLLOW_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "tap/follow/log_file.h"

enum {
    FOLLOW_FILES_MAX = 64,  // open at a time; above, reading waits for follow_release
    FOLLOW_HEAD_MAX = 4096, // bytes kept of a line that is too long
    FOLLOW_KNOWN_MAX = 1024 // files remembered as begun
};

// A place to go on from, with the file it is in.
struct follow_mark {
    int64_t generation;
    uint64_t offset; // of the next line's first byte
    struct log_file_ident ident;
};

// Which files were begun. Their first lines alone don't tell: where a clock is set back, a file
// that was read begins later than one that was not, and is never to be read again.
struct follow_past {
    int64_t forgotten_ms; // a file that begins up to here and isn't the live one was read
    size_t count;
    struct {
        int64_t generation;
        struct log_file_ident ident;
    } items[FOLLOW_KNOWN_MAX]; // by generation
};

enum follow_kind {
    FOLLOW_NOTHING,  // no complete line now: ask again later
    FOLLOW_LINE,     // text without its newline
    FOLLOW_TOO_LONG, // text: the first FOLLOW_HEAD_MAX bytes; bytes: all
    FOLLOW_TORN,     // the unfinished end of a file
    FOLLOW_HOLE,     // nothing is known from `hole_from` to this item's position
};

struct follow_item {
    enum follow_kind kind;
    int64_t generation;
    uint64_t offset;
    struct slice text; // borrowed until the next call
    uint64_t bytes;
    bool has_from; // of a hole; false: nothing before is known
    int64_t from_generation;
    uint64_t from_offset;
    const char *why; // of a hole: "removed", "truncated", "damaged", "unknown_before"
};

struct follow;

// `path` of the live file (copied). `start` NULL: the oldest file. `past` belongs to `start`
// (copied); NULL: files that begin before that of `start` are taken for read. Lines above line_max
// bytes are FOLLOW_TOO_LONG. Opens nothing yet.
struct follow *follow_new(const char *path, uint64_t line_max, const struct follow_mark *start,
                          const struct follow_past *past);
void follow_free(struct follow *f);

// ERR_IO: a file or folder can't be read; nothing is lost, ask again later.
ERR_MUST_CHECK enum err_code follow_next(struct follow *f, struct follow_item *ret, struct err *e);
// The place after the last item given. False while no file was found.
bool follow_mark(const struct follow *f, struct follow_mark *ret);
// Goes back to a place that was given before and not released.
void follow_rewind(struct follow *f, int64_t generation, uint64_t offset);
// The mark of a place in a file that is still open.
bool follow_mark_at(const struct follow *f, int64_t generation, uint64_t offset,
                    struct follow_mark *ret);
// The files begun up to a mark of this generation.
void follow_past_at(const struct follow *f, int64_t generation, struct follow_past *ret);
// No rewind will go before this generation.
void follow_release(struct follow *f, int64_t generation);
// True while the next item is a hole: the state on disk must not pass it.
bool follow_hole_due(const struct follow *f);
// True if the last follow_next gave nothing because the live file is read to its end.
bool follow_caught_up(const struct follow *f);
// Bytes on disk not yet read, in this file and those after it (compressed ones by their size).
uint64_t follow_lag_bytes(const struct follow *f);

#endif
