#include "simulation/reader.h"

#include <string.h>

enum { BATCHES_A_FETCH = 3 };

void reader_init(struct reader *r, struct cluster *c, int number) {
    static const char *const IDS[] = {"\"app-1\"", "\"app-2\"", "\"rdkafka\"", "null"};
    *r = (struct reader){.who = {.person = number / 2, .id = IDS[number], .address = 10 + number}};
    // A principal names topics in one way: by name the first, if at all.
    r->who.by_id = number >= 2 || chance_once_in(&c->chance, 2);
    r->with_sessions = r->who.by_id && chance_once_in(&c->chance, 2);
}

void reader_take(struct reader *r, int place, int64_t position) {
    r->reads[place] = true;
    r->position[place] = position;
    r->committed[place] = position;
}

void reader_reconnect(struct reader *r) {
    memset(r->connections, 0, sizeof r->connections);
    memset(r->sessions, 0, sizeof r->sessions);
    r->coordinator = 0;
}

static int connection_to(struct reader *r, struct cluster *c, int broker) {
    if (r->connections[broker] == 0) {
        r->connections[broker] = ++c->connections;
    }
    return r->connections[broker];
}

// The answer of the place's leader. *ret_next: where the reader goes on.
static struct cluster_part answer(struct cluster *c, int at, int64_t offset, bool full_wait,
                                  int64_t *ret_next) {
    const struct cluster_place *p = &c->places[at];
    int batches = full_wait ? 0 : 1 + (int)chance_below(&c->chance, BATCHES_A_FETCH);
    struct cluster_part part = {.place = at, .partition = p->number, .offset = p->end};
    part.bytes = cluster_read(p, offset, batches, ret_next);
    return part;
}

static struct cluster_part ask(const struct cluster *c, int at, int64_t offset) {
    return (struct cluster_part){.place = at, .partition = c->places[at].number, .offset = offset};
}

// Without a session, or the one that opens a session.
static void fetch_fully(struct reader *r, struct cluster *c, int broker, bool lost) {
    struct cluster_part asked[CLUSTER_PLACES_MAX], answered[CLUSTER_PLACES_MAX];
    struct cluster_fetch f = {
        .epoch = r->with_sessions ? 0 : -1, .asked = asked, .answered = answered};
    struct reader_session *s = &r->sessions[broker];
    *s = (struct reader_session){.epoch = 1};
    for (int at = 0; at < c->place_count; at++) {
        if (!r->reads[at] || c->places[at].leader != broker) {
            continue;
        }
        int64_t next = 0;
        asked[f.asked_count++] = ask(c, at, r->position[at]);
        answered[f.answered_count++] =
            answer(c, at, r->position[at], chance_once_in(&c->chance, 4), &next);
        s->has[at] = true;
        s->offset[at] = r->position[at];
        r->position[at] = lost ? r->position[at] : next;
    }
    if (f.asked_count == 0) {
        return;
    }
    if (r->with_sessions) {
        f.granted = s->id = 1000 + ++c->sessions;
    }
    cluster_write_fetch(c, &r->who, broker, connection_to(r, c, broker), &f);
}

static void fetch_on(struct reader *r, struct cluster *c, int broker, bool lost) {
    struct cluster_part asked[CLUSTER_PLACES_MAX], answered[CLUSTER_PLACES_MAX],
        forgotten[CLUSTER_PLACES_MAX];
    struct reader_session *s = &r->sessions[broker];
    struct cluster_fetch f = {.session = s->id,
                              .epoch = s->epoch++,
                              .granted = s->id,
                              .asked = asked,
                              .answered = answered,
                              .forgotten = forgotten};
    for (int at = 0; at < c->place_count; at++) {
        bool here = r->reads[at] && c->places[at].leader == broker;
        if (!here && s->has[at]) {
            forgotten[f.forgotten_count++] = ask(c, at, 0);
            s->has[at] = false;
        }
        if (!here) {
            continue;
        }
        if (!s->has[at] || s->offset[at] != r->position[at]) {
            asked[f.asked_count++] = ask(c, at, r->position[at]);
            s->has[at] = true;
            s->offset[at] = r->position[at];
        }
        int64_t next = 0;
        struct cluster_part part =
            answer(c, at, r->position[at], chance_once_in(&c->chance, 3), &next);
        if (part.bytes > 0) {
            answered[f.answered_count++] = part;
            r->position[at] = lost ? r->position[at] : next;
        }
    }
    cluster_write_fetch(c, &r->who, broker, connection_to(r, c, broker), &f);
}

static void fetch(struct reader *r, struct cluster *c, int broker, bool lost) {
    if (r->with_sessions && r->sessions[broker].id != 0 && !chance_once_in(&c->chance, 25)) {
        fetch_on(r, c, broker, lost);
    } else {
        fetch_fully(r, c, broker, lost);
    }
}

static void commit(struct reader *r, struct cluster *c) {
    struct cluster_part parts[CLUSTER_PLACES_MAX];
    int count = 0;
    for (int at = 0; at < c->place_count; at++) {
        if (r->reads[at]) {
            parts[count++] = ask(c, at, r->position[at]);
            r->committed[at] = r->position[at];
        }
    }
    if (count == 0) {
        return;
    }
    if (r->coordinator == 0) {
        r->coordinator = ++c->connections;
    }
    cluster_write_commit(c, &r->who, c->log->brokers - 1, r->coordinator,
                         chance_once_in(&c->chance, 6), parts, count);
}

static int some_leader(const struct reader *r, struct cluster *c) {
    int first = (int)chance_below(&c->chance, (uint32_t)c->place_count);
    for (int i = 0; i < c->place_count; i++) {
        int at = (first + i) % c->place_count;
        if (r->reads[at]) {
            return c->places[at].leader;
        }
    }
    return -1;
}

void reader_goes_on(struct reader *r, struct cluster *c) {
    int broker = some_leader(r, c);
    if (broker < 0) {
        return;
    }
    bool killed = c->log->read_again && chance_once_in(&c->chance, 25);
    fetch(r, c, broker, killed); // one that is killed may never have got the answer
    if (killed) {
        reader_reconnect(r);
        for (int at = 0; at < c->place_count; at++) {
            r->position[at] = r->committed[at];
        }
    } else if (chance_once_in(&c->chance, 5)) {
        commit(r, c);
    }
}

void reader_give(struct reader *r, struct reader *to, struct cluster *c) {
    int at = (int)chance_below(&c->chance, (uint32_t)c->place_count);
    if (!r->reads[at] || to->reads[at]) {
        return;
    }
    bool again = c->log->read_again && chance_once_in(&c->chance, 3);
    int64_t position = again ? r->committed[at] : r->position[at];
    r->reads[at] = false;
    reader_take(to, at, position);
    to->committed[at] = r->committed[at];
}
