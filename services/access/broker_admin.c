#include "access/broker_admin.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "platform/program/clock.h"
#include "platform/program/program.h"

enum { POLL_SLICE_MS = 200, TEXT_MAX = 256 };

static enum err_code configure(rd_kafka_conf_t *conf, struct err *e) {
    char pause[16];
    (void)snprintf(pause, sizeof pause, "%d", BROKER_ADMIN_RECONNECT_MS);
    return kafka_conf_set(conf, "reconnect.backoff.max.ms", pause, e);
}

enum err_code broker_admin_open(const struct kafka_settings *settings, struct broker_admin **ret,
                                struct err *e) {
    rd_kafka_conf_t *conf = NULL;
    enum err_code code = kafka_conf_new(settings, "weir-access", &conf, e);
    if (code != ERR_OK) {
        return code;
    }
    code = configure(conf, e);
    if (code != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return code;
    }
    rd_kafka_t *client = NULL;
    code = kafka_client_new(RD_KAFKA_PRODUCER, conf, &client, e);
    if (code != ERR_OK) {
        return code;
    }
    struct broker_admin *b = calloc(1, sizeof *b);
    check(b != NULL);
    b->client = client;
    b->queue = rd_kafka_queue_new(client);
    *ret = b;
    return ERR_OK;
}

void broker_admin_close(struct broker_admin *b) {
    if (b != NULL) {
        rd_kafka_queue_destroy(b->queue);
        rd_kafka_destroy(b->client);
        free(b);
    }
}

rd_kafka_AdminOptions_t *broker_admin_options(struct broker_admin *b, rd_kafka_admin_op_t op) {
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(b->client, op);
    char text[TEXT_MAX];
    check(rd_kafka_AdminOptions_set_request_timeout(options, BROKER_ADMIN_TIMEOUT_MS, text,
                                                    sizeof text) == RD_KAFKA_RESP_ERR_NO_ERROR);
    return options;
}

enum err_code broker_admin_wait(struct broker_admin *b, rd_kafka_event_type_t type,
                                const char *what, rd_kafka_event_t **ret, struct err *e) {
    int64_t deadline_us = clock_monotonic_us() + BROKER_ADMIN_TIMEOUT_MS * 2 * 1000LL;
    bool stopping = false;
    for (;;) {
        rd_kafka_event_t *event = rd_kafka_queue_poll(b->queue, POLL_SLICE_MS);
        if (event != NULL && rd_kafka_event_type(event) == type) {
            rd_kafka_resp_err_t failed = rd_kafka_event_error(event);
            if (failed != RD_KAFKA_RESP_ERR_NO_ERROR) {
                enum err_code code =
                    err_set(e, kafka_error_code(failed), "%s: %s (%s)", what,
                            rd_kafka_event_error_string(event), rd_kafka_err2name(failed));
                rd_kafka_event_destroy(event);
                return code;
            }
            *ret = event;
            return ERR_OK;
        }
        if (event != NULL) {
            rd_kafka_event_destroy(event);
        }
        if (!stopping && program_should_stop()) {
            stopping = true;
            deadline_us = clock_monotonic_us() + BROKER_ADMIN_STOPPING_MS * 1000LL;
        }
        if (clock_monotonic_us() > deadline_us) {
            return err_set(e, ERR_UNAVAILABLE, "%s: no answer from the cluster", what);
        }
    }
}
