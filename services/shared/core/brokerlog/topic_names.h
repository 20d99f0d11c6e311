// Which topic id belonged to which name when, from topic facts. A topic deleted and created again
// under its name is another topic. One table per cluster; facts may come in any order and more than
// once.
#ifndef WEIR_CORE_BROKERLOG_TOPIC_NAMES_H
#define WEIR_CORE_BROKERLOG_TOPIC_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/brokerlog/broker_line_model.h"

enum { TOPIC_NAMES_MAX = 1 << 20 }; // ids; above, new ones are refused

struct topic_names;

struct topic_names *topic_names_new(void);
void topic_names_free(struct topic_names *n);
// Learns a fact observed at `at_us`. False if the table is full (the fact is then unknown).
bool topic_names_learn(struct topic_names *n, const struct topic_fact *fact, int64_t at_us);
// Learns all facts of a parsed line.
bool topic_names_learn_line(struct topic_names *n, const struct broker_line *l);
// Grows with each fact that told something new: what was resolved at an older version may change.
uint64_t topic_names_version(const struct topic_names *n);
// The name of an id; empty if unknown. Lives as long as the table.
struct slice topic_names_of_id(const struct topic_names *n, const uint8_t id[TOPIC_ID_LEN]);
// The id that bore `name` at `at_us`: of those seen under it, the one alive or seen nearest then.
// False if none is known, or that one is known to have been created later or deleted before: after
// a deletion *ret_since_us is its time, else INT64_MIN. What requests by name say before and after
// it is of two topics.
bool topic_names_id_at(const struct topic_names *n, struct slice name, int64_t at_us,
                       uint8_t ret_id[TOPIC_ID_LEN], int64_t *ret_since_us);

#endif
