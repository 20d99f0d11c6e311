// What was produced into topics on the latest day that has both bytes and messages, as the database
// knows it: asked for by the counting rule where nothing better is known of a fetch
// (core/usage/usage_fold.h, fact 5), loaded by the store between two batches. Pure.
#ifndef WEIR_METER_FOLD_PRODUCED_H
#define WEIR_METER_FOLD_PRODUCED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash_table.h"
#include "core/brokerlog/topic.h"

enum { PRODUCED_TOPICS_MAX = 4096 }; // above, more are asked for once these are dropped

struct produced_topic {
    char *name; // owned; an id as text, or a name
    size_t name_len;
    bool wanted; // to be loaded
    bool known;
    uint64_t bytes, messages;
};

struct produced {
    struct produced_topic *topics; // owned
    uint32_t count, cap;
    struct hash_table by_name; // its hash, or a number after it
    uint32_t wanted;
};

void produced_done(struct produced *p);
// False if it isn't known (yet): it is wanted from now on.
bool produced_find(struct produced *p, const struct topic_key *topic, uint64_t *ret_bytes,
                   uint64_t *ret_messages);
// What was loaded of a topic by its text; one that isn't told stays unknown.
void produced_set(struct produced *p, struct slice topic, uint64_t bytes, uint64_t messages);
// All that was wanted has been loaded.
void produced_loaded(struct produced *p);
// Everything is to be loaded anew when it is needed again.
void produced_forget(struct produced *p);

#endif
