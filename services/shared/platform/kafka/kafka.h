// What every user of librdkafka here shares: connection settings, log bridge, error codes. The
// loops (produce, consume, admin) belong to the programs.
#ifndef WEIR_PLATFORM_KAFKA_KAFKA_H
#define WEIR_PLATFORM_KAFKA_KAFKA_H

#include <librdkafka/rdkafka.h>

#include "base/err.h"
#include "platform/program/config.h"

struct kafka_settings {
    const char *bootstrap;
    const char *security_protocol; // PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL
    const char *sasl_mechanism;
    const char *sasl_user; // NULL: none
    struct secret_text sasl_password;
    const char *ca; // path; NULL: the system's
};

// From the rows of CONFIG_ROWS_KAFKA; borrows from the config. ERR_CONFIG if a SASL_ protocol has
// no user or password.
ERR_MUST_CHECK enum err_code kafka_settings_read(const struct config *c, struct kafka_settings *ret,
                                                 struct err *e);
// A configuration with connection, client.id and the log bridge set; owned by the caller until
// rd_kafka_new takes it (rd_kafka_conf_destroy otherwise).
ERR_MUST_CHECK enum err_code kafka_conf_new(const struct kafka_settings *s, const char *client_id,
                                            rd_kafka_conf_t **ret, struct err *e);
// One property. The value is not in the error's text.
ERR_MUST_CHECK enum err_code kafka_conf_set(rd_kafka_conf_t *conf, const char *name,
                                            const char *value, struct err *e);
// rd_kafka_new: takes `conf` in any case.
ERR_MUST_CHECK enum err_code kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf,
                                              rd_kafka_t **ret, struct err *e);

enum err_code kafka_error_code(rd_kafka_resp_err_t code);
// Fills `e` with the code and "what: librdkafka's text (NAME)".
enum err_code kafka_error_set(rd_kafka_resp_err_t code, const char *what, struct err *e);

#endif
