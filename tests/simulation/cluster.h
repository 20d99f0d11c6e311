// The brokers' side of a request log: topics with their batches, and the lines that say what was
// asked and answered.
#ifndef WEIR_TESTS_SIMULATION_CLUSTER_H
#define WEIR_TESTS_SIMULATION_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "simulation/chance.h"
#include "simulation/request_log.h"

enum {
    CLUSTER_TOPICS_MAX = 2,
    CLUSTER_PLACES_MAX = 5,
    CLUSTER_BATCHES_MAX = 512, // of a place
    CLUSTER_RECORD_BYTES = 50,
    CLUSTER_PARTS_MAX = 16, // of a request
    CLUSTER_PEOPLE = 6,
};

struct cluster_batch {
    int64_t base;
    int records;
};

// A partition of a topic.
struct cluster_place {
    int topic;
    int number;
    int leader; // a broker, from 0
    int64_t end;
    struct cluster_batch batches[CLUSTER_BATCHES_MAX];
    int batch_count;
};

// Whose lines they are.
struct cluster_person {
    const char *principal; // as JSON
    bool spread;           // served by several brokers
    int last_broker;
    int64_t last_us; // of the line before
};

struct cluster {
    struct chance chance;
    struct request_log *log;
    int64_t now_us;
    int topics;
    struct cluster_place places[CLUSTER_PLACES_MAX];
    int place_count;
    struct cluster_person people[CLUSTER_PEOPLE];
    int connections;
    int sessions;
    struct buf request, response, text;
};

// Who asks.
struct cluster_client {
    int person;
    const char *id; // JSON: a string with its quotes, or null
    int address;
    bool by_id; // topics by id
};

// Of a request or an answer. Where `name` is set, it is asked in place of the topic of `place`.
struct cluster_part {
    int place;
    const char *name; // JSON, without quotes
    int64_t partition;
    int64_t offset; // asked; answered: the high watermark
    int64_t bytes;
    int error;
};

struct cluster_fetch {
    int64_t session, epoch, granted;
    int error;
    const struct cluster_part *asked, *answered, *forgotten;
    int asked_count, answered_count, forgotten_count;
    bool no_request;  // the logger was switched on in between
    size_t long_name; // bytes of a topic's name that nobody has; 0: none
    bool twice;       // the line is written twice
};

void cluster_init(struct cluster *c, struct request_log *log, uint64_t seed);
void cluster_done(struct cluster *c);
// The name of the topic with this id; the id of none is given back.
struct slice cluster_name_of(struct slice id);

// Up to `max` whole batches from `offset` on; *ret_next is the offset after them. Bytes.
int64_t cluster_read(const struct cluster_place *p, int64_t offset, int max, int64_t *ret_next);
int64_t cluster_append(struct cluster_place *p, int records);

// A line each, at a broker (from 0), some time after the one before.
void cluster_write_fetch(struct cluster *c, const struct cluster_client *who, int broker,
                         int connection, const struct cluster_fetch *f);
// Group's or transaction's.
void cluster_write_commit(struct cluster *c, const struct cluster_client *who, int broker,
                          int connection, bool by_producer, const struct cluster_part *parts,
                          int count);
void cluster_write_produce(struct cluster *c, const struct cluster_client *who, int broker,
                           int place, int64_t bytes, int64_t base, bool no_acks);
void cluster_write_share(struct cluster *c, const struct cluster_client *who, int broker, int place,
                         int64_t first, int64_t last);
// HEARTBEAT: nothing that anybody needs.
void cluster_write_heartbeat(struct cluster *c, int broker);
// METADATA: what topics there are.
void cluster_write_topics(struct cluster *c, int broker);
// Other text of the same file, at the time of the line before.
void cluster_write_noise(struct cluster *c, int broker);

#endif
