// Reading of states: whatever the bytes are, a sound state or an error.
#include <stdlib.h>

#include "base/array.h"
#include "base/check.h"
#include "core/usage/usage_blob.h"
#include "core/usage/usage_blob_format.h"
#include "core/usage/usage_chain.h"
#include "core/usage/usage_client.h"
#include "core/usage/usage_fetch.h"
#include "core/usage/usage_position.h"
#include "core/usage/usage_slot.h"
#include "core/usage/usage_topic.h"

// A state may be above its maxima by what one line adds; more than this no state ever has.
enum { OVER = 4 };

// No time of a line is farther from 1970: differences of two can't overflow.
static const int64_t TIME_MAX_US = (int64_t)1 << 60;

static const uint64_t SERIAL_MAX = (uint64_t)1 << 62;

static int64_t time_base(const struct usage_state *st) {
    return st->last_us == INT64_MIN ? 0 : st->last_us;
}

struct reader {
    unsigned version;
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

static uint64_t take_sum(struct reader *r) {
    uint64_t v = take_u64(r);
    if (v > (uint64_t)1 << 63) {
        bad(r);
    }
    return r->failed ? 0 : v;
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
        uint32_t home = i;
        int64_t first_us = INT64_MAX, since_us = INT64_MIN;
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
        if (kind != 0) {
            home = take_below(r, count);
            first_us = take_time(r);
            since_us = r->version > USAGE_BLOB_VERSION_1 ? take_own_time(r) : INT64_MIN;
        }
        if (r->failed || usage_topic_add(st, &key, since_us) != i) {
            bad(r); // twice the same
            return;
        }
        st->topics[i].home = home;
        st->topics[i].first_us = first_us;
        if (r->version > USAGE_BLOB_VERSION_1) {
            st->topics[i].closed_bytes = take_sum(r);
            st->topics[i].closed_messages = take_sum(r);
        }
        if (kind != 0 && home != i) {
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
        uint32_t fulls = r->version > USAGE_BLOB_VERSION_1 ? take_below(r, UINT32_MAX) : 0;
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
                                    .fulls = fulls,
                                    .last_us = last_us,
                                });
    }
}

// Before version 3: all but the last were given their distance.
static void read_producer(struct reader *r, bool last, struct usage_batch *b) {
    if (r->version <= USAGE_BLOB_VERSION_2) {
        b->producer = r->version > USAGE_BLOB_VERSION_1 ? take_below(r, UINT32_MAX) : 0;
        b->given = !last;
        b->bytes = -1;
        return;
    }
    uint64_t word = take_u64(r);
    b->bytes = take_i64(r);
    b->given = word & 1;
    b->producer = (uint32_t)(word >> 1);
    if (word >> 1 >= UINT32_MAX || b->bytes < -1 || (b->given && last)) {
        bad(r);
    }
}

static void read_batches(struct reader *r, struct usage_slot *s) {
    unsigned shift = r->version <= USAGE_BLOB_VERSION_2 ? 1 : USAGE_BLOB_BATCHES_SHIFT;
    uint64_t word = take_u64(r);
    if (r->failed || word >> shift > USAGE_BATCHES_PER_SLOT_MAX ||
        word >> shift > (uint64_t)(r->end - r->pos) / 3) {
        bad(r);
        return;
    }
    uint32_t count = (uint32_t)(word >> shift);
    s->batches_dropped = (word & USAGE_BLOB_DROPPED) != 0;
    s->handed_over = shift > 1 && (word & USAGE_BLOB_HANDED_OVER) != 0;
    int64_t base = 0;
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        uint64_t step = take_u64(r);
        struct usage_batch b = {.time_us = take_time(r)};
        b.topic = take_below(r, r->st->topic_count);
        read_producer(r, i + 1 == count, &b);
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

static void read_starts(struct reader *r, struct usage_slot *s) {
    struct usage_state *st = r->st;
    uint32_t starts = take_count(r, USAGE_STARTS_PER_SLOT_MAX, 5);
    for (uint32_t i = 0; i < starts && !r->failed; i++) {
        bool old = r->version == USAGE_BLOB_VERSION_1;
        struct usage_start x = {.high = -1, .closed_us = INT64_MIN};
        x.serial = take_u64(r);
        x.broker = take_i32(r);
        x.client = take_below(r, st->client_count);
        x.kind = old ? USAGE_START : (uint8_t)take_below(r, USAGE_START_OUT_OF_RANGE + 1);
        x.time_us = take_time(r);
        x.order = old ? 0 : take_u64(r);
        x.offset = take_i64(r);
        if (!old) {
            x.high = take_i64(r);
            x.closed_us = take_own_time(r);
        }
        if (r->failed || x.serial > SERIAL_MAX) {
            bad(r);
            return;
        }
        s->starts = array_grow(s->starts, s->start_count, &s->start_cap, sizeof *s->starts);
        s->starts[s->start_count++] = x;
        st->start_total++;
    }
}

static void read_words(struct reader *r, struct usage_slot *s) {
    struct usage_state *st = r->st;
    uint32_t words = take_count(r, USAGE_WORDS_PER_SLOT_MAX, 4);
    for (uint32_t i = 0; i < words && !r->failed; i++) {
        struct usage_word x = {.broker = take_i32(r)};
        x.client = take_below(r, st->client_count);
        x.kind = r->version == USAGE_BLOB_VERSION_1
                     ? USAGE_WORD_COMMIT
                     : (uint8_t)take_below(r, USAGE_WORD_REFUSED + 1);
        x.time_us = take_time(r);
        x.offset = take_i64(r);
        if (r->failed) {
            return;
        }
        s->words = array_grow(s->words, s->word_count, &s->word_cap, sizeof *s->words);
        s->words[s->word_count++] = x;
        st->word_total++;
    }
}

// Offsets below zero, and sums above the largest, would let differences overflow.
static bool fetch_is_sound(const struct usage_fetch *f) {
    return f->offset >= -1 && f->bytes >= -1 && f->claimed >= 0 && f->figure >= 0 &&
           f->word >= f->offset && f->at_us <= f->time_us && f->claim <= USAGE_BY_SUCCESSOR &&
           (f->offset < 0 || f->claimed <= INT64_MAX - f->offset) && f->serial <= SERIAL_MAX &&
           f->by <= SERIAL_MAX;
}

static struct usage_fetch read_fetch(struct reader *r) {
    uint32_t flags = take_below(r, USAGE_BLOB_ARRIVED << 1);
    struct usage_fetch f = {
        .offset = -1,
        .word = -1,
        .delivery = (flags & USAGE_BLOB_REPLAY) != 0 ? USAGE_REPLAY : USAGE_FRESH,
        .claim = (uint8_t)(flags >> USAGE_BLOB_CLAIM_SHIFT & USAGE_BLOB_CLAIM_MASK),
        .seek = (flags & USAGE_BLOB_SEEK) != 0,
        .due = (flags & USAGE_BLOB_DUE) != 0,
        .next_us = INT64_MAX,
    };
    if (flags & USAGE_BLOB_OFFSET) {
        f.offset = take_i64(r);
        uint64_t ahead = take_u64(r);
        if (f.offset < 0 || ahead > (uint64_t)(INT64_MAX - f.offset)) {
            bad(r);
            return f;
        }
        f.word = f.offset + (int64_t)ahead;
    }
    if (flags & USAGE_BLOB_FIGURE) {
        f.figure = (int64_t)take_sum(r);
        f.figure_up = take_below(r, 2) != 0;
    }
    f.high = take_i64(r);
    f.bytes = take_i64(r);
    f.time_us = take_time(r);
    f.at_us = flags & USAGE_BLOB_ARRIVED ? take_time(r) : f.time_us;
    f.order = take_u64(r);
    f.serial = take_u64(r);
    f.broker = take_i32(r);
    f.topic = take_below(r, r->st->topic_count);
    f.client = take_below(r, r->st->client_count);
    f.claimed = (int64_t)take_sum(r);
    f.by = take_u64(r);
    if (f.claim == USAGE_BY_NEXT) {
        f.by_us = take_time(r);
    }
    if (flags & USAGE_BLOB_NEXT) {
        f.next_us = take_time(r);
    }
    if (!fetch_is_sound(&f)) {
        bad(r);
    }
    return f;
}

// Of version 1, whose claims were an open one, a commit's, and those by two kinds of starts, with
// what they were told. It has no bytes: what depends on them is left out.
static struct usage_fetch read_fetch_1(struct reader *r, uint32_t chain) {
    static const uint8_t CLAIMS[] = {USAGE_OPEN, USAGE_BY_WORD, USAGE_BY_NEXT, USAGE_BY_NEXT};
    uint32_t flags = take_below(r, 4U << USAGE_BLOB_1_CLAIM_SHIFT);
    struct usage_fetch f = {
        .delivery = (flags & USAGE_BLOB_1_REPLAY) != 0 ? USAGE_REPLAY : USAGE_FRESH,
        .claim = CLAIMS[flags >> USAGE_BLOB_1_CLAIM_SHIFT],
        .bytes = -1,
        .next_us = INT64_MAX,
        .serial = r->st->chains[chain].serial,
        .broker = r->st->chains[chain].broker,
    };
    f.offset = take_i64(r);
    f.high = take_i64(r);
    f.time_us = f.at_us = take_time(r);
    f.topic = take_below(r, r->st->topic_count);
    f.client = take_below(r, r->st->client_count);
    f.claimed = take_i64(r);
    f.word = take_i64(r);
    for (unsigned told = USAGE_BLOB_1_SAME; told <= USAGE_BLOB_1_OTHER; told <<= 1) {
        if (flags & told) {
            (void)take_time(r);
            (void)take_i64(r);
        }
    }
    if (flags & USAGE_BLOB_1_NEXT) {
        f.next_us = take_time(r);
    }
    if (f.offset < 0 || !fetch_is_sound(&f)) {
        bad(r);
    }
    return f;
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
    read_starts(r, s);
    read_words(r, s);
    if (r->version > USAGE_BLOB_VERSION_1) {
        uint32_t left = take_count(r, USAGE_LEFT_PER_SLOT_MAX, 11);
        for (uint32_t i = 0; i < left && !r->failed; i++) {
            struct usage_fetch f = read_fetch(r);
            if (!r->failed) {
                usage_fetch_keep(st, expected, &f);
            }
        }
    }
    read_batches(r, s);
}

static void read_positions(struct reader *r) {
    struct usage_state *st = r->st;
    uint32_t count = take_count(r, (uint64_t)USAGE_POSITIONS_MAX * OVER, 4);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        bool old = r->version == USAGE_BLOB_VERSION_1;
        uint32_t flags = take_below(r, old ? USAGE_BLOB_RESET : USAGE_BLOB_RAN << 1);
        uint32_t chain = take_below(r, st->chain_count), slot = take_below(r, st->slot_count);
        if (r->failed || usage_position_find(st, chain, slot) != USAGE_NONE ||
            st->slots[slot].position_count >= USAGE_POSITIONS_PER_SLOT_MAX) {
            bad(r);
            return;
        }
        uint32_t at = usage_position_get(st, chain, slot);
        struct usage_position *p = &st->positions[at];
        p->known = (flags & USAGE_BLOB_KNOWN) != 0;
        p->running = (flags & USAGE_BLOB_RUNNING) != 0;
        p->reset = (flags & USAGE_BLOB_RESET) != 0;
        p->offset = take_i64(r);
        if (!old) {
            p->last = take_i64(r);
            p->fulls = take_below(r, UINT32_MAX);
        }
        if (flags & USAGE_BLOB_RAN) {
            p->run_offset = take_i64(r);
            p->run_us = take_time(r);
        }
        if (flags & USAGE_BLOB_UNCLOSED) {
            struct usage_fetch f = old ? read_fetch_1(r, chain) : read_fetch(r);
            if (r->failed) {
                return;
            }
            usage_fetch_open(st, at, &f);
            p->last = old ? f.offset : p->last;
        }
    }
}

enum err_code usage_blob_decode(struct slice blob, struct usage_state **ret_state, struct err *e) {
    unsigned version = blob.len == 0 ? 0 : (unsigned char)blob.ptr[0];
    if (version < USAGE_BLOB_VERSION_1 || version > USAGE_BLOB_VERSION) {
        return err_set(e, ERR_INVALID, "usage state: unknown version");
    }
    struct usage_state *st = usage_state_new();
    struct reader r = {
        .version = version,
        .st = st,
        .pos = (const unsigned char *)blob.ptr + 1,
        .end = (const unsigned char *)blob.ptr + blob.len,
    };
    st->last_us = take_own_time(&r);
    st->pruned_us = take_own_time(&r);
    st->next_serial = take_u64(&r);
    st->line = version > USAGE_BLOB_VERSION_1 ? take_u64(&r) : 1;
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
