// Follows the request log; see the header. A `chapter` is one run of positions: a generation of one
// file. Chapters are numbered as they are met, each generation above the one before.
#include "tap/follow/follow.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "tap/follow/log_dir.h"

enum {
    BLOCK_BYTES = 256 * 1024,
    SEARCHES_BEFORE_HOLE = 3, // a rename may hide a file from one look at the folder
    CALLS_PER_SEARCH = 10,    // fruitless calls between two looks at the folder
};

struct chapter {
    struct log_file *file; // NULL: its content is gone
    struct log_file_ident ident;
    int64_t generation;
    uint64_t begin;     // first offset of this generation in the file
    uint64_t end;       // of a chapter whose content is gone: how far it was read
    bool final;         // nothing will be added
    bool copied;        // read on in a copy made by copytruncate
    bool damaged;       // its gzip stream breaks off
    const char *hole;   // what is missing in front of it, or NULL
    bool hole_has_from; // the hole begins at (from_generation, from_offset)
    int64_t from_generation;
    uint64_t from_offset;
};

struct follow {
    char *path;
    uint64_t line_max;
    bool has_start;
    struct follow_mark start;
    struct follow_past past; // of all chapters there ever were

    struct chapter chapters[FOLLOW_FILES_MAX];
    size_t count;
    size_t current;
    bool hole_due; // the current chapter's hole is not yet given

    uint64_t offset; // of the next line, in the current chapter
    char *buf;       // content from `buf_offset` on
    size_t cap;
    size_t len;
    size_t scanned; // bytes of buf known to hold no newline after `offset`
    uint64_t buf_offset;
    bool skipping; // in a line above line_max: buf is beyond `offset`
    char head[FOLLOW_HEAD_MAX];
    size_t head_len;

    unsigned idle_calls;
    unsigned fruitless_searches;
    bool caught_up;
};

// --- files begun ---------------------------------------------------------------------------------

static void forget_first(struct follow_past *p) {
    if (p->items[0].ident.first_ms > p->forgotten_ms) {
        p->forgotten_ms = p->items[0].ident.first_ms;
    }
    p->count--;
    memmove(p->items, p->items + 1, p->count * sizeof p->items[0]);
}

static void know(struct follow *f, struct log_file_ident ident, int64_t generation) {
    struct follow_past *p = &f->past;
    for (size_t i = 0; i < p->count; i++) {
        if (log_file_ident_eq(p->items[i].ident, ident)) {
            return;
        }
    }
    if (p->count == FOLLOW_KNOWN_MAX) {
        forget_first(p);
    }
    p->items[p->count].generation = generation;
    p->items[p->count++].ident = ident;
}

void follow_past_at(const struct follow *f, int64_t generation, struct follow_past *ret) {
    ret->forgotten_ms = f->past.forgotten_ms;
    ret->count = 0;
    while (ret->count < f->past.count && f->past.items[ret->count].generation <= generation) {
        ret->items[ret->count] = f->past.items[ret->count];
        ret->count++;
    }
}

// --- chapters ------------------------------------------------------------------------------------

struct follow *follow_new(const char *path, uint64_t line_max, const struct follow_mark *start,
                          const struct follow_past *past) {
    struct follow *f = calloc(1, sizeof *f);
    check(f != NULL);
    f->path = strdup(path);
    check(f->path != NULL);
    f->line_max = line_max;
    f->past.forgotten_ms = INT64_MIN;
    if (start != NULL) {
        f->has_start = true;
        f->start = *start;
        f->past.forgotten_ms = start->ident.first_ms - 1;
    }
    if (start != NULL && past != NULL) {
        f->past = *past;
    }
    if (start != NULL) {
        know(f, start->ident, start->generation);
    }
    return f;
}

void follow_free(struct follow *f) {
    if (f == NULL) {
        return;
    }
    for (size_t i = 0; i < f->count; i++) {
        log_file_close(f->chapters[i].file);
    }
    free(f->buf);
    free(f->path);
    free(f);
}

static void go_to(struct follow *f, size_t chapter, uint64_t offset) {
    f->current = chapter;
    f->offset = offset;
    f->buf_offset = offset;
    f->len = 0;
    f->scanned = 0;
    f->skipping = false;
    f->head_len = 0;
    f->hole_due = false;
}

static void enter(struct follow *f, size_t chapter) {
    go_to(f, chapter, f->chapters[chapter].begin);
    f->hole_due = f->chapters[chapter].hole != NULL;
}

// --- from one file to the next -------------------------------------------------------------------

static bool knows(const struct follow *f, struct log_file_ident ident) {
    for (size_t i = f->past.count; i > 0; i--) {
        if (log_file_ident_eq(f->past.items[i - 1].ident, ident)) {
            return true;
        }
    }
    return false;
}

static bool was_begun(const struct follow *f, const struct log_dir_entry *entry) {
    if (knows(f, entry->ident)) {
        return true;
    }
    return !entry->live && entry->ident.first_ms <= f->past.forgotten_ms;
}

// The file to read after `ident`: the oldest of the folder that was not begun yet.
static size_t entry_after(struct follow *f, const struct log_dir *d, struct log_file_ident ident,
                          bool *ret_gone) {
    *ret_gone = log_dir_find(d, ident) == (size_t)-1;
    for (size_t i = 0; i < d->count; i++) {
        if (!was_begun(f, &d->entries[i])) {
            return i;
        }
    }
    return (size_t)-1;
}

// "…/kafka-request.log.2026-11-22-11.xz" without its ending; the length of what is left.
static size_t stem_of(const char *path) {
    static const char *const ENDINGS[] = {".gz", ".zst", ".xz", ".bz2", ".lz4"};
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        size_t n = strlen(ENDINGS[i]);
        if (len > n && strcmp(path + len - n, ENDINGS[i]) == 0) {
            return len - n;
        }
    }
    return len;
}

// Whether a file that can't be read was written after the one that was read last, to `written_ms`,
// under the name `path` (NULL: not there any more). Written at the same time, it may be that very
// file, compressed; a name in the order of dates tells.
static bool is_newer(const struct log_dir_unreadable *u, int64_t written_ms, const char *path) {
    static const int64_t SECOND_MS = 1000;
    if (written_ms == INT64_MIN || u->written_ms > written_ms + SECOND_MS) {
        return true;
    }
    size_t stem = stem_of(u->path);
    return u->written_ms >= written_ms - SECOND_MS && path != NULL && stem == stem_of(path) &&
           strncmp(u->path, path, stem) > 0;
}

// Whether the folder holds files that can't be read, were not told before, and stand between the file
// read last and the next.
static bool unreadable_between(const struct follow *f, const struct log_dir *d, int64_t written_ms,
                               const char *path) {
    for (size_t i = 0; i < d->unreadable_count; i++) {
        if (!knows(f, d->unreadable[i].ident) && is_newer(&d->unreadable[i], written_ms, path)) {
            return true;
        }
    }
    return false;
}

static void know_unreadable(struct follow *f, const struct log_dir *d, int64_t generation) {
    for (size_t i = 0; i < d->unreadable_count; i++) {
        know(f, d->unreadable[i].ident, generation);
    }
}

// Opens `entry` as the chapter after those there are. False if it was renamed meanwhile.
static bool append_chapter(struct follow *f, const struct log_dir_entry *entry,
                           const struct chapter *as) {
    struct log_file *file;
    struct log_file_ident ident;
    if (log_file_open(entry->path, &file, NULL) != ERR_OK) {
        return false;
    }
    if (!log_file_identify(file, &ident) || !log_file_ident_eq(ident, entry->ident)) {
        log_file_close(file);
        return false;
    }
    check(f->count < FOLLOW_FILES_MAX);
    struct chapter *c = &f->chapters[f->count++];
    *c = *as;
    c->file = file;
    c->ident = ident;
    know(f, ident, c->generation);
    return true;
}

static int64_t generation_after(struct log_file_ident ident, int64_t before) {
    return ident.first_ms > before ? ident.first_ms : before + 1;
}

static bool first_chapter(struct follow *f, const struct log_dir *d) {
    struct chapter as = {0};
    if (!f->has_start) {
        if (d->count == 0) {
            return false;
        }
        as.generation = generation_after(d->entries[0].ident, 0);
        // What is older and turns up later belongs to the hole.
        f->past.forgotten_ms = d->entries[0].ident.first_ms - 1;
        as.hole = "unknown_before";
        if (!append_chapter(f, &d->entries[0], &as)) {
            return false;
        }
        enter(f, 0);
        return true;
    }
    size_t self = log_dir_find(d, f->start.ident);
    if (self != (size_t)-1) {
        as.generation = f->start.generation;
        if (!append_chapter(f, &d->entries[self], &as)) {
            return false;
        }
        go_to(f, 0, f->start.offset);
        return true;
    }
    bool gone;
    size_t next = entry_after(f, d, f->start.ident, &gone);
    if (next == (size_t)-1 || ++f->fruitless_searches < SEARCHES_BEFORE_HOLE) {
        return false;
    }
    as.generation = generation_after(d->entries[next].ident, f->start.generation);
    as.hole = "removed";
    as.hole_has_from = true;
    as.from_generation = f->start.generation;
    as.from_offset = f->start.offset;
    if (!append_chapter(f, &d->entries[next], &as)) {
        return false;
    }
    enter(f, 0);
    return true;
}

// The current chapter's content was replaced under it. copytruncate leaves a copy with the same
// first line: reading goes on there. A file that lost its end (a crash of the machine) goes on as a
// new generation behind what is left. Returns true if reading can go on.
static bool after_replacement(struct follow *f, const struct log_dir *d) {
    struct chapter *c = &f->chapters[f->current];
    size_t self = log_dir_find(d, c->ident);
    if (self == (size_t)-1) {
        return false;
    }
    struct log_file *file;
    if (log_file_open(d->entries[self].path, &file, NULL) != ERR_OK) {
        return false;
    }
    struct log_file_ident ident;
    uint64_t size = log_file_size(file);
    bool same = log_file_identify(file, &ident) && log_file_ident_eq(ident, c->ident);
    if (!same || (!log_file_is_compressed(file) && size < c->end && f->count == FOLLOW_FILES_MAX)) {
        log_file_close(file);
        return false;
    }
    if (log_file_is_compressed(file) || size >= c->end) {
        c->file = file;
        c->copied = true;
        go_to(f, f->current, c->end);
        return true;
    }
    f->chapters[f->count++] = (struct chapter){
        .file = file,
        .ident = ident,
        .generation = c->generation + 1,
        .begin = size,
        .hole = "truncated",
        .hole_has_from = true,
        .from_generation = c->generation,
        .from_offset = c->end,
    };
    enter(f, f->count - 1);
    return true;
}

// Looks for the file after the current chapter, which is read to its end. `final` once there is
// one: what was written to this one before is then read in a last pass.
static enum err_code search_next(struct follow *f, bool *ret_found, struct err *e) {
    struct chapter *c = &f->chapters[f->current];
    struct log_dir d;
    *ret_found = false;
    enum err_code rc = log_dir_read(f->path, &d, e);
    if (rc != ERR_OK) {
        return rc == ERR_UNAVAILABLE ? ERR_OK : rc;
    }
    if (c->file == NULL && after_replacement(f, &d)) {
        log_dir_done(&d);
        *ret_found = true;
        return ERR_OK;
    }
    bool gone;
    size_t next = entry_after(f, &d, c->ident, &gone);
    // Only after several looks is a file that can't be seen taken for removed, and then what may
    // have stood between it and the next is unknown.
    bool wait = next == (size_t)-1 || f->count == FOLLOW_FILES_MAX ||
                (gone && c->file != NULL && ++f->fruitless_searches < SEARCHES_BEFORE_HOLE);
    if (!wait && !c->final && c->file != NULL) {
        c->final = true; // one more read, then here again
        *ret_found = true;
    } else if (!wait) {
        struct chapter as = {.generation = generation_after(d.entries[next].ident, c->generation)};
        if (c->file == NULL || c->copied || c->damaged || gone) {
            as.hole = c->damaged                     ? "damaged"
                      : c->file == NULL || c->copied ? "truncated"
                                                     : "removed";
            as.hole_has_from = true;
            as.from_generation = c->generation;
            as.from_offset = f->offset;
        }
        size_t self = log_dir_find(&d, c->ident);
        if (unreadable_between(f, &d, c->file == NULL ? INT64_MIN : log_file_written_ms(c->file),
                               self == (size_t)-1 ? NULL : d.entries[self].path) &&
            as.hole == NULL) {
            as.hole = "damaged";
            as.hole_has_from = true;
            as.from_generation = c->generation;
            as.from_offset = f->offset;
        }
        if (append_chapter(f, &d.entries[next], &as)) {
            know_unreadable(f, &d, as.generation);
            f->fruitless_searches = 0;
            enter(f, f->count - 1);
            *ret_found = true;
        }
    }
    log_dir_done(&d);
    return ERR_OK;
}

// --- lines ---------------------------------------------------------------------------------------

static void give(struct follow *f, struct follow_item *ret, enum follow_kind kind,
                 struct slice text, uint64_t bytes, uint64_t next_offset) {
    *ret = (struct follow_item){
        .kind = kind,
        .generation = f->chapters[f->current].generation,
        .offset = f->offset,
        .text = text,
        .bytes = bytes,
    };
    f->offset = next_offset;
}

// A complete line of the buffer, if there is one.
static bool take_line(struct follow *f, struct follow_item *ret) {
    size_t begin = f->skipping ? 0 : (size_t)(f->offset - f->buf_offset);
    size_t from = f->scanned > begin ? f->scanned : begin;
    const char *newline = from < f->len ? memchr(f->buf + from, '\n', f->len - from) : NULL;
    if (newline == NULL) {
        f->scanned = f->len;
        return false;
    }
    size_t end = (size_t)(newline - f->buf);
    f->scanned = end + 1;
    uint64_t next = f->buf_offset + end + 1;
    if (f->skipping) {
        f->skipping = false;
        give(f, ret, FOLLOW_TOO_LONG, slice_of(f->head, f->head_len), next - 1 - f->offset, next);
    } else if (end - begin > f->line_max) {
        give(
            f, ret, FOLLOW_TOO_LONG,
            slice_of(f->buf + begin, end - begin < FOLLOW_HEAD_MAX ? end - begin : FOLLOW_HEAD_MAX),
            end - begin, next);
    } else {
        give(f, ret, FOLLOW_LINE, slice_of(f->buf + begin, end - begin), end - begin, next);
    }
    return true;
}

// Makes room for a block: what was given goes, and so does a line too long to keep.
static void make_room(struct follow *f) {
    size_t used = f->skipping ? f->len : (size_t)(f->offset - f->buf_offset);
    if (!f->skipping && f->len - used > f->line_max) {
        f->head_len = f->len - used < FOLLOW_HEAD_MAX ? f->len - used : FOLLOW_HEAD_MAX;
        memcpy(f->head, f->buf + used, f->head_len);
        f->skipping = true;
        used = f->len;
    }
    if (used > 0) {
        memmove(f->buf, f->buf + used, f->len - used);
        f->buf_offset += used;
        f->len -= used;
        f->scanned = f->scanned > used ? f->scanned - used : 0;
    }
    if (f->cap < f->len + BLOCK_BYTES) {
        f->cap = f->cap == 0 ? BLOCK_BYTES : f->cap * 2;
        while (f->cap < f->len + BLOCK_BYTES) {
            f->cap *= 2;
        }
        f->buf = realloc(f->buf, f->cap);
        check(f->buf != NULL);
    }
}

// Reads a block. *ret_len 0: the end of the file, or its content is gone (chapter->file NULL).
static enum err_code fill(struct follow *f, size_t *ret_len, struct err *e) {
    struct chapter *c = &f->chapters[f->current];
    *ret_len = 0;
    if (c->file == NULL) {
        return ERR_OK;
    }
    make_room(f);
    uint64_t at = f->buf_offset + f->len;
    size_t n;
    enum err_code rc = log_file_read(c->file, at, f->buf + f->len, BLOCK_BYTES, &n, e);
    if (rc != ERR_OK && log_file_is_compressed(c->file)) {
        c->damaged = c->final = true;
        return ERR_OK;
    }
    if (rc != ERR_OK) {
        return rc;
    }
    // Asked after reading: bytes of a file begun anew are not taken for its continuation.
    if (log_file_was_replaced(c->file, at)) {
        log_file_close(c->file);
        c->file = NULL;
        c->final = true;
        c->end = f->offset;
        f->len = 0;
        return ERR_OK;
    }
    f->len += n;
    *ret_len = n;
    return ERR_OK;
}

// What stands behind the last newline of a file to which nothing is added any more.
static bool take_tail(struct follow *f, struct follow_item *ret) {
    uint64_t end = f->buf_offset + f->len;
    if (f->chapters[f->current].file == NULL || end <= f->offset) {
        return false;
    }
    if (f->skipping) {
        f->skipping = false;
        give(f, ret, FOLLOW_TOO_LONG, slice_of(f->head, f->head_len), end - f->offset, end);
    } else {
        size_t begin = (size_t)(f->offset - f->buf_offset);
        give(f, ret, FOLLOW_TORN, slice_of(f->buf + begin, f->len - begin), f->len - begin, end);
    }
    return true;
}

// At the end of the current chapter: true if there is something to read now.
static enum err_code at_end(struct follow *f, bool *ret_more, struct err *e) {
    struct chapter *c = &f->chapters[f->current];
    *ret_more = false;
    if (f->current + 1 < f->count) { // after a rewind
        enter(f, f->current + 1);
        *ret_more = true;
        return ERR_OK;
    }
    if (c->file != NULL && !c->final && log_file_is_at(c->file, f->path)) {
        f->caught_up = f->offset == f->buf_offset + f->len;
        return ERR_OK;
    }
    if (!c->final && f->idle_calls++ % CALLS_PER_SEARCH != 0) {
        return ERR_OK;
    }
    return search_next(f, ret_more, e);
}

static enum err_code open_first(struct follow *f, bool *ret_more, struct err *e) {
    struct log_dir d;
    *ret_more = false;
    if (f->idle_calls++ % CALLS_PER_SEARCH != 0) {
        return ERR_OK;
    }
    enum err_code rc = log_dir_read(f->path, &d, e);
    if (rc != ERR_OK) {
        return rc == ERR_UNAVAILABLE ? ERR_OK : rc;
    }
    *ret_more = first_chapter(f, &d);
    log_dir_done(&d);
    return ERR_OK;
}

enum err_code follow_next(struct follow *f, struct follow_item *ret, struct err *e) {
    f->caught_up = false;
    *ret = (struct follow_item){.kind = FOLLOW_NOTHING};
    for (;;) {
        bool more;
        enum err_code rc;
        if (f->count == 0) {
            if ((rc = open_first(f, &more, e)) != ERR_OK || !more) {
                return rc;
            }
        }
        struct chapter *c = &f->chapters[f->current];
        if (f->hole_due) {
            f->hole_due = false;
            give(f, ret, FOLLOW_HOLE, (struct slice){0}, 0, f->offset);
            ret->has_from = c->hole_has_from;
            ret->from_generation = c->from_generation;
            ret->from_offset = c->from_offset;
            ret->why = c->hole;
            return ERR_OK;
        }
        if (take_line(f, ret)) {
            f->idle_calls = 0;
            return ERR_OK;
        }
        size_t n;
        if ((rc = fill(f, &n, e)) != ERR_OK) {
            return rc;
        }
        if (n > 0) {
            continue;
        }
        if (c->final && take_tail(f, ret)) {
            return ERR_OK;
        }
        if ((rc = at_end(f, &more, e)) != ERR_OK || !more) {
            return rc;
        }
    }
}

// --- places --------------------------------------------------------------------------------------

static struct chapter *chapter_of(const struct follow *f, int64_t generation) {
    for (size_t i = 0; i < f->count; i++) {
        if (f->chapters[i].generation == generation) {
            return (struct chapter *)&f->chapters[i];
        }
    }
    return NULL;
}

bool follow_mark_at(const struct follow *f, int64_t generation, uint64_t offset,
                    struct follow_mark *ret) {
    const struct chapter *c = chapter_of(f, generation);
    if (c == NULL) {
        return false;
    }
    *ret = (struct follow_mark){generation, offset, c->ident};
    return true;
}

bool follow_mark(const struct follow *f, struct follow_mark *ret) {
    return f->count > 0 && follow_mark_at(f, f->chapters[f->current].generation, f->offset, ret);
}

void follow_rewind(struct follow *f, int64_t generation, uint64_t offset) {
    struct chapter *c = chapter_of(f, generation);
    check(c != NULL);
    size_t chapter = (size_t)(c - f->chapters);
    go_to(f, chapter, offset);
    f->hole_due = c->hole != NULL && offset == c->begin;
    // What was not shipped of content that is gone belongs to the hole behind it.
    if (c->file == NULL && offset < c->end) {
        c->end = offset;
        if (chapter + 1 < f->count) {
            f->chapters[chapter + 1].from_offset = offset;
        }
    }
}

void follow_release(struct follow *f, int64_t generation) {
    size_t n = 0;
    while (n < f->current && f->chapters[n].generation < generation) {
        log_file_close(f->chapters[n++].file);
    }
    if (n > 0) {
        memmove(f->chapters, f->chapters + n, (f->count - n) * sizeof f->chapters[0]);
        f->count -= n;
        f->current -= n;
    }
}

bool follow_hole_due(const struct follow *f) {
    return f->hole_due;
}

bool follow_caught_up(const struct follow *f) {
    return f->caught_up;
}

uint64_t follow_lag_bytes(const struct follow *f) {
    uint64_t lag = 0;
    if (f->count == 0) {
        return 0;
    }
    for (size_t i = f->current; i < f->count; i++) {
        const struct chapter *c = &f->chapters[i];
        uint64_t size = c->file == NULL ? 0 : log_file_size(c->file);
        uint64_t read = i == f->current ? f->offset : c->begin;
        lag += size > read ? size - read : 0;
    }
    const struct chapter *last = &f->chapters[f->count - 1];
    if (last->file != NULL && log_file_is_at(last->file, f->path)) {
        return lag;
    }
    struct log_dir d;
    if (log_dir_read(f->path, &d, NULL) != ERR_OK) {
        return lag;
    }
    size_t self = log_dir_find(&d, last->ident);
    for (size_t i = self == (size_t)-1 ? 0 : self + 1; i < d.count; i++) {
        struct stat st;
        lag += stat(d.entries[i].path, &st) == 0 ? (uint64_t)st.st_size : 0;
    }
    log_dir_done(&d);
    return lag;
}
