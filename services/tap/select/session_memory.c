// Memory of fetch sessions; see the header.
#include "tap/select/session_memory.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"

enum { PROBES = 8 }; // slots in which a session may stand

// Further ahead it is another session. (Epochs go from 1 to INT32_MAX, then on with 1.)
static const uint32_t AHEAD_MAX = 1U << 30;

struct session {
    uint64_t connection; // hash
    int64_t generation;  // of its last line
    uint64_t end;
    int64_t time_us;
    int32_t id;      // 0: free
    int32_t epoch;   // of its last line; 0: it was granted by it
    uint32_t unread; // lines of it since then that can't be read
};

struct session_memory {
    bool any;
    int64_t generation; // of the newest line seen
    uint64_t offset;
    struct session slots[SESSION_MEMORY_SLOTS];
};

struct session_memory *session_memory_new(void) {
    struct session_memory *m = calloc(1, sizeof *m);
    check(m != NULL);
    return m;
}

void session_memory_free(struct session_memory *m) {
    free(m);
}

void session_memory_clear(struct session_memory *m) {
    memset(m->slots, 0, sizeof m->slots);
}

static struct session *bucket_of(struct session_memory *m, int32_t id) {
    return &m->slots[hash_mix((uint32_t)id) % (SESSION_MEMORY_SLOTS / PROBES) * PROBES];
}

static struct session *find(struct session_memory *m, int32_t id) {
    struct session *bucket = bucket_of(m, id);
    for (int i = 0; id != 0 && i < PROBES; i++) {
        if (bucket[i].id == id) {
            return &bucket[i];
        }
    }
    return NULL;
}

// The slot for a session: its own, a free one, or that of the session silent for longest.
static struct session *place_for(struct session_memory *m, int32_t id) {
    struct session *bucket = bucket_of(m, id), *oldest = bucket, *own = find(m, id);
    for (int i = 0; own == NULL && i < PROBES; i++) {
        if (bucket[i].id == 0) {
            return &bucket[i];
        }
        oldest = bucket[i].time_us < oldest->time_us ? &bucket[i] : oldest;
    }
    return own != NULL ? own : oldest;
}

static void drop(struct session *s) {
    if (s != NULL) {
        s->id = 0;
    }
}

// By how many epochs `to` lies ahead of `from`; 0 if it doesn't.
static uint32_t ahead(int32_t from, int32_t to) {
    uint32_t by = to > from ? (uint32_t)(to - from) : (uint32_t)to + (uint32_t)(INT32_MAX - from);
    return by < AHEAD_MAX && to != from ? by : 0;
}

static bool seen_before(struct session_memory *m, struct session_place at) {
    bool before = m->any && (at.generation < m->generation ||
                             (at.generation == m->generation && at.offset <= m->offset));
    if (!before) {
        m->any = true;
        m->generation = at.generation;
        m->offset = at.offset;
    }
    return before;
}

bool session_memory_skips(struct session_memory *m, const struct broker_line *l,
                          struct session_place at, struct session_skip *ret) {
    if (seen_before(m, at)) {
        return false;
    }
    uint64_t connection = hash_bytes(l->connection.ptr, l->connection.len, 0);
    // Without a request (the logger was off when it came) only the answer names the session.
    struct session *s = find(m, l->has_request ? l->session_id : l->response_session_id);
    bool own = s != NULL && s->connection == connection;
    if (!l->has_request) {
        s = own ? s : NULL;
        if (s != NULL) {
            s->unread++;
        }
        return false;
    }
    if (!l->has_response || l->error != 0) {
        // Refused, which says nothing of the session's epoch.
        drop(own ? s : NULL);
        return false;
    }
    bool goes_on = l->session_id != 0 && l->session_epoch > 0;
    bool skips = false;
    if (own && goes_on) {
        uint32_t by = ahead(s->epoch, l->session_epoch);
        skips = by > 1 && by - 1 > s->unread;
        if (skips) {
            *ret = (struct session_skip){by - 1 - s->unread, s->generation, s->end, s->time_us};
        }
    }
    if (own && (!goes_on || l->response_session_id != l->session_id)) {
        drop(s); // closed, or grown empty
    }
    if (l->response_session_id != 0) {
        *place_for(m, l->response_session_id) = (struct session){
            .connection = connection,
            .generation = at.generation,
            .end = at.end,
            .time_us = l->time_us,
            .id = l->response_session_id,
            .epoch = goes_on && l->response_session_id == l->session_id ? l->session_epoch : 0,
        };
    }
    return skips;
}

void session_memory_dead(struct session_memory *m, const struct line_remains *r) {
    struct session *s = find(m, r->session_id);
    if (s != NULL && r->principal_len > 0 && ahead(s->epoch, r->session_epoch) > 0) {
        s->unread++;
    }
}
