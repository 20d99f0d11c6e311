// Follows the request log; see the header. A `chapter` is one run of positions: a generation of one
// file. Chapters are numbered as they are met, each generation above the one before.
#include "tap/follow/follow.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/check.h"
#include "core/brokerlog/line_prefix.h"
#include "platform/program/clock.h"
#include "tap/follow/log_name.h"
#include "tap/follow/log_pick.h"
#include "tap/follow/odd_files.h"
#include "tap/follow/succession.h"

enum {
    BLOCK_BYTES = 256 * 1024,
    SEARCHES_BEFORE_HOLE = 3, // a rename may hide a file from one look at the folder
    CALLS_PER_SEARCH = 10,    // fruitless calls between two looks at the folder
};
static const size_t NOWHERE = (size_t)-1;

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

struct follow {
    char *path;
    bool has_start;
    struct follow_mark start;
    struct follow_past past; // of all chapters there ever were
    struct odd_files odd;

    struct chapter chapters[FOLLOW_FILES_MAX];
    size_t count;
    size_t current;
    bool hole_due; // the current chapter's hole is not yet given
    struct line_cutter cutter;

    unsigned idle_calls;
    unsigned fruitless_searches;
    uint64_t unreadable_bytes; // of the files that the last search couldn't read
    uint64_t denied_id;        // of a file that there was no right to read; 0: none
    bool caught_up;
};

struct follow *follow_new(const char *path, uint64_t line_max, const struct follow_mark *start,
                          const struct follow_past *past) {
    struct follow *f = calloc(1, sizeof *f);
    check(f != NULL);
    f->path = strdup(path);
    check(f->path != NULL);
    f->cutter.line_max = line_max;
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
        follow_past_add(&f->past, start->ident, start->generation);
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
    odd_files_done(&f->odd);
    line_cutter_done(&f->cutter);
    free(f->path);
    free(f);
}

static int64_t now_ms(void) {
    return clock_system_us() / 1000;
}

static const char *live_name(const struct follow *f) {
    const char *slash = strrchr(f->path, '/');
    return slash == NULL ? f->path : slash + 1;
}

// --- chapters ------------------------------------------------------------------------------------

static void go_to(struct follow *f, size_t chapter, uint64_t offset) {
    f->current = chapter;
    f->hole_due = false;
    line_cutter_go(&f->cutter, offset);
}

static void enter(struct follow *f, size_t chapter) {
    go_to(f, chapter, f->chapters[chapter].begin);
    f->hole_due = f->chapters[chapter].before.why != NULL;
}

// Opens the longest of the copies that begin at entry `first` as the chapter after those there are.
// NULL if it was renamed meanwhile.
static struct chapter *append_chapter(struct follow *f, const struct log_dir *d, size_t first,
                                      const struct chapter *as) {
    struct log_pick pick;
    if (log_pick_open(d, first, &pick, NULL) != ERR_OK) {
        return NULL;
    }
    check(f->count < FOLLOW_FILES_MAX);
    struct chapter *c = &f->chapters[f->count++];
    *c = *as;
    c->file = pick.file;
    c->fork = pick.fork;
    c->ident = d->entries[first].ident;
    c->id = log_file_id(pick.file);
    c->seen_live_ms = log_file_is_at(pick.file, f->path) ? now_ms() : 0;
    follow_past_add(&f->past, c->ident, c->generation);
    return c;
}

static void drop_last_chapter(struct follow *f) {
    log_file_close(f->chapters[--f->count].file);
}

static int64_t generation_after(struct log_file_ident ident, int64_t before) {
    return ident.first_ms > before ? ident.first_ms : before + 1;
}

// Time of the last line before `offset`.
static int64_t time_before(const struct chapter *c, uint64_t offset) {
    int64_t ms = c->file == NULL ? 0 : log_file_time_before(c->file, offset);
    return ms == 0 ? c->ident.first_ms : ms;
}

static struct missing missing_from(const struct chapter *c, const char *why, uint64_t offset,
                                   int64_t from_ms, int64_t to_ms) {
    return (struct missing){
        .why = why,
        .has_from = true,
        .from_generation = c->generation,
        .from_offset = offset,
        .from_ms = from_ms < to_ms ? from_ms : to_ms,
        .to_ms = to_ms,
    };
}

// --- the folder ----------------------------------------------------------------------------------

// What a look at the folder says of the way from the files begun to the next one.
struct outlook {
    size_t next;                        // the oldest file not begun, or NOWHERE
    bool unreadable;                    // between them stand files that can't be read
    uint64_t unreadable_bytes;          // on disk
    const struct log_dir_entry *denied; // one that there is no right to read, or NULL
};

static struct outlook look_ahead(const struct follow *f, const struct log_dir *d) {
    struct outlook o = {.next = NOWHERE};
    size_t from = 0, to = d->count;
    for (size_t i = 0; i < d->count && o.next == NOWHERE; i++) {
        const struct log_dir_entry *entry = &d->entries[i];
        if (entry->kind != LOG_DIR_FILE) {
            continue;
        }
        if (follow_past_has(&f->past, entry->ident, entry->live)) {
            from = i + 1;
        } else {
            o.next = to = i;
        }
    }
    for (size_t i = from; i < to; i++) {
        if (d->entries[i].kind == LOG_DIR_DENIED) {
            o.denied = &d->entries[i];
        } else {
            o.unreadable = true;
            o.unreadable_bytes += d->entries[i].bytes;
        }
    }
    return o;
}

// A file without the right to read it is waited for. Once it is gone, what it held is lost.
static enum err_code wait_for_right(struct follow *f, const struct log_dir_entry *denied,
                                    struct err *e) {
    f->denied_id = denied->id;
    return err_set(e, ERR_DENIED, "%s: no right to read it", denied->path);
}

static bool denied_is_lost(const struct follow *f, const struct log_dir *d) {
    for (size_t i = 0; i < d->count; i++) {
        if (d->entries[i].id == f->denied_id) {
            return false;
        }
    }
    return f->denied_id != 0;
}

// Only after several looks that show the same is something taken for missing.
static bool is_settled(struct follow *f, const struct outlook *o) {
    if (o->unreadable_bytes != f->unreadable_bytes) {
        f->unreadable_bytes = o->unreadable_bytes;
        f->fruitless_searches = 0;
    }
    return ++f->fruitless_searches >= SEARCHES_BEFORE_HOLE;
}

// --- the first file ------------------------------------------------------------------------------

static bool open_oldest(struct follow *f, const struct log_dir *d, size_t first) {
    struct log_file_ident ident = d->entries[first].ident;
    struct chapter as = {
        .generation = generation_after(ident, 0),
        .before = {.why = "unknown_before", .to_ms = ident.first_ms},
    };
    // What is older and turns up later belongs to the hole.
    f->past.forgotten_ms = ident.first_ms - 1;
    if (append_chapter(f, d, first, &as) == NULL) {
        return false;
    }
    enter(f, 0);
    return true;
}

// Whether the file of the start, no longer live, is a copy of what the logger wrote. A renamed file
// is still the same one; of one that was packed since only the live file can tell, and of a start
// that names none only the name.
static bool start_was_copied(const struct follow *f, const struct log_dir *d, size_t self,
                             const struct chapter *c) {
    if (c->seen_live_ms > 0) {
        return false;
    }
    size_t next = log_dir_copies_end(d, self);
    const char *slash = strrchr(d->entries[self].path, '/');
    if (f->start.id == 0) {
        return log_name_may_be_copy(live_name(f), slash + 1);
    }
    return log_file_is_packed(c->file)
               ? next < d->count && d->entries[next].live && d->entries[next].id == f->start.id
               : c->id != f->start.id;
}

// A machine that crashed may have lost the file's end after it was read, and the logger has gone on
// there: then the start is not where a line begins.
static bool start_fits(const struct follow *f, struct log_file *file, uint64_t *ret_next_line) {
    char around[2];
    uint64_t offset = f->start.offset;
    size_t n;
    if (offset == 0 || log_file_read(file, offset - 1, around, 2, &n, NULL) != ERR_OK || n < 2 ||
        around[0] == '\n' || around[0] == '\0' || around[1] == '\0') {
        return true;
    }
    char byte = around[1];
    while (byte != '\n' && log_file_read(file, offset, &byte, 1, &n, NULL) == ERR_OK && n == 1) {
        offset++;
    }
    *ret_next_line = offset;
    return false;
}

// Goes on at the start, in a file with its first line. False if that isn't possible.
static bool open_start(struct follow *f, const struct log_dir *d, size_t self) {
    struct chapter as = {.generation = f->start.generation};
    struct chapter *c = append_chapter(f, d, self, &as);
    if (c == NULL) {
        return false;
    }
    if (c->seen_live_ms == 0 && log_file_length(c->file) < f->start.offset) {
        drop_last_chapter(f); // a copy of an earlier time is all that is left
        return false;
    }
    c->copied = start_was_copied(f, d, self, c);
    c->id = f->start.id != 0 || c->copied ? f->start.id : c->id;
    uint64_t next_line;
    if (start_fits(f, c->file, &next_line)) {
        go_to(f, 0, f->start.offset);
        return true;
    }
    struct chapter before = *c;
    int64_t to_ms = log_file_time_at(c->file, next_line);
    c->before = missing_from(&before, "truncated", f->start.offset, c->ident.first_ms,
                             to_ms == 0 ? now_ms() : to_ms);
    c->generation = f->start.generation + 1;
    c->begin = next_line;
    enter(f, 0);
    return true;
}

static enum err_code first_chapter(struct follow *f, const struct log_dir *d, bool *ret_found,
                                   struct err *e) {
    struct outlook o = look_ahead(f, d);
    *ret_found = false;
    if (!f->has_start && o.next != NOWHERE) {
        *ret_found = open_oldest(f, d, o.next);
        return ERR_OK;
    }
    size_t self = f->has_start ? log_dir_find(d, f->start.ident) : NOWHERE;
    if (self != NOWHERE && open_start(f, d, self)) {
        *ret_found = true;
        return ERR_OK;
    }
    if (o.denied != NULL) {
        return wait_for_right(f, o.denied, e);
    }
    if (!f->has_start || o.next == NOWHERE || !is_settled(f, &o)) {
        return ERR_OK;
    }
    struct log_file_ident ident = d->entries[o.next].ident;
    struct chapter gone = {.generation = f->start.generation};
    struct chapter as = {
        .generation = generation_after(ident, f->start.generation),
        .before = missing_from(&gone, o.unreadable ? "damaged" : "removed", f->start.offset,
                               f->start.ident.first_ms, ident.first_ms),
    };
    if (append_chapter(f, d, o.next, &as) != NULL) {
        f->fruitless_searches = 0;
        enter(f, 0);
        *ret_found = true;
    }
    return ERR_OK;
}

// --- from one file to the next -------------------------------------------------------------------

// The current chapter's content was replaced under it. copytruncate leaves a copy with the same
// first line: reading goes on there. A file that lost its end (a crash of the machine) goes on as a
// new generation behind what is left. Returns true if reading can go on.
static bool after_replacement(struct follow *f, const struct log_dir *d) {
    struct chapter *c = &f->chapters[f->current];
    size_t self = log_dir_find(d, c->ident);
    struct log_pick pick;
    if (self == NOWHERE || log_pick_open(d, self, &pick, NULL) != ERR_OK) {
        return false;
    }
    uint64_t length = log_file_length(pick.file);
    if (length >= c->end) {
        c->file = pick.file;
        c->fork = pick.fork;
        c->copied = true;
        go_to(f, f->current, c->end);
        return true;
    }
    if (!log_file_is_at(pick.file, f->path) || f->count == FOLLOW_FILES_MAX) {
        log_file_close(pick.file);
        return false;
    }
    f->chapters[f->count++] = (struct chapter){
        .file = pick.file,
        .ident = c->ident,
        .id = log_file_id(pick.file),
        .generation = c->generation + 1,
        .begin = length,
        .fork = pick.fork,
        .seen_live_ms = now_ms(),
        .before = missing_from(c, "truncated", c->end, time_before(c, c->end), now_ms()),
    };
    enter(f, f->count - 1);
    return true;
}

// The rotator's part of a file's name.
static struct slice part_of(const struct follow *f, const struct log_dir *d, size_t entry) {
    struct log_name name = {.part = {0}};
    const char *slash = entry == NOWHERE ? NULL : strrchr(d->entries[entry].path, '/');
    return slash != NULL && log_name_parse(live_name(f), slash + 1, &name) ? name.part
                                                                           : (struct slice){0};
}

// Whether numbers say that nothing lies between a renamed file and the next one.
static bool numbers_adjoin(const struct follow *f, const struct log_dir *d, struct slice part,
                           size_t next) {
    if (!d->entries[next].live) {
        return log_name_adjoin(part, part_of(f, d, next));
    }
    bool highest = log_name_is_number(part);
    for (size_t i = 0; i < d->count && highest; i++) {
        struct slice other = part_of(f, d, i);
        highest = !log_name_alike(part, other) || log_name_order(other, part) <= 0;
    }
    return d->ascending ? highest : log_name_adjoin(part, SLICE_LIT("0"));
}

// What is missing between the current chapter, read to its end, and the next file.
static struct missing missing_before(const struct follow *f, const struct log_dir *d,
                                     const struct outlook *o) {
    const struct chapter *c = &f->chapters[f->current];
    size_t self = log_dir_find(d, c->ident);
    struct slice part = part_of(f, d, self);
    uint64_t end = f->cutter.offset;
    int64_t first_ms = d->entries[o->next].ident.first_ms;
    int64_t last_ms = c->last_ms != 0 ? c->last_ms : time_before(c, end);
    struct succession s = {
        .damaged = c->damaged,
        .replaced = c->file == NULL,
        .copied = c->copied,
        .gone = self == NOWHERE,
        .unreadable = o->unreadable,
        .lost = denied_is_lost(f, d),
        .seen_live_ms = c->seen_live_ms,
        .last_ms = last_ms,
        .first_ms = first_ms,
        .period_ms = log_name_period_ms(part),
        .adjoining = numbers_adjoin(f, d, part, o->next),
    };
    const char *why = succession_hole(&s);
    if (c->fork < end) {
        return missing_from(c, why == NULL ? "forked" : why, c->fork, time_before(c, c->fork),
                            first_ms);
    }
    return why == NULL ? (struct missing){0} : missing_from(c, why, end, last_ms, first_ms);
}

// Goes to the next file, unless what is missing before it may yet turn up. `final` comes first: what
// was written to this one before is then read in a last pass.
static bool go_on(struct follow *f, const struct log_dir *d, const struct outlook *o) {
    struct chapter *c = &f->chapters[f->current];
    if (f->count == FOLLOW_FILES_MAX) {
        return false;
    }
    if (!c->final && c->file != NULL) {
        c->final = true;
        return true;
    }
    struct missing missing = missing_before(f, d, o);
    bool may_turn_up = missing.why != NULL && c->file != NULL && !c->damaged && !c->copied;
    if (may_turn_up && !is_settled(f, o)) {
        return false;
    }
    const struct log_dir_entry *next = &d->entries[o->next];
    struct chapter as = {
        .generation = generation_after(next->ident, c->generation),
        .copied = c->copied && !next->live, // so were those after it
        .before = missing,
    };
    if (append_chapter(f, d, o->next, &as) == NULL) {
        return false;
    }
    f->fruitless_searches = 0;
    f->denied_id = 0;
    enter(f, f->count - 1);
    return true;
}

// Looks for the file after the current chapter, which is read to its end.
static enum err_code search_next(struct follow *f, bool *ret_found, struct err *e) {
    struct log_dir d;
    *ret_found = false;
    enum err_code rc = log_dir_read(f->path, &d, e);
    if (rc != ERR_OK) {
        return rc == ERR_UNAVAILABLE ? ERR_OK : rc;
    }
    odd_files_note(&f->odd, &d);
    if (f->chapters[f->current].file == NULL && after_replacement(f, &d)) {
        *ret_found = true;
    } else {
        struct outlook o = look_ahead(f, &d);
        if (o.denied != NULL) {
            rc = wait_for_right(f, o.denied, e);
        } else if (o.next != NOWHERE) {
            *ret_found = go_on(f, &d, &o);
        }
    }
    log_dir_done(&d);
    return rc;
}

// --- content -------------------------------------------------------------------------------------

static void lose_content(struct follow *f) {
    struct chapter *c = &f->chapters[f->current];
    log_file_close(c->file);
    c->file = NULL;
    c->final = true;
    c->end = f->cutter.offset;
    go_to(f, f->current, c->end);
}

// Reads a block. *ret_len 0: the end of the file, or its content is gone (chapter->file NULL).
static enum err_code fill(struct follow *f, size_t *ret_len, struct err *e) {
    struct chapter *c = &f->chapters[f->current];
    *ret_len = 0;
    if (c->file == NULL) {
        return ERR_OK;
    }
    char *room = line_cutter_room(&f->cutter, BLOCK_BYTES);
    uint64_t at = line_cutter_end(&f->cutter);
    size_t n;
    enum err_code rc = log_file_read(c->file, at, room, BLOCK_BYTES, &n, e);
    if (rc != ERR_OK && log_file_is_packed(c->file)) {
        c->damaged = c->final = true;
        return ERR_OK;
    }
    if (rc != ERR_OK) {
        return rc;
    }
    // Asked after reading: bytes of a file begun anew are not taken for its continuation.
    if (log_file_was_replaced(c->file, at)) {
        lose_content(f);
        return ERR_OK;
    }
    line_cutter_filled(&f->cutter, n);
    *ret_len = n;
    return ERR_OK;
}

static void give(struct follow *f, struct follow_item *ret, enum follow_kind kind,
                 const struct line_piece *piece) {
    struct chapter *c = &f->chapters[f->current];
    int64_t time_us;
    if (line_prefix_time(piece->text, &time_us)) {
        c->last_ms = time_us / 1000;
    }
    f->idle_calls = 0;
    *ret = (struct follow_item){
        .kind = kind,
        .generation = c->generation,
        .offset = piece->offset,
        .text = piece->text,
        .bytes = piece->bytes,
    };
}

static void give_hole(struct follow *f, struct follow_item *ret, const struct missing *missing,
                      uint64_t offset, uint64_t to_offset) {
    *ret = (struct follow_item){
        .kind = FOLLOW_HOLE,
        .generation = f->chapters[f->current].generation,
        .offset = offset,
        .why = missing->why,
        .has_from = missing->has_from,
        .from_generation = missing->from_generation,
        .from_offset = missing->from_offset,
        .to_offset = to_offset,
        .from_ms = missing->from_ms,
        .to_ms = missing->to_ms,
    };
}

// NULs where a line should begin are content that was lost: the file was truncated under its writer,
// or the machine crashed. *ret_more: there is something to do or to give. Otherwise nothing follows
// them, yet.
static enum err_code pass_nuls(struct follow *f, struct follow_item *ret, bool *ret_more,
                               struct err *e) {
    struct chapter *c = &f->chapters[f->current];
    uint64_t at = f->cutter.offset, to;
    *ret_more = false;
    enum err_code rc = log_file_skip_nuls(c->file, at, &to, e);
    if (rc != ERR_OK && !log_file_is_packed(c->file)) {
        return rc;
    }
    if (log_file_was_replaced(c->file, at)) {
        lose_content(f);
        return ERR_OK;
    }
    if (rc != ERR_OK || to == UINT64_MAX) {
        c->final |= rc != ERR_OK;
        c->damaged |= c->final;
        return ERR_OK;
    }
    if (at != c->begin || c->before.why == NULL) {
        int64_t to_ms = log_file_time_at(c->file, to);
        to_ms = to_ms == 0 ? now_ms() : to_ms;
        int64_t from_ms = c->last_ms != 0  ? c->last_ms
                          : at > 0         ? time_before(c, at)
                          : f->current > 0 ? f->chapters[f->current - 1].last_ms
                                           : to_ms;
        struct missing missing =
            missing_from(c, at == 0 ? "truncated" : "damaged", at, from_ms, to_ms);
        give_hole(f, ret, &missing, at, to);
    }
    line_cutter_go(&f->cutter, to);
    *ret_more = true;
    return ERR_OK;
}

// Gives what the buffer holds, or fills it. *ret_more false: the chapter is read to its end.
static enum err_code read_on(struct follow *f, struct follow_item *ret, bool *ret_more,
                             struct err *e) {
    struct line_piece piece;
    *ret_more = true;
    line_cutter_take(&f->cutter, &piece);
    switch (piece.cut) {
    case LINE_CUT_LINE: give(f, ret, FOLLOW_LINE, &piece); return ERR_OK;
    case LINE_CUT_TOO_LONG: give(f, ret, FOLLOW_TOO_LONG, &piece); return ERR_OK;
    case LINE_CUT_TORN: give(f, ret, FOLLOW_TORN, &piece); return ERR_OK;
    case LINE_CUT_NULS: return pass_nuls(f, ret, ret_more, e);
    case LINE_CUT_NONE: break;
    }
    size_t n;
    enum err_code rc = fill(f, &n, e);
    *ret_more = n > 0;
    if (rc != ERR_OK || n > 0 || !f->chapters[f->current].final) {
        return rc;
    }
    line_cutter_take_tail(&f->cutter, &piece);
    if (piece.cut != LINE_CUT_NONE) {
        give(f, ret, piece.cut == LINE_CUT_TORN ? FOLLOW_TORN : FOLLOW_TOO_LONG, &piece);
        *ret_more = true;
    }
    return ERR_OK;
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
        c->seen_live_ms = now_ms();
        f->caught_up = f->cutter.offset == line_cutter_end(&f->cutter);
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
    odd_files_note(&f->odd, &d);
    rc = first_chapter(f, &d, ret_more, e);
    log_dir_done(&d);
    return rc;
}

enum err_code follow_next(struct follow *f, struct follow_item *ret, struct err *e) {
    enum err_code rc = ERR_OK;
    bool more = true;
    f->caught_up = false;
    *ret = (struct follow_item){.kind = FOLLOW_NOTHING};
    while (rc == ERR_OK && more && ret->kind == FOLLOW_NOTHING) {
        if (f->count == 0) {
            rc = open_first(f, &more, e);
        } else if (f->hole_due) {
            f->hole_due = false;
            uint64_t at = f->cutter.offset;
            give_hole(f, ret, &f->chapters[f->current].before, at, at);
        } else {
            rc = read_on(f, ret, &more, e);
            if (rc == ERR_OK && !more) {
                rc = at_end(f, &more, e);
            }
        }
    }
    return rc;
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
    *ret = (struct follow_mark){generation, offset, c->ident, c->id};
    return true;
}

bool follow_mark(const struct follow *f, struct follow_mark *ret) {
    return f->count > 0 &&
           follow_mark_at(f, f->chapters[f->current].generation, f->cutter.offset, ret);
}

void follow_past_at(const struct follow *f, int64_t generation, struct follow_past *ret) {
    follow_past_until(&f->past, generation, ret);
}

void follow_rewind(struct follow *f, int64_t generation, uint64_t offset) {
    struct chapter *c = chapter_of(f, generation);
    check(c != NULL);
    size_t chapter = (size_t)(c - f->chapters);
    go_to(f, chapter, offset);
    f->hole_due = c->before.why != NULL && offset == c->begin;
    // What was not shipped of content that is gone belongs to the hole behind it.
    if (c->file == NULL && offset < c->end) {
        c->end = offset;
        if (chapter + 1 < f->count) {
            f->chapters[chapter + 1].before.from_offset = offset;
            f->chapters[chapter + 1].before.from_ms = c->ident.first_ms;
        }
        c->last_ms = 0;
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
        uint64_t read = i == f->current ? f->cutter.offset : c->begin;
        lag += size > read ? size - read : 0;
    }
    const struct chapter *last = &f->chapters[f->count - 1];
    struct log_dir d;
    if ((last->file != NULL && log_file_is_at(last->file, f->path)) ||
        log_dir_read(f->path, &d, NULL) != ERR_OK) {
        return lag;
    }
    for (size_t i = 0; i < d.count; i = log_dir_copies_end(&d, i)) {
        const struct log_dir_entry *entry = &d.entries[i];
        bool begun =
            entry->kind != LOG_DIR_FILE || follow_past_has(&f->past, entry->ident, entry->live);
        lag += begun ? 0 : entry->bytes;
    }
    log_dir_done(&d);
    return lag;
}

bool follow_left_out(struct follow *f, char **ret_path, enum log_dir_kind *ret_kind) {
    return odd_files_take(&f->odd, ret_path, ret_kind);
}
