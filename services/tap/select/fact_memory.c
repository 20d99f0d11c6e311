// A set of hashes; see the header.
#include "tap/select/fact_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum { FIRST_SLOTS = 256 };

struct fact_memory {
    uint64_t *slots; // 0: free; open addressing, at most half full
    size_t cap;
    size_t count;
};

struct fact_memory *fact_memory_new(void) {
    struct fact_memory *m = calloc(1, sizeof *m);
    check(m != NULL);
    fact_memory_clear(m);
    return m;
}

void fact_memory_free(struct fact_memory *m) {
    if (m != NULL) {
        free(m->slots);
        free(m);
    }
}

void fact_memory_clear(struct fact_memory *m) {
    free(m->slots);
    m->cap = FIRST_SLOTS;
    m->count = 0;
    m->slots = calloc(m->cap, sizeof m->slots[0]);
    check(m->slots != NULL);
}

static uint64_t hash_of(const struct topic_fact *fact) {
    uint64_t h = fact->event == TOPIC_DELETED ? 0x9ae16a3b2f90404fULL : 0xcbf29ce484222325ULL;
    for (size_t i = 0; i < TOPIC_ID_LEN; i++) {
        h = (h ^ fact->id[i]) * 0x100000001b3ULL;
    }
    for (size_t i = 0; i < fact->name.len; i++) {
        h = (h ^ (unsigned char)fact->name.ptr[i]) * 0x100000001b3ULL;
    }
    h ^= h >> 31;
    return h == 0 ? 1 : h;
}

static bool insert(struct fact_memory *m, uint64_t h) {
    size_t i = h & (m->cap - 1);
    while (m->slots[i] != 0) {
        if (m->slots[i] == h) {
            return false;
        }
        i = (i + 1) & (m->cap - 1);
    }
    m->slots[i] = h;
    m->count++;
    return true;
}

static void grow(struct fact_memory *m) {
    struct fact_memory bigger = {calloc(m->cap * 2, sizeof m->slots[0]), m->cap * 2, 0};
    check(bigger.slots != NULL);
    for (size_t i = 0; i < m->cap; i++) {
        if (m->slots[i] != 0) {
            (void)insert(&bigger, m->slots[i]);
        }
    }
    free(m->slots);
    *m = bigger;
}

bool fact_memory_is_new(struct fact_memory *m, const struct topic_fact *fact) {
    if (m->count == FACT_MEMORY_MAX) {
        fact_memory_clear(m);
    } else if (m->count * 2 >= m->cap) {
        grow(m);
    }
    return insert(m, hash_of(fact));
}

size_t fact_memory_count(const struct fact_memory *m) {
    return m->count;
}
