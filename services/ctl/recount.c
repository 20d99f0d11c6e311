#include "ctl/recount.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/array.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/hash_table.h"
#include "core/brokerlog/topic_names.h"
#include "core/json/json_scan.h"
#include "core/usage/usage_fold.h"
#include "ctl/log_reader.h"

static const int64_t HORIZON_US = 60 * 1000000LL;      // merged lines may still be this late
static const int64_t NO_TIME_US = -((int64_t)1 << 60); // of a source before its first line

struct counted {
    uint32_t principal;
    bool has_id;
    uint8_t id[TOPIC_ID_LEN];
    struct slice name;
    bool share;
    u128 bytes, fetches, produced_bytes;
    i128 messages, produced_messages, open_fetches;
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
    uint32_t current; // principal whose line is folded
    struct recount_row *rows;
    struct recount_totals totals;
    FILE *report;
};

struct recount *recount_new(void) {
    struct recount *rc = calloc(1, sizeof *rc);
    check(rc != NULL);
    arena_init(&rc->text);
    rc->names = topic_names_new();
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

static void add_delta(void *ctx, const struct usage_delta *d) {
    struct recount *rc = ctx;
    if (d->share_fetches > 0) {
        struct counted *c = counted_of(rc, rc->current, &d->topic, true);
        c->messages += d->share_messages;
        c->fetches += d->share_fetches;
    }
    if (d->bytes == 0 && d->messages == 0 && d->fetches == 0 && d->open_fetches == 0 &&
        d->produced_bytes == 0 && d->produced_messages == 0) {
        return;
    }
    struct counted *c = counted_of(rc, rc->current, &d->topic, false);
    c->bytes += d->bytes;
    c->messages += d->messages;
    c->fetches += d->fetches;
    c->open_fetches += d->open_fetches;
    c->produced_bytes += d->produced_bytes;
    c->produced_messages += d->produced_messages;
}

// --- lines ---------------------------------------------------------------------------------------

static void dead_letter(struct recount *rc, const char *path, uint64_t offset, uint64_t bytes,
                        enum line_fault fault) {
    rc->totals.dead_letters++;
    rc->totals.dead_by_fault[fault]++;
    if (rc->report == NULL || rc->totals.dead_letters > RECOUNT_DEAD_LETTERS_SHOWN) {
        return;
    }
    fprintf(rc->report, "%s:%" PRIu64 ": dead letter: %s (%" PRIu64 " bytes)\n", path, offset,
            line_fault_name(fault), bytes);
    if (rc->totals.dead_letters == RECOUNT_DEAD_LETTERS_SHOWN) {
        fputs("further dead letters are counted, not named\n", rc->report);
    }
}

static void fold(struct recount *rc, int32_t broker) {
    struct usage_sink sink = {.add = add_delta, .ctx = rc};
    (void)topic_names_learn_line(rc->names, &rc->line);
    rc->current = principal_of(rc, rc->line.principal);
    usage_fold_line(rc->principals[rc->current].state, broker, &rc->line, rc->names, &sink);
}

// Which broker wrote the file: the one whose address its first line names.
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
    rc->totals.lines++;
    rc->totals.line_bytes += s->line.len;
    if (rc->line.torn.len > 0) {
        dead_letter(rc, path, s->line.offset, rc->line.torn.len, LINE_FAULT_TORN);
    }
    if (fault != LINE_FAULT_NONE) {
        dead_letter(rc, path, s->line.offset, s->line.len, fault);
        return;
    }
    fold(rc, broker_of(rc, s));
}

static enum line_fault parse(struct recount *rc, struct source *s) {
    rc->line.torn = slice_of("", 0);
    if (s->line.too_long) {
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
    struct usage_sink sink = {.add = add_delta, .ctx = rc};
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
    int64_t pruned_us = NO_TIME_US;
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
            advance(s);
            // Alone, the time of the next line is known when it is parsed to be counted.
        } while (alone && s->has_line && s->time_us + HORIZON_US < next_us &&
                 s->time_us - HORIZON_US < pruned_us);
        // Not alone, or another file is about to begin: its time decides whose turn it is.
        if (s->has_line && (!alone || open < count)) {
            (void)parse(rc, s);
        }
        if (s->time_us - pruned_us > HORIZON_US) {
            pruned_us = s->time_us;
            prune(rc, pruned_us - HORIZON_US);
        }
    }
}

enum err_code recount_files(struct recount *rc, char *const *paths, size_t count, struct err *e) {
    struct source *sources = calloc(count + 1, sizeof *sources);
    check(sources != NULL);
    enum err_code code = ERR_OK;
    size_t opened = 0;
    for (; opened < count && code == ERR_OK; opened++) {
        struct source *s = &sources[opened];
        s->broker = -1;
        s->time_us = NO_TIME_US;
        code = log_reader_open(paths[opened], &s->reader, e);
        if (code != ERR_OK) {
            break;
        }
        advance(s);
        if (s->has_line) {
            (void)parse(rc, s);
        }
    }
    if (code == ERR_OK) {
        qsort(sources, count, sizeof *sources, by_time);
        merge(rc, sources, count);
    }
    for (size_t i = 0; i < opened; i++) {
        if (code == ERR_OK) {
            code = log_reader_error(sources[i].reader, e);
        }
        log_reader_close(sources[i].reader);
    }
    free(sources);
    return code;
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

void recount_finish(struct recount *rc, const struct recount_row **ret_rows, size_t *ret_count) {
    struct usage_sink sink = {.add = add_delta, .ctx = rc};
    for (size_t i = 0; i < rc->principal_count; i++) {
        rc->current = (uint32_t)i;
        usage_fold_settle(rc->principals[i].state, rc->names, &sink);
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
    }
    *ret_rows = rc->rows;
    *ret_count = count;
}
