// Reads the request log line by line, each with its position, over rename, compression, truncation
// and restart. Only complete lines; a file's unfinished end is given when nothing can be added to
// it any more. What can't be read is a hole, with a beginning and an end. One thread, never waits.
//
// Files, CHAPTERS_MAX at most, are kept open until follow_release says that they will not be read
// again, so a rewind finds even a file that was removed meanwhile.
#ifndef WEIR_TAP_FOLLOW_FOLLOW_H
#define WEIR_TAP_FOLLOW_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"
#include "tap/follow/chapters.h"
#include "tap/follow/follow_past.h"
#include "tap/follow/line_cutter.h"
#include "tap/follow/log_dir.h"
#include "tap/follow/log_file.h"

enum { FOLLOW_HEAD_MAX = LINE_CUTTER_HEAD_MAX }; // bytes kept of a line that is too long

enum follow_kind {
    FOLLOW_NOTHING,  // no complete line now: ask again later
    FOLLOW_LINE,     // text without its newline
    FOLLOW_TOO_LONG, // text: the first FOLLOW_HEAD_MAX bytes; bytes: all
    FOLLOW_TORN,     // the unfinished end of a file, or what stands before lost content
    FOLLOW_HOLE,     // nothing is known from `from_*` to (generation, to_offset)
};

struct follow_item {
    enum follow_kind kind;
    int64_t generation;
    uint64_t offset;   // where reading has to begin to meet the item again
    struct slice text; // borrowed until the next call
    uint64_t bytes;
    const struct line_remains *remains; // of FOLLOW_TOO_LONG, of all its bytes; borrowed; else NULL
    // Of a hole.
    const char *why; // "removed", "truncated", "damaged", "forked", "unknown_before"
    bool has_from;   // false: nothing before is known
    int64_t from_generation;
    uint64_t from_offset;
    uint64_t to_offset;
    int64_t from_ms; // broker time of the last line before it, 0 without has_from
    int64_t to_ms; // and of the first behind it, or when the loss was noticed; never below from_ms
};

struct follow;

// `path` of the live file (copied). `start` NULL: the oldest file. `past` belongs to `start`
// (copied); NULL: files that begin before that of `start` are taken for read. Lines above line_max
// bytes are FOLLOW_TOO_LONG. Opens nothing yet.
struct follow *follow_new(const char *path, uint64_t line_max, const struct follow_mark *start,
                          const struct follow_past *past);
void follow_free(struct follow *f);
// Before the first follow_next: reading begins up to so many bytes before the start, at a line of the
// same file, so that whoever remembers lines has seen those before it. Not beyond lost content, nor
// where an earlier part of the file has other positions.
void follow_look_back(struct follow *f, uint64_t bytes);

// ERR_IO or ERR_DENIED: a file or folder can't be read; nothing is lost, ask again later.
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
// Bytes on disk not yet read, in this file and those after it (packed ones by their size).
uint64_t follow_lag_bytes(const struct follow *f);
// The next file of the log's name that is left out and was not told yet; *ret_path is the caller's to
// free.
bool follow_left_out(struct follow *f, char **ret_path, enum log_dir_kind *ret_kind);

#endif
