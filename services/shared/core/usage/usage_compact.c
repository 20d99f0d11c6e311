#include "core/usage/usage_compact.h"

#include <stdlib.h>

#include "base/check.h"
#include "core/usage/usage_blob.h"
#include "core/usage/usage_claim.h"
#include "core/usage/usage_delta.h"
#include "core/usage/usage_fetch.h"
#include "core/usage/usage_position.h"

void usage_compact(struct usage_state *st) {
    struct buf blob;
    struct usage_state *fresh = NULL;
    buf_init(&blob, USAGE_BLOB_MAX);
    usage_blob_encode(st, &blob);
    check(!blob.overflow);
    check(usage_blob_decode(buf_slice(&blob), &fresh, NULL) == ERR_OK);
    buf_done(&blob);
    fresh->names_version = st->names_version;
    fresh->sink = st->sink;
    fresh->producer = st->producer;
    struct usage_state old = *st;
    *st = *fresh;
    *fresh = old;
    usage_state_free(fresh);
}

static int compare_times(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

// The time that half of the `count` values lie below.
static int64_t median(int64_t *times, uint32_t count) {
    qsort(times, count, sizeof *times, compare_times);
    return times[count / 2];
}

static void drop_idle_positions(struct usage_state *st) {
    int64_t *times = malloc((st->position_count + 1) * sizeof *times);
    check(times != NULL);
    uint32_t count = 0;
    for (uint32_t i = 0; i < st->position_count; i++) {
        if (st->positions[i].used) {
            times[count++] = st->chains[st->positions[i].chain].last_us;
        }
    }
    int64_t limit = count == 0 ? 0 : median(times, count);
    // Half of them even if all are equally old.
    uint32_t drop = count / 2;
    for (uint32_t i = 0; i < st->position_count && drop > 0; i++) {
        if (st->positions[i].used && st->chains[st->positions[i].chain].last_us <= limit) {
            usage_fetch_leave(st, i);
            usage_position_remove(st, i);
            drop--;
        }
    }
    free(times);
}

static void drop_idle_slots(struct usage_state *st) {
    int64_t *times = malloc((st->slot_count + 1) * sizeof *times);
    check(times != NULL);
    for (uint32_t i = 0; i < st->slot_count; i++) {
        times[i] = st->slots[i].last_us;
    }
    int64_t limit = st->slot_count == 0 ? 0 : median(times, st->slot_count);
    uint32_t drop = st->slot_count / 2;
    free(times);
    for (uint32_t i = 0; i < st->slot_count && drop > 0; i++) {
        struct usage_slot *s = &st->slots[i];
        if (s->last_us > limit) {
            continue;
        }
        while (s->positions != USAGE_NONE) {
            usage_fetch_leave(st, s->positions);
            usage_position_remove(st, s->positions);
        }
        usage_fetch_give_up(st, i, INT64_MAX - 1);
        st->batch_total -= s->batch_count;
        st->start_total -= s->start_count;
        st->word_total -= s->word_count;
        s->batch_count = s->start_count = s->word_count = 0;
        s->highest = -1;
        drop--;
    }
}

static void drop_old_fetches(struct usage_state *st) {
    int64_t *times = malloc((st->left_total + 1) * sizeof *times);
    check(times != NULL);
    uint32_t count = 0;
    for (uint32_t i = 0; i < st->slot_count; i++) {
        for (uint32_t k = 0; k < st->slots[i].left_count; k++) {
            times[count++] = st->slots[i].left[k].time_us;
        }
    }
    int64_t limit = count == 0 ? 0 : median(times, count);
    free(times);
    for (uint32_t i = 0; i < st->slot_count; i++) {
        usage_fetch_give_up(st, i, limit);
    }
}

// All but the newest of each slot: they are for lines of other brokers that come late.
static void drop_old_facts(struct usage_state *st) {
    for (uint32_t i = 0; i < st->slot_count; i++) {
        int64_t newest_us = INT64_MIN;
        for (uint32_t k = 0; k < st->slots[i].start_count; k++) {
            int64_t us = st->slots[i].starts[k].time_us;
            newest_us = us > newest_us ? us : newest_us;
        }
        for (uint32_t k = 0; k < st->slots[i].word_count; k++) {
            int64_t us = st->slots[i].words[k].time_us;
            newest_us = us > newest_us ? us : newest_us;
        }
        usage_claim_forget_facts(st, i, newest_us);
    }
}

void usage_compact_make_room(struct usage_state *st) {
    bool crowded = st->position_count >= USAGE_POSITIONS_MAX ||
                   st->chain_count >= USAGE_CHAINS_MAX || st->slot_count >= USAGE_SLOTS_MAX ||
                   st->topic_count >= USAGE_TOPICS_MAX || st->client_count >= USAGE_CLIENTS_MAX ||
                   st->batch_total >= USAGE_BATCHES_MAX || st->left_total >= USAGE_LEFT_MAX ||
                   st->start_total >= USAGE_STARTS_MAX || st->word_total >= USAGE_WORDS_MAX;
    if (!crowded) {
        return;
    }
    usage_compact(st);
    if (st->slot_count >= USAGE_SLOTS_MAX / 2 || st->topic_count >= USAGE_TOPICS_MAX / 2 ||
        st->batch_total >= USAGE_BATCHES_MAX / 2) {
        drop_idle_slots(st);
    }
    if (st->position_count >= USAGE_POSITIONS_MAX / 2 || st->chain_count >= USAGE_CHAINS_MAX / 2 ||
        st->client_count >= USAGE_CLIENTS_MAX / 2) {
        drop_idle_positions(st);
    }
    if (st->left_total >= USAGE_LEFT_MAX / 2) {
        drop_old_fetches(st);
    }
    if (st->start_total >= USAGE_STARTS_MAX / 2 || st->word_total >= USAGE_WORDS_MAX / 2) {
        drop_old_facts(st);
    }
    usage_delta_flush(st);
    usage_compact(st);
}
