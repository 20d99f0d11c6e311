// What one line adds: chains of fetches, commits, share fetches; the settling of names, the
// pruning.
#include "core/usage/usage_fold.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"
#include "core/usage/usage_chain.h"
#include "core/usage/usage_claim.h"
#include "core/usage/usage_client.h"
#include "core/usage/usage_compact.h"
#include "core/usage/usage_position.h"
#include "core/usage/usage_produce.h"
#include "core/usage/usage_slot.h"
#include "core/usage/usage_topic.h"

enum {
    LINE_TOPICS = 64, // of a line, before memory is asked for
    SPARE = 64,       // unused objects that are not worth a new numbering
};

// --- fetches -------------------------------------------------------------------------------------

struct fetch_line {
    struct usage_state *st;
    const struct broker_line *line;
    const uint32_t *topics; // of the state, per topic of the line
    int32_t broker;
    uint32_t client;
    uint32_t chain;
    bool keeps_positions; // a session: what a request doesn't name goes on where it was
    uint32_t before;      // position named last in this list of the line, USAGE_NONE: none yet
};

// Where the guess for the next position of the list stands.
static uint32_t *guess_at(struct fetch_line *f) {
    return f->before == USAGE_NONE ? &f->st->chains[f->chain].first
                                   : &f->st->positions[f->before].after;
}

static void named(struct fetch_line *f, uint32_t position) {
    *guess_at(f) = position;
    f->before = position;
}

// The position of a part, or USAGE_NONE; its slot comes into use.
static uint32_t find_position(struct fetch_line *f, const struct broker_line_part *part) {
    struct usage_state *st = f->st;
    uint32_t home = st->topics[f->topics[part->topic]].home;
    uint32_t position = f->chain == USAGE_NONE ? USAGE_NONE : *guess_at(f);
    if (usage_position_is(st, position, f->chain, home, part->partition)) {
        st->slots[st->positions[position].slot].last_us = st->last_us;
        f->before = position;
        return position;
    }
    uint32_t slot = usage_slot_get(st, home, part->partition);
    position = usage_position_find(st, f->chain, slot);
    if (position != USAGE_NONE) {
        named(f, position);
    }
    return position;
}

static uint32_t get_position(struct fetch_line *f, const struct broker_line_part *part) {
    uint32_t position = find_position(f, part);
    if (position != USAGE_NONE) {
        return position;
    }
    uint32_t home = f->st->topics[f->topics[part->topic]].home;
    position = usage_position_get(f->st, f->chain, usage_slot_get(f->st, home, part->partition));
    // Making room may have taken the one before.
    if (f->before != USAGE_NONE && !f->st->positions[f->before].used) {
        f->before = USAGE_NONE;
    }
    named(f, position);
    return position;
}

// The chain reads the slot at `offset` now: closes its fetch before, or begins.
static void observe(struct fetch_line *f, uint32_t position, int64_t offset) {
    struct usage_state *st = f->st;
    struct usage_position *p = &st->positions[position];
    if (p->unclosed) {
        usage_claim_successor(st, position, offset);
    }
    p->known = true;
    p->offset = offset;
    if (p->started) {
        return;
    }
    p->started = true;
    struct usage_start start = {
        .serial = st->chains[f->chain].serial,
        .broker = f->broker,
        .client = f->client,
        .time_us = f->line->time_us,
        .offset = offset,
    };
    usage_claim_start(st, p->slot, &start);
}

// The partitions whose asked offset lies outside the log. Other errors (rights, leader, topic id)
// say nothing against the offset: it is where the client has read to.
static void note_out_of_range(struct fetch_line *f) {
    const struct broker_line_parts *answered = &f->line->answered;
    for (uint32_t i = 0; i < answered->count; i++) {
        const struct broker_line_part *a = &answered->items[i];
        if (a->error == KAFKA_ERROR_OFFSET_OUT_OF_RANGE) {
            hash_table_put(&f->st->errors,
                           usage_model_pair(f->topics[a->topic], (uint32_t)a->partition), 1);
        }
    }
}

static bool out_of_range(const struct fetch_line *f, const struct broker_line_part *asked) {
    uint32_t ignored;
    return f->st->errors.count > 0 &&
           hash_table_get(&f->st->errors,
                          usage_model_pair(f->topics[asked->topic], (uint32_t)asked->partition),
                          &ignored);
}

static void read_request(struct fetch_line *f) {
    struct usage_state *st = f->st;
    f->before = USAGE_NONE;
    for (uint32_t i = 0; i < f->line->asked.count; i++) {
        const struct broker_line_part *a = &f->line->asked.items[i];
        bool failed = out_of_range(f, a);
        // An offset outside the log closes nothing, but a session goes on from it.
        if (failed && !f->keeps_positions) {
            continue;
        }
        uint32_t position = get_position(f, a);
        struct usage_position *p = &st->positions[position];
        p->line = st->line;
        if (failed) {
            p->known = true;
            p->offset = a->offset;
        } else {
            observe(f, position, a->offset);
        }
    }
}

// A partition taken out of a session comes back with an offset of its own. Should that line be
// lost, the offset is unknown, and not what it was before.
static void read_forgotten(struct fetch_line *f) {
    struct usage_state *st = f->st;
    for (uint32_t i = 0; i < f->line->forgotten.count; i++) {
        const struct broker_line_part *p = &f->line->forgotten.items[i];
        uint32_t slot = usage_slot_get(st, st->topics[f->topics[p->topic]].home, p->partition);
        uint32_t position = usage_position_find(st, f->chain, slot);
        if (position != USAGE_NONE) {
            st->positions[position].known = false;
        }
    }
}

// Bytes of one topic in one answer, fresh and replayed.
struct topic_sum {
    uint32_t topic;
    uint64_t bytes[2];
};

static unsigned count_answer(struct fetch_line *f, const struct broker_line_part *a) {
    struct usage_state *st = f->st;
    uint32_t topic = f->topics[a->topic];
    uint32_t position = find_position(f, a);
    if (position == USAGE_NONE || !st->positions[position].known ||
        st->positions[position].offset < 0) {
        // Read from an offset that no line showed: its messages can't be known.
        usage_delta_add_messages(st, topic, USAGE_FRESH, f->line->time_us, 0, 1);
        return USAGE_FRESH;
    }
    if (st->positions[position].line != st->line) {
        observe(f, position, st->positions[position].offset);
    }
    struct usage_position *p = &st->positions[position];
    unsigned delivery = p->offset >= st->slots[p->slot].highest ? USAGE_FRESH : USAGE_REPLAY;
    p->unclosed = true;
    p->fetch = (struct usage_fetch){
        .offset = p->offset,
        .high = a->high_watermark,
        .time_us = f->line->time_us,
        .topic = topic,
        .client = f->client,
        .delivery = (uint8_t)delivery,
        .claim = USAGE_OPEN,
        .same_us = INT64_MAX,
        .other_us = INT64_MAX,
        .next_us = INT64_MAX,
        .commit = p->offset,
    };
    usage_delta_add_messages(st, topic, delivery, f->line->time_us, 0, 1);
    usage_claim_fetch(st, position);
    return delivery;
}

static void read_response(struct fetch_line *f, struct topic_sum *sums) {
    struct usage_state *st = f->st;
    uint32_t sum_count = 0;
    f->before = USAGE_NONE;
    for (uint32_t i = 0; i < f->line->answered.count; i++) {
        const struct broker_line_part *a = &f->line->answered.items[i];
        if (a->error != 0 || a->bytes <= 0) {
            continue;
        }
        unsigned delivery = count_answer(f, a);
        struct usage_topic *t = &st->topics[f->topics[a->topic]];
        if (t->line != st->line) {
            t->line = st->line;
            t->group = sum_count;
            sums[sum_count++] = (struct topic_sum){.topic = f->topics[a->topic]};
        }
        sums[t->group].bytes[delivery] += (uint64_t)a->bytes;
    }
    for (uint32_t i = 0; i < sum_count; i++) {
        bool fresh = sums[i].bytes[USAGE_FRESH] > 0;
        for (unsigned delivery = USAGE_FRESH; delivery <= USAGE_REPLAY; delivery++) {
            if (sums[i].bytes[delivery] == 0) {
                continue;
            }
            struct usage_delta *d = usage_delta_of(st, sums[i].topic, delivery, f->line->time_us);
            d->bytes += sums[i].bytes[delivery];
            d->fetches += delivery == USAGE_FRESH || !fresh;
            d->lines = 1;
        }
    }
}

static uint64_t connection_of(const struct broker_line *line) {
    return hash_bytes(line->connection.ptr, line->connection.len, 0);
}

static uint32_t chain_of(struct fetch_line *f, bool session, uint64_t key, bool anew) {
    struct usage_state *st = f->st;
    uint32_t chain = anew ? USAGE_NONE : usage_chain_find(st, f->broker, session, key);
    if (chain == USAGE_NONE) {
        chain = usage_chain_add(st, f->broker, session, key, f->client);
    }
    st->chains[chain].client = f->client;
    st->chains[chain].last_us = f->line->time_us;
    return chain;
}

// Finds the chain of the line, and reads the request's offsets into it.
static void pick_chain(struct fetch_line *f) {
    const struct broker_line *line = f->line;
    uint32_t session = (uint32_t)line->session_id, granted = (uint32_t)line->response_session_id;
    f->chain = USAGE_NONE;
    // Logging began while the request was under way: neither session nor offsets are known.
    if (!line->has_request) {
        return;
    }
    if (session != 0) {
        f->chain = chain_of(f, true, session, false);
        f->keeps_positions = line->session_epoch > 0;
        read_request(f);
        read_forgotten(f);
        if (line->session_epoch > 0) {
            return;
        }
        // The session's last request: what it names is the successor in that session.
        usage_chain_kill(f->st, f->chain);
        if (line->session_epoch < 0) {
            return;
        }
    }
    f->keeps_positions = granted != 0;
    f->chain = granted != 0 ? chain_of(f, true, granted, true)
                            : chain_of(f, false, connection_of(line), false);
    read_request(f);
}

static void fold_fetch(struct usage_state *st, int32_t broker, const struct broker_line *line,
                       const uint32_t *topics, struct topic_sum *sums) {
    struct fetch_line f = {.st = st, .line = line, .topics = topics, .broker = broker};
    if (line->error != 0) {
        return;
    }
    f.client = usage_client_get(st, line->client_id, line->client_address);
    note_out_of_range(&f);
    pick_chain(&f);
    read_response(&f, sums);
    hash_table_clear(&st->errors);
}

// --- commits and share groups --------------------------------------------------------------------

static void fold_commit(struct usage_state *st, int32_t broker, const struct broker_line *line,
                        const uint32_t *topics) {
    if (!line->has_response || line->error != 0) {
        return;
    }
    struct usage_commit commit = {.broker = broker, .time_us = line->time_us};
    commit.client = usage_client_get(st, line->client_id, line->client_address);
    for (uint32_t i = 0; i < line->answered.count; i++) {
        const struct broker_line_part *a = &line->answered.items[i];
        if (a->error == 0) {
            hash_table_put(&st->errors, usage_model_pair(topics[a->topic], (uint32_t)a->partition),
                           0);
        }
    }
    for (uint32_t i = 0; i < line->asked.count; i++) {
        const struct broker_line_part *a = &line->asked.items[i];
        uint32_t ignored;
        if (a->offset < 0 ||
            !hash_table_get(&st->errors, usage_model_pair(topics[a->topic], (uint32_t)a->partition),
                            &ignored)) {
            continue;
        }
        commit.offset = a->offset;
        uint32_t slot = usage_slot_get(st, st->topics[topics[a->topic]].home, a->partition);
        usage_claim_commit(st, slot, &commit);
    }
    hash_table_clear(&st->errors);
}

static void fold_share(struct usage_state *st, const struct broker_line *line,
                       const uint32_t *topics, struct topic_sum *sums) {
    uint32_t sum_count = 0;
    if (line->error != 0) {
        return;
    }
    for (uint32_t i = 0; i < line->acquired.count; i++) {
        const struct broker_line_part *a = &line->acquired.items[i];
        if (a->error != 0) {
            continue;
        }
        struct usage_topic *t = &st->topics[topics[a->topic]];
        if (t->line != st->line) {
            t->line = st->line;
            t->group = sum_count;
            sums[sum_count++] = (struct topic_sum){.topic = topics[a->topic]};
        }
        unsigned delivery = a->delivery_count > 1 ? USAGE_REPLAY : USAGE_FRESH;
        sums[t->group].bytes[delivery] += (uint64_t)a->last_offset - (uint64_t)a->offset + 1;
    }
    for (uint32_t i = 0; i < sum_count; i++) {
        bool fresh = sums[i].bytes[USAGE_FRESH] > 0;
        for (unsigned delivery = USAGE_FRESH; delivery <= USAGE_REPLAY; delivery++) {
            if (sums[i].bytes[delivery] == 0) {
                continue;
            }
            struct usage_delta *d = usage_delta_of(st, sums[i].topic, delivery, line->time_us);
            d->share_messages += sums[i].bytes[delivery];
            d->share_fetches += delivery == USAGE_FRESH || !fresh;
            d->lines = 1;
        }
    }
}

// --- lines ---------------------------------------------------------------------------------------

static void settle(struct usage_state *st, const struct topic_names *names) {
    if (st->unresolved == 0 || names == NULL || topic_names_version(names) == st->names_version) {
        return;
    }
    st->names_version = topic_names_version(names);
    uint32_t count = st->topic_count;
    for (uint32_t i = 0; i < count; i++) {
        struct topic_key by_id = {.has_id = true};
        struct usage_topic *t = &st->topics[i];
        if (!t->unresolved ||
            !topic_names_id_at(names, slice_of(t->name, t->name_len), t->first_us, by_id.id)) {
            continue;
        }
        uint32_t home = usage_topic_add(st, &by_id);
        st->topics[i].home = home;
        st->topics[i].unresolved = false;
        st->unresolved--;
        uint32_t slots = st->slot_count;
        for (uint32_t s = 0; s < slots; s++) {
            if (st->slots[s].topic != i || !st->slots[s].used) {
                continue;
            }
            uint32_t to = usage_slot_get(st, home, st->slots[s].partition);
            usage_claim_merge(st, s, to);
            usage_produce_merge(st, s, to);
            hash_table_remove(&st->slot_by_key,
                              usage_model_pair(i, (uint32_t)st->slots[s].partition));
            st->slots[s].used = false;
        }
    }
}

// The topics of the line, each first tried where the last line had it.
static void find_topics(struct usage_state *st, const struct broker_line *line,
                        const struct topic_names *names, uint32_t *ret_topics) {
    uint32_t before = USAGE_NONE;
    for (uint32_t i = 0; i < line->topic_count; i++) {
        const struct topic_key *key = &line->topics[i];
        uint32_t guess = before == USAGE_NONE ? st->first_topic : st->topics[before].after;
        // A name has to ask for its id each time.
        if (!key->has_id || !usage_topic_is(st, guess, key)) {
            guess = usage_topic_get(st, key, line->time_us, names);
            *(before == USAGE_NONE ? &st->first_topic : &st->topics[before].after) = guess;
        } else if (line->time_us < st->topics[guess].first_us) {
            st->topics[guess].first_us = line->time_us;
        }
        ret_topics[i] = before = guess;
    }
}

void usage_fold_line(struct usage_state *st, int32_t broker, const struct broker_line *line,
                     const struct topic_names *names, const struct usage_sink *sink) {
    if (line->forwarded || broker_line_is_follower(line)) {
        return;
    }
    if (line->api_key != KAFKA_API_FETCH && line->api_key != KAFKA_API_PRODUCE &&
        line->api_key != KAFKA_API_OFFSET_COMMIT && line->api_key != KAFKA_API_TXN_OFFSET_COMMIT &&
        line->api_key != KAFKA_API_SHARE_FETCH) {
        return;
    }
    usage_compact_make_room(st);
    st->sink = sink;
    st->line++;
    if (line->time_us > st->last_us) {
        st->last_us = line->time_us;
    }
    settle(st, names);

    uint32_t some_topics[LINE_TOPICS];
    struct topic_sum some_sums[LINE_TOPICS];
    uint32_t *topics = some_topics;
    struct topic_sum *sums = some_sums;
    if (line->topic_count > LINE_TOPICS) {
        topics = malloc(line->topic_count * sizeof *topics);
        sums = malloc(line->topic_count * sizeof *sums);
        check(topics != NULL && sums != NULL);
    }
    find_topics(st, line, names, topics);

    if (line->api_key == KAFKA_API_FETCH) {
        fold_fetch(st, broker, line, topics, sums);
    } else if (line->api_key == KAFKA_API_PRODUCE) {
        usage_produce_line(st, line, topics);
    } else if (line->api_key == KAFKA_API_SHARE_FETCH) {
        fold_share(st, line, topics, sums);
    } else {
        fold_commit(st, broker, line, topics);
    }

    usage_delta_flush(st);
    st->sink = NULL;
    if (topics != some_topics) {
        free(topics);
        free(sums);
    }
}

void usage_fold_settle(struct usage_state *st, const struct topic_names *names,
                       const struct usage_sink *sink) {
    st->sink = sink;
    settle(st, names);
    usage_delta_flush(st);
    st->sink = NULL;
}

void usage_fold_prune(struct usage_state *st, int64_t horizon_us, const struct usage_sink *sink) {
    if (st->pruned_us != INT64_MIN && horizon_us - st->pruned_us < USAGE_PRUNE_US) {
        return;
    }
    st->pruned_us = horizon_us;
    st->sink = sink;
    for (uint32_t i = 0; i < st->slot_count; i++) {
        usage_claim_forget(st, i, horizon_us - USAGE_TOLERANCE_US);
        usage_produce_forget(st, i, horizon_us - USAGE_BATCH_US);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < st->position_count; i++) {
        struct usage_position *p = &st->positions[i];
        if (!p->used) {
            continue;
        }
        const struct usage_chain *c = &st->chains[p->chain];
        bool idle = c->dead || horizon_us - c->last_us > USAGE_CLAIM_US;
        if (idle && (!p->unclosed || horizon_us - p->fetch.time_us > USAGE_CLAIM_US)) {
            usage_position_remove(st, i);
        } else {
            kept++;
        }
    }
    usage_delta_flush(st);
    st->sink = NULL;
    if (st->position_count > 2 * kept + SPARE || st->chain_count > 2 * kept + SPARE) {
        usage_compact(st);
    }
}
