#include "simulation/database.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/hash.h"
#include "core/usage/usage_blob.h"
#include "meter/store/store.h"
#include "simulation/block_topic.h"
#include "simulation/fault.h"
#include "simulation/process.h"
#include "simulation/wrap.h"

enum {
    BROKERS = REQUEST_LOG_BROKERS_MAX,
    PARTITIONS = BLOCK_TOPIC_PARTITIONS_MAX,
    STATES_MAX = 64,
    TOPICS_MAX = 8,
    GAPS_OPEN_MAX = 256,
    FOLDS_MAX = 8,
};

struct position {
    bool there;
    struct log_position watermark;
    bool has_time;
    int64_t time_us, heard_us;
};

struct state {
    int32_t partition;
    char *principal; // owned, with its length
    size_t principal_len;
    struct buf blob;
};

struct topic {
    char id[TOPIC_ID_TEXT_LEN];
    char name[COUNTED_TOPIC_MAX];
    int64_t seen_us, deleted_us;
};

struct gap {
    int32_t partition;
    struct log_position above;
};

// A fold that was loaded, and what it has taken since its last commit.
struct watched {
    const struct fold *fold; // NULL: free
    struct counted_record *taken;
    size_t count, cap;
};

struct database database;

static struct {
    int32_t partitions;
    int brokers;
    int64_t begin_us;
    int64_t next_offset[PARTITIONS];
    int64_t version[PARTITIONS]; // of its row: which commit
    struct position positions[PARTITIONS][BROKERS + 1];
    struct state states[STATES_MAX];
    size_t state_count;
    struct topic topics[TOPICS_MAX];
    size_t topic_count;
    struct gap gaps[GAPS_OPEN_MAX];
    size_t gap_count;
} db;

static struct watched watched[FOLDS_MAX];

void database_init(struct chance *chance, int32_t partitions, int brokers, int64_t begin_us) {
    memset(&db, 0, sizeof db);
    db.partitions = partitions;
    db.brokers = brokers;
    db.begin_us = begin_us;
    database = (struct database){.chance = chance};
    counted_init(&database.counted);
}

void database_done(void) {
    for (size_t i = 0; i < db.state_count; i++) {
        free(db.states[i].principal);
        buf_done(&db.states[i].blob);
    }
    db.state_count = 0;
    for (size_t i = 0; i < FOLDS_MAX; i++) {
        free(watched[i].taken);
        watched[i] = (struct watched){0};
    }
    counted_done(&database.counted);
}

int64_t database_complete_us(void) {
    int64_t least = INT64_MAX;
    for (int32_t p = 0; p < db.partitions; p++) {
        for (int b = 1; b <= db.brokers; b++) {
            const struct position *at = &db.positions[p][b];
            int64_t us = at->has_time ? at->time_us : INT64_MIN;
            least = us < least ? us : least;
        }
    }
    return least;
}

int database_open_gaps(void) {
    return (int)db.gap_count;
}

static void wrong(const char *what) {
    if (database.wrong[0] == '\0') {
        snprintf(database.wrong, sizeof database.wrong, "%s", what);
    }
}

// --- what was taken ------------------------------------------------------------------------------

static struct watched *watched_of(const struct fold *f) {
    for (size_t i = 0; i < FOLDS_MAX; i++) {
        if (watched[i].fold == f) {
            return &watched[i];
        }
    }
    return NULL;
}

static void watch(const struct fold *f) {
    struct watched *w = watched_of(f);
    w = w != NULL ? w : watched_of(NULL);
    check(w != NULL);
    w->fold = f;
    w->count = 0;
}

void REAL(fold_record)(struct fold *f, struct log_partition *partition,
                       const struct broker_record *r, struct slice value, int64_t timestamp_us);
void WRAPPED(fold_record)(struct fold *f, struct log_partition *partition,
                          const struct broker_record *r, struct slice value, int64_t timestamp_us);
void WRAPPED(fold_record)(struct fold *f, struct log_partition *partition,
                          const struct broker_record *r, struct slice value, int64_t timestamp_us) {
    struct watched *w = watched_of(f);
    bool advances = broker_record_kind_advances(r->kind);
    struct log_position before = log_partitions_broker(partition, r->pos.broker)->watermark;
    REAL(fold_record)(f, partition, r, value, timestamp_us);
    struct log_position after = log_partitions_broker(partition, r->pos.broker)->watermark;
    bool taken = advances && log_position_cmp(&after, &r->pos) == 0 &&
                 (log_position_cmp(&after, &before) != 0 || fault_planted == FAULT_TAKE_AGAIN);
    if (w == NULL || !taken) {
        return;
    }
    if (w->count == w->cap) {
        w->cap = w->cap == 0 ? 256 : w->cap * 2;
        w->taken = realloc(w->taken, w->cap * sizeof *w->taken);
        check(w->taken != NULL);
    }
    w->taken[w->count++] = (struct counted_record){partition->number, r->pos, r->kind};
}

void REAL(fold_done)(struct fold *f);
void WRAPPED(fold_done)(struct fold *f);
void WRAPPED(fold_done)(struct fold *f) {
    struct watched *w = watched_of(f);
    if (w != NULL) {
        w->fold = NULL;
    }
    REAL(fold_done)(f);
}

// --- loading -------------------------------------------------------------------------------------

enum err_code store_session(struct pg *pg, struct err *e) {
    (void)pg;
    (void)e;
    return ERR_OK;
}

enum err_code store_open(struct store *s, struct pg *pg, const char *cluster, struct err *e) {
    (void)cluster;
    if (!process_step() || database.away) {
        return err_set(e, ERR_UNAVAILABLE, "database is away");
    }
    *s = (struct store){.pg = pg};
    return ERR_OK;
}

void store_done(struct store *s) {
    *s = (struct store){0};
}

static void load_partition(struct fold *f, int32_t number) {
    struct log_partition *p = log_partitions_own(&f->partitions, number);
    p->stored_offset = db.next_offset[number];
    p->next_offset = p->stored_offset;
    p->stored_version = db.version[number];
    for (int b = 1; b <= db.brokers; b++) {
        const struct position *at = &db.positions[number][b];
        if (!at->there) {
            continue;
        }
        struct log_broker *broker = log_partitions_broker(p, b);
        broker->watermark = at->watermark;
        broker->has_watermark = at->watermark.generation != 0 || at->watermark.offset != 0;
        broker->has_time = at->has_time;
        broker->time_us = at->time_us;
        broker->heard_us = at->heard_us;
    }
    for (size_t i = 0; i < db.gap_count; i++) {
        if (db.gaps[i].partition == number) {
            log_partitions_broker(p, db.gaps[i].above.broker)->gap_open = true;
        }
    }
}

static void load_states(struct fold *f, int32_t number) {
    for (size_t i = 0; i < db.state_count; i++) {
        const struct state *st = &db.states[i];
        if (st->partition != number || fault_planted == FAULT_FORGET_STATES) {
            continue;
        }
        struct principal *p =
            principals_get(&f->principals, slice_of(st->principal, st->principal_len));
        check(p != NULL && p->state == NULL);
        struct err e = {0};
        if (usage_blob_decode(buf_slice(&st->blob), &p->state, &e) != ERR_OK) {
            wrong("a state that was stored can't be read");
            p->state = usage_state_new();
        }
        p->partition = number;
        p->stored = true;
    }
}

enum err_code store_load(struct store *s, struct fold *f, const int32_t *numbers, size_t count,
                         struct err *e) {
    (void)s;
    if (!process_step() || database.away) {
        return err_set(e, ERR_UNAVAILABLE, "database is away");
    }
    database.loads++;
    watch(f);
    for (size_t i = 0; i < count; i++) {
        load_partition(f, numbers[i]);
    }
    for (size_t i = 0; i < db.topic_count; i++) {
        const struct topic *t = &db.topics[i];
        fold_learn(f, slice_of(t->id, sizeof t->id), slice_str(t->name), t->seen_us, t->deleted_us);
    }
    for (int b = 1; b <= db.brokers; b++) {
        f->expected[f->expected_count++] = (struct log_expected){.id = b, .listed_us = db.begin_us};
    }
    for (size_t i = 0; i < count; i++) {
        load_states(f, numbers[i]);
    }
    return process_step() ? ERR_OK : err_set(e, ERR_UNAVAILABLE, "killed");
}

enum err_code store_refresh(struct store *s, struct fold *f, struct err *e) {
    (void)s;
    (void)f;
    return database.away ? err_set(e, ERR_UNAVAILABLE, "database is away") : ERR_OK;
}

enum err_code store_bind(struct store *s, int64_t *ret_bound, struct err *e) {
    (void)s;
    (void)e;
    *ret_bound = 0;
    return ERR_OK;
}

// Other principals' production decides nothing here: when it is asked for is a matter of time.
enum err_code store_load_produced(struct store *s, struct fold *f, struct err *e) {
    (void)s;
    (void)e;
    produced_loaded(&f->produced);
    return ERR_OK;
}

// --- the transaction -----------------------------------------------------------------------------

static bool versions_are_as_read(const struct fold *f) {
    for (int32_t i = 0; i < db.partitions; i++) {
        const struct log_partition *p = log_partitions_find(&f->partitions, i);
        bool same = fault_planted == FAULT_COMPARE_OFFSETS
                        ? p == NULL || p->stored_offset == db.next_offset[i]
                        : p == NULL || p->stored_version == db.version[i];
        if (p != NULL && p->touched && !same) {
            return false;
        }
    }
    return true;
}

static void put_state(const struct principal *p) {
    size_t i = 0;
    while (i < db.state_count &&
           !(db.states[i].partition == p->partition &&
             slice_eq(p->name, slice_of(db.states[i].principal, db.states[i].principal_len)))) {
        i++;
    }
    struct state *st = &db.states[i];
    if (usage_state_empty(p->state)) {
        if (i < db.state_count) {
            free(st->principal);
            buf_done(&st->blob);
            *st = db.states[--db.state_count];
        }
        return;
    }
    if (i == db.state_count) {
        check(db.state_count < STATES_MAX);
        db.state_count++;
        *st = (struct state){.partition = p->partition, .principal_len = p->name.len};
        st->principal = malloc(p->name.len + 1);
        check(st->principal != NULL);
        memcpy(st->principal, p->name.ptr, p->name.len);
        buf_init(&st->blob, USAGE_BLOB_MAX);
    }
    buf_clear(&st->blob);
    usage_blob_encode(p->state, &st->blob);
    check(!st->blob.overflow);
}

static void put_topic(const struct fold_fact *fact) {
    struct topic *t = db.topics;
    while (t < db.topics + db.topic_count && memcmp(t->id, fact->id, sizeof t->id) != 0) {
        t++;
    }
    if (t == db.topics + db.topic_count) {
        if (fact->name.len == 0) {
            return;
        }
        check(db.topic_count < TOPICS_MAX && fact->name.len < sizeof t->name);
        db.topic_count++;
        *t = (struct topic){.seen_us = fact->at_us, .deleted_us = INT64_MIN};
        memcpy(t->id, fact->id, sizeof t->id);
        memcpy(t->name, fact->name.ptr, fact->name.len);
    }
    t->seen_us = fact->at_us < t->seen_us ? fact->at_us : t->seen_us;
    if (fact->deleted && t->deleted_us == INT64_MIN) {
        t->deleted_us = fact->at_us;
    }
}

static void put_gaps(const struct fold *f) {
    for (size_t i = 0; i < f->partitions.gap_count; i++) {
        const struct log_gap *g = &f->partitions.gaps[i];
        size_t k = 0;
        while (k < db.gap_count && !(db.gaps[k].partition == g->partition &&
                                     db.gaps[k].above.broker == g->above.broker &&
                                     log_position_cmp(&db.gaps[k].above, &g->above) == 0)) {
            k++;
        }
        if (k == db.gap_count) {
            check(db.gap_count < GAPS_OPEN_MAX);
            db.gaps[db.gap_count++] = (struct gap){g->partition, g->above};
        }
    }
}

static void close_gaps(int32_t partition, const struct log_position *watermark) {
    size_t kept = 0;
    for (size_t k = 0; k < db.gap_count; k++) {
        const struct gap *g = &db.gaps[k];
        if (g->partition != partition || g->above.broker != watermark->broker ||
            log_position_cmp(&g->above, watermark) >= 0) {
            db.gaps[kept++] = *g;
        }
    }
    db.gap_count = kept;
}

static void put_positions(struct fold *f) {
    for (int32_t i = 0; i < db.partitions; i++) {
        struct log_partition *p = log_partitions_find(&f->partitions, i);
        for (size_t k = 0; p != NULL && k < p->broker_count; k++) {
            const struct log_broker *b = &p->brokers[k];
            struct position *at = &db.positions[i][b->id];
            if (b->gap_closed) {
                close_gaps(i, &b->watermark);
            }
            if (!b->dirty) {
                continue;
            }
            if (at->there && log_position_cmp(&b->watermark, &at->watermark) < 0) {
                wrong("a stored position went back");
            }
            *at = (struct position){true, b->watermark, b->has_time, b->time_us, b->heard_us};
        }
        if (p != NULL && p->touched) {
            db.next_offset[i] = p->next_offset;
            p->next_version = ++db.version[i];
        }
    }
}

static void store_taken(const struct fold *f) {
    struct watched *w = watched_of(f);
    for (size_t i = 0; w != NULL && i < w->count; i++) {
        const struct counted_record *r = &w->taken[i];
        if (!counted_add_taken(&database.counted, r)) {
            char at[LOG_POSITION_TEXT_MAX], text[256];
            log_position_format(at, &r->at);
            snprintf(text, sizeof text, "%s at %s of partition %" PRId32 ": taken twice",
                     broker_record_kind_name(r->kind), at, r->partition);
            wrong(text);
        }
    }
    if (w != NULL) {
        w->count = 0;
    }
}

// False where it was killed in the middle, which a transaction doesn't know.
static bool apply(struct fold *f) {
    counted_add_batch(&database.counted, f);
    if (fault_planted == FAULT_TWO_COMMITS && !process_step()) {
        return false;
    }
    store_taken(f);
    for (size_t i = 0; i < f->dirty_count; i++) {
        put_state(f->dirty[i]);
    }
    for (size_t i = 0; i < f->fact_count; i++) {
        put_topic(&f->facts[i]);
    }
    for (size_t i = 0; i < f->hole_count; i++) {
        if (slice_eq_str(f->holes[i].hole.kind, "topic_expired")) {
            wrong("a hole in the log topic");
        }
    }
    put_gaps(f);
    put_positions(f);
    return true;
}

enum err_code store_commit(struct store *s, struct fold *f, struct store_outcome *ret,
                           struct err *e) {
    (void)s;
    *ret = (struct store_outcome){0};
    if (!process_long_step(database.chance) || database.away) {
        return err_set(e, ERR_UNAVAILABLE, "database is away");
    }
    if (!versions_are_as_read(f)) {
        database.conflicts++;
        if (fault_planted != FAULT_NO_COMPARE) {
            return err_set(e, ERR_CONFLICT, "another meter has read on in a partition");
        }
    }
    if (!apply(f)) {
        return err_set(e, ERR_UNAVAILABLE, "killed");
    }
    database.commits++;
    if (!process_step() || (database.flaky && chance_once_in(database.chance, 8))) {
        return err_set(e, ERR_UNAVAILABLE, "connection lost before the answer");
    }
    return ERR_OK;
}

// --- platform/pg ---------------------------------------------------------------------------------

enum err_code pg_open_wait(const struct pg_options *o, bool (*keep_going)(void), struct pg **ret,
                           struct err *e) {
    (void)o;
    (void)e;
    (void)keep_going;
    *ret = NULL;
    return ERR_OK;
}

void pg_close(struct pg *pg) {
    (void)pg;
}

bool pg_usable(const struct pg *pg) {
    (void)pg;
    return true;
}

bool pg_alive(struct pg *pg) {
    (void)pg;
    return true;
}

enum err_code pg_reconnect(struct pg *pg, bool (*keep_going)(void), struct err *e) {
    (void)pg;
    (void)e;
    (void)keep_going;
    return ERR_OK;
}
