#include "simulation/request_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/instant.h"
#include "simulation/hostile.h"
#include "simulation/reader.h"

enum { READERS = 4, LATE_MAX = 8 };
static const int64_t HOUR_US = 3600LL * 1000000;

int64_t request_log_hour(int64_t us) {
    return us / HOUR_US;
}

bool request_log_is_exact(const struct request_log *l) {
    return l->names_first && (l->brokers == 1 || !l->read_again);
}

bool request_log_is_spread(struct slice principal) {
    return !slice_eq_str(principal, "mallory");
}

// --- producers -----------------------------------------------------------------------------------

// A batch whose line isn't written yet, or will be written again.
struct late {
    int writer, place, broker;
    int64_t bytes, base;
};

struct producers {
    struct late late[LATE_MAX];
    int late_count;
};

static void write_batch(struct cluster *c, const struct late *b) {
    const struct cluster_client who = {
        .person = 2 + b->writer, .id = "\"w\"", .address = 80 + b->writer, .by_id = b->writer == 1};
    cluster_write_produce(c, &who, b->broker, b->place, b->bytes, b->base,
                          chance_once_in(&c->chance, 25));
}

static void produce(struct cluster *c, struct producers *p) {
    struct chance *r = &c->chance;
    int at = (int)chance_below(r, (uint32_t)c->place_count);
    struct cluster_place *place = &c->places[at];
    if (place->batch_count == CLUSTER_BATCHES_MAX) {
        return;
    }
    int records = 1 + (int)chance_below(r, 40);
    struct late b = {.writer = at % 2, .place = at, .broker = place->leader};
    b.base = cluster_append(place, records);
    b.bytes = (int64_t)records * CLUSTER_RECORD_BYTES;
    bool late = chance_once_in(r, 4), again = chance_once_in(r, 8);
    if (!late) {
        write_batch(c, &b);
    }
    if ((late || again) && p->late_count < LATE_MAX) {
        p->late[p->late_count++] = b;
    } else if (late) {
        write_batch(c, &b);
    }
    while (p->late_count > 0 && chance_once_in(r, 3)) {
        int which = (int)chance_below(r, (uint32_t)p->late_count);
        write_batch(c, &p->late[which]);
        p->late[which] = p->late[--p->late_count];
    }
}

// --- all of it -----------------------------------------------------------------------------------

static void idle(struct cluster *c, struct producers *p, struct reader *readers) {
    while (p->late_count > 0) {
        write_batch(c, &p->late[--p->late_count]);
    }
    c->now_us += 60000000LL * chance_between(&c->chance, 20, 90);
    for (int i = 0; i < READERS; i++) {
        reader_reconnect(&readers[i]); // brokers close idle connections
    }
}

static void play(struct cluster *c, int events) {
    struct chance *r = &c->chance;
    struct producers producers = {0};
    struct reader readers[READERS];
    struct hostile hostile;
    hostile_init(&hostile, c);
    for (int i = 0; i < READERS; i++) {
        reader_init(&readers[i], c, i);
    }
    // Each place is read by one of a principal's two, at most.
    for (int at = 0; at < c->place_count; at++) {
        for (int person = 0; person < 2; person++) {
            reader_take(&readers[person * 2 + (int)chance_below(r, 2)], at, 0);
        }
    }
    for (int b = 0; b < c->log->brokers; b++) {
        if (c->log->names_first) {
            cluster_write_topics(c, b);
        } else {
            cluster_write_heartbeat(c, b); // a tap speaks once there is a log
        }
    }
    for (int i = 0; i < events; i++) {
        uint32_t what = chance_below(r, 100);
        if (what < 20) {
            produce(c, &producers);
        } else if (what < 65) {
            reader_goes_on(&readers[chance_below(r, READERS)], c);
        } else if (what < 90) {
            hostile_goes_on(&hostile, c);
        } else if (what < 93) {
            struct cluster_place *p = &c->places[chance_below(r, (uint32_t)c->place_count)];
            p->leader = (int)chance_below(r, (uint32_t)c->log->brokers);
        } else if (what < 95) {
            int person = (int)chance_below(r, 2), from = (int)chance_below(r, 2);
            reader_give(&readers[person * 2 + from], &readers[person * 2 + 1 - from], c);
        } else if (what < 97) {
            cluster_write_topics(c, (int)chance_below(r, (uint32_t)c->log->brokers));
        } else if (what < 99 && c->log->count > 0) {
            cluster_write_noise(c, c->log->lines[c->log->count - 1].broker - 1);
        } else if (chance_once_in(r, 2)) {
            idle(c, &producers, readers);
        }
    }
    if (chance_below(r, 3) > 0) {
        cluster_write_topics(c, (int)chance_below(r, (uint32_t)c->log->brokers));
    }
}

// Where each line stands in the files of its broker.
static void place_lines(struct request_log *l) {
    for (int32_t b = 1; b <= l->brokers; b++) {
        int64_t hour = -1, generation = 0;
        uint64_t offset = 0;
        for (size_t i = 0; i < l->count; i++) {
            struct request_log_line *line = &l->lines[i];
            if (line->broker != b) {
                continue;
            }
            if (request_log_hour(line->time_us) != hour) {
                hour = request_log_hour(line->time_us);
                generation = line->time_us / 1000;
                offset = 0;
            }
            line->generation = generation;
            line->offset = offset;
            offset += line->len + 1;
        }
    }
}

void request_log_make(struct request_log *l, uint64_t seed) {
    struct chance chance;
    chance_init(&chance, seed, 0);
    *l = (struct request_log){.brokers = 1 + (int)chance_below(&chance, REQUEST_LOG_BROKERS_MAX)};
    l->begin_us = days_from_civil(2026, 11, 22) * US_PER_DAY + 12 * HOUR_US;
    l->read_again = l->brokers == 1 || chance_once_in(&chance, 3);
    l->names_first = !chance_once_in(&chance, 4);
    struct cluster c;
    cluster_init(&c, l, seed);
    play(&c, (int)chance_between(&chance, 40, 260));
    l->end_us = c.now_us;
    cluster_done(&c);
    place_lines(l);
}

void request_log_done(struct request_log *l) {
    for (size_t i = 0; i < l->count; i++) {
        free(l->lines[i].text);
    }
    free(l->lines);
    *l = (struct request_log){0};
}

bool request_log_write(const struct request_log *l, const char *folder) {
    bool ok = true;
    for (int32_t b = 1; ok && b <= l->brokers; b++) {
        char path[4096];
        int n = snprintf(path, sizeof path, "%s/broker%" PRId32 ".log", folder, b);
        FILE *out = n > 0 && (size_t)n < sizeof path ? fopen(path, "w") : NULL;
        for (size_t i = 0; out != NULL && i < l->count; i++) {
            const struct request_log_line *line = &l->lines[i];
            if (line->broker == b) {
                ok = fwrite(line->text, 1, line->len, out) == line->len &&
                     fputc('\n', out) != EOF && ok;
            }
        }
        ok = out != NULL && fclose(out) == 0 && ok;
    }
    return ok;
}
