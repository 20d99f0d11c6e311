#include "ctl/recount.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/array.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/hash_table.h"
#include "base/instant.h"
#include "core/brokerlog/line_prefix.h"
#include "core/brokerlog/line_remains.h"
#include "core/brokerlog/topic_names.h"
#include "core/json/json_scan.h"
#include "core/usage/usage_fold.h"
#include "ctl/log_brokers.h"
#include "ctl/log_copies.h"
#include "ctl/log_reader.h"
#include "ctl/recount_produced.h"

static const int64_t HORIZON_US = 60 * 1000000LL;      // merged lines may still be this late
static const int64_t NO_TIME_US = -((int64_t)1 << 60); // of a source before its first line

struct counted {
    uint32_t principal;
    bool has_id;
    uint8_t id[TOPIC_ID_LEN];
    struct slice name;
    bool share;
    u128 bytes, fetches, produced_bytes;
    i128 messages, produced_messages, open_fetches, derived_messages;
    u128 replay_bytes;
};

struct principal {
    struct slice name;
    struct usage_state *state;
};

// One file being read.
struct source {
    struct log_reader *reader;
    struct log_line line;
    bool has_line;
    int64_t time_us; // of the line, or of the one before if it can't be read
    int32_t broker;  // -1 until its first line
};

struct recount {
    struct arena text;
    struct topic_names *names;
    struct broker_line line;
    struct principal *principals;
    uint32_t principal_count, principal_cap;
    struct hash_table by_principal;
    struct counted *counted;
    uint32_t counted_count, counted_cap;
    struct hash_table by_key;
    struct hash_table brokers; // hash of the broker's address
    int32_t broker_count;
    uint32_t current;              // principal whose line is folded
    struct usage_state *producers; // PRODUCE lines of all principals
    struct recount_produced produced;
    int64_t newest_us;
    int64_t due_us; // not before then is a fetch to be derived
    struct recount_row *rows;
    struct recount_totals totals;
    struct recount_risk risks[RECOUNT_DEAD_LETTERS_SHOWN];
    FILE *report;
};

struct recount *recount_new(void) {
    struct recount *rc = calloc(1, sizeof *rc);
    check(rc != NULL);
    arena_init(&rc->text);
    rc->names = topic_names_new();
    rc->producers = usage_state_new();
    rc->newest_us = NO_TIME_US;
    rc->due_us = INT64_MAX;
    broker_line_init(&rc->line);
    return rc;
}

void recount_free(struct recount *rc) {
    if (rc == NULL) {
        return;
    }
    for (size_t i = 0; i < rc->principal_count; i++) {
        usage_state_free(rc->principals[i].state);
    }
    usage_state_free(rc->producers);
    recount_produced_done(&rc->produced);
    free(rc->principals);
    free(rc->counted);
    free(rc->rows);
    hash_table_done(&rc->by_principal);
    hash_table_done(&rc->by_key);
    hash_table_done(&rc->brokers);
    broker_line_done(&rc->line);
    topic_names_free(rc->names);
    arena_done(&rc->text);
    free(rc);
}

void recount_report_to(struct recount *rc, FILE *out) {
    rc->report = out;
}

struct recount_totals recount_totals(const struct recount *rc) {
    return rc->totals;
}

static struct slice copy(struct recount *rc, struct slice s) {
    return slice_of(arena_str(&rc->text, s), s.len);
}

static uint32_t principal_of(struct recount *rc, struct slice name) {
    uint64_t key = hash_bytes(name.ptr, name.len, 0);
    uint32_t at;
    for (; hash_table_get(&rc->by_principal, key, &at); key++) {
        if (slice_eq(rc->principals[at].name, name)) {
            return at;
        }
    }
    rc->principals =
        array_grow(rc->principals, rc->principal_count, &rc->principal_cap, sizeof *rc->principals);
    at = rc->principal_count++;
    rc->principals[at] = (struct principal){copy(rc, name), usage_state_new()};
    hash_table_put(&rc->by_principal, key, at);
    return at;
}

static bool counted_is(const struct counted *c, uint32_t principal, const struct topic_key *topic,
                       bool share) {
    return c->principal == principal && c->share == share && c->has_id == topic->has_id &&
           (topic->has_id ? memcmp(c->id, topic->id, TOPIC_ID_LEN) == 0
                          : slice_eq(c->name, topic->name));
}

static struct counted *counted_of(struct recount *rc, uint32_t principal,
                                  const struct topic_key *topic, bool share) {
    uint64_t seed = (uint64_t)principal << 2 | (uint64_t)share << 1 | topic->has_id;
    uint64_t key = topic->has_id ? hash_bytes(topic->id, TOPIC_ID_LEN, seed)
                                 : hash_bytes(topic->name.ptr, topic->name.len, seed);
    uint32_t at;
    for (; hash_table_get(&rc->by_key, key, &at); key++) {
        if (counted_is(&rc->counted[at], principal, topic, share)) {
            return &rc->counted[at];
        }
    }
    rc->counted = array_grow(rc->counted, rc->counted_count, &rc->counted_cap, sizeof *rc->counted);
    at = rc->counted_count++;
    struct counted *c = &rc->counted[at];
    *c = (struct counted){.principal = principal, .share = share, .has_id = topic->has_id};
    if (topic->has_id) {
        memcpy(c->id, topic->id, TOPIC_ID_LEN);
    } else {
        c->name = copy(rc, topic->name);
    }
    hash_table_put(&rc->by_key, key, at);
    return c;
}

static struct slice topic_name(struct recount *rc, const struct counted *c) {
    char text[TOPIC_ID_TEXT_LEN];
    if (!c->has_id) {
        return c->name;
    }
    struct slice name = topic_names_of_id(rc->names, c->id);
    if (name.len > 0) {
        return name;
    }
    topic_id_format(text, c->id);
    return copy(rc, slice_of(text, sizeof text));
}

static void add_produced(void *ctx, const struct usage_delta *d) {
    struct recount *rc = ctx;
    struct counted *c = counted_of(rc, d->producer, &d->topic, false);
    c->produced_bytes += d->produced_bytes;
    c->produced_messages += d->produced_messages;
    struct topic_key topic = d->topic;
    int64_t since_us;
    if (!topic.has_id) {
        topic.name = c->name;
        topic.has_id = topic_names_id_at(rc->names, c->name, d->at_us, topic.id, &since_us);
    }
    recount_produced_add(&rc->produced, &topic, d->at_us, d->produced_bytes, d->produced_messages);
}

static bool produced_of(void *ctx, const struct topic_key *topic, uint64_t *ret_bytes,
                        uint64_t *ret_messages) {
    struct recount *rc = ctx;
    return recount_produced_latest(&rc->produced, rc->names, topic, ret_bytes, ret_messages);
}

static void add_delta(void *ctx, const struct usage_delta *d) {
    struct recount *rc = ctx;
    if (d->share_fetches > 0) {
        struct counted *c = counted_of(rc, rc->current, &d->topic, true);
        c->messages += d->share_messages;
        c->fetches += d->share_fetches;
    }
    if (d->bytes == 0 && d->messages == 0 && d->fetches == 0 && d->open_fetches == 0 &&
        d->derived_messages == 0) {
        return;
    }
    struct counted *c = counted_of(rc, rc->current, &d->topic, false);
    c->bytes += d->bytes;
    c->replay_bytes += d->delivery == USAGE_REPLAY ? d->bytes : 0;
    c->messages += d->messages;
    c->derived_messages += d->derived_messages;
    c->fetches += d->fetches;
    c->open_fetches += d->open_fetches;
}

static struct usage_sink sink_of(struct recount *rc) {
    return (struct usage_sink){.add = add_delta, .produced = produced_of, .ctx = rc};
}

// --- lines ---------------------------------------------------------------------------------------

static void report_risk(FILE *out, const struct recount_risk *risk) {
    char at[INSTANT_TEXT_MAX] = "an unknown time";
    char principal[LINE_REMAINS_PRINCIPAL_MAX + 1];
    if (risk->has_time) {
        instant_format(at, risk->time_us);
    }
    for (size_t i = 0; i < risk->principal.len; i++) {
        unsigned char c = (unsigned char)risk->principal.ptr[i];
        principal[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    principal[risk->principal.len] = '\0';
    fprintf(out, ": money at risk: a fetch of %s at %s",
            risk->principal.len == 0 ? "an unknown principal" : principal, at);
    if (risk->bytes > 0) {
        fprintf(out, ", at least %" PRIu64 " bytes", risk->bytes);
    }
}

// Returns NULL if what is left of the line says it's no fetch, or it's beyond those shown.
static const struct recount_risk *take_risk(struct recount *rc, const struct line_remains *remains,
                                            uint64_t bytes) {
    if (!line_remains_at_risk(remains)) {
        return NULL;
    }
    rc->totals.bytes_at_risk += remains->record_bytes;
    if (rc->totals.at_risk++ >= RECOUNT_DEAD_LETTERS_SHOWN) {
        return NULL;
    }
    struct recount_risk *risk = &rc->risks[rc->totals.at_risk - 1];
    *risk = (struct recount_risk){
        .principal = copy(rc, line_remains_principal(remains)),
        .has_time = remains->has_time,
        .time_us = remains->time_us,
        .line_bytes = bytes,
        .bytes = remains->record_bytes,
    };
    return risk;
}

static void dead_letter(struct recount *rc, const char *path, uint64_t offset, uint64_t bytes,
                        enum line_fault fault, const struct line_remains *remains) {
    rc->totals.dead_letters++;
    rc->totals.dead_by_fault[fault]++;
    const struct recount_risk *risk = take_risk(rc, remains, bytes);
    if (rc->report == NULL || rc->totals.dead_letters > RECOUNT_DEAD_LETTERS_SHOWN) {
        return;
    }
    fprintf(rc->report, "%s:%" PRIu64 ": dead letter: %s (%" PRIu64 " bytes)", path, offset,
            line_fault_name(fault), bytes);
    if (risk != NULL) {
        report_risk(rc->report, risk);
    }
    fputc('\n', rc->report);
    if (rc->totals.dead_letters == RECOUNT_DEAD_LETTERS_SHOWN) {
        fputs("further dead letters are counted, not named\n", rc->report);
    }
}

// An hour passes by anybody's lines.
static void derive(struct recount *rc, int64_t now_us) {
    struct usage_sink sink = sink_of(rc);
    rc->due_us = INT64_MAX;
    for (size_t i = 0; i < rc->principal_count; i++) {
        struct usage_state *st = rc->principals[i].state;
        rc->current = (uint32_t)i;
        if (usage_state_due_us(st) <= now_us) {
            usage_fold_derive(st, now_us, &sink);
        }
        if (usage_state_due_us(st) < rc->due_us) {
            rc->due_us = usage_state_due_us(st);
        }
    }
}

static void fold(struct recount *rc, int32_t broker) {
    struct usage_sink sink = sink_of(rc);
    if (rc->line.time_us >= rc->due_us) {
        derive(rc, rc->line.time_us);
    }
    (void)topic_names_learn_line(rc->names, &rc->line);
    rc->current = principal_of(rc, rc->line.principal);
    if (rc->line.time_us > rc->newest_us) {
        rc->newest_us = rc->line.time_us;
    }
    if (rc->line.api_key == KAFKA_API_PRODUCE) {
        // Where a batch ends, the next says, whoever wrote it.
        struct usage_sink produced = {.add = add_produced, .ctx = rc};
        usage_state_set_producer(rc->producers, rc->current);
        usage_fold_line(rc->producers, broker, &rc->line, rc->names, &produced);
        return;
    }
    struct usage_state *st = rc->principals[rc->current].state;
    usage_fold_line(st, broker, &rc->line, rc->names, &sink);
    if (usage_state_due_us(st) < rc->due_us) {
        rc->due_us = usage_state_due_us(st);
    }
}

// Which broker wrote the file: as log_brokers found; else the one whose address its first line names.
static int32_t broker_of(struct recount *rc, struct source *s) {
    struct slice address = rc->line.local_address;
    uint64_t key = hash_bytes(address.ptr, address.len, 0);
    uint32_t known;
    bool seen = hash_table_get(&rc->brokers, key, &known);
    if (s->broker < 0) {
        s->broker = seen ? (int32_t)known : rc->broker_count++;
    }
    if (!seen) {
        hash_table_put(&rc->brokers, key, (uint32_t)s->broker);
    }
    return s->broker;
}

// Counts the source's line; it has been parsed into rc->line with this result.
static void take_line(struct recount *rc, struct source *s, enum line_fault fault) {
    const char *path = log_reader_path(s->reader);
    if (fault != LINE_FAULT_NONE && !s->line.finished && !s->line.too_long) {
        // The broker may be writing it just now.
        rc->totals.unfinished++;
        if (rc->report != NULL) {
            fprintf(rc->report, "%s:%" PRIu64 ": the last line is not finished: not counted\n",
                    path, s->line.offset);
        }
        return;
    }
    struct line_remains remains;
    if (fault == LINE_FAULT_BAD_PREFIX && line_prefix_is_other(s->line.text)) {
        rc->totals.other_text++;
        return;
    }
    rc->totals.lines++;
    rc->totals.line_bytes += s->line.len;
    if (rc->line.torn.len > 0) {
        line_remains_read(rc->line.torn, &remains);
        dead_letter(rc, path, s->line.offset, rc->line.torn.len, LINE_FAULT_TORN, &remains);
    }
    if (fault == LINE_FAULT_NONE) {
        fold(rc, broker_of(rc, s));
    } else if (s->line.too_long) {
        dead_letter(rc, path, s->line.offset, s->line.len, fault, log_reader_remains(s->reader));
    } else {
        line_remains_read(s->line.text, &remains);
        dead_letter(rc, path, s->line.offset, s->line.len, fault, &remains);
    }
}

static enum line_fault parse(struct recount *rc, struct source *s) {
    rc->line.torn = slice_of("", 0);
    if (s->line.too_long) {
        const struct line_remains *remains = log_reader_remains(s->reader);
        s->time_us = remains->has_time ? remains->time_us : s->time_us;
        return LINE_FAULT_TOO_LONG;
    }
    enum line_fault fault = broker_line_parse(&rc->line, s->line.text);
    if (fault == LINE_FAULT_NONE) {
        s->time_us = rc->line.time_us;
    }
    return fault;
}

static void advance(struct source *s) {
    s->has_line = log_reader_next(s->reader, &s->line);
}

static void prune(struct recount *rc, int64_t horizon_us) {
    struct usage_sink sink = sink_of(rc);
    struct usage_sink produced = {.add = add_produced, .ctx = rc};
    usage_fold_prune(rc->producers, horizon_us, &produced);
    for (size_t i = 0; i < rc->principal_count; i++) {
        rc->current = (uint32_t)i;
        usage_fold_prune(rc->principals[i].state, horizon_us, &sink);
    }
}

static int by_time(const void *a, const void *b) {
    const struct source *x = a, *y = b;
    if (x->has_line != y->has_line) {
        return x->has_line ? -1 : 1;
    }
    return (x->time_us > y->time_us) - (x->time_us < y->time_us);
}

// Index of the source whose line is the earliest, `count` if all are at their end.
static size_t earliest(const struct source *sources, size_t count) {
    size_t best = count;
    for (size_t i = 0; i < count; i++) {
        if (sources[i].has_line && (best == count || sources[i].time_us < sources[best].time_us)) {
            best = i;
        }
    }
    return best;
}

// Files in order of their first line's time; those that overlap (several brokers) line by line.
static void merge(struct recount *rc, struct source *sources, size_t count) {
    int64_t pruned_us = NO_TIME_US, taken_us = NO_TIME_US;
    size_t open = count > 0 ? 1 : 0; // sources[0, open) may be in use
    for (;;) {
        size_t at = earliest(sources, open);
        if (open < count && (at == open || sources[open].time_us <= sources[at].time_us)) {
            open++;
            continue;
        }
        if (at == open) {
            return;
        }
        struct source *s = &sources[at];
        bool alone = true;
        for (size_t i = 0; i < open; i++) {
            alone &= i == at || !sources[i].has_line;
        }
        int64_t next_us = open < count ? sources[open].time_us : INT64_MAX;
        do {
            take_line(rc, s, parse(rc, s));
            taken_us = s->time_us;
            advance(s);
            // Alone, the time of the next line is known when it is parsed to be counted.
        } while (alone && s->has_line && s->time_us + HORIZON_US < next_us &&
                 s->time_us - HORIZON_US < pruned_us);
        // Not alone, or another file is about to begin: its time decides whose turn it is.
        if (s->has_line && (!alone || open < count)) {
            (void)parse(rc, s);
        }
        if (taken_us - pruned_us > HORIZON_US) {
            pruned_us = taken_us;
            prune(rc, pruned_us - HORIZON_US);
        }
    }
}

// To the file's first line that has a time: by it the files are put in order.
static void begin(struct recount *rc, struct source *s) {
    for (advance(s); s->has_line; advance(s)) {
        enum line_fault fault = parse(rc, s);
        if (s->time_us != NO_TIME_US || line_prefix_time(s->line.text, &s->time_us)) {
            return;
        }
        take_line(rc, s, fault);
    }
}

static void report_damaged(struct recount *rc, const char *why) {
    rc->totals.damaged++;
    if (rc->report != NULL) {
        fprintf(rc->report, "%s: what stands before is counted, the rest is not known\n", why);
    }
}

static void report_copy(struct recount *rc, const char *path, const struct log_copy *copy,
                        const char *of) {
    rc->totals.copies++;
    if (rc->report != NULL) {
        fprintf(rc->report, "%s: %s %s: counted once\n", path,
                copy->kind == LOG_COPY_SAME ? "the same content as" : "the beginning of", of);
    }
    if (copy->damaged) {
        report_damaged(rc, path);
    }
}

static void finish(struct recount *rc, struct source *s) {
    struct err e;
    uint64_t nuls = log_reader_nuls(s->reader);
    const char *path = log_reader_path(s->reader);
    rc->totals.nuls += nuls;
    if (nuls > 0 && rc->report != NULL) {
        fprintf(rc->report,
                "%s: %" PRIu64 " NUL bytes passed over: the file was truncated while "
                "it was written, and what stood there is lost\n",
                path, nuls);
    }
    if (log_reader_error(s->reader, &e) != ERR_OK) {
        report_damaged(rc, e.text);
    }
}

// Of one file, it makes no difference who wrote it.
static void find_brokers(struct recount *rc, struct source *sources, char *const *paths,
                         size_t count) {
    int32_t *brokers = calloc(count + 1, sizeof *brokers);
    check(brokers != NULL);
    if (count > 1) {
        log_brokers_find(paths, count, brokers);
        for (size_t i = 0; i < count; i++) {
            sources[i].broker = brokers[i];
        }
        rc->broker_count += (int32_t)count;
    }
    free(brokers);
}

enum err_code recount_files(struct recount *rc, char *const *paths, size_t count, struct err *e) {
    struct source *sources = calloc(count + 1, sizeof *sources);
    struct log_copy *copies = calloc(count + 1, sizeof *copies);
    check(sources != NULL && copies != NULL);
    enum err_code code = ERR_OK;
    size_t opened = 0;
    for (size_t i = 0; i < count && code == ERR_OK; i++) {
        struct source *s = &sources[opened];
        s->broker = -1;
        s->time_us = NO_TIME_US;
        code = log_reader_open(paths[i], &s->reader, e);
        opened += code == ERR_OK;
    }
    if (code == ERR_OK) {
        find_brokers(rc, sources, paths, count);
        log_copies_find(paths, count, copies);
        for (size_t i = 0; i < count; i++) {
            if (copies[i].kind != LOG_COPY_NONE) {
                report_copy(rc, paths[i], &copies[i], paths[copies[i].of]);
            } else {
                begin(rc, &sources[i]);
            }
        }
        qsort(sources, count, sizeof *sources, by_time);
        merge(rc, sources, count);
    }
    for (size_t i = 0; i < opened; i++) {
        if (code == ERR_OK) {
            finish(rc, &sources[i]);
        }
        log_reader_close(sources[i].reader);
    }
    free(copies);
    free(sources);
    return code;
}

void recount_risks(const struct recount *rc, const struct recount_risk **ret_risks,
                   size_t *ret_count) {
    *ret_risks = rc->risks;
    *ret_count = rc->totals.at_risk < RECOUNT_DEAD_LETTERS_SHOWN ? (size_t)rc->totals.at_risk
                                                                 : RECOUNT_DEAD_LETTERS_SHOWN;
}

// --- rows ----------------------------------------------------------------------------------------

static int by_row(const void *a, const void *b) {
    const struct recount_row *x = a, *y = b;
    int c = slice_cmp(x->principal, y->principal);
    if (c == 0) {
        c = slice_cmp(x->topic, y->topic);
    }
    return c != 0 ? c : (int)x->share - (int)y->share;
}

void recount_finish(struct recount *rc, const struct recount_row **ret_rows, size_t *ret_count) {
    struct usage_sink sink = sink_of(rc);
    struct usage_sink produced = {.add = add_produced, .ctx = rc};
    usage_fold_settle(rc->producers, rc->names, &produced);
    for (size_t i = 0; i < rc->principal_count; i++) {
        rc->current = (uint32_t)i;
        usage_fold_settle(rc->principals[i].state, rc->names, &sink);
        usage_fold_derive(rc->principals[i].state, rc->newest_us, &sink);
    }
    free(rc->rows);
    rc->rows = calloc(rc->counted_count + 1, sizeof *rc->rows);
    check(rc->rows != NULL);
    for (size_t i = 0; i < rc->counted_count; i++) {
        const struct counted *c = &rc->counted[i];
        rc->rows[i] = (struct recount_row){
            .principal = rc->principals[c->principal].name,
            .topic = topic_name(rc, c),
            .share = c->share,
            .bytes = c->bytes,
            .messages = c->messages,
            .fetches = c->fetches,
            .produced_bytes = c->produced_bytes,
            .produced_messages = c->produced_messages,
            .open_fetches = c->open_fetches,
            .derived_messages = c->derived_messages,
            .replay_bytes = c->replay_bytes,
        };
    }
    qsort(rc->rows, rc->counted_count, sizeof *rc->rows, by_row);
    // The same topic by its name and by its ids is one row.
    size_t count = 0;
    for (size_t i = 0; i < rc->counted_count; i++) {
        struct recount_row *to = count > 0 ? &rc->rows[count - 1] : NULL;
        const struct recount_row *from = &rc->rows[i];
        if (to == NULL || by_row(to, from) != 0) {
            rc->rows[count++] = *from;
            continue;
        }
        to->bytes += from->bytes;
        to->messages += from->messages;
        to->fetches += from->fetches;
        to->produced_bytes += from->produced_bytes;
        to->produced_messages += from->produced_messages;
        to->open_fetches += from->open_fetches;
        to->derived_messages += from->derived_messages;
        to->replay_bytes += from->replay_bytes;
    }
    *ret_rows = rc->rows;
    *ret_count = count;
}
