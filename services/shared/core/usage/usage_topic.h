// Topics of a state, as lines name them.
#ifndef WEIR_CORE_USAGE_USAGE_TOPIC_H
#define WEIR_CORE_USAGE_USAGE_TOPIC_H

#include "core/brokerlog/topic_names.h"
#include "core/usage/usage_model.h"

// The topic, or USAGE_NONE; `names` (may be NULL) tell the id of a name at time_us. A name after a
// known deletion is another topic than before.
uint32_t usage_topic_find(struct usage_state *st, const struct topic_key *key, int64_t time_us,
                          const struct topic_names *names);
// The same; added if it isn't there.
uint32_t usage_topic_get(struct usage_state *st, const struct topic_key *key, int64_t time_us,
                         const struct topic_names *names);
// Whether topic `at` is the one that the key names, of a name: before any deletion.
bool usage_topic_is(const struct usage_state *st, uint32_t at, const struct topic_key *key);
// Found or added, without asking for the id of a name; since_us: usage_model.h.
uint32_t usage_topic_add(struct usage_state *st, const struct topic_key *key, int64_t since_us);

#endif
