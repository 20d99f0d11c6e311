#include "simulation/hostile.h"

#include "core/brokerlog/log_block.h"

void hostile_init(struct hostile *h, struct cluster *c) {
    *h = (struct hostile){.broker = (int)chance_below(&c->chance, (uint32_t)c->log->brokers)};
    h->by_id = chance_once_in(&c->chance, 2);
    // Each costs as much as all other lines of a log together.
    h->long_lines = chance_once_in(&c->chance, 3) ? 10 : 0;
}

static int64_t some_offset(struct hostile *h, struct cluster *c, int at) {
    static const int64_t WILD[] = {0,         1,         -1,        -2,       INT64_MIN,
                                   1LL << 31, 1LL << 53, 1LL << 60, INT64_MAX};
    struct chance *r = &c->chance;
    switch (chance_below(r, 8)) {
    case 0: return WILD[chance_below(r, sizeof WILD / sizeof *WILD)];
    case 1: return chance_below(r, (uint32_t)c->places[at].end + 60);
    case 2: return h->position[at] + chance_below(r, 50);
    default: return h->position[at];
    }
}

static struct cluster_part asked_of(struct hostile *h, struct cluster *c) {
    static const char *const WILD[] = {"",
                                       "x/y",
                                       "Gr\u00f6\u00dfe",
                                       "quote\\\" and \\\\ slash",
                                       "tab\\there",
                                       "n n n n n n n n n n n n n"};
    struct chance *r = &c->chance;
    int at = (int)chance_below(r, (uint32_t)c->place_count);
    struct cluster_part p = {
        .place = at, .partition = c->places[at].number, .offset = some_offset(h, c, at)};
    if (chance_once_in(r, 8)) {
        p.name = WILD[chance_below(r, sizeof WILD / sizeof *WILD)];
        p.partition = chance_once_in(r, 2) ? INT32_MAX : -1;
    }
    return p;
}

// The broker's answer.
static struct cluster_part answer_to(struct hostile *h, struct cluster *c,
                                     const struct cluster_part *asked) {
    static const int REFUSALS[] = {29, 3, 74, 75};
    struct chance *r = &c->chance;
    const struct cluster_place *place = &c->places[asked->place];
    struct cluster_part p = *asked;
    p.offset = -1;
    if (p.name != NULL) {
        p.error = 3;
    } else if (chance_once_in(r, 12)) {
        p.error = REFUSALS[chance_below(r, 4)];
    } else if (asked->offset < 0 || asked->offset > place->end) {
        p.error = 1;
        h->position[asked->place] = chance_once_in(r, 2) ? 0 : place->end;
    } else {
        int64_t next = asked->offset;
        int batches = (int)chance_below(r, 4);
        p.bytes = cluster_read(place, asked->offset, batches, &next);
        p.bytes += p.bytes > 0 && chance_once_in(r, 4) ? chance_below(r, 900) : 0; // a cut tail
        p.offset = chance_once_in(r, 10) ? asked->offset : place->end; // an early watermark
        if (chance_below(r, 5) > 0) {
            h->position[asked->place] = next;
        }
    }
    return p;
}

static void fetch(struct hostile *h, struct cluster *c, const struct cluster_client *who) {
    struct chance *r = &c->chance;
    struct cluster_part asked[CLUSTER_PARTS_MAX], answered[CLUSTER_PARTS_MAX], forgotten[1];
    struct cluster_fetch f = {.epoch = -1, .asked = asked, .answered = answered};
    f.asked_count = (int)chance_below(r, 4);
    for (int i = 0; i < f.asked_count; i++) {
        asked[i] = asked_of(h, c);
        bool again = false; // named twice it is answered once
        for (int k = 0; k < i; k++) {
            again = again || (asked[k].place == asked[i].place && asked[k].name == asked[i].name);
        }
        if (!again && chance_below(r, 12) > 0) {
            answered[f.answered_count++] = answer_to(h, c, &asked[i]);
        }
    }
    if (chance_once_in(r, 3)) { // sessions, its own and others'
        f.session = chance_once_in(r, 3) ? 0 : 70 + chance_below(r, 3);
        f.epoch = chance_between(r, -1, 4);
        f.granted = chance_once_in(r, 3) ? 0 : 70 + chance_below(r, 3);
        f.error = chance_once_in(r, 10) ? 70 : 0;
    }
    if (chance_once_in(r, 6)) {
        forgotten[0] = asked_of(h, c);
        f.forgotten = forgotten;
        f.forgotten_count = 1;
    }
    f.no_request = chance_once_in(r, 40);
    f.twice = chance_once_in(r, 20);
    if (h->long_lines > 0 && chance_once_in(r, 3)) {
        h->long_lines--;
        // Up to four parts.
        f.long_name = (size_t)chance_between(r, LOG_PART_MAX - 2000, LOG_PART_MAX + 300000);
        f.asked_count = f.asked_count == 0 ? 1 : f.asked_count;
        asked[0] = asked_of(h, c);
        f.twice = false;
    }
    cluster_write_fetch(c, who, h->broker, 500 + (int)chance_below(r, 4), &f);
}

static void commit(struct hostile *h, struct cluster *c, const struct cluster_client *who) {
    struct cluster_part parts[2];
    for (int i = 0; i < 2; i++) {
        parts[i] = asked_of(h, c);
        parts[i].error = chance_once_in(&c->chance, 8) ? 25 : 0;
    }
    cluster_write_commit(c, who, h->broker, 600, chance_once_in(&c->chance, 3), parts, 2);
}

// Where a batch begins is the broker's to say; the client may send it twice.
static void produce(struct hostile *h, struct cluster *c, const struct cluster_client *who,
                    int at) {
    struct chance *r = &c->chance;
    struct cluster_place *place = &c->places[at];
    if (place->batch_count == CLUSTER_BATCHES_MAX) {
        return;
    }
    int records = 1 + (int)chance_below(r, 60);
    int64_t base = cluster_append(place, records);
    int64_t bytes = (int64_t)records * CLUSTER_RECORD_BYTES;
    bool no_acks = chance_once_in(r, 6);
    for (int times = chance_once_in(r, 3) ? 2 : 1; times > 0; times--) {
        cluster_write_produce(c, who, h->broker, at, bytes, base, no_acks);
    }
}

// Fetches that nothing ever closes, of as many connections.
static void open_many(struct hostile *h, struct cluster *c, const struct cluster_client *who) {
    for (int i = 0; i < 20; i++) {
        struct cluster_part asked = {.place = 0, .partition = c->places[0].number};
        struct cluster_part answered = answer_to(h, c, &asked);
        const struct cluster_fetch f = {.epoch = -1,
                                        .asked = &asked,
                                        .answered = &answered,
                                        .asked_count = 1,
                                        .answered_count = 1};
        cluster_write_fetch(c, who, h->broker, ++c->connections, &f);
    }
}

void hostile_goes_on(struct hostile *h, struct cluster *c) {
    static const char *const IDS[] = {"\"app-1\"", "\"\"", "null", "\"m \\u0000\""};
    struct chance *r = &c->chance;
    const struct cluster_client who = {.person = 4,
                                       .id = IDS[chance_below(r, 4)],
                                       .address = 10 + (int)chance_below(r, 2),
                                       .by_id = h->by_id};
    uint32_t what = chance_below(r, 60);
    int at = (int)chance_below(r, (uint32_t)c->place_count);
    if (what < 40) {
        fetch(h, c, &who);
    } else if (what < 48) {
        commit(h, c, &who);
    } else if (what < 54) {
        produce(h, c, &who, at);
    } else if (what < 59) {
        int64_t first = some_offset(h, c, at);
        cluster_write_share(c, &who, h->broker, at, first,
                            chance_once_in(r, 5) ? some_offset(h, c, at) : first);
    } else {
        open_many(h, c, &who);
    }
}
