#include "core/usage/usage_state.h"

#include <stdlib.h>

#include "base/check.h"
#include "core/usage/usage_model.h"
#include "core/usage/usage_slot.h"

struct usage_state *usage_state_new(void) {
    struct usage_state *st = calloc(1, sizeof *st);
    check(st != NULL);
    st->free_position = USAGE_NONE;
    st->last_us = INT64_MIN;
    st->pruned_us = INT64_MIN;
    st->due_us = INT64_MAX;
    st->batches_from_us = INT64_MAX;
    return st;
}

void usage_state_free(struct usage_state *st) {
    if (st == NULL) {
        return;
    }
    for (uint32_t i = 0; i < st->topic_count; i++) {
        free(st->topics[i].name);
    }
    for (uint32_t i = 0; i < st->slot_count; i++) {
        free(st->slots[i].left);
        free(st->slots[i].starts);
        free(st->slots[i].words);
        free(st->slots[i].batches);
    }
    free(st->topics);
    free(st->clients);
    free(st->chains);
    free(st->slots);
    free(st->positions);
    hash_table_done(&st->topic_by_key);
    hash_table_done(&st->client_by_key);
    hash_table_done(&st->chain_by_session);
    hash_table_done(&st->chain_by_connection);
    hash_table_done(&st->slot_by_key);
    hash_table_done(&st->position_by_key);
    hash_table_done(&st->answers);
    free(st);
}

void usage_state_set_producer(struct usage_state *st, uint32_t producer) {
    st->producer = producer;
}

void usage_state_hold_batches(struct usage_state *st, int64_t from_us) {
    st->batches_from_us = from_us;
}

bool usage_state_has_unresolved(const struct usage_state *st) {
    return st->unresolved > 0;
}

bool usage_state_empty(const struct usage_state *st) {
    for (uint32_t i = 0; i < st->slot_count; i++) {
        if (st->slots[i].highest >= 0 || !usage_slot_rests(&st->slots[i])) {
            return false;
        }
    }
    return true;
}

bool usage_state_rests(const struct usage_state *st) {
    for (uint32_t i = 0; i < st->slot_count; i++) {
        if (!usage_slot_rests(&st->slots[i])) {
            return false;
        }
    }
    return true;
}

int64_t usage_state_due_us(const struct usage_state *st) {
    return st->due_us;
}

size_t usage_state_memory(const struct usage_state *st) {
    size_t tables = st->topic_by_key.cap + st->client_by_key.cap + st->chain_by_session.cap +
                    st->chain_by_connection.cap + st->slot_by_key.cap + st->position_by_key.cap;
    size_t size = sizeof *st + tables * sizeof(struct hash_table_entry) +
                  st->topic_cap * (sizeof *st->topics + 32) + st->client_cap * sizeof *st->clients +
                  st->chain_cap * sizeof *st->chains + st->slot_cap * sizeof *st->slots +
                  st->position_cap * sizeof *st->positions;
    for (uint32_t i = 0; i < st->slot_count; i++) {
        const struct usage_slot *s = &st->slots[i];
        size += s->left_cap * sizeof *s->left + s->start_cap * sizeof *s->starts +
                s->word_cap * sizeof *s->words + s->batch_cap * sizeof *s->batches;
    }
    return size;
}
