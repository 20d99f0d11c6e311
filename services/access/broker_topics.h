// Makes a topic on one Kafka cluster.
#ifndef WEIR_ACCESS_BROKER_TOPICS_H
#define WEIR_ACCESS_BROKER_TOPICS_H

#include "access/broker_admin.h"
#include "core/topics/topic_wish.h"

// The topic is there, just made or from before, with the size wished for and cleanup.policy
// "delete"; replication is the cluster's default. ERR_INVALID, ERR_CONFLICT: it never will be, in
// the broker's words or for the topic that is there. Any other: the cluster's condition, try again.
ERR_MUST_CHECK enum err_code broker_topics_make(struct broker_admin *b,
                                                const struct topic_wish *wish, struct err *e);

#endif
