#include "simulation/counted.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/instant.h"
#include "simulation/cluster.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

static const char *const NAMES[COUNTED_SUMS] = {
    "bytes",          "messages",          "fetches",          "open_fetches",   "share_messages",
    "produced_bytes", "produced_messages", "derived_messages", "derived_fetches"};

// Of sums what lines say as they stand; the rest are rules about several lines.
static const bool AS_IT_STANDS[COUNTED_SUMS] = {true, false, true,  false, true,
                                                true, false, false, false};

void counted_init(struct counted *c) {
    *c = (struct counted){0};
    hash_table_init(&c->rows_by_key);
    hash_table_init(&c->taken_by_key);
    hash_table_init(&c->letters);
}

void counted_done(struct counted *c) {
    free(c->rows);
    free(c->taken);
    hash_table_done(&c->rows_by_key);
    hash_table_done(&c->taken_by_key);
    hash_table_done(&c->letters);
    *c = (struct counted){0};
}

// --- rows ----------------------------------------------------------------------------------------

static void show(char out[COUNTED_TOPIC_MAX], struct slice text) {
    size_t n = text.len < COUNTED_TOPIC_MAX ? text.len : COUNTED_TOPIC_MAX - 1;
    if (n > 0) {
        memcpy(out, text.ptr, n);
    }
    out[n] = '\0';
}

static struct counted_row *row_of(struct counted *c, const struct usage_row *r) {
    bool spread = request_log_is_spread(r->principal->name);
    int delivery = spread ? 0 : (int)r->delivery;
    char id[TOPIC_ID_TEXT_LEN];
    struct slice topic = r->topic.name;
    if (r->topic.has_id) {
        topic_id_format(id, r->topic.id);
        topic = cluster_name_of(slice_of(id, sizeof id)); // as bind.sql joins them
    }
    uint64_t key = hash_bytes(r->principal->name.ptr, r->principal->name.len, (uint64_t)delivery);
    key = hash_bytes(topic.ptr, topic.len, key);
    key = hash_bytes(&r->from_us, sizeof r->from_us, key);
    uint32_t at = 0;
    if (hash_table_get(&c->rows_by_key, key, &at)) {
        return &c->rows[at];
    }
    if (c->row_count == c->row_cap) {
        c->row_cap = c->row_cap == 0 ? 64 : c->row_cap * 2;
        c->rows = realloc(c->rows, c->row_cap * sizeof *c->rows);
        check(c->rows != NULL);
    }
    hash_table_put(&c->rows_by_key, key, (uint32_t)c->row_count);
    struct counted_row *row = &c->rows[c->row_count++];
    *row = (struct counted_row){
        .key = key, .spread = spread, .delivery = delivery, .from_us = r->from_us};
    show(row->principal, r->principal->name);
    show(row->topic, topic);
    return row;
}

static void add_evidence(struct counted_row *row, const struct usage_evidence *v) {
    check(v->first.broker > 0 && v->first.broker <= REQUEST_LOG_BROKERS_MAX);
    struct counted_evidence *e = &row->evidence[v->first.broker];
    if (e->lines == 0 || log_position_cmp(&v->first, &e->first) < 0) {
        e->first = v->first;
    }
    if (e->lines == 0 || log_position_cmp(&v->last, &e->last) > 0) {
        e->last = v->last;
    }
    e->lines += v->lines;
}

static uint64_t hash_of_position(const struct log_position *at, uint64_t seed) {
    const uint64_t parts[] = {(uint64_t)at->broker, (uint64_t)at->generation, at->offset};
    return hash_bytes(parts, sizeof parts, seed);
}

void counted_add_batch(struct counted *c, const struct fold *f) {
    for (size_t i = 0; i < f->rows.count; i++) {
        const struct usage_row *r = &f->rows.items[i];
        struct counted_row *row = row_of(c, r);
        const i128 sums[COUNTED_SUMS] = {
            r->bytes,          r->messages,       r->fetches,           r->open_fetches,
            r->share_messages, r->produced_bytes, r->produced_messages, r->derived_messages,
            r->derived_fetches};
        for (int k = 0; k < COUNTED_SUMS; k++) {
            row->sums[k] += sums[k];
        }
        for (const struct usage_evidence *v = r->evidence; v != NULL; v = v->next) {
            add_evidence(row, v);
        }
    }
    // One with the place and reason of another is the same.
    for (size_t i = 0; i < f->dead.count; i++) {
        const struct dead_letter *d = &f->dead.items[i];
        uint64_t key = hash_of_position(&d->at, hash_bytes(d->reason.ptr, d->reason.len, 0));
        hash_table_put(&c->letters, key, 1);
    }
}

// --- records -------------------------------------------------------------------------------------

static uint64_t key_of(const struct counted_record *r) {
    return hash_of_position(&r->at, (uint64_t)r->partition);
}

bool counted_has_taken(const struct counted *c, const struct counted_record *r) {
    uint32_t at = 0;
    return hash_table_get(&c->taken_by_key, key_of(r), &at);
}

bool counted_add_taken(struct counted *c, const struct counted_record *r) {
    if (counted_has_taken(c, r)) {
        return false;
    }
    if (c->taken_count == c->taken_cap) {
        c->taken_cap = c->taken_cap == 0 ? 256 : c->taken_cap * 2;
        c->taken = realloc(c->taken, c->taken_cap * sizeof *c->taken);
        check(c->taken != NULL);
    }
    hash_table_put(&c->taken_by_key, key_of(r), (uint32_t)c->taken_count);
    c->taken[c->taken_count++] = *r;
    return true;
}

// --- comparing -----------------------------------------------------------------------------------

static bool same_evidence(const struct counted_row *x, const struct counted_row *y, int broker) {
    const struct counted_evidence *a = &x->evidence[broker], *b = &y->evidence[broker];
    return (a->lines == b->lines || x->spread || y->spread) && (a->lines == 0) == (b->lines == 0) &&
           (a->lines == 0 || (log_position_cmp(&a->first, &b->first) == 0 &&
                              log_position_cmp(&a->last, &b->last) == 0));
}

static bool same_row(const struct counted_row *got, const struct counted_row *right, bool exact,
                     const char *what, char why[COUNTED_WHY_MAX]) {
    static const struct counted_row NOTHING;
    const struct counted_row *a = got != NULL ? got : &NOTHING,
                             *b = right != NULL ? right : &NOTHING;
    const struct counted_row *named = got != NULL ? got : b;
    char from[INSTANT_TEXT_MAX];
    instant_format(from, named->from_us);
    for (int k = 0; k < COUNTED_SUMS; k++) {
        if (a->sums[k] != b->sums[k] && (exact || AS_IT_STANDS[k])) {
            char x[I128_TEXT_MAX], y[I128_TEXT_MAX];
            number_format_i128(x, a->sums[k]);
            number_format_i128(y, b->sums[k]);
            snprintf(why, COUNTED_WHY_MAX, "%s: %s \"%s\" %s %d: %s %s, right is %s", what,
                     named->principal, named->topic, from, named->delivery, NAMES[k], x, y);
            return false;
        }
    }
    for (int k = 1; k <= REQUEST_LOG_BROKERS_MAX; k++) {
        if (!same_evidence(a, b, k)) {
            snprintf(why, COUNTED_WHY_MAX,
                     "%s: %s \"%s\" %s %d: evidence of broker %d: %" PRIu64
                     " lines, right is %" PRIu64,
                     what, named->principal, named->topic, from, named->delivery, k,
                     a->evidence[k].lines, b->evidence[k].lines);
            return false;
        }
    }
    return true;
}

static bool same_rows(const struct counted *got, const struct counted *right, bool exact,
                      char why[COUNTED_WHY_MAX]) {
    uint32_t at = 0;
    for (size_t i = 0; i < right->row_count; i++) {
        const struct counted_row *b = &right->rows[i];
        bool there = hash_table_get(&got->rows_by_key, b->key, &at);
        if (!same_row(there ? &got->rows[at] : NULL, b, exact, "usage", why)) {
            return false;
        }
    }
    for (size_t i = 0; i < got->row_count; i++) {
        if (!hash_table_get(&right->rows_by_key, got->rows[i].key, &at) &&
            !same_row(&got->rows[i], NULL, exact, "usage of nothing", why)) {
            return false;
        }
    }
    return true;
}

static void tell_record(const struct counted_record *r, const char *what,
                        char why[COUNTED_WHY_MAX]) {
    char at[LOG_POSITION_TEXT_MAX];
    log_position_format(at, &r->at);
    snprintf(why, COUNTED_WHY_MAX, "%s at %s of partition %" PRId32 ": %s",
             broker_record_kind_name(r->kind), at, r->partition, what);
}

static bool same_taken(const struct counted *got, const struct counted *right,
                       const struct counted *says_nothing, char why[COUNTED_WHY_MAX]) {
    for (size_t i = 0; i < right->taken_count; i++) {
        if (!counted_has_taken(got, &right->taken[i])) {
            tell_record(&right->taken[i], "never taken", why);
            return false;
        }
    }
    for (size_t i = 0; i < got->taken_count; i++) {
        const struct counted_record *r = &got->taken[i];
        bool again = r->kind == BROKER_RECORD_FACT || r->kind == BROKER_RECORD_REFUSAL ||
                     (r->kind == BROKER_RECORD_LINE && counted_has_taken(says_nothing, r));
        if (!again && !counted_has_taken(right, r)) {
            tell_record(r, "taken, though nobody should ship it", why);
            return false;
        }
    }
    return true;
}

static bool same_letters(const struct counted *got, const struct counted *right,
                         char why[COUNTED_WHY_MAX]) {
    uint32_t at = 0;
    size_t found = 0;
    for (size_t i = 0; i < got->letters.cap; i++) {
        const struct hash_table_entry *e = &got->letters.entries[i];
        found += e->used && hash_table_get(&right->letters, e->key, &at) ? 1 : 0;
    }
    if (found != got->letters.count || found != right->letters.count) {
        snprintf(why, COUNTED_WHY_MAX, "dead letters: %zu, right are %zu, %zu of them the same",
                 got->letters.count, right->letters.count, found);
        return false;
    }
    return true;
}

bool counted_equals(const struct counted *got, const struct counted *right,
                    const struct counted *says_nothing, bool exact, char why[COUNTED_WHY_MAX]) {
    return same_taken(got, right, says_nothing, why) && same_letters(got, right, why) &&
           same_rows(got, right, exact, why);
}

void counted_print(const struct counted *c, bool exact, FILE *out) {
    struct buf b;
    buf_init(&b, TEXT_MAX);
    buf_printf(&b, "{\"exact\":%s,\"rows\":[", exact ? "true" : "false");
    for (size_t i = 0; i < c->row_count; i++) {
        const struct counted_row *r = &c->rows[i];
        buf_add_str(&b, i == 0 ? "{\"principal\":" : ",\n{\"principal\":");
        buf_add_json_string(&b, slice_str(r->principal));
        buf_add_str(&b, ",\"topic\":");
        buf_add_json_string(&b, slice_str(r->topic));
        for (int k = 0; k < COUNTED_SUMS; k++) {
            char text[I128_TEXT_MAX];
            number_format_i128(text, r->sums[k]);
            buf_printf(&b, ",\"%s\":%s", NAMES[k], text);
        }
        buf_add_char(&b, '}');
    }
    buf_add_str(&b, "]}\n");
    check(fwrite(b.ptr, 1, b.len, out) == b.len);
    buf_done(&b);
}
