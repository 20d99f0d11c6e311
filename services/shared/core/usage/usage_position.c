#include "core/usage/usage_position.h"

#include "base/array.h"
#include "core/usage/usage_fetch.h"

uint32_t usage_position_find(const struct usage_state *st, uint32_t chain, uint32_t slot) {
    uint32_t at;
    return hash_table_get(&st->position_by_key, usage_model_pair(chain, slot), &at) ? at
                                                                                    : USAGE_NONE;
}

// The position of the slot whose chain has been idle longest.
static uint32_t idlest_position(const struct usage_state *st, const struct usage_slot *slot) {
    uint32_t idlest = USAGE_NONE;
    int64_t idle_us = 0;
    for (uint32_t i = slot->positions; i != USAGE_NONE; i = st->positions[i].next) {
        const struct usage_chain *c = &st->chains[st->positions[i].chain];
        if (idlest == USAGE_NONE || c->last_us < idle_us) {
            idlest = i;
            idle_us = c->last_us;
        }
    }
    return idlest;
}

uint32_t usage_position_get(struct usage_state *st, uint32_t chain, uint32_t slot) {
    uint32_t at = usage_position_find(st, chain, slot);
    if (at != USAGE_NONE) {
        return at;
    }
    if (st->slots[slot].position_count >= USAGE_POSITIONS_PER_SLOT_MAX) {
        uint32_t idlest = idlest_position(st, &st->slots[slot]);
        usage_fetch_leave(st, idlest);
        usage_position_remove(st, idlest);
    }
    if (st->free_position != USAGE_NONE) {
        at = st->free_position;
        st->free_position = st->positions[at].next;
    } else {
        st->positions =
            array_grow(st->positions, st->position_count, &st->position_cap, sizeof *st->positions);
        at = st->position_count++;
    }
    st->positions[at] = (struct usage_position){
        .chain = chain,
        .slot = slot,
        .next = st->slots[slot].positions,
        .used = true,
        .last = -1,
    };
    st->slots[slot].positions = at;
    st->slots[slot].position_count++;
    hash_table_put(&st->position_by_key, usage_model_pair(chain, slot), at);
    return at;
}

void usage_position_remove(struct usage_state *st, uint32_t position) {
    struct usage_position *p = &st->positions[position];
    struct usage_slot *slot = &st->slots[p->slot];
    uint32_t *link = &slot->positions;
    while (*link != position) {
        link = &st->positions[*link].next;
    }
    *link = p->next;
    slot->position_count--;
    hash_table_remove(&st->position_by_key, usage_model_pair(p->chain, p->slot));
    *p = (struct usage_position){.next = st->free_position};
    st->free_position = position;
}
