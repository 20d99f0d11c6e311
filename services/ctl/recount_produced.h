// What was produced into each topic on each day, by everybody: how many messages its bytes hold, where
// nothing better is known of a fetch (fact 5 of core/usage/usage_fold.h).
#ifndef WEIR_CTL_RECOUNT_PRODUCED_H
#define WEIR_CTL_RECOUNT_PRODUCED_H

#include <stdbool.h>

#include "base/number.h"
#include "core/brokerlog/topic_names.h"

struct recount_produced_day {
    struct topic_key topic; // as its lines named it; a name is not owned
    int64_t first_us;       // of them, which topic a name meant
    int64_t day;            // of UTC, since 1970
    u128 bytes;
    i128 messages;
};

struct recount_produced {
    struct recount_produced_day *days; // owned
    uint32_t count, cap;
};

void recount_produced_done(struct recount_produced *p);
// Adds to the topic's day; a name has to live as long as `p`.
void recount_produced_add(struct recount_produced *p, const struct topic_key *topic,
                          int64_t time_us, uint64_t bytes, int64_t messages);
// Bytes and messages of the topic's latest day that has both, by name and by id together as far as
// the names are known now; false if none has.
bool recount_produced_latest(const struct recount_produced *p, const struct topic_names *names,
                             const struct topic_key *topic, uint64_t *ret_bytes,
                             uint64_t *ret_messages);

#endif
