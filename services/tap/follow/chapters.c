// From one file of the log to the next; see the header.
#include "tap/follow/chapters.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "platform/program/clock.h"
#include "tap/follow/log_dir.h"
#include "tap/follow/log_name.h"
#include "tap/follow/log_pick.h"
#include "tap/follow/succession.h"

enum { LOOKS_BEFORE_HOLE = 3 }; // a rename may hide a file from one look at the folder
static const size_t NOWHERE = (size_t)-1;

void chapters_init(struct chapters *all, const char *path, const struct follow_mark *start,
                   const struct follow_past *past) {
    all->path = strdup(path);
    check(all->path != NULL);
    all->past.forgotten_ms = INT64_MIN;
    if (start != NULL) {
        all->has_start = true;
        all->start = *start;
        all->past.forgotten_ms = start->ident.first_ms - 1;
    }
    if (start != NULL && past != NULL) {
        all->past = *past;
    }
    if (start != NULL) {
        follow_past_add(&all->past, start->ident, start->generation);
    }
}

void chapters_done(struct chapters *all) {
    for (size_t i = 0; i < all->count; i++) {
        log_file_close(all->items[i].file);
    }
    odd_files_done(&all->odd);
    free(all->path);
}

static int64_t now_ms(void) {
    return clock_system_us() / 1000;
}

static const char *live_name(const struct chapters *all) {
    const char *slash = strrchr(all->path, '/');
    return slash == NULL ? all->path : slash + 1;
}

// --- one chapter ---------------------------------------------------------------------------------

// Opens the longest of the copies that begin at entry `first` as the chapter after those there are.
// NULL if it was renamed meanwhile.
static struct chapter *append_chapter(struct chapters *all, const struct log_dir *d, size_t first,
                                      const struct chapter *as) {
    struct log_pick pick;
    if (log_pick_open(d, first, &pick, NULL) != ERR_OK) {
        return NULL;
    }
    check(all->count < CHAPTERS_MAX);
    struct chapter *c = &all->items[all->count++];
    *c = *as;
    c->file = pick.file;
    c->fork = pick.fork;
    c->ident = d->entries[first].ident;
    c->id = log_file_id(pick.file);
    c->seen_live_ms = log_file_is_at(pick.file, all->path) ? now_ms() : 0;
    follow_past_add(&all->past, c->ident, c->generation);
    return c;
}

static void drop_last_chapter(struct chapters *all) {
    log_file_close(all->items[--all->count].file);
}

static int64_t generation_after(struct log_file_ident ident, int64_t before) {
    return ident.first_ms > before ? ident.first_ms : before + 1;
}

// Time of the last line before `offset`.
int64_t chapter_time_before(const struct chapter *c, uint64_t offset) {
    int64_t ms = c->file == NULL ? 0 : log_file_time_before(c->file, offset);
    return ms == 0 ? c->ident.first_ms : ms;
}

struct missing chapter_missing(const struct chapter *c, const char *why, uint64_t offset,
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

static struct outlook look_ahead(const struct chapters *all, const struct log_dir *d) {
    struct outlook o = {.next = NOWHERE};
    size_t from = 0, to = d->count;
    for (size_t i = 0; i < d->count && o.next == NOWHERE; i++) {
        const struct log_dir_entry *entry = &d->entries[i];
        if (entry->kind != LOG_DIR_FILE) {
            continue;
        }
        if (follow_past_has(&all->past, entry->ident, entry->live)) {
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
static enum err_code wait_for_right(struct chapters *all, const struct log_dir_entry *denied,
                                    struct err *e) {
    all->denied_id = denied->id;
    return err_set(e, ERR_DENIED, "%s: no right to read it", denied->path);
}

static bool denied_is_lost(const struct chapters *all, const struct log_dir *d) {
    for (size_t i = 0; i < d->count; i++) {
        if (d->entries[i].id == all->denied_id) {
            return false;
        }
    }
    return all->denied_id != 0;
}

// Only after several looks that show the same is something taken for missing.
static bool is_settled(struct chapters *all, const struct outlook *o) {
    if (o->unreadable_bytes != all->unreadable_bytes) {
        all->unreadable_bytes = o->unreadable_bytes;
        all->fruitless_looks = 0;
    }
    return ++all->fruitless_looks >= LOOKS_BEFORE_HOLE;
}

// --- the first file ------------------------------------------------------------------------------

static enum chapters_step open_oldest(struct chapters *all, const struct log_dir *d, size_t first) {
    struct log_file_ident ident = d->entries[first].ident;
    struct chapter as = {
        .generation = generation_after(ident, 0),
        .before = {.why = "unknown_before", .to_ms = ident.first_ms},
    };
    // What is older and turns up later belongs to the hole.
    all->past.forgotten_ms = ident.first_ms - 1;
    if (append_chapter(all, d, first, &as) == NULL) {
        return CHAPTERS_NOTHING;
    }
    return CHAPTERS_NEXT;
}

// Whether the file of the start, no longer live, is a copy of what the logger wrote. A renamed file
// is still the same one; of one that was packed since only the live file can tell, and of a start
// that names none only the name.
static bool start_was_copied(const struct chapters *all, const struct log_dir *d, size_t self,
                             const struct chapter *c) {
    if (c->seen_live_ms > 0) {
        return false;
    }
    size_t next = log_dir_copies_end(d, self);
    const char *slash = strrchr(d->entries[self].path, '/');
    if (all->start.id == 0) {
        return log_name_may_be_copy(live_name(all), slash + 1);
    }
    return log_file_is_packed(c->file)
               ? next < d->count && d->entries[next].live && d->entries[next].id == all->start.id
               : c->id != all->start.id;
}

// A machine that crashed may have lost the file's end after it was read, and the logger has gone on
// there: then the start is not where a line begins.
static bool start_fits(const struct chapters *all, struct log_file *file, uint64_t *ret_next_line) {
    char around[2];
    uint64_t offset = all->start.offset;
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
static enum chapters_step open_start(struct chapters *all, const struct log_dir *d, size_t self) {
    struct chapter as = {.generation = all->start.generation};
    struct chapter *c = append_chapter(all, d, self, &as);
    if (c == NULL) {
        return CHAPTERS_NOTHING;
    }
    if (c->seen_live_ms == 0 && log_file_length(c->file) < all->start.offset) {
        drop_last_chapter(all); // a copy of an earlier time is all that is left
        return CHAPTERS_NOTHING;
    }
    c->copied = start_was_copied(all, d, self, c);
    c->id = all->start.id != 0 || c->copied ? all->start.id : c->id;
    uint64_t next_line;
    if (start_fits(all, c->file, &next_line)) {
        return CHAPTERS_START;
    }
    struct chapter before = *c;
    int64_t to_ms = log_file_time_at(c->file, next_line);
    c->before = chapter_missing(&before, "truncated", all->start.offset, c->ident.first_ms,
                                to_ms == 0 ? now_ms() : to_ms);
    c->generation = all->start.generation + 1;
    c->begin = next_line;
    return CHAPTERS_NEXT;
}

static enum err_code first_chapter(struct chapters *all, const struct log_dir *d,
                                   enum chapters_step *ret, struct err *e) {
    struct outlook o = look_ahead(all, d);
    *ret = CHAPTERS_NOTHING;
    if (!all->has_start && o.next != NOWHERE) {
        *ret = open_oldest(all, d, o.next);
        return ERR_OK;
    }
    size_t self = all->has_start ? log_dir_find(d, all->start.ident) : NOWHERE;
    if (self != NOWHERE && (*ret = open_start(all, d, self)) != CHAPTERS_NOTHING) {
        return ERR_OK;
    }
    if (o.denied != NULL) {
        return wait_for_right(all, o.denied, e);
    }
    if (!all->has_start || o.next == NOWHERE || !is_settled(all, &o)) {
        return ERR_OK;
    }
    struct log_file_ident ident = d->entries[o.next].ident;
    struct chapter gone = {.generation = all->start.generation};
    struct chapter as = {
        .generation = generation_after(ident, all->start.generation),
        .before = chapter_missing(&gone, o.unreadable ? "damaged" : "removed", all->start.offset,
                                  all->start.ident.first_ms, ident.first_ms),
    };
    if (append_chapter(all, d, o.next, &as) != NULL) {
        all->fruitless_looks = 0;
        *ret = CHAPTERS_NEXT;
    }
    return ERR_OK;
}

enum err_code chapters_open_first(struct chapters *all, enum chapters_step *ret, struct err *e) {
    struct log_dir d;
    *ret = CHAPTERS_NOTHING;
    enum err_code rc = log_dir_read(all->path, &d, e);
    if (rc != ERR_OK) {
        return rc == ERR_UNAVAILABLE ? ERR_OK : rc;
    }
    odd_files_note(&all->odd, &d);
    rc = first_chapter(all, &d, ret, e);
    log_dir_done(&d);
    return rc;
}

// --- from one file to the next -------------------------------------------------------------------

// The current chapter's content was replaced under it. copytruncate leaves a copy with the same
// first line: reading goes on there. A file that lost its end (a crash of the machine) goes on as a
// new generation behind what is left.
static enum chapters_step after_replacement(struct chapters *all, const struct log_dir *d) {
    struct chapter *c = &all->items[all->count - 1];
    size_t self = log_dir_find(d, c->ident);
    struct log_pick pick;
    if (self == NOWHERE || log_pick_open(d, self, &pick, NULL) != ERR_OK) {
        return CHAPTERS_NOTHING;
    }
    uint64_t length = log_file_length(pick.file);
    if (length >= c->end) {
        c->file = pick.file;
        c->fork = pick.fork;
        c->copied = true;
        return CHAPTERS_COPY;
    }
    if (!log_file_is_at(pick.file, all->path) || all->count == CHAPTERS_MAX) {
        log_file_close(pick.file);
        return CHAPTERS_NOTHING;
    }
    all->items[all->count++] = (struct chapter){
        .file = pick.file,
        .ident = c->ident,
        .id = log_file_id(pick.file),
        .generation = c->generation + 1,
        .begin = length,
        .fork = pick.fork,
        .seen_live_ms = now_ms(),
        .before = chapter_missing(c, "truncated", c->end, chapter_time_before(c, c->end), now_ms()),
    };
    return CHAPTERS_NEXT;
}

// The rotator's part of a file's name.
static struct slice part_of(const struct chapters *all, const struct log_dir *d, size_t entry) {
    struct log_name name = {.part = {0}};
    const char *slash = entry == NOWHERE ? NULL : strrchr(d->entries[entry].path, '/');
    return slash != NULL && log_name_parse(live_name(all), slash + 1, &name) ? name.part
                                                                             : (struct slice){0};
}

// Whether numbers say that nothing lies between a renamed file and the next one.
static bool numbers_adjoin(const struct chapters *all, const struct log_dir *d, struct slice part,
                           size_t next) {
    if (!d->entries[next].live) {
        return log_name_adjoin(part, part_of(all, d, next));
    }
    bool highest = log_name_is_number(part);
    for (size_t i = 0; i < d->count && highest; i++) {
        struct slice other = part_of(all, d, i);
        highest = !log_name_alike(part, other) || log_name_order(other, part) <= 0;
    }
    return d->ascending ? highest : log_name_adjoin(part, SLICE_LIT("0"));
}

// What is missing between the current chapter, read to its end, and the next file.
static struct missing missing_before(const struct chapters *all, const struct log_dir *d,
                                     const struct outlook *o, uint64_t end) {
    const struct chapter *c = &all->items[all->count - 1];
    size_t self = log_dir_find(d, c->ident);
    struct slice part = part_of(all, d, self);
    int64_t first_ms = d->entries[o->next].ident.first_ms;
    int64_t last_ms = c->last_ms != 0 ? c->last_ms : chapter_time_before(c, end);
    struct succession s = {
        .damaged = c->damaged,
        .replaced = c->file == NULL,
        .copied = c->copied,
        .gone = self == NOWHERE,
        .unreadable = o->unreadable,
        .lost = denied_is_lost(all, d),
        .seen_live_ms = c->seen_live_ms,
        .last_ms = last_ms,
        .first_ms = first_ms,
        .period_ms = log_name_period_ms(part),
        .adjoining = numbers_adjoin(all, d, part, o->next),
        .renamed_ms = c->file == NULL ? 0 : log_file_renamed_ms(c->file),
    };
    const char *why = succession_hole(&s);
    if (c->fork < end) {
        return chapter_missing(c, why == NULL ? "forked" : why, c->fork,
                               chapter_time_before(c, c->fork), first_ms);
    }
    if (why == NULL) {
        return (struct missing){0};
    }
    return chapter_missing(c, why, end, last_ms, first_ms);
}

// Goes to the next file, unless what is missing before it may yet turn up. `final` comes first: what
// was written to this one before is then read in a last pass.
static enum chapters_step go_on(struct chapters *all, const struct log_dir *d,
                                const struct outlook *o, uint64_t end) {
    struct chapter *c = &all->items[all->count - 1];
    if (all->count == CHAPTERS_MAX) {
        return CHAPTERS_NOTHING;
    }
    if (!c->final && c->file != NULL) {
        c->final = true;
        return CHAPTERS_FINAL;
    }
    struct missing missing = missing_before(all, d, o, end);
    bool may_turn_up = missing.why != NULL && c->file != NULL && !c->damaged && !c->copied;
    if (may_turn_up && !is_settled(all, o)) {
        return CHAPTERS_NOTHING;
    }
    const struct log_dir_entry *next = &d->entries[o->next];
    struct chapter as = {
        .generation = generation_after(next->ident, c->generation),
        .copied = c->copied && !next->live, // so were those after it
        .before = missing,
    };
    if (append_chapter(all, d, o->next, &as) == NULL) {
        return CHAPTERS_NOTHING;
    }
    all->fruitless_looks = 0;
    all->denied_id = 0;
    return CHAPTERS_NEXT;
}

enum err_code chapters_open_next(struct chapters *all, uint64_t end, enum chapters_step *ret,
                                 struct err *e) {
    struct log_dir d;
    *ret = CHAPTERS_NOTHING;
    enum err_code rc = log_dir_read(all->path, &d, e);
    if (rc != ERR_OK) {
        return rc == ERR_UNAVAILABLE ? ERR_OK : rc;
    }
    odd_files_note(&all->odd, &d);
    if (all->items[all->count - 1].file == NULL) {
        *ret = after_replacement(all, &d);
    }
    struct outlook o = look_ahead(all, &d);
    if (*ret == CHAPTERS_NOTHING && o.denied != NULL) {
        rc = wait_for_right(all, o.denied, e);
    } else if (*ret == CHAPTERS_NOTHING && o.next != NOWHERE) {
        *ret = go_on(all, &d, &o, end);
    }
    log_dir_done(&d);
    return rc;
}

// --- the list ------------------------------------------------------------------------------------

void chapters_release(struct chapters *all, size_t count) {
    for (size_t i = 0; i < count; i++) {
        log_file_close(all->items[i].file);
    }
    memmove(all->items, all->items + count, (all->count - count) * sizeof all->items[0]);
    all->count -= count;
}

uint64_t chapters_bytes_ahead(const struct chapters *all) {
    struct log_dir d;
    uint64_t bytes = 0;
    if (log_dir_read(all->path, &d, NULL) != ERR_OK) {
        return 0;
    }
    for (size_t i = 0; i < d.count; i = log_dir_copies_end(&d, i)) {
        const struct log_dir_entry *entry = &d.entries[i];
        bool begun =
            entry->kind != LOG_DIR_FILE || follow_past_has(&all->past, entry->ident, entry->live);
        bytes += begun ? 0 : entry->bytes;
    }
    log_dir_done(&d);
    return bytes;
}
