#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "platform/kafka/kafka.h"

static const struct config_row ROWS[] = {CONFIG_ROWS_KAFKA};
static const struct config_program PROGRAM = {
    .name = "weir-test", .summary = "x", .rows = ROWS, .rows_count = sizeof ROWS / sizeof *ROWS};

static struct config *load(const char *const *env) {
    struct config *c = NULL;
    enum config_action action = CONFIG_HELP;
    struct err e;
    assert_int_equal(config_load(&PROGRAM, 0, NULL, (char **)(uintptr_t)env, &action, &c, &e),
                     ERR_OK);
    return c;
}

static void property(const rd_kafka_conf_t *conf, const char *name, const char *expected) {
    char value[256] = "";
    size_t size = sizeof value;
    assert_int_equal(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
    assert_string_equal(value, expected);
}

static void settings__become_properties(void **state) {
    (void)state;
    struct config *c = load((const char *const[]){
        "WEIR_KAFKA_BOOTSTRAP=h:1,h:2", "WEIR_KAFKA_USER=u", "WEIR_KAFKA_PASSWORD=p", NULL});
    struct kafka_settings s;
    struct err e;
    assert_int_equal(kafka_settings_read(c, &s, &e), ERR_OK);
    rd_kafka_conf_t *conf = NULL;
    assert_int_equal(kafka_conf_new(&s, "weir-test", &conf, &e), ERR_OK);
    property(conf, "bootstrap.servers", "h:1,h:2");
    property(conf, "security.protocol", "sasl_plaintext");
    property(conf, "sasl.mechanisms", "PLAIN");
    property(conf, "sasl.username", "u");
    property(conf, "client.id", "weir-test");
    assert_int_equal(kafka_conf_set(conf, "no.such.property", "1", &e), ERR_INTERNAL);
    assert_int_equal(kafka_conf_set(conf, "linger.ms", "hunter2", &e), ERR_CONFIG);
    assert_null(strstr(e.text, "hunter2"));
    assert_int_equal(kafka_conf_set(conf, "linger.ms", "5", &e), ERR_OK);
    rd_kafka_t *client = NULL;
    assert_int_equal(kafka_client_new(RD_KAFKA_PRODUCER, conf, &client, &e), ERR_OK);
    rd_kafka_destroy(client);
    config_free(c);
}

static void sasl__needs_user_and_password(void **state) {
    (void)state;
    struct config *c =
        load((const char *const[]){"WEIR_KAFKA_BOOTSTRAP=h:1", "WEIR_KAFKA_USER=u", NULL});
    struct kafka_settings s;
    struct err e;
    assert_int_equal(kafka_settings_read(c, &s, &e), ERR_CONFIG);
    assert_string_equal(e.field, "kafka_password");
    config_free(c);
    c = load((const char *const[]){"WEIR_KAFKA_BOOTSTRAP=h:1",
                                   "WEIR_KAFKA_SECURITY_PROTOCOL=plaintext", NULL});
    assert_int_equal(kafka_settings_read(c, &s, &e), ERR_OK);
    rd_kafka_conf_t *conf = NULL;
    assert_int_equal(kafka_conf_new(&s, "weir-test", &conf, &e), ERR_OK);
    property(conf, "security.protocol", "plaintext");
    rd_kafka_conf_destroy(conf);
    config_free(c);
}

static void codes__map(void **state) {
    (void)state;
    struct err e;
    assert_int_equal(kafka_error_set(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, "produce", &e),
                     ERR_DENIED);
    assert_non_null(strstr(e.text, "produce: "));
    assert_non_null(strstr(e.text, "(TOPIC_AUTHORIZATION_FAILED)"));
    assert_int_equal(kafka_error_code(RD_KAFKA_RESP_ERR__TIMED_OUT), ERR_UNAVAILABLE);
    assert_int_equal(kafka_error_code(RD_KAFKA_RESP_ERR_NO_ERROR), ERR_OK);
    assert_int_equal(kafka_error_code(RD_KAFKA_RESP_ERR__QUEUE_FULL), ERR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings__become_properties),
        cmocka_unit_test(sasl__needs_user_and_password),
        cmocka_unit_test(codes__map),
    };
    return cmocka_run_group_tests_name("platform/kafka", tests, NULL, NULL);
}
