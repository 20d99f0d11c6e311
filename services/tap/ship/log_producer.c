// The producer's configuration; see the header.
#include "tap/ship/log_producer.h"

#include <stdio.h>

#include "core/brokerlog/broker_record.h"
#include "platform/program/clock.h"

enum {
    METADATA_MS = 5000,
    MESSAGE_MAX = BROKER_RECORD_VALUE_MAX + 40000, // value and headers
};

static enum err_code make_conf(const struct log_producer_options *o, rd_kafka_conf_t **ret,
                               struct err *e) {
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"compression.codec", "none"}, // blocks are packed
        {"linger.ms", "5"},            // blocks have waited already
        // A record waits for its broker as long as it takes; only this process may give up on it.
        {"message.timeout.ms", "0"},
        {"queue.buffering.max.messages", "100000"},
        {"queue.buffering.max.kbytes", "1048576"},
        {"reconnect.backoff.max.ms", "2000"},
        {"delivery.report.only.error", "false"},
    };
    rd_kafka_conf_t *conf;
    enum err_code rc = kafka_conf_new(o->kafka, "weir-tap", &conf, e);
    if (rc != ERR_OK) {
        return rc;
    }
    for (size_t i = 0; rc == ERR_OK && i < sizeof rows / sizeof rows[0]; i++) {
        rc = kafka_conf_set(conf, rows[i].name, rows[i].value, e);
    }
    char max[16];
    snprintf(max, sizeof max, "%d", MESSAGE_MAX);
    if (rc == ERR_OK) {
        rc = kafka_conf_set(conf, "message.max.bytes", max, e);
    }
    if (rc != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return rc;
    }
    rd_kafka_conf_set_opaque(conf, o->opaque);
    rd_kafka_conf_set_dr_msg_cb(conf, o->on_delivery);
    rd_kafka_conf_set_error_cb(conf, o->on_error);
    if (o->configure != NULL) {
        o->configure(conf);
    }
    *ret = conf;
    return ERR_OK;
}

enum err_code log_producer_new(const struct log_producer_options *o, struct log_producer *ret,
                               struct err *e) {
    *ret = (struct log_producer){0};
    rd_kafka_conf_t *conf;
    enum err_code rc = make_conf(o, &conf, e);
    if (rc == ERR_OK) {
        rc = kafka_client_new(RD_KAFKA_PRODUCER, conf, &ret->kafka, e);
    }
    if (rc != ERR_OK) {
        return rc;
    }
    ret->topic = rd_kafka_topic_new(ret->kafka, o->topic, NULL);
    if (ret->topic == NULL) {
        return kafka_error_set(rd_kafka_last_error(), "topic handle can't be made", e);
    }
    return ERR_OK;
}

void log_producer_drop(struct log_producer *p) {
    if (p->kafka == NULL) {
        return;
    }
    rd_kafka_purge(p->kafka, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    for (int64_t end = clock_monotonic_us() + 2 * US_PER_SECOND;
         rd_kafka_outq_len(p->kafka) > 0 && clock_monotonic_us() < end;) {
        rd_kafka_poll(p->kafka, 10);
    }
    if (p->topic != NULL) {
        rd_kafka_topic_destroy(p->topic);
    }
    // Not waiting for what a broker that hangs still owes: its callbacks are not served.
    rd_kafka_destroy_flags(p->kafka, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    *p = (struct log_producer){0};
}

enum err_code log_producer_partitions(const struct log_producer *p, int32_t *ret, struct err *e) {
    const struct rd_kafka_metadata *md;
    rd_kafka_resp_err_t code = rd_kafka_metadata(p->kafka, 0, p->topic, &md, METADATA_MS);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
        (void)kafka_error_set(code, "brokers don't answer", e);
        return e == NULL ? ERR_UNAVAILABLE : (e->code = ERR_UNAVAILABLE);
    }
    int32_t count = 0;
    rd_kafka_resp_err_t topic_code = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (md->topic_cnt == 1) {
        count = md->topics[0].partition_cnt;
        topic_code = md->topics[0].err;
    }
    rd_kafka_metadata_destroy(md);
    if (topic_code != RD_KAFKA_RESP_ERR_NO_ERROR || count == 0) {
        return err_set(e, ERR_UNAVAILABLE, "topic %s: %s", rd_kafka_topic_name(p->topic),
                       rd_kafka_err2str(topic_code));
    }
    *ret = count;
    return ERR_OK;
}
