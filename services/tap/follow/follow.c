// Follows the request log; see the header. Where it is: in a chapter, at the cutter's offset.
#include "tap/follow/follow.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "core/brokerlog/line_prefix.h"
#include "platform/program/clock.h"
#include "tap/follow/chapters.h"

enum {
    BLOCK_BYTES = 256 * 1024,
    CALLS_PER_LOOK = 10, // fruitless calls between two looks at the folder
};

struct follow {
    struct chapters chapters;
    size_t current;
    bool hole_due; // the current chapter's hole is not yet given
    struct line_cutter cutter;
    unsigned idle_calls;
    bool caught_up;
    uint64_t look_back;
};

struct follow *follow_new(const char *path, uint64_t line_max, const struct follow_mark *start,
                          const struct follow_past *past) {
    struct follow *f = calloc(1, sizeof *f);
    check(f != NULL);
    f->cutter.line_max = line_max;
    chapters_init(&f->chapters, path, start, past);
    return f;
}

void follow_free(struct follow *f) {
    if (f == NULL) {
        return;
    }
    chapters_done(&f->chapters);
    line_cutter_done(&f->cutter);
    free(f);
}

static int64_t now_ms(void) {
    return clock_system_us() / 1000;
}

static struct chapter *current(const struct follow *f) {
    return (struct chapter *)&f->chapters.items[f->current];
}

static void go_to(struct follow *f, size_t chapter, uint64_t offset) {
    f->current = chapter;
    f->hole_due = false;
    line_cutter_go(&f->cutter, offset);
}

static void enter(struct follow *f, size_t chapter) {
    go_to(f, chapter, f->chapters.items[chapter].begin);
    f->hole_due = f->chapters.items[chapter].before.why != NULL;
}

// --- content -------------------------------------------------------------------------------------

static void lose_content(struct follow *f) {
    struct chapter *c = current(f);
    log_file_close(c->file);
    c->file = NULL;
    c->final = true;
    c->end = f->cutter.offset;
    go_to(f, f->current, c->end);
}

// Reads a block. *ret_len 0: the end of the file, or its content is gone (chapter->file NULL).
static enum err_code fill(struct follow *f, size_t *ret_len, struct err *e) {
    struct chapter *c = current(f);
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
    struct chapter *c = current(f);
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
        .remains = piece->remains,
    };
}

static void give_hole(struct follow *f, struct follow_item *ret, const struct missing *missing,
                      uint64_t offset, uint64_t to_offset) {
    *ret = (struct follow_item){
        .kind = FOLLOW_HOLE,
        .generation = current(f)->generation,
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
    struct chapter *c = current(f);
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
                          : at > 0         ? chapter_time_before(c, at)
                          : f->current > 0 ? f->chapters.items[f->current - 1].last_ms
                                           : to_ms;
        struct missing missing =
            chapter_missing(c, at == 0 ? "truncated" : "damaged", at, from_ms, to_ms);
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
    if (rc != ERR_OK || n > 0 || !current(f)->final) {
        return rc;
    }
    line_cutter_take_tail(&f->cutter, &piece);
    if (piece.cut != LINE_CUT_NONE) {
        give(f, ret, piece.cut == LINE_CUT_TORN ? FOLLOW_TORN : FOLLOW_TOO_LONG, &piece);
        *ret_more = true;
    }
    return ERR_OK;
}

void follow_look_back(struct follow *f, uint64_t bytes) {
    f->look_back = bytes;
}

// Where reading begins: at the start, or at a line before it (follow_look_back).
static uint64_t first_offset(const struct follow *f, const struct chapter *c) {
    uint64_t to = f->chapters.start.offset;
    size_t len = (size_t)(f->look_back < to ? f->look_back : to), got = 0, n = 1;
    // A generation begun inside its file is above the time of the file's first line.
    if (len == 0 || c->generation != c->ident.first_ms) {
        return to;
    }
    char *text = malloc(len);
    check(text != NULL);
    uint64_t from = to - len;
    while (got < len && n > 0) {
        if (log_file_read(c->file, from + got, text + got, len - got, &n, NULL) != ERR_OK) {
            n = 0;
        }
        got += n;
    }
    const char *nul = memrchr(text, '\0', got);
    size_t clean = nul == NULL ? 0 : (size_t)(nul - text) + 1;
    const char *newline = memchr(text + clean, '\n', got - clean);
    uint64_t at = from == 0 && clean == 0 ? 0
                  : newline == NULL       ? to
                                          : from + (uint64_t)(newline - text) + 1;
    free(text);
    return got == len ? at : to;
}

// Goes where a look at the folder leads. False: there is nothing to read now.
static bool take_step(struct follow *f, enum chapters_step step) {
    size_t last = f->chapters.count - 1;
    switch (step) {
    case CHAPTERS_NOTHING: return false;
    case CHAPTERS_NEXT: enter(f, last); break;
    case CHAPTERS_START: go_to(f, last, first_offset(f, &f->chapters.items[last])); break;
    case CHAPTERS_COPY: go_to(f, last, f->chapters.items[last].end); break;
    case CHAPTERS_FINAL: break;
    }
    return true;
}

// At the end of the current chapter: true if there is something to read now.
static enum err_code at_end(struct follow *f, bool *ret_more, struct err *e) {
    struct chapter *c = current(f);
    *ret_more = false;
    if (f->current + 1 < f->chapters.count) { // after a rewind
        enter(f, f->current + 1);
        *ret_more = true;
        return ERR_OK;
    }
    if (c->file != NULL && !c->final && log_file_is_at(c->file, f->chapters.path)) {
        c->seen_live_ms = now_ms();
        f->caught_up = f->cutter.offset == line_cutter_end(&f->cutter);
        return ERR_OK;
    }
    if (!c->final && f->idle_calls++ % CALLS_PER_LOOK != 0) {
        return ERR_OK;
    }
    enum chapters_step step;
    enum err_code rc = chapters_open_next(&f->chapters, f->cutter.offset, &step, e);
    *ret_more = take_step(f, step);
    return rc;
}

static enum err_code open_first(struct follow *f, bool *ret_more, struct err *e) {
    *ret_more = false;
    if (f->idle_calls++ % CALLS_PER_LOOK != 0) {
        return ERR_OK;
    }
    enum chapters_step step;
    enum err_code rc = chapters_open_first(&f->chapters, &step, e);
    *ret_more = take_step(f, step);
    return rc;
}

enum err_code follow_next(struct follow *f, struct follow_item *ret, struct err *e) {
    enum err_code rc = ERR_OK;
    bool more = true;
    f->caught_up = false;
    *ret = (struct follow_item){.kind = FOLLOW_NOTHING};
    while (rc == ERR_OK && more && ret->kind == FOLLOW_NOTHING) {
        if (f->chapters.count == 0) {
            rc = open_first(f, &more, e);
        } else if (f->hole_due) {
            f->hole_due = false;
            give_hole(f, ret, &current(f)->before, f->cutter.offset, f->cutter.offset);
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

static size_t chapter_of(const struct follow *f, int64_t generation) {
    size_t i = 0;
    while (i < f->chapters.count && f->chapters.items[i].generation != generation) {
        i++;
    }
    return i;
}

bool follow_mark_at(const struct follow *f, int64_t generation, uint64_t offset,
                    struct follow_mark *ret) {
    size_t i = chapter_of(f, generation);
    if (i == f->chapters.count) {
        return false;
    }
    const struct chapter *c = &f->chapters.items[i];
    *ret = (struct follow_mark){generation, offset, c->ident, c->id};
    return true;
}

bool follow_mark(const struct follow *f, struct follow_mark *ret) {
    return f->chapters.count > 0 &&
           follow_mark_at(f, current(f)->generation, f->cutter.offset, ret);
}

void follow_past_at(const struct follow *f, int64_t generation, struct follow_past *ret) {
    follow_past_until(&f->chapters.past, generation, ret);
}

void follow_rewind(struct follow *f, int64_t generation, uint64_t offset) {
    size_t chapter = chapter_of(f, generation);
    check(chapter < f->chapters.count);
    struct chapter *c = &f->chapters.items[chapter];
    go_to(f, chapter, offset);
    f->hole_due = c->before.why != NULL && offset == c->begin;
    // What was not shipped of content that is gone belongs to the hole behind it.
    if (c->file == NULL && offset < c->end) {
        c->end = offset;
        if (chapter + 1 < f->chapters.count) {
            f->chapters.items[chapter + 1].before.from_offset = offset;
            f->chapters.items[chapter + 1].before.from_ms = c->ident.first_ms;
        }
        c->last_ms = 0;
    }
}

void follow_release(struct follow *f, int64_t generation) {
    size_t n = 0;
    while (n < f->current && f->chapters.items[n].generation < generation) {
        n++;
    }
    chapters_release(&f->chapters, n);
    f->current -= n;
}

bool follow_hole_due(const struct follow *f) {
    return f->hole_due;
}

bool follow_caught_up(const struct follow *f) {
    return f->caught_up;
}

uint64_t follow_lag_bytes(const struct follow *f) {
    uint64_t lag = 0;
    const struct chapter *last = NULL;
    for (size_t i = f->current; i < f->chapters.count; i++) {
        last = &f->chapters.items[i];
        uint64_t size = last->file == NULL ? 0 : log_file_size(last->file);
        uint64_t read = i == f->current ? f->cutter.offset : last->begin;
        lag += size > read ? size - read : 0;
    }
    bool all = last == NULL || (last->file != NULL && log_file_is_at(last->file, f->chapters.path));
    return all ? lag : lag + chapters_bytes_ahead(&f->chapters);
}

bool follow_left_out(struct follow *f, char **ret_path, enum log_dir_kind *ret_kind) {
    return odd_files_take(&f->chapters.odd, ret_path, ret_kind);
}
