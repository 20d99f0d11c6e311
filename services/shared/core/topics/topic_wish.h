// A topic that a provider wishes for, and whether it may have it. weir-api asks when it records the
// wish, weir-access again when it makes the topic.
#ifndef WEIR_CORE_TOPICS_TOPIC_WISH_H
#define WEIR_CORE_TOPICS_TOPIC_WISH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/slice.h"

struct topic_size {
    int64_t partitions;
    int64_t retention_ms;
    int64_t message_bytes; // Kafka's max.message.bytes: of a batch
};

struct topic_wish {
    struct slice name;
    struct topic_size size;
};

struct topic_limits {
    struct slice prefix; // of the provider's topics, with its dot
    struct topic_size max;
};

// ERR_INVALID: no name that Kafka takes, or a size of 0 or less; ERR_DENIED: not below the prefix;
// ERR_LIMIT: larger than allowed. The field is the one at fault ("/name", "/partitions",
// "/retention_ms", "/max_message_bytes").
ERR_MUST_CHECK enum err_code topic_wish_check(const struct topic_wish *wish,
                                              const struct topic_limits *limits, struct err *e);

// A topic of that name as the cluster has it.
struct topic_found {
    struct topic_size size;
    bool only_deletes; // cleanup.policy is "delete": nothing outlives the retention
};

// ERR_CONFLICT, with the difference in words: it is another topic than the one wished for.
ERR_MUST_CHECK enum err_code topic_wish_fits(const struct topic_wish *wish,
                                             const struct topic_found *found, struct err *e);

#endif
