#include "meter/store/writing.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "meter/fold/storable.h"

void writing_init(struct writing *w, struct store *s, struct fold *f, struct store_outcome *outcome,
                  bool halving) {
    *w = (struct writing){.store = s, .fold = f, .outcome = outcome, .halving = halving};
    arena_init(&w->arena);
}

void writing_done(struct writing *w) {
    free(w->refused);
    arena_done(&w->arena);
    *w = (struct writing){0};
}

bool writing_refused(const struct err *e) {
    static const char *const CLASSES[] = {
        "22", // data exception: out of range, not in the encoding
        "23", // integrity: a check, a key
        "54", // larger than an index or a row takes
    };
    if (e->sqlstate[0] == '\0') {
        return e->code == ERR_LIMIT; // larger than a parameter or a state may be
    }
    for (size_t i = 0; i < sizeof CLASSES / sizeof *CLASSES; i++) {
        if (strncmp(e->sqlstate, CLASSES[i], 2) == 0) {
            return true;
        }
    }
    return false;
}

static enum err_code take_out(struct writing *w, const struct writing_part *part, size_t at,
                              struct err *e) {
    if (w->refused_count == REFUSED_MAX) {
        e->code = ERR_INTERNAL; // whatever it was of one item
        return err_context(e, "more than %d items of a batch refused, the last", REFUSED_MAX);
    }
    if (w->refused == NULL) {
        w->refused = calloc(REFUSED_MAX, sizeof *w->refused);
        check(w->refused != NULL);
    }
    struct refused *r = &w->refused[w->refused_count++];
    *r = (struct refused){.part = part->name, .letter = {.line_at_us = INT64_MIN}};
    part->take_out(w, at, &r->letter);
    r->letter.reason = SLICE_LIT(DEAD_REASON_REFUSED);
    const char *detail = arena_printf(&w->arena, "%s: %s", part->name, e->text);
    r->letter.detail = storable_text(&w->arena, slice_str(detail), DEAD_DETAIL_MAX);
    return ERR_OK;
}

// Depth: the halvings of one part.
// NOLINTNEXTLINE(misc-no-recursion)
static enum err_code halve(struct writing *w, const struct writing_part *part, size_t from,
                           size_t to, struct err *e) {
    enum err_code code = pg_savepoint(w->store->pg, e);
    if (code != ERR_OK) {
        return code;
    }
    code = part->write(w, from, to, e);
    if (code == ERR_OK) {
        return pg_savepoint_keep(w->store->pg, e);
    }
    if (!writing_refused(e)) {
        return code;
    }
    struct err why = *e;
    code = pg_savepoint_undo(w->store->pg, e);
    if (code != ERR_OK) {
        return code;
    }
    if (to - from == 1) {
        code = take_out(w, part, from, &why);
        *e = why;
        return code;
    }
    size_t middle = from + (to - from) / 2;
    code = halve(w, part, from, middle, e);
    return code == ERR_OK ? halve(w, part, middle, to, e) : code;
}

enum err_code writing_run(struct writing *w, const struct writing_part *part, size_t count,
                          struct err *e) {
    if (count == 0) {
        return ERR_OK;
    }
    return w->halving ? halve(w, part, 0, count, e) : part->write(w, 0, count, e);
}
