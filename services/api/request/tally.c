// Open rows, each the JSON text of what it says and how often; and their way to the database.
#include "api/request/tally.h"

#include <stdlib.h>
#include <string.h>

#include "api_sql.h"
#include "base/check.h"
#include "base/hash.h"
#include "platform/pg/pg_pool.h"
#include "platform/program/clock.h"
#include "platform/program/log.h"

enum {
    OPEN_MAX = TALLY_REFUSED_MAX * 2 + TALLY_DENIED_MAX + TALLY_READ_MAX + TALLY_KINDS,
    ROW_BYTES_MAX = 16384, // of one row's JSON
    SEND_BYTES_MAX = 8 << 20,
    SECONDS_OPEN = 60,
    COMMANDS = 4,
};

static const struct {
    const char *action;
    size_t max;
} KINDS[TALLY_KINDS] = {
    [TALLY_SIGN_IN] = {"session.refuse", TALLY_REFUSED_MAX},
    [TALLY_TOKEN] = {"token.refuse", TALLY_REFUSED_MAX},
    [TALLY_DENIAL] = {"request.deny", TALLY_DENIED_MAX},
    [TALLY_READ] = {"tenant.read", TALLY_READ_MAX},
};

struct open_row {
    uint64_t hash;
    char *text; // owned: the row's members, without the count
    enum tally_kind kind;
    int64_t closes_us;
    int64_t first_us, last_us; // of what isn't written yet
    int64_t count;             // not written yet
    int64_t sent;              // of these, on their way
    bool known;                // its first is written
};

struct tally {
    struct open_row rows[OPEN_MAX];
    size_t count;
    size_t of[TALLY_KINDS];
    struct pg_tx tx;
    struct pg_segment segment;
    struct pg_command commands[COMMANDS];
    struct pg_param scope[2], param[1];
    struct buf sending;
    bool busy;
};

struct tally *tally_new(void) {
    struct tally *t = calloc(1, sizeof *t);
    check(t != NULL);
    return t;
}

void tally_free(struct tally *t) {
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->count; i++) {
        free(t->rows[i].text);
    }
    if (t->busy) {
        buf_done(&t->sending);
    }
    free(t);
}

// --- counting ------------------------------------------------------------------------------------
static void add_member(struct buf *out, const char *name, const char *value) {
    char plain[TALLY_TEXT_MAX];
    size_t len = 0;
    if (value == NULL) {
        return;
    }
    for (; value[len] != '\0' && len < sizeof plain; len++) {
        plain[len] = value[len] >= ' ' && value[len] <= '~' ? value[len] : '?';
    }
    buf_printf(out, "\"%s\":", name);
    buf_add_json_string(out, slice_of(plain, len));
    buf_add_char(out, ',');
}

static void render(const struct tally_row *row, struct buf *out) {
    add_member(out, "action", KINDS[row->kind].action);
    add_member(out, "org_id", row->org);
    add_member(out, "actor_kind", row->actor_kind);
    add_member(out, "actor_id", row->actor);
    add_member(out, "actor_org_id", row->actor_org);
    add_member(out, "object_kind", row->object_kind);
    add_member(out, "object_id", row->object);
    add_member(out, "address", row->address);
    add_member(out, "operation", row->operation);
    add_member(out, "query", row->query);
}

static struct open_row *find(struct tally *t, uint64_t hash, struct slice text, int64_t now_us) {
    for (size_t i = 0; i < t->count; i++) {
        struct open_row *o = &t->rows[i];
        if (o->hash == hash && slice_eq_str(text, o->text) && (now_us < o->closes_us)) {
            return o;
        }
    }
    return NULL;
}

static struct open_row *open_new(struct tally *t, const struct tally_row *row, uint64_t hash,
                                 struct slice text, int64_t now_us) {
    check(t->count < OPEN_MAX);
    struct open_row *o = &t->rows[t->count++];
    *o = (struct open_row){
        .hash = hash,
        .kind = row->kind,
        .closes_us = now_us + SECONDS_OPEN * US_PER_SECOND,
    };
    o->text = malloc(text.len + 1);
    check(o->text != NULL);
    memcpy(o->text, text.ptr, text.len);
    o->text[text.len] = '\0';
    t->of[row->kind]++;
    return o;
}

void tally_add(struct tally *t, const struct tally_row *row, int64_t now_us) {
    struct buf text;
    buf_init(&text, ROW_BYTES_MAX);
    render(row, &text);
    uint64_t hash = hash_bytes(text.ptr, text.len, (uint64_t)row->kind);
    struct open_row *o = find(t, hash, buf_slice(&text), now_us);
    if (o == NULL && t->of[row->kind] >= KINDS[row->kind].max) {
        // Too many at once: one row for all of them, however long it must stay open.
        struct tally_row rest = {row->kind, NULL,   "nobody", "many", NULL,
                                 "many",    "many", NULL,     NULL,   NULL};
        buf_clear(&text);
        render(&rest, &text);
        hash = hash_bytes(text.ptr, text.len, (uint64_t)row->kind);
        o = find(t, hash, buf_slice(&text), INT64_MIN);
    }
    if (o == NULL) {
        o = open_new(t, row, hash, buf_slice(&text), now_us);
    }
    buf_done(&text);
    if (o->count == o->sent) {
        o->first_us = now_us;
    }
    o->last_us = now_us;
    o->count++;
}

static void forget_closed(struct tally *t, int64_t now_us) {
    for (size_t i = 0; i < t->count;) {
        struct open_row *o = &t->rows[i];
        if (o->count > 0 || now_us < o->closes_us) {
            i++;
            continue;
        }
        t->of[o->kind]--;
        free(o->text);
        *o = t->rows[--t->count];
    }
}

void tally_due(struct tally *t, int64_t now_us, struct buf *out) {
    forget_closed(t, now_us);
    for (size_t i = 0; i < t->count && out->len < SEND_BYTES_MAX - ROW_BYTES_MAX; i++) {
        struct open_row *o = &t->rows[i];
        if (o->count == 0 || (o->known && now_us < o->closes_us)) {
            continue;
        }
        buf_add_str(out, out->len == 0 ? "[{" : ",{");
        buf_add_str(out, o->text);
        buf_printf(out, "\"count\":%lld,\"first_us\":%lld,\"last_us\":%lld}", (long long)o->count,
                   (long long)o->first_us, (long long)o->last_us);
        o->sent = o->count;
    }
    if (out->len > 0) {
        buf_add_char(out, ']');
    }
}

void tally_written(struct tally *t, bool gone) {
    for (size_t i = 0; i < t->count; i++) {
        struct open_row *o = &t->rows[i];
        if (gone && o->sent > 0) {
            o->count -= o->sent;
            o->known = true;
        }
        o->sent = 0;
    }
}

// --- writing -------------------------------------------------------------------------------------
// What the database refuses for itself is given up, so that it can't keep back all that follows.
static void end_write(struct tally *t, const struct err *e) {
    if (e != NULL) {
        log_warn("audit rows of refusals and reads not written", log_err(e));
    }
    buf_done(&t->sending);
    t->busy = false;
    tally_written(t, e == NULL || e->code != ERR_UNAVAILABLE);
}

static void on_stored(struct pg_segment *segment, struct pg_rows *rows, const struct err *e) {
    struct tally *t = segment->user;
    (void)rows;
    if (e == NULL) {
        pg_tx_committed(&t->tx);
    }
    pg_tx_close(&t->tx);
    end_write(t, e);
}

static void on_opened(struct pg_tx *tx, const struct err *e) {
    struct tally *t = tx->user;
    struct err error;
    if (e != NULL) {
        end_write(t, e);
    } else if (pg_tx_send(&t->tx, &t->segment, &error) != ERR_OK) {
        pg_tx_close(&t->tx);
        end_write(t, &error);
    }
}

void tally_tick(struct tally *t, struct pg_pool *pool) {
    struct err e;
    if (t->busy || !pg_pool_ready(pool)) {
        return;
    }
    buf_init(&t->sending, SEND_BYTES_MAX);
    tally_due(t, clock_system_us(), &t->sending);
    if (t->sending.len == 0) {
        buf_done(&t->sending);
        return;
    }
    t->scope[0] = pg_text("");
    t->scope[1] = pg_text("on");
    t->param[0] = pg_text(t->sending.ptr);
    t->commands[0] = (struct pg_command){.statement = &pg_pool_begin};
    t->commands[1] = (struct pg_command){&api_sql_scope, {t->scope, 2}};
    t->commands[2] = (struct pg_command){&api_sql_audit_tally, {t->param, 1}};
    t->commands[3] = (struct pg_command){.statement = &pg_pool_commit};
    t->segment = (struct pg_segment){
        .commands = t->commands, .count = COMMANDS, .done = on_stored, .user = t};
    t->tx = (struct pg_tx){.opened = on_opened, .user = t};
    t->busy = true;
    if (pg_tx_open(pool, &t->tx, &e) != ERR_OK) {
        end_write(t, &e);
    }
}
