#include "access/broker_topics.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/number.h"
#include "core/brokerlog/topic.h"

enum { TEXT_MAX = 256, NUMBER_MAX = 24 };
enum { CLUSTERS_DEFAULT = -1 }; // replicas

static const char RETENTION[] = "retention.ms", MESSAGE_BYTES[] = "max.message.bytes",
                  CLEANUP[] = "cleanup.policy", DELETES[] = "delete";

// ERR_INVALID only for what is wrong with the topic itself.
static enum err_code explain(rd_kafka_resp_err_t failed, const char *text, struct err *e) {
    enum err_code code = ERR_UNAVAILABLE;
    switch (failed) {
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION: code = ERR_INVALID; break;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: code = ERR_CONFLICT; break;
    default: code = kafka_error_code(failed) == ERR_DENIED ? ERR_DENIED : ERR_UNAVAILABLE; break;
    }
    return err_set(e, code, "creating a topic: %s (%s)", text, rd_kafka_err2name(failed));
}

static void set_number(rd_kafka_NewTopic_t *topic, const char *name, int64_t value) {
    char digits[NUMBER_MAX];
    (void)snprintf(digits, sizeof digits, "%lld", (long long)value);
    check(rd_kafka_NewTopic_set_config(topic, name, digits) == RD_KAFKA_RESP_ERR_NO_ERROR);
}

static enum err_code new_topic(const char *name, const struct topic_size *size,
                               rd_kafka_NewTopic_t **ret, struct err *e) {
    char text[TEXT_MAX];
    rd_kafka_NewTopic_t *topic = size->partitions > INT32_MAX
                                     ? NULL
                                     : rd_kafka_NewTopic_new(name, (int)size->partitions,
                                                             CLUSTERS_DEFAULT, text, sizeof text);
    if (topic == NULL) {
        return err_set(e, ERR_INVALID, "creating a topic: more partitions than Kafka knows");
    }
    set_number(topic, RETENTION, size->retention_ms);
    set_number(topic, MESSAGE_BYTES, size->message_bytes);
    check(rd_kafka_NewTopic_set_config(topic, CLEANUP, DELETES) == RD_KAFKA_RESP_ERR_NO_ERROR);
    *ret = topic;
    return ERR_OK;
}

static enum err_code late(struct err *e) {
    return err_set(e, ERR_UNAVAILABLE, "the cluster answered an earlier request");
}

static enum err_code create(struct broker_admin *b, const char *name, const struct topic_size *size,
                            struct err *e) {
    rd_kafka_NewTopic_t *topic = NULL;
    enum err_code code = new_topic(name, size, &topic, e);
    if (code != ERR_OK) {
        return code;
    }
    rd_kafka_AdminOptions_t *options = broker_admin_options(b, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    char text[TEXT_MAX];
    check(rd_kafka_AdminOptions_set_operation_timeout(options, BROKER_ADMIN_TIMEOUT_MS / 2, text,
                                                      sizeof text) == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_CreateTopics(b->client, &topic, 1, options, b->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_NewTopic_destroy(topic);
    rd_kafka_event_t *event = NULL;
    code = broker_admin_wait(b, RD_KAFKA_EVENT_CREATETOPICS_RESULT, "creating a topic", &event, e);
    if (code != ERR_OK) {
        return code;
    }
    size_t count = 0;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    if (count != 1 || strcmp(rd_kafka_topic_result_name(results[0]), name) != 0) {
        code = late(e);
    } else if (rd_kafka_topic_result_error(results[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        const char *said = rd_kafka_topic_result_error_string(results[0]);
        rd_kafka_resp_err_t failed = rd_kafka_topic_result_error(results[0]);
        code = explain(failed, said != NULL ? said : rd_kafka_err2str(failed), e);
    }
    rd_kafka_event_destroy(event);
    return code;
}

static enum err_code read_configs(const rd_kafka_ConfigResource_t *resource,
                                  struct topic_found *ret, struct err *e) {
    size_t count = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *name = rd_kafka_ConfigEntry_name(entries[i]);
        const char *value = rd_kafka_ConfigEntry_value(entries[i]);
        int64_t *number = strcmp(name, RETENTION) == 0       ? &ret->size.retention_ms
                          : strcmp(name, MESSAGE_BYTES) == 0 ? &ret->size.message_bytes
                                                             : NULL;
        if (number != NULL && (value == NULL || !number_parse_i64(slice_str(value), number))) {
            return err_set(e, ERR_UNAVAILABLE, "describing a topic: %s is no number", name);
        }
        if (strcmp(name, CLEANUP) == 0) {
            ret->only_deletes = value != NULL && strcmp(value, DELETES) == 0;
        }
    }
    return ERR_OK;
}

static enum err_code describe_configs(struct broker_admin *b, const char *name,
                                      struct topic_found *ret, struct err *e) {
    rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name);
    check(asked != NULL);
    rd_kafka_AdminOptions_t *options = broker_admin_options(b, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_DescribeConfigs(b->client, &asked, 1, options, b->queue);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_ConfigResource_destroy(asked);
    rd_kafka_event_t *event = NULL;
    enum err_code code = broker_admin_wait(b, RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT,
                                           "describing a topic", &event, e);
    if (code != ERR_OK) {
        return code;
    }
    size_t count = 0;
    const rd_kafka_ConfigResource_t **found = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event), &count);
    if (count != 1 || strcmp(rd_kafka_ConfigResource_name(found[0]), name) != 0) {
        code = late(e);
    } else if (rd_kafka_ConfigResource_error(found[0]) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        code = kafka_error_set(rd_kafka_ConfigResource_error(found[0]), "describing a topic", e);
    } else {
        code = read_configs(found[0], ret, e);
    }
    rd_kafka_event_destroy(event);
    return code;
}

static enum err_code count_partitions(struct broker_admin *b, const char *name,
                                      struct topic_found *ret, struct err *e) {
    rd_kafka_topic_t *topic = rd_kafka_topic_new(b->client, name, NULL);
    if (topic == NULL) {
        return kafka_error_set(rd_kafka_last_error(), "describing a topic", e);
    }
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t failed =
        rd_kafka_metadata(b->client, 0, topic, &metadata, BROKER_ADMIN_TIMEOUT_MS);
    rd_kafka_topic_destroy(topic);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
        failed = metadata->topics[0].err;
        ret->size.partitions = metadata->topics[0].partition_cnt;
    }
    if (metadata != NULL) {
        rd_kafka_metadata_destroy(metadata);
    }
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? ERR_OK
                                                : kafka_error_set(failed, "describing a topic", e);
}

// A topic that can't be described is no reason to refuse it for good.
static enum err_code fits(struct broker_admin *b, const char *name, const struct topic_wish *wish,
                          struct err *e) {
    struct topic_found found = {0};
    enum err_code code = describe_configs(b, name, &found, e);
    if (code == ERR_OK) {
        code = count_partitions(b, name, &found, e);
    }
    if (code != ERR_OK) {
        return code == ERR_DENIED ? code : err_set(e, ERR_UNAVAILABLE, "%s", e->text);
    }
    return topic_wish_fits(wish, &found, e);
}

enum err_code broker_topics_make(struct broker_admin *b, const struct topic_wish *wish,
                                 struct err *e) {
    char name[TOPIC_NAME_MAX + 1];
    if (wish->name.len >= sizeof name) {
        return err_set(e, ERR_INVALID, "a topic's name is too long");
    }
    (void)snprintf(name, sizeof name, "%.*s", SLICE_ARG(wish->name));
    enum err_code code = create(b, name, &wish->size, e);
    return code == ERR_CONFLICT ? fits(b, name, wish, e) : code;
}
