// A set of hashes; see the header.
#include "tap/select/fact_memory.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/hash_table.h"

struct fact_memory {
    struct hash_table told; // by hash; the values say nothing
};

struct fact_memory *fact_memory_new(void) {
    struct fact_memory *m = calloc(1, sizeof *m);
    check(m != NULL);
    hash_table_init(&m->told);
    return m;
}

void fact_memory_free(struct fact_memory *m) {
    if (m != NULL) {
        hash_table_done(&m->told);
        free(m);
    }
}

void fact_memory_clear(struct fact_memory *m) {
    hash_table_done(&m->told);
}

static uint64_t hash_of(const struct topic_fact *fact) {
    uint64_t id = hash_bytes(fact->id, TOPIC_ID_LEN, fact->event == TOPIC_DELETED);
    return hash_bytes(fact->name.ptr, fact->name.len, id);
}

bool fact_memory_is_new(struct fact_memory *m, const struct topic_fact *fact) {
    if (m->told.count == FACT_MEMORY_MAX) {
        fact_memory_clear(m);
    }
    size_t before = m->told.count;
    hash_table_put(&m->told, hash_of(fact), 0);
    return m->told.count > before;
}
