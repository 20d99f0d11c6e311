// Counters against lines; see the header.
#include "tap/counters/counter_balance.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "base/hash_table.h"
#include "core/brokerlog/topic_names.h"

// Bytes of the lines of a topic, as the lines name it. All sums only grow.
struct flow {
    bool has_id;
    uint8_t id[TOPIC_ID_LEN];
    char name[TOPIC_NAME_MAX];
    uint16_t name_len;
    uint64_t total;
    uint64_t surely[COUNTER_PAGES_MAX]; // counted before the page was asked for
    uint64_t maybe[COUNTER_PAGES_MAX];  // perhaps counted up to its end
    int64_t share_us;                   // time of the newest line of a share group with records
};

// A topic of the pages.
struct topic {
    char name[TOPIC_NAME_MAX];
    uint16_t name_len;
    bool present[COUNTER_PAGES_MAX];
    uint64_t counter[COUNTER_PAGES_MAX];
    // Sums over its flows, while a page is settled.
    uint64_t surely, maybe;
    int64_t share_us;
    // What is known: all as counter less lines.
    bool begun;
    bool has_low; // of the page before
    uint64_t last;
    int64_t most; // the lowest upper bound
    int64_t low;  // the lower bound of the page before
    int64_t told;
    struct log_position clear_at; // nothing untold was missing up to here
    int64_t clear_us;
};

struct page {
    struct log_position at;
    int64_t from_us, to_us;
};

struct counter_balance {
    int64_t settle_us;
    bool any;
    struct log_position newest;
    struct topic_names *names;
    struct flow *flows;
    size_t flow_count;
    struct hash_table flow_index;
    struct topic *topics;
    size_t topic_count;
    struct hash_table topic_index;
    // Pages: [first, first + count) modulo the maximum; the one asked for stands behind them.
    struct page pages[COUNTER_PAGES_MAX];
    size_t first, count;
    bool asking;
    bool settled; // there is one before them
    struct page before;
    uint64_t unnamed;
    uint64_t given_back;
    uint64_t unwatched;
};

struct counter_balance *counter_balance_new(int64_t settle_us) {
    struct counter_balance *b = calloc(1, sizeof *b);
    check(b != NULL);
    b->settle_us = settle_us;
    b->names = topic_names_new();
    b->flows = calloc(COUNTER_FLOWS_MAX, sizeof *b->flows);
    b->topics = calloc(COUNTER_TOPICS_MAX, sizeof *b->topics);
    check(b->flows != NULL && b->topics != NULL);
    hash_table_init(&b->flow_index);
    hash_table_init(&b->topic_index);
    return b;
}

void counter_balance_free(struct counter_balance *b) {
    if (b == NULL) {
        return;
    }
    topic_names_free(b->names);
    hash_table_done(&b->flow_index);
    hash_table_done(&b->topic_index);
    free(b->flows);
    free(b->topics);
    free(b);
}

void counter_balance_clear(struct counter_balance *b) {
    hash_table_clear(&b->flow_index);
    hash_table_clear(&b->topic_index);
    memset(b->flows, 0, b->flow_count * sizeof *b->flows);
    memset(b->topics, 0, b->topic_count * sizeof *b->topics);
    b->flow_count = b->topic_count = 0;
    b->first = b->count = 0;
    b->asking = b->settled = false;
    b->unnamed = 0;
}

static size_t page_number(const struct counter_balance *b, size_t i) {
    return (b->first + i) % COUNTER_PAGES_MAX;
}

// --- lines ---------------------------------------------------------------------------------------

static bool flow_is(const struct flow *f, const struct topic_key *k) {
    return f->has_id == k->has_id &&
           (k->has_id ? memcmp(f->id, k->id, TOPIC_ID_LEN) == 0
                      : slice_eq(slice_of(f->name, f->name_len), k->name));
}

// NULL: the table is full.
static struct flow *flow_of(struct counter_balance *b, const struct topic_key *k) {
    uint64_t hash =
        k->has_id ? hash_bytes(k->id, TOPIC_ID_LEN, 1) : hash_bytes(k->name.ptr, k->name.len, 0);
    uint32_t at;
    for (; hash_table_get(&b->flow_index, hash, &at); hash++) {
        if (flow_is(&b->flows[at], k)) {
            return &b->flows[at];
        }
    }
    if (b->flow_count == COUNTER_FLOWS_MAX || k->name.len > TOPIC_NAME_MAX) {
        return NULL;
    }
    struct flow *f = &b->flows[b->flow_count];
    hash_table_put(&b->flow_index, hash, (uint32_t)b->flow_count++);
    f->has_id = k->has_id;
    memcpy(f->id, k->id, TOPIC_ID_LEN);
    if (!k->has_id) {
        memcpy(f->name, k->name.ptr, k->name.len);
        f->name_len = (uint16_t)k->name.len;
    }
    return f;
}

static struct slice name_of(const struct counter_balance *b, const struct flow *f) {
    return f->has_id ? topic_names_of_id(b->names, f->id) : slice_of(f->name, f->name_len);
}

static struct topic *find_topic(const struct counter_balance *b, struct slice name,
                                uint64_t *ret_hash) {
    uint32_t at;
    uint64_t hash = hash_bytes(name.ptr, name.len, 0);
    for (; hash_table_get(&b->topic_index, hash, &at); hash++) {
        if (slice_eq(slice_of(b->topics[at].name, b->topics[at].name_len), name)) {
            return &b->topics[at];
        }
    }
    *ret_hash = hash;
    return NULL;
}

// Its response was on the way for longer than is waited for: what was told of it is given back.
static void give_back(struct counter_balance *b, const struct flow *f, uint64_t bytes) {
    uint64_t hash;
    struct slice name = name_of(b, f);
    struct topic *t = name.len == 0 ? NULL : find_topic(b, name, &hash);
    if (t == NULL || !t->begun) {
        return;
    }
    uint64_t back = t->told < (int64_t)bytes ? (uint64_t)t->told : bytes;
    t->told -= (int64_t)back;
    t->low -= (int64_t)bytes;
    b->given_back += back;
}

static void add_bytes(struct counter_balance *b, struct flow *f, uint64_t bytes, int64_t ready_us) {
    f->total += bytes;
    for (size_t i = 0; i < b->count + b->asking; i++) {
        size_t n = page_number(b, i);
        const struct page *p = &b->pages[n];
        bool answered = i < b->count;
        f->surely[n] += ready_us <= p->from_us - COUNTER_MARGIN_US ? bytes : 0;
        f->maybe[n] += !answered || ready_us <= p->to_us + COUNTER_MARGIN_US ? bytes : 0;
    }
    if (b->settled && ready_us <= b->before.to_us + COUNTER_MARGIN_US) {
        give_back(b, f, bytes);
    }
}

static bool seen_before(struct counter_balance *b, struct log_position at) {
    if (b->any && log_position_cmp(&at, &b->newest) <= 0) {
        return true;
    }
    b->any = true;
    b->newest = at;
    return false;
}

// The flow of a topic; makes room by beginning anew.
static struct flow *need_flow(struct counter_balance *b, const struct topic_key *k) {
    struct flow *f = flow_of(b, k);
    if (f == NULL) {
        counter_balance_clear(b);
        f = flow_of(b, k);
    }
    return f;
}

void counter_balance_line(struct counter_balance *b, struct log_position at,
                          const struct broker_line *l) {
    // Facts are told again without harm.
    (void)topic_names_learn_line(b->names, l);
    bool fetch = l->api_key == KAFKA_API_FETCH && !broker_line_is_follower(l);
    if ((!fetch && l->api_key != KAFKA_API_SHARE_FETCH) || seen_before(b, at)) {
        return;
    }
    for (uint32_t i = 0; !fetch && i < l->acquired.count; i++) {
        struct flow *f = need_flow(b, &l->topics[l->acquired.items[i].topic]);
        if (f != NULL) {
            f->share_us = l->time_us > f->share_us ? l->time_us : f->share_us;
        }
    }
    int64_t ready_us = l->time_us - l->send_time_us;
    for (uint32_t i = 0; fetch && i < l->answered.count;) {
        uint32_t topic = l->answered.items[i].topic;
        uint64_t bytes = 0;
        for (; i < l->answered.count && l->answered.items[i].topic == topic; i++) {
            bytes += l->answered.items[i].bytes > 0 ? (uint64_t)l->answered.items[i].bytes : 0;
        }
        struct flow *f = bytes > 0 ? need_flow(b, &l->topics[topic]) : NULL;
        if (f != NULL) {
            add_bytes(b, f, bytes, ready_us);
        }
    }
}

void counter_balance_dead(struct counter_balance *b, struct log_position at, uint64_t bytes) {
    static const struct topic_key NOBODY = {.has_id = true}; // an id that no topic has
    if (bytes == 0 || seen_before(b, at)) {
        return;
    }
    struct flow *f = need_flow(b, &NOBODY);
    f->total += bytes;
    for (size_t i = 0; i < b->count + b->asking; i++) {
        f->maybe[page_number(b, i)] += bytes;
    }
}

// --- pages ---------------------------------------------------------------------------------------

bool counter_balance_has_room(const struct counter_balance *b) {
    return !b->asking && b->count < COUNTER_PAGES_MAX;
}

// Forgets topics that are on no page any more.
static void make_room(struct counter_balance *b) {
    size_t kept = 0;
    uint64_t hash;
    hash_table_clear(&b->topic_index);
    for (size_t i = 0; i < b->topic_count; i++) {
        bool wanted = b->topics[i].begun;
        for (size_t k = 0; k < b->count; k++) {
            wanted = wanted || b->topics[i].present[page_number(b, k)];
        }
        if (wanted) {
            struct topic t = b->topics[i];
            (void)find_topic(b, slice_of(t.name, t.name_len), &hash);
            hash_table_put(&b->topic_index, hash, (uint32_t)kept);
            b->topics[kept++] = t;
        }
    }
    b->topic_count = kept;
}

void counter_balance_ask(struct counter_balance *b, struct log_position at, int64_t now_us) {
    check(counter_balance_has_room(b));
    if (b->topic_count == COUNTER_TOPICS_MAX) {
        make_room(b);
    }
    b->unwatched = 0;
    size_t n = page_number(b, b->count);
    b->asking = true;
    b->pages[n] = (struct page){.at = at, .from_us = now_us};
    // Whatever was read has been counted.
    for (size_t i = 0; i < b->flow_count; i++) {
        b->flows[i].surely[n] = b->flows[i].maybe[n] = b->flows[i].total;
    }
    for (size_t i = 0; i < b->topic_count; i++) {
        b->topics[i].present[n] = false;
    }
}

void counter_balance_sample(struct counter_balance *b, struct slice topic, uint64_t value) {
    uint64_t hash;
    if (!b->asking || topic.len == 0 || topic.len > TOPIC_NAME_MAX || value > INT64_MAX / 4) {
        return;
    }
    struct topic *t = find_topic(b, topic, &hash);
    if (t == NULL && b->topic_count < COUNTER_TOPICS_MAX) {
        t = &b->topics[b->topic_count];
        hash_table_put(&b->topic_index, hash, (uint32_t)b->topic_count++);
        *t = (struct topic){.name_len = (uint16_t)topic.len};
        memcpy(t->name, topic.ptr, topic.len);
    }
    size_t n = page_number(b, b->count);
    b->unwatched += t == NULL;
    if (t != NULL) {
        t->counter[n] = t->present[n] ? t->counter[n] + value : value;
        t->present[n] = true;
    }
}

void counter_balance_answer(struct counter_balance *b, int64_t now_us, bool ok) {
    if (b->asking && ok) {
        b->pages[page_number(b, b->count)].to_us = now_us;
        b->count++;
    }
    b->asking = false;
}

// --- what is missing -----------------------------------------------------------------------------

static void begin_topic(struct topic *t, const struct page *p, int64_t high) {
    t->begun = true;
    t->has_low = false;
    t->most = high;
    t->told = 0;
    t->clear_at = p->at;
    t->clear_us = p->from_us;
}

static void settle_topic(struct counter_balance *b, struct topic *t, const struct page *p, size_t n,
                         uint64_t unnamed, counter_emit emit, void *ctx) {
    if (!t->present[n]) {
        t->begun = false;
        return;
    }
    int64_t high = (int64_t)(t->counter[n] - t->surely);
    int64_t low = (int64_t)(t->counter[n] - t->maybe - unnamed);
    bool anew = !t->begun || !b->settled || t->counter[n] < t->last ||
                t->share_us >= b->before.from_us - COUNTER_MARGIN_US;
    t->last = t->counter[n];
    if (anew) {
        begin_topic(t, p, high);
    }
    t->most = high < t->most ? high : t->most;
    int64_t least = t->has_low && t->low < low ? t->low : low;
    int64_t excess = least - t->most - t->told;
    if (t->has_low && excess > 0) {
        struct counter_excess found = {
            .topic = slice_of(t->name, t->name_len),
            .bytes = (uint64_t)excess,
            .from = t->clear_at,
            .to = b->before.at,
            .from_us = t->clear_us,
            .to_us = b->before.to_us,
        };
        t->told += excess;
        t->clear_at = b->before.at;
        t->clear_us = b->before.from_us;
        emit(ctx, &found);
    }
    if (high <= t->most + t->told) {
        t->clear_at = p->at;
        t->clear_us = p->from_us;
    }
    t->has_low = true;
    t->low = low;
}

static void settle_page(struct counter_balance *b, counter_emit emit, void *ctx) {
    size_t n = b->first;
    const struct page page = b->pages[n];
    uint64_t hash;
    for (size_t i = 0; i < b->topic_count; i++) {
        b->topics[i].surely = b->topics[i].maybe = 0;
        b->topics[i].share_us = INT64_MIN;
    }
    b->unnamed = 0;
    for (size_t i = 0; i < b->flow_count; i++) {
        const struct flow *f = &b->flows[i];
        struct slice name = name_of(b, f);
        struct topic *t = name.len == 0 ? NULL : find_topic(b, name, &hash);
        if (name.len == 0) {
            b->unnamed += f->maybe[n];
        } else if (t != NULL) {
            t->surely += f->surely[n];
            t->maybe += f->maybe[n];
            t->share_us = f->share_us > t->share_us ? f->share_us : t->share_us;
        }
    }
    for (size_t i = 0; i < b->topic_count; i++) {
        settle_topic(b, &b->topics[i], &page, n, b->unnamed, emit, ctx);
    }
    b->settled = true;
    b->before = page;
    b->first = (b->first + 1) % COUNTER_PAGES_MAX;
    b->count--;
}

void counter_balance_settle(struct counter_balance *b, int64_t complete_us, counter_emit emit,
                            void *ctx) {
    while (b->count > 0 &&
           complete_us >= b->pages[b->first].to_us + COUNTER_MARGIN_US + b->settle_us) {
        settle_page(b, emit, ctx);
    }
}

uint64_t counter_balance_unnamed(const struct counter_balance *b) {
    return b->unnamed;
}

uint64_t counter_balance_unwatched(const struct counter_balance *b) {
    return b->unwatched;
}

uint64_t counter_balance_given_back(const struct counter_balance *b) {
    return b->given_back;
}
