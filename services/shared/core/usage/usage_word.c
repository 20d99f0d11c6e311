#include "core/usage/usage_word.h"

#include <string.h>

#include "base/array.h"
#include "core/usage/usage_slot.h"

static bool same_client(const struct usage_state *st, const struct usage_fetch *f,
                        const struct usage_word *w) {
    const struct usage_client *x = &st->clients[f->client], *y = &st->clients[w->client];
    // A transaction's offsets are committed by the producer, which has a client id of its own.
    return x->address == y->address && (x->id == y->id || w->kind == USAGE_WORD_TXN_COMMIT);
}

// Lines of different connections are in order of completion only: a second of tolerance.
bool usage_word_fits(const struct usage_state *st, const struct usage_fetch *f,
                     const struct usage_word *w) {
    return f->offset >= 0 && w->offset > f->offset && w->offset <= f->high &&
           w->time_us >= f->time_us - USAGE_TOLERANCE_US &&
           w->time_us - f->time_us <= USAGE_CLAIM_US && w->time_us < f->next_us &&
           same_client(st, f, w);
}

int64_t usage_word_largest(const struct usage_state *st, uint32_t slot_at,
                           const struct usage_fetch *f) {
    const struct usage_slot *slot = &st->slots[slot_at];
    int64_t largest = f->word;
    for (uint32_t i = 0; i < slot->word_count; i++) {
        if (slot->words[i].offset > largest && usage_word_fits(st, f, &slot->words[i])) {
            largest = slot->words[i].offset;
        }
    }
    return largest;
}

// Writes the first `count` words into the fetches they fit, and forgets them.
static void drop_words(struct usage_state *st, uint32_t slot_at, uint32_t count) {
    struct usage_slot *slot = &st->slots[slot_at];
    struct usage_slot_walk walk = {0};
    for (struct usage_fetch *f; (f = usage_slot_next_fetch(st, slot_at, &walk)) != NULL;) {
        for (uint32_t i = 0; i < count; i++) {
            if (slot->words[i].offset > f->word && usage_word_fits(st, f, &slot->words[i])) {
                f->word = slot->words[i].offset;
            }
        }
    }
    slot->word_count -= count;
    st->word_total -= count;
    memmove(slot->words, slot->words + count, slot->word_count * sizeof *slot->words);
}

void usage_word_add(struct usage_state *st, uint32_t slot_at, const struct usage_word *word) {
    struct usage_slot *slot = &st->slots[slot_at];
    if (slot->word_count == USAGE_WORDS_PER_SLOT_MAX) {
        drop_words(st, slot_at, USAGE_WORDS_PER_SLOT_MAX / 2);
    }
    slot->words = array_grow(slot->words, slot->word_count, &slot->word_cap, sizeof *slot->words);
    slot->words[slot->word_count++] = *word;
    st->word_total++;
}

void usage_word_forget(struct usage_state *st, uint32_t slot_at, int64_t before_us) {
    struct usage_slot *slot = &st->slots[slot_at];
    // The old ones to the front, where drop_words takes them.
    uint32_t old = 0;
    for (uint32_t i = 0; i < slot->word_count; i++) {
        if (slot->words[i].time_us < before_us) {
            struct usage_word w = slot->words[i];
            slot->words[i] = slot->words[old];
            slot->words[old++] = w;
        }
    }
    if (old > 0) {
        drop_words(st, slot_at, old);
    }
}
