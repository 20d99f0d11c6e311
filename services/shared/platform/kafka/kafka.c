#include "platform/kafka/kafka.h"

#include <string.h>

#include "base/check.h"
#include "platform/program/log.h"

enum { KAFKA_TEXT_MAX = 512 };

enum err_code kafka_settings_read(const struct config *c, struct kafka_settings *ret,
                                  struct err *e) {
    struct kafka_settings s = {
        .bootstrap = config_text(c, "kafka_bootstrap"),
        .security_protocol = config_text(c, "kafka_security_protocol"),
        .sasl_mechanism = config_text(c, "kafka_sasl_mechanism"),
        .sasl_user = config_text(c, "kafka_user"),
        .sasl_password = config_secret(c, "kafka_password"),
        .ca = config_text(c, "kafka_ca"),
    };
    bool sasl = strncmp(s.security_protocol, "SASL_", strlen("SASL_")) == 0;
    if (sasl && (s.sasl_user == NULL || s.sasl_password.value == NULL)) {
        (void)err_field(e, ERR_CONFIG, s.sasl_user == NULL ? "kafka_user" : "kafka_password",
                        "is not set, but kafka_security_protocol is %s", s.security_protocol);
        return e == NULL ? ERR_CONFIG
                         : err_hint(e, "example: kafka_user = weir-meter and "
                                       "kafka_password_file = /etc/weir/kafka-password");
    }
    *ret = s;
    return ERR_OK;
}

enum err_code kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                             struct err *e) {
    char text[KAFKA_TEXT_MAX];
    rd_kafka_conf_res_t result = rd_kafka_conf_set(conf, name, value, text, sizeof text);
    if (result == RD_KAFKA_CONF_UNKNOWN) {
        return err_field(e, ERR_INTERNAL, name, "librdkafka knows no property %s", name);
    }
    // Its text repeats the value, which may be a secret.
    return result == RD_KAFKA_CONF_OK
               ? ERR_OK
               : err_field(e, ERR_CONFIG, name, "librdkafka refuses the value of %s", name);
}

// syslog's levels: 3 error, 4 warning, 5 notice, 6 info, 7 debug. Trouble with brokers is a
// warning here, because librdkafka goes on trying by itself. At every listing of ACLs it warns of each
// that it can't name: weir-access counts those.
static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text) {
    struct log_field fields[] = {
        log_id("client", client == NULL ? "" : rd_kafka_name(client)),
        log_str("facility", facility),
        log_str("text", text),
        {.kind = LOG_KIND_END},
    };
    bool counted = strcmp(facility, "DESCRIBEACLSRESPONSE") == 0;
    log_event(counted      ? LOG_LEVEL_DEBUG
              : level <= 2 ? LOG_LEVEL_ERROR
              : level <= 4 ? LOG_LEVEL_WARN
              : level <= 6 ? LOG_LEVEL_INFO
                           : LOG_LEVEL_DEBUG,
              "librdkafka", fields);
}

static enum err_code set_all(rd_kafka_conf_t *conf, const struct kafka_settings *s,
                             const char *client_id, struct err *e) {
    bool sasl = s->sasl_user != NULL && strncmp(s->security_protocol, "SASL_", 5) == 0;
    const struct {
        const char *name;
        const char *value;
    } properties[] = {
        {"bootstrap.servers", s->bootstrap},
        {"client.id", client_id},
        {"security.protocol", s->security_protocol},
        {"sasl.mechanisms", sasl ? s->sasl_mechanism : NULL},
        {"sasl.username", sasl ? s->sasl_user : NULL},
        {"sasl.password", sasl ? s->sasl_password.value : NULL},
        {"ssl.ca.location", s->ca},
        {"log.connection.close", "false"},
    };
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        if (properties[i].value != NULL) {
            enum err_code code = kafka_conf_set(conf, properties[i].name, properties[i].value, e);
            if (code != ERR_OK) {
                return code;
            }
        }
    }
    rd_kafka_conf_set_log_cb(conf, on_log);
    return ERR_OK;
}

enum err_code kafka_conf_new(const struct kafka_settings *s, const char *client_id,
                             rd_kafka_conf_t **ret, struct err *e) {
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum err_code code = set_all(conf, s, client_id, e);
    if (code != ERR_OK) {
        rd_kafka_conf_destroy(conf);
        return code;
    }
    *ret = conf;
    return ERR_OK;
}

enum err_code kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret,
                               struct err *e) {
    char text[KAFKA_TEXT_MAX] = "";
    rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);
    if (client == NULL) {
        rd_kafka_conf_destroy(conf);
        return err_set(e, ERR_CONFIG, "kafka client: %s", text);
    }
    *ret = client;
    return ERR_OK;
}

enum err_code kafka_error_code(rd_kafka_resp_err_t code) {
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR: return ERR_OK;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SECURITY_DISABLED: return ERR_DENIED;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: return ERR_CONFLICT;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return ERR_NOT_FOUND;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR__QUEUE_FULL: return ERR_LIMIT;
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR__INVALID_ARG: return ERR_INVALID;
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__STATE:
    case RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED:
    case RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE: return ERR_INTERNAL;
    default: return ERR_UNAVAILABLE; // timeouts, leaders that move, connections: try again
    }
}

enum err_code kafka_error_set(rd_kafka_resp_err_t code, const char *what, struct err *e) {
    return err_set(e, kafka_error_code(code), "%s: %s (%s)", what, rd_kafka_err2str(code),
                   rd_kafka_err2name(code));
}
