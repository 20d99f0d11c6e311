// A topic as Kafka knows it: its id, its legal names, and what a line tells of them.
#ifndef WEIR_CORE_BROKERLOG_TOPIC_H
#define WEIR_CORE_BROKERLOG_TOPIC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    TOPIC_NAME_MAX = 249, // bytes; Kafka's own limit (Topic.MAX_NAME_LENGTH)
    TOPIC_ID_LEN = 16,
    TOPIC_ID_TEXT_LEN = 22, // base64url without padding, as Kafka writes ids
};

// Kafka's names have letters, digits, '.', '_' and '-' only.
static inline bool topic_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

// A name that a topic can have. Clients may ask for any other; none is ever answered for it.
bool topic_name_legal(struct slice name);

// The id as Kafka writes it: 22 characters, no NUL.
void topic_id_format(char out[TOPIC_ID_TEXT_LEN], const uint8_t id[TOPIC_ID_LEN]);
bool topic_id_parse(struct slice text, uint8_t ret_id[TOPIC_ID_LEN]);

// A topic as a line names it: by id (FETCH 13+, PRODUCE 13+, SHARE_FETCH, OFFSET_COMMIT 10+) or by
// name.
struct topic_key {
    bool has_id;
    uint8_t id[TOPIC_ID_LEN]; // zero unless has_id
    struct slice name;        // empty if has_id; borrowed
};

static inline bool topic_key_eq(const struct topic_key *a, const struct topic_key *b) {
    if (a->has_id != b->has_id) {
        return false;
    }
    return a->has_id ? memcmp(a->id, b->id, TOPIC_ID_LEN) == 0 : slice_eq(a->name, b->name);
}

enum topic_event { TOPIC_SEEN, TOPIC_CREATED, TOPIC_DELETED };

// That an id and a name belong together, from METADATA, CREATE_TOPICS and DELETE_TOPICS responses
// without error, with both and with an id other than the all-zero one.
struct topic_fact {
    uint8_t id[TOPIC_ID_LEN];
    struct slice name;
    enum topic_event event;
};

#endif
