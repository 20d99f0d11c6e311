// Fact 4: a client's own word of how far it has read. Commits, and offsets of fetches that were
// refused before the broker looked at them.
#ifndef WEIR_CORE_USAGE_USAGE_WORD_H
#define WEIR_CORE_USAGE_USAGE_WORD_H

#include "core/usage/usage_model.h"

// Kept for the slot's fetches; what it says of them is usage_claim_word's to tell.
void usage_word_add(struct usage_state *st, uint32_t slot, const struct usage_word *word);
// Whether the word speaks of the fetch.
bool usage_word_fits(const struct usage_state *st, const struct usage_fetch *f,
                     const struct usage_word *w);
// The largest offset that the owner of the fetch has given his word for; the fetch's own offset if
// there is none.
int64_t usage_word_largest(const struct usage_state *st, uint32_t slot,
                           const struct usage_fetch *f);
// Forgets words of before `before_us`, when they are written into the fetches they fit.
void usage_word_forget(struct usage_state *st, uint32_t slot, int64_t before_us);

#endif
