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
#include "core/usage/usage_fetch.h"
#include "core/usage/usage_line.h"
#include "core/usage/usage_position.h"
#include "core/usage/usage_produce.h"
#include "core/usage/usage_slot.h"
#include "core/usage/usage_topic.h"

enum { SPARE = 64 }; // unused objects that are not worth a new numbering

// --- fetches -------------------------------------------------------------------------------------

struct fetch_line {
    struct usage_line *l;
    struct usage_state *st;
    const struct broker_line *line;
    int64_t arrived_us; // when the request came: where its usage is put
    int32_t broker;
    uint32_t client;
    uint32_t chain;
    bool incremental; // what the request doesn't name goes on where it was
    bool in_session;  // what is refused is remembered by the broker
    uint32_t before;  // position named last in this list of the line, USAGE_NONE: none yet
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

// The position of a part, or USAGE_NONE.
static uint32_t find_position(struct fetch_line *f, const struct broker_line_part *part) {
    struct usage_state *st = f->st;
    uint32_t topic = usage_line_find_topic(f->l, part->topic);
    if (topic == USAGE_NONE || f->chain == USAGE_NONE) {
        return USAGE_NONE;
    }
    uint32_t home = st->topics[topic].home;
    uint32_t position = *guess_at(f);
    if (usage_position_is(st, position, f->chain, home, part->partition)) {
        st->slots[st->positions[position].slot].last_us = st->last_us;
        f->before = position;
        return position;
    }
    uint32_t slot = usage_slot_find(st, home, part->partition);
    position = slot == USAGE_NONE ? USAGE_NONE : usage_position_find(st, f->chain, slot);
    if (position != USAGE_NONE) {
        st->slots[slot].last_us = st->last_us;
        named(f, position);
    }
    return position;
}

static uint32_t get_position(struct fetch_line *f, const struct broker_line_part *part) {
    uint32_t position = find_position(f, part);
    if (position != USAGE_NONE) {
        return position;
    }
    uint32_t topic = usage_line_get_topic(f->l, part->topic);
    uint32_t home = f->st->topics[topic].home;
    position = usage_position_get(f->st, f->chain, usage_slot_get(f->st, home, part->partition));
    // Making room may have taken the one before.
    if (f->before != USAGE_NONE && !f->st->positions[f->before].used) {
        f->before = USAGE_NONE;
    }
    named(f, position);
    return position;
}

// The slot of a part, USAGE_NONE if the principal has none.
static uint32_t slot_of(struct fetch_line *f, const struct broker_line_part *part) {
    uint32_t topic = usage_line_find_topic(f->l, part->topic);
    return topic == USAGE_NONE ? USAGE_NONE
                               : usage_slot_find(f->st, f->st->topics[topic].home, part->partition);
}

static void end_run(struct usage_state *st, uint32_t position) {
    usage_fetch_leave(st, position);
    st->positions[position].running = false;
    st->positions[position].last = -1;
}

// A full request of the chain has left the partition out since it was named last.
static void end_run_if_omitted(struct fetch_line *f, uint32_t position) {
    const struct usage_position *p = &f->st->positions[position];
    uint32_t fulls = f->st->chains[f->chain].fulls;
    if (p->running && fulls - p->fulls > 1) {
        end_run(f->st, position);
    }
}

static void named_in_request(struct fetch_line *f, uint32_t position) {
    struct usage_position *p = &f->st->positions[position];
    p->line = f->st->line;
    p->fulls = f->st->chains[f->chain].fulls;
}

static struct usage_start start_of(const struct fetch_line *f, enum usage_start_kind kind,
                                   int64_t offset, int64_t high) {
    return (struct usage_start){
        .serial = f->st->chains[f->chain].serial,
        .broker = f->broker,
        .client = f->client,
        .kind = (uint8_t)kind,
        .time_us = f->line->time_us,
        .order = f->st->line,
        .offset = offset,
        .high = high,
    };
}

static void begin_run(struct fetch_line *f, uint32_t position, int64_t offset, int64_t high) {
    struct usage_state *st = f->st;
    struct usage_position *p = &st->positions[position];
    struct usage_start start =
        start_of(f, p->reset ? USAGE_START_RESET : USAGE_START, offset, high);
    p->running = true;
    p->reset = false;
    p->run_offset = offset;
    p->run_us = f->line->time_us;
    usage_claim_start(st, p->slot, &start);
}

// The chain asks for the slot from `offset` on; `answer` may be NULL.
static void observe(struct fetch_line *f, uint32_t position, int64_t offset,
                    const struct broker_line_part *answer) {
    struct usage_state *st = f->st;
    struct usage_position *p = &st->positions[position];
    int64_t bytes = answer == NULL ? 0 : answer->bytes;
    int64_t high = answer == NULL ? -1 : answer->high_watermark;
    end_run_if_omitted(f, position);
    if (p->running && bytes > 0 && p->last >= 0 && offset <= p->last) {
        end_run(st, position); // it goes back
    }
    if (!p->running) {
        begin_run(f, position, offset, high);
    } else if (p->unclosed && offset > p->fetch.offset) {
        usage_claim_successor(st, position, offset, high, f->line->time_us);
    }
    p->known = true;
    p->offset = offset;
    named_in_request(f, position);
}

// The broker compared the offset with its log and found it outside: the run ends.
static void observe_out_of_range(struct fetch_line *f, uint32_t position, int64_t offset) {
    struct usage_state *st = f->st;
    struct usage_position *p = &st->positions[position];
    bool first = p->run_us == 0 && !p->reset;
    end_run_if_omitted(f, position);
    if (p->running) {
        usage_claim_out_of_range(st, position, offset, f->line->time_us);
        end_run(st, position);
    } else if (first) {
        struct usage_start start = start_of(f, USAGE_START_OUT_OF_RANGE, offset, -1);
        usage_claim_start(st, p->slot, &start);
    }
    p->reset = true;
    p->known = true;
    p->offset = offset;
    named_in_request(f, position);
}

// Refused before the broker looked at the offset: the client's own word, and no request.
static void observe_refused(struct fetch_line *f, const struct broker_line_part *asked) {
    struct usage_state *st = f->st;
    uint32_t slot = slot_of(f, asked);
    if (slot == USAGE_NONE) {
        return;
    }
    uint32_t position = find_position(f, asked);
    if (position != USAGE_NONE) {
        end_run_if_omitted(f, position);
        if (f->in_session) { // the broker remembers it
            st->positions[position].known = true;
            st->positions[position].offset = asked->offset;
        }
        named_in_request(f, position);
    }
    if (asked->offset >= 0) {
        struct usage_word word = {
            .broker = f->broker,
            .client = f->client,
            .kind = USAGE_WORD_REFUSED,
            .time_us = f->line->time_us,
            .offset = asked->offset,
        };
        usage_claim_word(st, slot, &word);
    }
}

static void read_request(struct fetch_line *f) {
    f->before = USAGE_NONE;
    if (!f->incremental) {
        f->st->chains[f->chain].fulls++;
    }
    for (uint32_t i = 0; i < f->line->asked.count; i++) {
        const struct broker_line_part *a = &f->line->asked.items[i];
        const struct broker_line_part *answer = usage_line_answer(f->l, a);
        int32_t error = answer == NULL ? 0 : answer->error;
        if (error == 0 && answer == NULL && !f->incremental) {
            // Throttled: nobody looked at it, so it creates nothing of what was never read.
            if (slot_of(f, a) != USAGE_NONE) {
                observe(f, get_position(f, a), a->offset, NULL);
            }
        } else if (error == 0) {
            observe(f, get_position(f, a), a->offset, answer);
        } else if (error == KAFKA_ERROR_OFFSET_OUT_OF_RANGE) {
            observe_out_of_range(f, get_position(f, a), a->offset);
        } else {
            observe_refused(f, a);
        }
    }
}

// A session that is given up for another: what the request names is the last of it.
static void read_last_request(struct fetch_line *f) {
    f->before = USAGE_NONE;
    for (uint32_t i = 0; i < f->line->asked.count; i++) {
        const struct broker_line_part *a = &f->line->asked.items[i];
        const struct broker_line_part *answer = usage_line_answer(f->l, a);
        uint32_t position = find_position(f, a);
        if (position == USAGE_NONE || (answer != NULL && answer->error != 0)) {
            continue;
        }
        if (f->st->positions[position].running) {
            usage_claim_last_request(f->st, position, a->offset,
                                     answer == NULL ? -1 : answer->high_watermark,
                                     f->line->time_us);
        }
    }
}

// A partition taken out of a session comes back with an offset of its own. Should that line be
// lost, the offset is unknown, and not what it was before.
static void read_forgotten(struct fetch_line *f) {
    f->before = USAGE_NONE;
    for (uint32_t i = 0; i < f->line->forgotten.count; i++) {
        uint32_t position = find_position(f, &f->line->forgotten.items[i]);
        if (position != USAGE_NONE) {
            end_run(f->st, position);
            f->st->positions[position].known = false;
        }
    }
}

// Bytes of one topic in one answer, fresh and replayed.
struct topic_sum {
    uint32_t topic;
    uint64_t bytes[2];
};

// Read from an offset that no line showed: its messages can only be derived. The run goes on.
static void open_without_offset(struct fetch_line *f, struct usage_fetch *fetch,
                                const struct broker_line_part *a) {
    struct usage_state *st = f->st;
    uint32_t slot = usage_slot_get(st, st->topics[fetch->topic].home, a->partition);
    if (f->chain != USAGE_NONE) {
        uint32_t position = get_position(f, a);
        named_in_request(f, position);
        st->positions[position].running = true;
        st->positions[position].run_us = f->line->time_us;
    }
    fetch->offset = fetch->word = -1;
    usage_fetch_keep(st, slot, fetch);
    usage_fetch_limit(st, slot);
}

static unsigned count_answer(struct fetch_line *f, const struct broker_line_part *a) {
    struct usage_state *st = f->st;
    uint32_t topic = usage_line_get_topic(f->l, a->topic);
    struct usage_fetch fetch = {
        .high = a->high_watermark,
        .bytes = a->bytes,
        .time_us = f->line->time_us,
        .at_us = f->arrived_us,
        .order = st->line,
        .broker = f->broker,
        .topic = topic,
        .client = f->client,
        .delivery = USAGE_FRESH,
        .next_us = INT64_MAX,
    };
    struct usage_closing opened = {.open_fetches = 1};
    uint32_t position = find_position(f, a);
    if (position == USAGE_NONE || !st->positions[position].known ||
        st->positions[position].offset < 0) {
        usage_delta_close(st, topic, USAGE_FRESH, f->arrived_us, &opened);
        open_without_offset(f, &fetch, a);
        return USAGE_FRESH;
    }
    struct usage_position *p = &st->positions[position];
    if (p->line != st->line) {
        observe(f, position, p->offset, a);
    }
    usage_fetch_leave(st, position); // named twice in one line
    fetch.serial = st->chains[f->chain].serial;
    fetch.offset = fetch.word = p->offset;
    fetch.delivery = p->offset >= st->slots[p->slot].highest ? USAGE_FRESH : USAGE_REPLAY;
    usage_delta_close(st, topic, fetch.delivery, f->arrived_us, &opened);
    p->last = p->offset;
    usage_fetch_open(st, position, &fetch);
    usage_claim_fetch(st, p->slot, &p->fetch);
    usage_fetch_limit(st, p->slot);
    return fetch.delivery;
}

static void add_bytes(struct fetch_line *f, struct topic_sum *sums, uint32_t *sum_count,
                      const struct broker_line_part *a, unsigned delivery) {
    struct usage_state *st = f->st;
    uint32_t topic = usage_line_get_topic(f->l, a->topic);
    struct usage_topic *t = &st->topics[topic];
    if (t->line != st->line) {
        t->line = st->line;
        t->group = *sum_count;
        sums[(*sum_count)++] = (struct topic_sum){.topic = topic};
    }
    sums[t->group].bytes[delivery] += (uint64_t)a->bytes;
}

static void read_response(struct fetch_line *f, struct topic_sum *sums) {
    struct usage_state *st = f->st;
    uint32_t sum_count = 0;
    f->before = USAGE_NONE;
    for (uint32_t i = 0; i < f->line->answered.count; i++) {
        const struct broker_line_part *a = &f->line->answered.items[i];
        if (a->error == KAFKA_ERROR_OFFSET_OUT_OF_RANGE && f->incremental) {
            uint32_t position = find_position(f, a);
            if (position != USAGE_NONE && st->positions[position].line != st->line) {
                end_run(st, position);
                st->positions[position].reset = true;
            }
        }
        if (a->error == 0 && a->bytes > 0) {
            add_bytes(f, sums, &sum_count, a, count_answer(f, a));
        }
    }
    for (uint32_t i = 0; i < sum_count; i++) {
        bool fresh = sums[i].bytes[USAGE_FRESH] > 0;
        for (unsigned delivery = USAGE_FRESH; delivery <= USAGE_REPLAY; delivery++) {
            if (sums[i].bytes[delivery] == 0) {
                continue;
            }
            struct usage_delta *d = usage_delta_of(st, sums[i].topic, delivery, f->arrived_us);
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
    f->in_session = session != 0 || granted != 0;
    f->incremental = session != 0 && line->session_epoch > 0;
    if (session != 0 && line->session_epoch == 0) {
        // The client gave the session up, and asks for another.
        f->chain = usage_chain_find(f->st, f->broker, true, session);
        if (f->chain != USAGE_NONE) {
            read_last_request(f);
            usage_chain_kill(f->st, f->chain);
            f->l->next = 0;
        }
        session = 0;
    }
    if (session != 0) {
        f->chain = chain_of(f, true, session, false);
    } else if (granted != 0) {
        f->chain = chain_of(f, true, granted, true);
    } else {
        f->chain = chain_of(f, false, connection_of(line), false);
    }
    read_request(f);
    read_forgotten(f);
    if (session != 0 && line->session_epoch < 0) {
        usage_chain_kill(f->st, f->chain); // its last request
    }
}

static void fold_fetch(struct usage_line *l, struct topic_sum *sums) {
    struct fetch_line f = {.l = l,
                           .st = l->st,
                           .line = l->line,
                           .arrived_us = broker_line_arrived_us(l->line),
                           .broker = l->broker};
    // Without an answer nothing was served, and what it asked for nobody looked at.
    if (l->line->error != 0 || !l->line->has_response) {
        return;
    }
    f.client = usage_client_get(l->st, l->line->client_id, l->line->client_address);
    pick_chain(&f);
    read_response(&f, sums);
}

// --- commits and share groups --------------------------------------------------------------------

static void fold_commit(struct usage_line *l) {
    const struct broker_line *line = l->line;
    struct usage_state *st = l->st;
    if (!line->has_response || line->error != 0) {
        return;
    }
    struct usage_word word = {
        .broker = l->broker,
        .kind = line->api_key == KAFKA_API_TXN_OFFSET_COMMIT ? USAGE_WORD_TXN_COMMIT
                                                             : USAGE_WORD_COMMIT,
        .time_us = line->time_us,
    };
    word.client = usage_client_get(st, line->client_id, line->client_address);
    for (uint32_t i = 0; i < line->asked.count; i++) {
        const struct broker_line_part *a = &line->asked.items[i];
        const struct broker_line_part *answer = usage_line_answer(l, a);
        if (a->offset < 0 || answer == NULL || answer->error != 0) {
            continue;
        }
        word.offset = a->offset;
        uint32_t topic = usage_line_get_topic(l, a->topic);
        uint32_t slot = usage_slot_get(st, st->topics[topic].home, a->partition);
        usage_claim_word(st, slot, &word);
    }
}

// One partition of the answer, its ranges from `at` on; returns the index behind them.
static uint32_t read_shared(struct usage_line *l, uint32_t at) {
    struct usage_state *st = l->st;
    const struct broker_line_parts *ranges = &l->line->acquired;
    const struct broker_line_part *begin = &ranges->items[at];
    uint32_t topic = usage_line_get_topic(l, begin->topic);
    struct usage_shared r = {.partition = begin->partition,
                             .first = begin->offset,
                             .last = begin->last_offset,
                             .delivery = USAGE_REPLAY,
                             .at_us = l->line->time_us};
    for (; at < ranges->count; at++) {
        const struct broker_line_part *a = &ranges->items[at];
        if (a->topic != begin->topic || a->partition != begin->partition) {
            break;
        }
        r.first = a->offset < r.first ? a->offset : r.first;
        r.last = a->last_offset > r.last ? a->last_offset : r.last;
        r.messages += (uint64_t)a->last_offset - (uint64_t)a->offset + 1;
        r.delivery = a->delivery_count > 1 ? r.delivery : USAGE_FRESH;
    }
    usage_delta_of(st, topic, r.delivery, r.at_us)->share_unknown += r.messages;
    if (st->sink->shared != NULL) {
        r.topic = usage_delta_topic(st, st->topics[topic].home);
        r.named = usage_delta_topic(st, topic);
        st->sink->shared(st->sink->ctx, &r);
    }
    return at;
}

static void fold_share(struct usage_line *l, struct topic_sum *sums) {
    struct usage_state *st = l->st;
    const struct broker_line *line = l->line;
    uint32_t sum_count = 0;
    if (line->error != 0) {
        return;
    }
    for (uint32_t i = 0; i < line->acquired.count; i++) {
        const struct broker_line_part *a = &line->acquired.items[i];
        if (a->error != 0) {
            continue;
        }
        uint32_t topic = usage_line_get_topic(l, a->topic);
        struct usage_topic *t = &st->topics[topic];
        if (t->line != st->line) {
            t->line = st->line;
            t->group = sum_count;
            sums[sum_count++] = (struct topic_sum){.topic = topic};
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
            struct usage_delta *d =
                usage_delta_of(st, sums[i].topic, delivery, broker_line_arrived_us(line));
            d->share_messages += sums[i].bytes[delivery];
            d->share_fetches += delivery == USAGE_FRESH || !fresh;
            d->lines = 1;
        }
    }
    for (uint32_t i = 0; i < line->acquired.count;) {
        i = line->acquired.items[i].error == 0 ? read_shared(l, i) : i + 1;
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
        int64_t since_us;
        if (!t->unresolved || !topic_names_id_at(names, slice_of(t->name, t->name_len), t->first_us,
                                                 by_id.id, &since_us)) {
            continue;
        }
        uint32_t home = usage_topic_add(st, &by_id, INT64_MIN);
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
    st->sink = sink;
    usage_compact_make_room(st);
    st->line++;
    if (line->time_us > st->last_us) {
        st->last_us = line->time_us;
    }
    settle(st, names);
    usage_fetch_derive_due(st, line->time_us);

    struct usage_line l;
    struct topic_sum some_sums[USAGE_LINE_TOPICS] = {{0}};
    struct topic_sum *sums = some_sums;
    usage_line_init(&l, st, broker, line, names);
    if (line->topic_count > USAGE_LINE_TOPICS) {
        sums = calloc(line->topic_count, sizeof *sums);
        check(sums != NULL);
    }
    if (line->api_key == KAFKA_API_FETCH) {
        fold_fetch(&l, sums);
    } else if (line->api_key == KAFKA_API_PRODUCE) {
        usage_produce_line(&l);
    } else if (line->api_key == KAFKA_API_SHARE_FETCH) {
        fold_share(&l, sums);
    } else {
        fold_commit(&l);
    }
    if (sums != some_sums) {
        free(sums);
    }
    usage_line_done(&l);
    usage_delta_flush(st);
    st->sink = NULL;
}

void usage_fold_settle(struct usage_state *st, const struct topic_names *names,
                       const struct usage_sink *sink) {
    st->sink = sink;
    settle(st, names);
    usage_delta_flush(st);
    st->sink = NULL;
}

void usage_fold_derive(struct usage_state *st, int64_t now_us, const struct usage_sink *sink) {
    st->sink = sink;
    st->last_us = now_us > st->last_us ? now_us : st->last_us;
    usage_fetch_derive_due(st, now_us);
    usage_fetch_derive_left(st);
    usage_delta_flush(st);
    st->sink = NULL;
}

void usage_fold_hand_over(struct usage_state *st, const struct usage_sink *sink) {
    st->sink = sink;
    for (uint32_t i = 0; i < st->slot_count; i++) {
        usage_produce_look(st, i);
    }
    usage_delta_flush(st);
    st->sink = NULL;
}

void usage_fold_prune(struct usage_state *st, int64_t horizon_us, const struct usage_sink *sink) {
    if (st->pruned_us != INT64_MIN && horizon_us - st->pruned_us < USAGE_PRUNE_US) {
        return;
    }
    st->pruned_us = horizon_us;
    st->sink = sink;
    st->last_us = horizon_us > st->last_us ? horizon_us : st->last_us;
    usage_fetch_derive_due(st, horizon_us);
    usage_fetch_derive_left(st);
    int64_t batches_us =
        (horizon_us < st->batches_from_us ? horizon_us : st->batches_from_us) - USAGE_BATCH_US;
    for (uint32_t i = 0; i < st->slot_count; i++) {
        usage_claim_forget(st, i, horizon_us - USAGE_TOLERANCE_US);
        usage_produce_forget(st, i,
                             st->slots[i].handed_over ? horizon_us - USAGE_BATCH_US : batches_us);
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
    bool forgot = false;
    for (uint32_t i = 0; i < st->slot_count; i++) {
        forgot |= usage_slot_forget_idle(st, i, horizon_us - USAGE_IDLE_US);
    }
    usage_delta_flush(st);
    st->sink = NULL;
    if (forgot || st->position_count > 2 * kept + SPARE || st->chain_count > 2 * kept + SPARE) {
        usage_compact(st);
    }
}
