// Writing of states.
#include "core/usage/usage_blob.h"

#include <stdlib.h>

#include "base/check.h"
#include "core/usage/usage_blob_format.h"
#include "core/usage/usage_model.h"
#include "core/usage/usage_slot.h"

enum {
    VARINT_MAX = 10,
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
    return s->used && (s->highest >= 0 || !usage_slot_rests(s));
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
        for (uint32_t k = 0; k < s->word_count; k++) {
            keep(&w->clients, s->words[k].client);
        }
        for (uint32_t k = 0; k < s->left_count; k++) {
            keep(&w->topics, s->left[k].topic);
            keep(&w->clients, s->left[k].client);
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
            put_i64(w->out, t->since_us);
        }
        put_u64(w->out, t->closed_bytes);
        put_u64(w->out, t->closed_messages);
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
        put_u64(w->out, c->fulls);
        put_time(w->out, time_base(st), c->last_us);
    }
}

static void write_fetch(struct writer *w, const struct usage_fetch *f) {
    int64_t last_us = time_base(w->st);
    bool known = f->offset >= 0;
    put_u64(w->out, (f->delivery == USAGE_REPLAY ? (unsigned)USAGE_BLOB_REPLAY : 0U) |
                        (f->next_us != INT64_MAX ? (unsigned)USAGE_BLOB_NEXT : 0U) |
                        (f->figure > 0 ? (unsigned)USAGE_BLOB_FIGURE : 0U) |
                        (f->seek ? (unsigned)USAGE_BLOB_SEEK : 0U) |
                        (f->due ? (unsigned)USAGE_BLOB_DUE : 0U) |
                        (known ? (unsigned)USAGE_BLOB_OFFSET : 0U) |
                        (f->at_us != f->time_us ? (unsigned)USAGE_BLOB_ARRIVED : 0U) |
                        (unsigned)f->claim << USAGE_BLOB_CLAIM_SHIFT);
    if (known) {
        put_i64(w->out, f->offset);
        put_u64(w->out, (uint64_t)(f->word - f->offset));
    }
    if (f->figure > 0) {
        put_u64(w->out, (uint64_t)f->figure);
        put_u64(w->out, f->figure_up);
    }
    put_i64(w->out, f->high);
    put_i64(w->out, f->bytes);
    put_time(w->out, last_us, f->time_us);
    if (f->at_us != f->time_us) {
        put_time(w->out, last_us, f->at_us);
    }
    put_u64(w->out, f->order);
    put_u64(w->out, f->serial);
    put_i64(w->out, f->broker);
    put_u64(w->out, w->topics.to[f->topic]);
    put_u64(w->out, w->clients.to[f->client]);
    put_u64(w->out, (uint64_t)f->claimed);
    put_u64(w->out, f->by);
    if (f->claim == USAGE_BY_NEXT) {
        put_time(w->out, last_us, f->by_us);
    }
    if (f->next_us != INT64_MAX) {
        put_time(w->out, last_us, f->next_us);
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
        const struct usage_start *x = &s->starts[i];
        put_u64(w->out, x->serial);
        put_i64(w->out, x->broker);
        put_u64(w->out, w->clients.to[x->client]);
        put_u64(w->out, x->kind);
        put_time(w->out, last_us, x->time_us);
        put_u64(w->out, x->order);
        put_i64(w->out, x->offset);
        put_i64(w->out, x->high);
        put_i64(w->out, x->closed_us);
    }
    put_u64(w->out, s->word_count);
    for (uint32_t i = 0; i < s->word_count; i++) {
        put_i64(w->out, s->words[i].broker);
        put_u64(w->out, w->clients.to[s->words[i].client]);
        put_u64(w->out, s->words[i].kind);
        put_time(w->out, last_us, s->words[i].time_us);
        put_i64(w->out, s->words[i].offset);
    }
    put_u64(w->out, s->left_count);
    for (uint32_t i = 0; i < s->left_count; i++) {
        write_fetch(w, &s->left[i]);
    }
    put_u64(w->out, (uint64_t)s->batch_count << USAGE_BLOB_BATCHES_SHIFT |
                        (s->batches_dropped ? (unsigned)USAGE_BLOB_DROPPED : 0U) |
                        (s->handed_over ? (unsigned)USAGE_BLOB_HANDED_OVER : 0U));
    int64_t base = 0;
    for (uint32_t i = 0; i < s->batch_count; i++) {
        put_u64(w->out, (uint64_t)s->batches[i].base - (uint64_t)base);
        put_time(w->out, last_us, s->batches[i].time_us);
        put_u64(w->out, w->topics.to[s->batches[i].topic]);
        put_u64(w->out, (uint64_t)s->batches[i].producer << 1 | s->batches[i].given);
        put_i64(w->out, s->batches[i].bytes);
        base = s->batches[i].base;
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
        put_u64(w->out, (p->known ? (unsigned)USAGE_BLOB_KNOWN : 0U) |
                            (p->running ? (unsigned)USAGE_BLOB_RUNNING : 0U) |
                            (p->unclosed ? (unsigned)USAGE_BLOB_UNCLOSED : 0U) |
                            (p->reset ? (unsigned)USAGE_BLOB_RESET : 0U) |
                            (p->run_us != 0 ? (unsigned)USAGE_BLOB_RAN : 0U));
        put_u64(w->out, w->chains.to[p->chain]);
        put_u64(w->out, w->slots.to[p->slot]);
        put_i64(w->out, p->offset);
        put_i64(w->out, p->last);
        put_u64(w->out, p->fulls);
        if (p->run_us != 0) {
            put_i64(w->out, p->run_offset);
            put_time(w->out, time_base(st), p->run_us);
        }
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
    buf_add_char(out, USAGE_BLOB_VERSION);
    put_i64(out, st->last_us);
    put_i64(out, st->pruned_us);
    put_u64(out, st->next_serial);
    put_u64(out, st->line);
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
