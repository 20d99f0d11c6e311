#include "meter/fold/dead_letters.h"

#include <stdlib.h>

#include "base/check.h"
#include "meter/fold/storable.h"

void dead_letters_init(struct dead_letters *d) {
    *d = (struct dead_letters){.floods = calloc(DEAD_FLOODS_MAX, sizeof(struct dead_flood))};
    check(d->floods != NULL);
    arena_init(&d->arena);
}

void dead_letters_done(struct dead_letters *d) {
    free(d->items);
    free(d->floods);
    arena_done(&d->arena);
    *d = (struct dead_letters){0};
}

void dead_letters_clear(struct dead_letters *d) {
    d->count = 0;
    d->flood_count = 0;
    arena_reset(&d->arena);
}

static struct dead_flood *find_flood(struct dead_letters *d, int32_t broker, struct slice reason) {
    for (size_t i = 0; i < d->flood_count; i++) {
        if (d->floods[i].broker == broker && slice_eq(d->floods[i].reason, reason)) {
            return &d->floods[i];
        }
    }
    return NULL;
}

static struct slice keep(struct dead_letters *d, struct slice s, size_t max) {
    struct slice cut = slice_of(s.ptr, s.len < max ? s.len : max);
    return slice_of(arena_str(&d->arena, cut), cut.len);
}

void dead_letters_add(struct dead_letters *d, const struct dead_letter *letter) {
    check(d->count < DEAD_LETTERS_MAX);
    if (d->count == d->cap) {
        d->cap = d->cap == 0 ? 64 : d->cap * 2;
        d->items = realloc(d->items, d->cap * sizeof *d->items);
        check(d->items != NULL);
    }
    struct dead_letter *kept = &d->items[d->count++];
    *kept = *letter;
    kept->reason = storable_text(&d->arena, letter->reason, DEAD_REASON_MAX);
    kept->detail = storable_text(&d->arena, letter->detail, DEAD_DETAIL_MAX);
    kept->principal = storable_text(&d->arena, letter->principal, DEAD_PRINCIPAL_MAX);
    kept->api = storable_text(&d->arena, letter->api, DEAD_API_MAX);
    kept->head = keep(d, letter->head, LOG_DEAD_TEXT_MAX);
    if (find_flood(d, letter->at.broker, kept->reason) == NULL) {
        check(d->flood_count < DEAD_FLOODS_MAX);
        d->floods[d->flood_count++] =
            (struct dead_flood){.broker = letter->at.broker, .reason = kept->reason};
    }
}

bool dead_letters_full(const struct dead_letters *d) {
    enum { LETTERS_OF_A_RECORD = 2 }; // a torn front part and the rest
    return d->count + LETTERS_OF_A_RECORD > DEAD_LETTERS_MAX ||
           d->flood_count + LETTERS_OF_A_RECORD > DEAD_FLOODS_MAX;
}

void dead_letters_limit_begin(struct dead_letters *d) {
    for (size_t i = 0; i < d->flood_count; i++) {
        d->floods[i].counted = 0;
        d->floods[i].letters = 0;
    }
}

void dead_letters_stored(struct dead_letters *d, int32_t broker, struct slice reason,
                         uint64_t stored) {
    struct dead_flood *f = find_flood(d, broker, reason);
    if (f != NULL) {
        f->letters = stored;
    }
}

void dead_letters_limit(struct dead_letters *d) {
    for (size_t i = 0; i < d->count; i++) {
        struct dead_letter *letter = &d->items[i];
        struct dead_flood *f = find_flood(d, letter->at.broker, letter->reason);
        check(f != NULL);
        letter->counted_only = f->letters >= DEAD_PER_HOUR_MAX;
        if (!letter->counted_only) {
            f->letters++;
            continue;
        }
        if (f->counted == 0 || log_position_cmp(&letter->at, &f->first) < 0) {
            f->first = letter->at;
        }
        if (f->counted == 0 || log_position_cmp(&letter->at, &f->last) > 0) {
            f->last = letter->at;
        }
        f->counted++;
    }
}
