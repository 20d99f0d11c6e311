// Decides what is shipped; see the header.
#include "tap/select/select.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "core/brokerlog/line_prefix.h"
#include "core/brokerlog/line_remains.h"
#include "core/brokerlog/log_value.h"
#include "tap/select/fact_memory.h"
#include "tap/select/fetch_memory.h"
#include "tap/select/refusal_memory.h"
#include "tap/select/session_memory.h"

enum { SECRET_RUN = 24 }; // a salt, a salted password or an HMAC is at least so long in base64

static const char *const DROP_NAMES[SELECT_DROPS] = {
    [SELECT_KEPT] = "kept",
    [SELECT_DEAD] = "dead",
    [SELECT_NOT_A_REQUEST] = "not_a_request",
    [SELECT_FORWARDED] = "forwarded",
    [SELECT_LISTENER] = "listener",
    [SELECT_OWN_PRINCIPAL] = "own_principal",
    [SELECT_FOLLOWER] = "follower",
    [SELECT_API] = "api",
    [SELECT_EMPTY_FETCH] = "empty_fetch",
    [SELECT_REFUSAL] = "refusal",
};

struct select {
    struct select_options options;
    select_emit emit;
    void *ctx;
    struct broker_line line;
    struct fetch_memory *fetches;
    struct fact_memory *facts;
    struct refusal_memory refusals;
    struct session_memory *sessions;
    int64_t generation;
    struct buf value;
};

const char *select_drop_name(enum select_drop drop) {
    check((unsigned)drop < SELECT_DROPS);
    return DROP_NAMES[drop];
}

struct select *select_new(const struct select_options *o, select_emit emit, void *ctx) {
    struct select *s = calloc(1, sizeof *s);
    check(s != NULL);
    s->options = *o;
    s->emit = emit;
    s->ctx = ctx;
    broker_line_init(&s->line);
    s->fetches = fetch_memory_new();
    s->facts = fact_memory_new();
    s->sessions = session_memory_new();
    buf_init(&s->value, BROKER_RECORD_VALUE_MAX);
    return s;
}

void select_free(struct select *s) {
    if (s == NULL) {
        return;
    }
    broker_line_done(&s->line);
    fetch_memory_free(s->fetches);
    fact_memory_free(s->facts);
    session_memory_free(s->sessions);
    buf_done(&s->value);
    free(s);
}

void select_clear(struct select *s) {
    fetch_memory_clear(s->fetches);
    fact_memory_clear(s->facts);
    refusal_memory_clear(&s->refusals);
}

void select_hole(struct select *s) {
    select_clear(s);
    session_memory_clear(s->sessions);
}

void select_generation(struct select *s, int64_t generation) {
    s->generation = generation;
}

static bool matches(const char *const *patterns, struct slice name) {
    for (; patterns != NULL && *patterns != NULL; patterns++) {
        struct slice p = slice_str(*patterns);
        bool open = p.len > 0 && p.ptr[p.len - 1] == '*';
        if (open ? slice_starts_with(name, slice_of(p.ptr, p.len - 1)) : slice_eq(name, p)) {
            return true;
        }
    }
    return false;
}

static bool give(struct select *s, enum broker_record_kind kind, uint64_t offset, struct slice key,
                 struct slice value) {
    struct select_record r = {.kind = kind,
                              .offset = offset,
                              .everywhere = kind == BROKER_RECORD_FACT,
                              .key = key,
                              .value = value};
    return s->emit(s->ctx, &r);
}

// --- dead letters --------------------------------------------------------------------------------

// A line that can't be read may be a credential change: what looks like one of its values is
// masked. (Topic ids are shorter, principals issued by Weir have no capitals.)
static size_t masked(char *out, struct slice text) {
    size_t n = text.len < LOG_DEAD_TEXT_MAX ? text.len : LOG_DEAD_TEXT_MAX;
    if (n == 0) {
        return 0;
    }
    memcpy(out, text.ptr, n);
    for (size_t i = 0; i < n;) {
        size_t begin = i;
        bool upper = false, lower = false;
        for (; i < n; i++) {
            char c = out[i];
            bool digit = (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
            if (!digit && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z')) {
                break;
            }
            upper |= c >= 'A' && c <= 'Z';
            lower |= c >= 'a' && c <= 'z';
        }
        if (i - begin >= SECRET_RUN && upper && lower) {
            memset(out + begin, '*', i - begin);
        }
        i += i == begin;
    }
    return n;
}

void select_dead(struct select *s, enum line_fault fault, struct slice text, uint64_t bytes,
                 uint64_t offset, const struct line_remains *remains) {
    char kept[LOG_DEAD_TEXT_MAX];
    struct line_remains own;
    if (remains == NULL) {
        line_remains_read(text, &own);
        remains = &own;
    }
    session_memory_dead(s->sessions, remains);
    if (s->options.watch != NULL) {
        s->options.watch(s->ctx, offset, NULL, remains->record_bytes);
    }
    struct log_dead dead = {
        .reason = slice_str(line_fault_name(fault)),
        .bytes = bytes,
        .text = {kept, masked(kept, text)},
        .has_time = remains->has_time,
        .time_us = remains->time_us,
        .api_key = remains->api_key,
        .principal = line_remains_principal(remains),
        .record_bytes = remains->record_bytes,
    };
    buf_clear(&s->value);
    log_value_encode_dead(&s->value, &dead);
    struct select_record r = {.kind = BROKER_RECORD_DEAD,
                              .offset = offset,
                              .value = buf_slice(&s->value),
                              .fault = fault};
    (void)s->emit(s->ctx, &r);
}

// --- facts and refusals --------------------------------------------------------------------------

// Sends what is new among the line's facts, some to a record. Returns how many records it took.
static uint64_t send_facts(struct select *s, uint64_t offset) {
    struct log_topic topics[SELECT_FACT_TOPICS_MAX];
    char ids[SELECT_FACT_TOPICS_MAX][TOPIC_ID_TEXT_LEN];
    uint64_t records = 0;
    struct log_fact fact = {.at_us = s->line.time_us, .topics = topics};
    for (uint32_t i = 0; i <= s->line.fact_count; i++) {
        bool last = i == s->line.fact_count;
        if (fact.count > 0 && (last || fact.count == SELECT_FACT_TOPICS_MAX)) {
            buf_clear(&s->value);
            log_value_encode_fact(&s->value, &fact);
            check(!s->value.overflow);
            if (!give(s, BROKER_RECORD_FACT, offset + records, (struct slice){0},
                      buf_slice(&s->value))) {
                return records;
            }
            records++;
            fact.count = 0;
        }
        if (last || !fact_memory_is_new(s->facts, &s->line.facts[i])) {
            continue;
        }
        const struct topic_fact *t = &s->line.facts[i];
        topic_id_format(ids[fact.count], t->id);
        topics[fact.count] = (struct log_topic){
            .id = slice_of(ids[fact.count], TOPIC_ID_TEXT_LEN),
            .name = t->name,
            .event = t->event,
        };
        fact.count++;
    }
    return records;
}

static bool can_be_refused(int32_t api_key) {
    return api_key == KAFKA_API_METADATA || api_key == KAFKA_API_FIND_COORDINATOR ||
           api_key == KAFKA_API_LIST_OFFSETS || api_key == KAFKA_API_OFFSET_FETCH ||
           api_key == KAFKA_API_JOIN_GROUP || api_key == KAFKA_API_INIT_PRODUCER_ID ||
           api_key == KAFKA_API_CONSUMER_GROUP_HEARTBEAT ||
           api_key == KAFKA_API_SHARE_GROUP_HEARTBEAT;
}

static bool send_refusal(struct select *s, struct slice text, const struct broker_line_brief *b,
                         struct slice principal, uint64_t offset) {
    int64_t error = can_be_refused(b->api_key) ? refusal_memory_error_in(text) : 0;
    if (error == 0) {
        return false;
    }
    uint64_t count = refusal_memory_count(&s->refusals, principal, b->api_key, error, b->time_us);
    if (count > 0) {
        struct log_refusal r = {
            b->time_us, principal, b->api_key, error, refusal_memory_resource_in(text, error),
            count};
        buf_clear(&s->value);
        log_value_encode_refusal(&s->value, &r);
        (void)give(s, BROKER_RECORD_REFUSAL, offset, principal, buf_slice(&s->value));
    }
    return true;
}

// --- fetch sessions ------------------------------------------------------------------------------

// The line of a client's FETCH, `len` bytes long. False: nothing more is wanted of it.
static bool tell_skip(struct select *s, uint64_t offset, size_t len) {
    const struct session_place at = {s->generation, offset, offset + len + 1};
    struct session_skip skip;
    if (!session_memory_skips(s->sessions, &s->line, at, &skip)) {
        return true;
    }
    const struct log_hole hole = {
        .has_from = true,
        .from = {.generation = skip.from_generation, .offset = skip.from_offset},
        .to = {.generation = at.generation, .offset = at.offset},
        .kind = SLICE_LIT("session_skip"),
        .lines_at_least = skip.lines,
        .principal = s->line.principal,
        .from_us = skip.from_us,
        .to_us = s->line.time_us,
    };
    const struct select_record r = {
        .kind = BROKER_RECORD_HOLE, .offset = offset, .key = s->line.principal, .hole = &hole};
    return s->emit(s->ctx, &r);
}

// --- lines ---------------------------------------------------------------------------------------

static bool is_shipped_api(int32_t api_key) {
    return api_key == KAFKA_API_FETCH || api_key == KAFKA_API_PRODUCE ||
           api_key == KAFKA_API_OFFSET_COMMIT || api_key == KAFKA_API_TXN_OFFSET_COMMIT ||
           api_key == KAFKA_API_SHARE_FETCH || api_key == KAFKA_API_SHARE_ACKNOWLEDGE;
}

static bool tells_facts(int32_t api_key) {
    return api_key == KAFKA_API_METADATA || api_key == KAFKA_API_CREATE_TOPICS ||
           api_key == KAFKA_API_DELETE_TOPICS;
}

// What the watch wants to see of a line that can't be read and isn't told.
static void show_unread(struct select *s, struct slice text, uint64_t offset) {
    struct line_remains remains;
    if (s->options.watch != NULL) {
        line_remains_read(text, &remains);
        s->options.watch(s->ctx, offset, NULL, remains.record_bytes);
    }
}

// The line without a torn one in front of it, classified.
static enum select_drop select_whole(struct select *s, struct slice text, uint64_t offset,
                                     const struct broker_line_brief *b) {
    if (b->forwarded) {
        return SELECT_FORWARDED;
    }
    struct slice principal = b->principal;
    bool own = matches(s->options.own_principals, principal) &&
               !matches(s->options.keep_principals, principal);
    bool off = own || matches(s->options.drop_listeners, b->listener);
    bool share = b->api_key == KAFKA_API_SHARE_FETCH;
    bool watched = s->options.watch != NULL &&
                   (b->api_key == KAFKA_API_FETCH || share || tells_facts(b->api_key));
    // The body is read where it decides.
    if (watched || b->escaped || tells_facts(b->api_key) ||
        (!off && b->api_key == KAFKA_API_FETCH)) {
        enum line_fault fault = broker_line_parse(&s->line, text);
        if (watched && fault == LINE_FAULT_NONE) {
            s->options.watch(s->ctx, offset, &s->line, 0);
        }
        if (fault != LINE_FAULT_NONE && share && !off && !b->escaped) {
            // The meter tells what it is.
            (void)give(s, BROKER_RECORD_LINE, offset, principal, text);
            return SELECT_KEPT;
        }
        if (fault != LINE_FAULT_NONE && !off) {
            select_dead(s, fault, text, text.len, offset, NULL);
            return SELECT_DEAD;
        }
        if (fault != LINE_FAULT_NONE) {
            show_unread(s, text, offset);
            return own ? SELECT_OWN_PRINCIPAL : SELECT_LISTENER;
        }
        principal = s->line.principal;
        own = matches(s->options.own_principals, principal) &&
              !matches(s->options.keep_principals, principal);
        off = own || matches(s->options.drop_listeners, s->line.listener);
        if (tells_facts(b->api_key)) {
            offset += send_facts(s, offset);
        }
    }
    if (off) {
        return own ? SELECT_OWN_PRINCIPAL : SELECT_LISTENER;
    }
    if (!is_shipped_api(b->api_key)) {
        return send_refusal(s, text, b, principal, offset) ? SELECT_REFUSAL : SELECT_API;
    }
    if (b->api_key == KAFKA_API_FETCH) {
        if (broker_line_is_follower(&s->line)) {
            return SELECT_FOLLOWER;
        }
        if (!tell_skip(s, offset, text.len)) {
            return SELECT_KEPT;
        }
        if (fetch_memory_says_nothing(s->fetches, &s->line)) {
            return SELECT_EMPTY_FETCH;
        }
    }
    (void)give(s, BROKER_RECORD_LINE, offset, principal, text);
    return SELECT_KEPT;
}

enum select_drop select_line(struct select *s, struct slice text, uint64_t offset,
                             int64_t *ret_time_us) {
    struct broker_line_brief b;
    size_t nuls = line_prefix_nuls(text); // left where the file was truncated
    text = slice_of(text.ptr + nuls, text.len - nuls);
    offset += nuls;
    enum line_fault fault = broker_line_classify(text, &b);
    if (fault != LINE_FAULT_NONE) {
        if (line_prefix_is_other(text)) {
            return SELECT_NOT_A_REQUEST;
        }
        select_dead(s, fault, text, text.len, offset, NULL);
        return SELECT_DEAD;
    }
    *ret_time_us = b.time_us;
    if (b.torn.len > 0) {
        select_dead(s, LINE_FAULT_TORN, b.torn, b.torn.len, offset, NULL);
        check(b.torn.len < text.len);
        text = slice_of(text.ptr + b.torn.len, text.len - b.torn.len);
        offset += b.torn.len;
    }
    return select_whole(s, text, offset, &b);
}

enum select_drop select_last(struct select *s, struct slice text, uint64_t offset,
                             int64_t *ret_time_us) {
    struct broker_line_brief b;
    size_t nuls = line_prefix_nuls(text);
    struct slice rest = slice_of(text.ptr + nuls, text.len - nuls);
    if (line_prefix_is_other(rest) || broker_line_classify(rest, &b) == LINE_FAULT_NONE) {
        return select_line(s, text, offset, ret_time_us);
    }
    select_dead(s, LINE_FAULT_TORN, rest, rest.len, offset + nuls, NULL);
    return SELECT_DEAD;
}
