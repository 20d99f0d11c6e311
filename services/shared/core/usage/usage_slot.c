#include "core/usage/usage_slot.h"

#include "base/array.h"

uint32_t usage_slot_find(const struct usage_state *st, uint32_t home, int32_t partition) {
    uint32_t at;
    return hash_table_get(&st->slot_by_key, usage_model_pair(home, (uint32_t)partition), &at)
               ? at
               : USAGE_NONE;
}

uint32_t usage_slot_get(struct usage_state *st, uint32_t home, int32_t partition) {
    uint32_t at = usage_slot_find(st, home, partition);
    if (at == USAGE_NONE) {
        st->slots = array_grow(st->slots, st->slot_count, &st->slot_cap, sizeof *st->slots);
        at = st->slot_count++;
        st->slots[at] = (struct usage_slot){
            .topic = home,
            .partition = partition,
            .positions = USAGE_NONE,
            .highest = -1,
            .used = true,
        };
        hash_table_put(&st->slot_by_key, usage_model_pair(home, (uint32_t)partition), at);
    }
    st->slots[at].last_us = st->last_us;
    return at;
}

struct usage_fetch *usage_slot_next_fetch(struct usage_state *st, uint32_t slot,
                                          struct usage_slot_walk *w) {
    if (!w->begun) {
        w->begun = true;
        w->position = st->slots[slot].positions;
    }
    while (w->position != USAGE_NONE) {
        struct usage_position *p = &st->positions[w->position];
        w->position = p->next;
        if (p->unclosed) {
            return &p->fetch;
        }
    }
    return w->left < st->slots[slot].left_count ? &st->slots[slot].left[w->left++] : NULL;
}

bool usage_slot_rests(const struct usage_slot *s) {
    return s->positions == USAGE_NONE && s->left_count == 0 && s->start_count == 0 &&
           s->word_count == 0 && s->batch_count == 0;
}

bool usage_slot_forget_idle(struct usage_state *st, uint32_t slot, int64_t before_us) {
    struct usage_slot *s = &st->slots[slot];
    if (!s->used || s->highest < 0 || s->last_us >= before_us || !usage_slot_rests(s)) {
        return false;
    }
    s->highest = -1;
    return true;
}
