// Memory of empty fetches; see the header.
#include "tap/select/fetch_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

struct last_fetch {
    uint64_t connection; // hash; 0: free
    uint64_t request;    // hash of partitions and offsets of a full request; of others 0
    int64_t told_us;     // time of the last one that was not left out
    int32_t session_id;
    bool empty;
};

struct fetch_memory {
    struct last_fetch slots[FETCH_MEMORY_SLOTS];
};

struct fetch_memory *fetch_memory_new(void) {
    struct fetch_memory *m = calloc(1, sizeof *m);
    check(m != NULL);
    return m;
}

void fetch_memory_free(struct fetch_memory *m) {
    free(m);
}

void fetch_memory_clear(struct fetch_memory *m) {
    memset(m, 0, sizeof *m);
}

// Connections of one principal can't collide with those of another on purpose: the broker writes
// this text.
static uint64_t connection_hash(const struct broker_line *l) {
    uint64_t h = hash_bytes(l->connection.ptr, l->connection.len, 0);
    return h == 0 ? 1 : h;
}

static uint64_t request_hash(const struct broker_line *l) {
    uint64_t h = hash_bytes(&l->session_epoch, sizeof l->session_epoch, 0);
    for (uint32_t i = 0; i < l->asked.count; i++) {
        const struct broker_line_part *p = &l->asked.items[i];
        const struct topic_key *t = &l->topics[p->topic];
        h = hash_bytes(t->id, sizeof t->id, h);
        h = hash_bytes(t->name.ptr, t->name.len, h);
        h = hash_bytes(&p->partition, sizeof p->partition, h);
        h = hash_bytes(&p->offset, sizeof p->offset, h);
    }
    return h;
}

static bool response_is_empty(const struct broker_line *l) {
    if (!l->has_request || !l->has_response || l->error != 0) {
        return false;
    }
    for (uint32_t i = 0; i < l->answered.count; i++) {
        if (l->answered.items[i].bytes != 0 || l->answered.items[i].error != 0) {
            return false;
        }
    }
    return true;
}

// Of the lines' own time; a clock that goes back tells too.
static bool told_lately(int64_t told_us, int64_t now_us) {
    return now_us >= told_us && now_us - told_us < FETCH_MEMORY_TELL_US;
}

bool fetch_memory_says_nothing(struct fetch_memory *m, const struct broker_line *l) {
    struct last_fetch now = {.connection = connection_hash(l), .session_id = l->session_id};
    now.empty = response_is_empty(l);
    bool full = l->session_id == 0;
    bool granted = l->response_session_id != 0 && l->response_session_id != l->session_id;
    if (full) {
        now.request = request_hash(l);
    }
    struct last_fetch *slot = &m->slots[now.connection % FETCH_MEMORY_SLOTS];
    struct last_fetch before = *slot;
    bool nothing = before.connection == now.connection && before.empty && now.empty && !granted &&
                   before.session_id == now.session_id && l->forgotten.count == 0;
    // Epochs 0 and -1 close a session; its response names none or another.
    nothing = nothing && (full ? before.request == now.request
                               : l->session_epoch > 0 && l->response_session_id == l->session_id &&
                                     l->asked.count == 0);
    nothing = nothing && told_lately(before.told_us, l->time_us);
    now.told_us = nothing ? before.told_us : l->time_us;
    // What a granted session continues with is compared with that session.
    if (granted) {
        now.session_id = l->response_session_id;
        now.request = 0;
    }
    *slot = now;
    return nothing;
}
