// The format of a state:
//   byte version, then varints (LEB128; signed ones zigzag). Times as distance from last_us.
#include "core/usage/usage_blob.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/check.h"
#include "core/usage/usage_chain.h"
#include "core/usage/usage_client.h"
#include "core/usage/usage_position.h"
#include "core/usage/usage_slot.h"
#include "core/usage/usage_topic.h"

enum {
    BLOB_VERSION = 1,
    VARINT_MAX = 10,
    // A state may be above its maxima by what one line adds; more than this no state ever has.
    OVER = 4,
};

// --- writing -------------------------------------------------------------------------------------

static void put_u64(struct buf *b, uint64_t v) {
    char bytes[VARINT_MAX];
    size_t n = 0;
    while (v >= 0x80) {
        bytes[n++] = (char)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (char)v;
    buf_add(b, bytes, n);
}

static void put_i64(struct buf *b, int64_t v) {
    put_u64(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

// No time of a line is farther from 1970: differences of two can't overflow.
static const int64_t TIME_MAX_US = (int64_t)1 << 60;

static const uint64_t SERIAL_MAX = (uint64_t)1 << 62;

static int64_t time_base(const struct usage_state *st) {
    return st->last_us == INT64_MIN ? 0 : st->last_us;
}

static void put_time(struct buf *b, int64_t base_us, int64_t us) {
    put_i64(b, base_us - us);
}

// New indexes of one kind: USAGE_NONE for what isn't kept.
struct renumber {
    uint32_t *to;
    uint32_t count;
};

static struct renumber renumber_new(uint32_t count) {
    struct renumber r = {malloc((count + 1) * sizeof *r.to), 0};
    check(r.to != NULL);
    for (uint32_t i = 0; i < count; i++) {
        r.to[i] = USAGE_NONE;
    }
    return r;
}

static void keep(struct renumber *r, uint32_t i) {
    r->to[i] = 0;
}

static void number(struct renumber *r, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (r->to[i] != USAGE_NONE) {
            r->to[i] = r->count++;
        }
    }
}

struct writer {
    const struct usage_state *st;
    struct buf *out;
    struct renumber topics, clients, chains, slots;
};

static bool slot_kept(const struct usage_slot *s) {
    return s->used && (s->highest >= 0 || s->positions != USAGE_NONE || s->start_count > 0 ||
                       s->commit_count > 0 || s->batch_count > 0);
}

static void choose(struct writer *w) {
    const struct usage_state *st = w->st;
    for (uint32_t i = 0; i < st->slot_count; i++) {
        const struct usage_slot *s = &st->slots[i];
        if (!slot_kept(s)) {
            continue;
        }
        keep(&w->slots, i);
        keep(&w->topics, s->topic);
        for (uint32_t k = 0; k < s->start_count; k++) {
            keep(&w->clients, s->starts[k].client);
        }
        for (uint32_t k = 0; k < s->commit_count; k++) {
            keep(&w->clients, s->commits[k].client);
        }
        for (uint32_t k = 0; k < s->batch_count; k++) {
            keep(&w->topics, s->batches[k].topic);
        }
    }
    for (uint32_t i = 0; i < st->position_count; i++) {
        const struct usage_position *p = &st->positions[i];
        if (!p->used) {
            continue;
        }
        keep(&w->chains, p->chain);
        keep(&w->clients, st->chains[p->chain].client);
        if (p->unclosed) {
            keep(&w->topics, p->fetch.topic);
            keep(&w->clients, p->fetch.client);
        }
    }
    for (uint32_t i = 0; i < st->topic_count; i++) {
        if (w->topics.to[i] != USAGE_NONE) {
            keep(&w->topics, st->topics[i].home);
        }
    }
    number(&w->topics, st->topic_count);
    number(&w->clients, st->client_count);
    number(&w->chains, st->chain_count);
    number(&w->slots, st->slot_count);
}

static void write_topics(struct writer *w) {
    put_u64(w->out, w->topics.count);
    for (uint32_t i = 0; i < w->st->topic_count; i++) {
        const struct usage_topic *t = &w->st->topics[i];
        if (w->topics.to[i] == USAGE_NONE) {
            continue;
        }
        // 0: an id. Else 1 + length of a name, its home and the time it was first named.
        put_u64(w->out, t->name == NULL ? 0 : 1 + (uint64_t)t->name_len);
        if (t->name == NULL) {
            buf_add(w->out, t->id, TOPIC_ID_LEN);
        } else {
            buf_add(w->out, t->name, t->name_len);
            put_u64(w->out, w->topics.to[t->home]);
            put_time(w->out, time_base(w->st), t->first_us);
        }
    }
}

static void write_clients_and_chains(struct writer *w) {
    const struct usage_state *st = w->st;
    put_u64(w->out, w->clients.count);
    for (uint32_t i = 0; i < st->client_count; i++) {
        if (w->clients.to[i] == USAGE_NONE) {
            continue;
        }
        buf_add(w->out, &st->clients[i].id, sizeof st->clients[i].id);
        buf_add(w->out, &st->clients[i].address, sizeof st->clients[i].address);
    }
    put_u64(w->out, w->chains.count);
    for (uint32_t i = 0; i < st->chain_count; i++) {
        const struct usage_chain *c = &st->chains[i];
        if (w->chains.to[i] == USAGE_NONE) {
            continue;
        }
        put_u64(w->out, (c->session ? 1U : 0U) | (c->dead ? 2U : 0U));
        put_u64(w->out, c->serial);
        put_u64(w->out, c->key);
        put_i64(w->out, c->broker);
        put_u64(w->out, w->clients.to[c->client]);
        put_time(w->out, time_base(st), c->last_us);
    }
}

static void write_slot(struct writer *w, const struct usage_slot *s) {
    int64_t last_us = time_base(w->st);
    put_u64(w->out, w->topics.to[s->topic]);
    put_i64(w->out, s->partition);
    put_i64(w->out, s->highest);
    put_time(w->out, last_us, s->last_us);
    put_u64(w->out, s->start_count);
    for (uint32_t i = 0; i < s->start_count; i++) {
        put_u64(w->out, s->starts[i].serial);
        put_i64(w->out, s->starts[i].broker);
        put_u64(w->out, w->clients.to[s->starts[i].client]);
        put_time(w->out, last_us, s->starts[i].time_us);
        put_i64(w->out, s->starts[i].offset);
    }
    put_u64(w->out, s->commit_count);
    for (uint32_t i = 0; i < s->commit_count; i++) {
        put_i64(w->out, s->commits[i].broker);
        put_u64(w->out, w->clients.to[s->commits[i].client]);
        put_time(w->out, last_us, s->commits[i].time_us);
        put_i64(w->out, s->commits[i].offset);
    }
    put_u64(w->out, (uint64_t)s->batch_count << 1 | s->batches_dropped);
    int64_t base = 0;
    for (uint32_t i = 0; i < s->batch_count; i++) {
        put_u64(w->out, (uint64_t)s->batches[i].base - (uint64_t)base);
        put_time(w->out, last_us, s->batches[i].time_us);
        put_u64(w->out, w->topics.to[s->batches[i].topic]);
        base = s->batches[i].base;
    }
}

enum { POSITION_KNOWN = 1, POSITION_STARTED = 2, POSITION_UNCLOSED = 4 };
enum { FETCH_REPLAY = 1, FETCH_SAME = 2, FETCH_OTHER = 4, FETCH_NEXT = 8, FETCH_CLAIM_SHIFT = 4 };

static void write_fetch(struct writer *w, const struct usage_fetch *f) {
    int64_t last_us = time_base(w->st);
    put_u64(w->out, (f->delivery == USAGE_REPLAY ? (unsigned)FETCH_REPLAY : 0U) |
                        (f->same_us != INT64_MAX ? (unsigned)FETCH_SAME : 0U) |
                        (f->other_us != INT64_MAX ? (unsigned)FETCH_OTHER : 0U) |
                        (f->next_us != INT64_MAX ? (unsigned)FETCH_NEXT : 0U) |
                        (unsigned)f->claim << FETCH_CLAIM_SHIFT);
    put_i64(w->out, f->offset);
    put_i64(w->out, f->high);
    put_time(w->out, last_us, f->time_us);
    put_u64(w->out, w->topics.to[f->topic]);
    put_u64(w->out, w->clients.to[f->client]);
    put_i64(w->out, f->claimed);
    put_i64(w->out, f->commit);
    if (f->same_us != INT64_MAX) {
        put_time(w->out, last_us, f->same_us);
        put_i64(w->out, f->same_offset);
    }
    if (f->other_us != INT64_MAX) {
        put_time(w->out, last_us, f->other_us);
        put_i64(w->out, f->other_offset);
    }
    if (f->next_us != INT64_MAX) {
        put_time(w->out, last_us, f->next_us);
    }
}

static void write_positions(struct writer *w) {
    const struct usage_state *st = w->st;
    uint64_t count = 0;
    for (uint32_t i = 0; i < st->position_count; i++) {
        count += st->positions[i].used;
    }
    put_u64(w->out, count);
    for (uint32_t i = 0; i < st->position_count; i++) {
        const struct usage_position *p = &st->positions[i];
        if (!p->used) {
            continue;
        }
        put_u64(w->out, (p->known ? (unsigned)POSITION_KNOWN : 0U) |
                            (p->started ? (unsigned)POSITION_STARTED : 0U) |
                            (p->unclosed ? (unsigned)POSITION_UNCLOSED : 0U));
        put_u64(w->out, w->chains.to[p->chain]);
        put_u64(w->out, w->slots.to[p->slot]);
        put_i64(w->out, p->offset);
        if (p->unclosed) {
            write_fetch(w, &p->fetch);
        }
    }
}

void usage_blob_encode(const struct usage_state *st, struct buf *out) {
    struct writer w = {
        .st = st,
        .out = out,
        .topics = renumber_new(st->topic_count),
        .clients = renumber_new(st->client_count),
        .chains = renumber_new(st->chain_count),
        .slots = renumber_new(st->slot_count),
    };
    choose(&w);
    buf_add_char(out, BLOB_VERSION);
    put_i64(out, st->last_us);
    put_i64(out, st->pruned_us);
    put_u64(out, st->next_serial);
    write_topics(&w);
    write_clients_and_chains(&w);
    put_u64(out, w.slots.count);
    for (uint32_t i = 0; i < st->slot_count; i++) {
        if (w.slots.to[i] != USAGE_NONE) {
            write_slot(&w, &st->slots[i]);
        }
    }
    write_positions(&w);
    free(w.topics.to);
    free(w.clients.to);
    free(w.chains.to);
    free(w.slots.to);
}

// --- reading -------------------------------------------------------------------------------------

struct reader {
    struct usage_state *st;
    const unsigned char *pos;
    const unsigned char *end;
    bool failed;
};

static bool bad(struct reader *r) {
    r->failed = true;
    r->pos = r->end;
    return false;
}

static uint64_t take_u64(struct reader *r) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && r->pos < r->end; shift += 7) {
        unsigned char byte = *r->pos++;
        if (shift == 63 && byte > 1) {
            break;
        }
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return v;
        }
    }
    bad(r);
    return 0;
}

static int64_t take_i64(struct reader *r) {
    uint64_t v = take_u64(r);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static int64_t take_time(struct reader *r) {
    int64_t us;
    if (__builtin_sub_overflow(time_base(r->st), take_i64(r), &us) || us > TIME_MAX_US ||
        us < -TIME_MAX_US) {
        bad(r);
        return 0;
    }
    return us;
}

// A time, or INT64_MIN for none.
static int64_t take_own_time(struct reader *r) {
    int64_t us = take_i64(r);
    if (us != INT64_MIN && (us > TIME_MAX_US || us < -TIME_MAX_US)) {
        bad(r);
    }
    return r->failed ? INT64_MIN : us;
}

static int32_t take_i32(struct reader *r) {
    int64_t v = take_i64(r);
    if (v < INT32_MIN || v > INT32_MAX) {
        bad(r);
    }
    return (int32_t)v;
}

// A number below `limit`; 0 and failed if it isn't.
static uint32_t take_below(struct reader *r, uint64_t limit) {
    uint64_t v = take_u64(r);
    if (r->failed || v >= limit) {
        bad(r);
        return 0;
    }
    return (uint32_t)v;
}

// A count of things that take at least `size_min` bytes each.
static uint32_t take_count(struct reader *r, uint64_t max, size_t size_min) {
    uint64_t v = take_u64(r);
    if (r->failed || v > max || v > (uint64_t)(r->end - r->pos) / size_min) {
        bad(r);
        return 0;
    }
    return (uint32_t)v;
}

static const void *take_bytes(struct reader *r, size_t len) {
    if ((size_t)(r->end - r->pos) < len) {
        bad(r);
        return NULL;
    }
    const void *p = r->pos;
    r->pos += len;
    return p;
}

static void read_topics(struct reader *r) {
    struct usage_state *st = r->st;
    uint32_t count = take_count(r, (uint64_t)USAGE_TOPICS_MAX * OVER, 4);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        uint32_t kind = take_below(r, 1 + TOPIC_NAME_MAX + 1);
        size_t len = kind == 0 ? (size_t)TOPIC_ID_LEN : kind - 1;
        const void *bytes = take_bytes(r, len);
        if (bytes == NULL || len == 0) {
            bad(r);
            return;
        }
        struct topic_key key = {.has_id = kind == 0};
        if (kind == 0) {
            memcpy(key.id, bytes, len);
        } else {
            key.name = slice_of(bytes, len);
        }
        if (usage_topic_add(st, &key) != i) {
            bad(r); // twice the same
            return;
        }
        if (kind == 0) {
            continue;
        }
        uint32_t home = take_below(r, count);
        st->topics[i].home = home;
        st->topics[i].first_us = take_time(r);
        if (home != i) {
            st->topics[i].unresolved = false;
            st->unresolved--;
        }
    }
    // A name is at home with itself or with an id.
    for (uint32_t i = 0; i < st->topic_count && !r->failed; i++) {
        if (st->topics[i].home >= st->topic_count ||
            (st->topics[i].home != i && st->topics[st->topics[i].home].name != NULL)) {
            bad(r);
        }
    }
}

static void read_clients(struct reader *r) {
    struct usage_state *st = r->st;
    struct usage_client c;
    uint32_t count = take_count(r, (uint64_t)USAGE_CLIENTS_MAX * OVER, sizeof c);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        const void *bytes = take_bytes(r, sizeof c);
        if (bytes == NULL) {
            return;
        }
        memcpy(&c, bytes, sizeof c);
        if (usage_client_add(st, c) != i) {
            bad(r);
        }
    }
}

static void read_chains(struct reader *r) {
    struct usage_state *st = r->st;
    uint32_t count = take_count(r, (uint64_t)USAGE_CHAINS_MAX * OVER, 6);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        uint32_t flags = take_below(r, 4);
        uint64_t serial = take_u64(r), key = take_u64(r);
        int32_t broker = take_i32(r);
        uint32_t client = take_below(r, st->client_count);
        int64_t last_us = take_time(r);
        bool session = (flags & 1) != 0, dead = (flags & 2) != 0;
        if (r->failed || serial >= st->next_serial || (session && key > UINT32_MAX)) {
            bad(r);
        } else if (!dead && usage_chain_find(st, broker, session, key) != USAGE_NONE) {
            bad(r);
        }
        if (r->failed) {
            return;
        }
        usage_chain_restore(st, &(struct usage_chain){
                                    .serial = serial,
                                    .key = key,
                                    .broker = broker,
                                    .session = session,
                                    .dead = dead,
                                    .client = client,
                                    .last_us = last_us,
                                });
    }
}

static void read_batches(struct reader *r, struct usage_slot *s) {
    uint64_t word = take_u64(r);
    if (r->failed || word >> 1 > USAGE_BATCHES_PER_SLOT_MAX ||
        word >> 1 > (uint64_t)(r->end - r->pos) / 3) {
        bad(r);
        return;
    }
    uint32_t count = (uint32_t)(word >> 1);
    s->batches_dropped = word & 1;
    int64_t base = 0;
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        uint64_t step = take_u64(r);
        struct usage_batch b = {.time_us = take_time(r)};
        b.topic = take_below(r, r->st->topic_count);
        if (r->failed || step > (uint64_t)(INT64_MAX - base) || (i > 0 && step == 0)) {
            bad(r);
            return;
        }
        b.base = base += (int64_t)step;
        s->batches = array_grow(s->batches, s->batch_count, &s->batch_cap, sizeof *s->batches);
        s->batches[s->batch_count++] = b;
        r->st->batch_total++;
    }
}

static void read_slot(struct reader *r, uint32_t expected) {
    struct usage_state *st = r->st;
    uint32_t topic = take_below(r, st->topic_count);
    int32_t partition = take_i32(r);
    if (r->failed || st->topics[topic].home != topic ||
        usage_slot_get(st, topic, partition) != expected) {
        bad(r);
        return;
    }
    struct usage_slot *s = &st->slots[expected];
    s->highest = take_i64(r);
    s->last_us = take_time(r);
    uint32_t starts = take_count(r, USAGE_STARTS_PER_SLOT_MAX, 5);
    for (uint32_t i = 0; i < starts && !r->failed; i++) {
        s->starts = array_grow(s->starts, s->start_count, &s->start_cap, sizeof *s->starts);
        struct usage_start *x = &s->starts[s->start_count++];
        x->serial = take_u64(r);
        x->broker = take_i32(r);
        x->client = take_below(r, st->client_count);
        x->time_us = take_time(r);
        x->offset = take_i64(r);
    }
    uint32_t commits = take_count(r, USAGE_COMMITS_PER_SLOT_MAX, 4);
    for (uint32_t i = 0; i < commits && !r->failed; i++) {
        s->commits = array_grow(s->commits, s->commit_count, &s->commit_cap, sizeof *s->commits);
        struct usage_commit *x = &s->commits[s->commit_count++];
        x->broker = take_i32(r);
        x->client = take_below(r, st->client_count);
        x->time_us = take_time(r);
        x->offset = take_i64(r);
    }
    read_batches(r, s);
}

static void read_fetch(struct reader *r, struct usage_fetch *f) {
    uint32_t flags = take_below(r, (USAGE_BY_SAME_START + 1) << FETCH_CLAIM_SHIFT);
    *f = (struct usage_fetch){
        .delivery = (flags & FETCH_REPLAY) != 0 ? USAGE_REPLAY : USAGE_FRESH,
        .claim = (uint8_t)(flags >> FETCH_CLAIM_SHIFT),
        .same_us = INT64_MAX,
        .other_us = INT64_MAX,
        .next_us = INT64_MAX,
    };
    f->offset = take_i64(r);
    f->high = take_i64(r);
    f->time_us = take_time(r);
    f->topic = take_below(r, r->st->topic_count);
    f->client = take_below(r, r->st->client_count);
    f->claimed = take_i64(r);
    f->commit = take_i64(r);
    if (flags & FETCH_SAME) {
        f->same_us = take_time(r);
        f->same_offset = take_i64(r);
    }
    if (flags & FETCH_OTHER) {
        f->other_us = take_time(r);
        f->other_offset = take_i64(r);
    }
    if (flags & FETCH_NEXT) {
        f->next_us = take_time(r);
    }
    // Offsets below zero would let differences overflow.
    if (f->offset < 0 || f->claimed < 0 || f->commit < f->offset || f->same_offset < 0 ||
        f->other_offset < 0 || (f->claimed > 0 && f->claimed > INT64_MAX - f->offset)) {
        bad(r);
    }
}

static void read_positions(struct reader *r) {
    struct usage_state *st = r->st;
    uint32_t count = take_count(r, (uint64_t)USAGE_POSITIONS_MAX * OVER, 4);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        uint32_t flags = take_below(r, 8);
        uint32_t chain = take_below(r, st->chain_count), slot = take_below(r, st->slot_count);
        int64_t offset = take_i64(r);
        struct usage_fetch fetch = {0};
        if (flags & POSITION_UNCLOSED) {
            read_fetch(r, &fetch);
        }
        if (r->failed || usage_position_find(st, chain, slot) != USAGE_NONE ||
            st->slots[slot].position_count >= USAGE_POSITIONS_PER_SLOT_MAX) {
            bad(r);
            return;
        }
        uint32_t at = usage_position_get(st, chain, slot);
        struct usage_position *p = &st->positions[at];
        p->known = (flags & POSITION_KNOWN) != 0;
        p->started = (flags & POSITION_STARTED) != 0;
        p->unclosed = (flags & POSITION_UNCLOSED) != 0;
        p->offset = offset;
        p->fetch = fetch;
    }
}

enum err_code usage_blob_decode(struct slice blob, struct usage_state **ret_state, struct err *e) {
    if (blob.len == 0 || blob.ptr[0] != BLOB_VERSION) {
        return err_set(e, ERR_INVALID, "usage state: unknown version");
    }
    struct usage_state *st = usage_state_new();
    struct reader r = {
        .st = st,
        .pos = (const unsigned char *)blob.ptr + 1,
        .end = (const unsigned char *)blob.ptr + blob.len,
    };
    st->last_us = take_own_time(&r);
    st->pruned_us = take_own_time(&r);
    st->next_serial = take_u64(&r);
    if (st->next_serial > SERIAL_MAX) {
        bad(&r);
    }
    read_topics(&r);
    read_clients(&r);
    read_chains(&r);
    uint32_t slots = take_count(&r, (uint64_t)USAGE_SLOTS_MAX * OVER, 7);
    for (uint32_t i = 0; i < slots && !r.failed; i++) {
        read_slot(&r, i);
    }
    read_positions(&r);
    if (r.failed || r.pos != r.end) {
        size_t at = (size_t)(r.pos - (const unsigned char *)blob.ptr);
        usage_state_free(st);
        return err_set(e, ERR_INVALID, "usage state: not readable (%zu of %zu bytes)", at,
                       blob.len);
    }
    *ret_state = st;
    return ERR_OK;
}
