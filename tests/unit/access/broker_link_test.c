// The connection beside librdkafka's: whom it dials, how it signs in, and what it takes from a server
// that is no Kafka.
#include "access/broker_link.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void servers__are_read_one_by_one(void **state) {
    (void)state;
    static const char *const expected[][2] = {{"a.example", "9093"}, {"::1", "9094"}, {"b", "9092"},
                                              {"::2", "9092"},       {"", "9092"},    {"", ""},
                                              {"", "9095"}};
    struct slice list =
        SLICE_LIT("a.example:9093, SASL_SSL://[::1]:9094,b,[::2],,PLAINTEXT://,c:,:9095");
    char host[BROKER_LINK_HOST_MAX];
    char port[BROKER_LINK_PORT_MAX];
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_true(broker_link_next_server(&list, host, port));
        assert_string_equal(host, expected[i][0]);
        assert_string_equal(port, expected[i][1]);
    }
    assert_false(broker_link_next_server(&list, host, port));
}

static void mechanisms__others_than_plain_are_named(void **state) {
    (void)state;
    struct kafka_settings s = {.security_protocol = "SASL_SSL", .sasl_mechanism = "SCRAM-SHA-512"};
    assert_non_null(strstr(broker_link_unsupported(&s), "kafka_sasl_mechanism is not PLAIN"));
    s.sasl_mechanism = "PLAIN";
    assert_null(broker_link_unsupported(&s));
    s = (struct kafka_settings){.security_protocol = "SSL", .sasl_mechanism = "SCRAM-SHA-512"};
    assert_null(broker_link_unsupported(&s));
}

// A server that reads one request after the other and gives the next answer to each, then hangs up.
struct server {
    int fd;
    char address[32];
    const struct slice *answers;
    size_t count;
    uint32_t number; // of the last request, as it was sent
    pthread_t thread;
};

enum { NUMBER_AT = 8 };

static void *serve(void *ctx) {
    struct server *s = ctx;
    int fd = accept(s->fd, NULL, NULL);
    assert_true(fd >= 0);
    char request[1024] = {0};
    for (size_t i = 0; i < s->count && read(fd, request, sizeof request) > 0; i++) {
        memcpy(&s->number, request + NUMBER_AT, sizeof s->number);
        assert_int_equal(write(fd, s->answers[i].ptr, s->answers[i].len), s->answers[i].len);
    }
    (void)shutdown(fd, SHUT_WR);
    while (read(fd, request, sizeof request) > 0) { // until the client has gone
    }
    close(fd);
    return NULL;
}

static struct kafka_settings start(struct server *s, const char *protocol) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof at;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, 1), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&at, &size), 0);
    (void)snprintf(s->address, sizeof s->address, "127.0.0.1:%d", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
    return (struct kafka_settings){.bootstrap = s->address,
                                   .security_protocol = protocol,
                                   .sasl_mechanism = "PLAIN",
                                   .sasl_user = "u",
                                   .sasl_password = {.value = "secret"}};
}

static void stop(struct server *s) {
    pthread_join(s->thread, NULL);
    close(s->fd);
}

#define HANDSHAKE "\x00\x00\x00\x0a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"

static void sign_in__a_refusal_is_told_without_the_password(void **state) {
    (void)state;
    const struct slice answers[] = {
        SLICE_LIT(HANDSHAKE),
        SLICE_LIT("\x00\x00\x00\x16\x00\x00\x00\x02\x00\x3a\x00\x02no\x00\x00\x00\x00"
                  "\x00\x00\x00\x00\x00\x00\x00\x00"),
    };
    struct server s = {.answers = answers, .count = 2};
    struct kafka_settings settings = start(&s, "SASL_PLAINTEXT");
    struct broker_link *link = NULL;
    struct err e;
    assert_int_equal(broker_link_open(&settings, &link, &e), ERR_DENIED);
    assert_non_null(strstr(e.text, "SASL sign-in: no (SASL_AUTHENTICATION_FAILED)"));
    assert_null(strstr(e.text, "secret"));
    stop(&s);
    assert_int_equal(ntohl(s.number), 2);
}

static void sign_in__takes_no_long_answer(void **state) {
    (void)state;
    const struct slice answers[] = {SLICE_LIT("\x00\x01\x00\x01")};
    struct server s = {.answers = answers, .count = 1};
    struct kafka_settings settings = start(&s, "SASL_PLAINTEXT");
    struct broker_link *link = NULL;
    assert_int_equal(broker_link_open(&settings, &link, NULL), ERR_LIMIT);
    stop(&s);
}

static void tls__a_server_without_it_is_refused(void **state) {
    (void)state;
    const struct slice answers[] = {SLICE_LIT(HANDSHAKE)};
    struct server s = {.answers = answers, .count = 1};
    struct kafka_settings settings = start(&s, "SASL_SSL");
    struct broker_link *link = NULL;
    struct err e;
    assert_int_equal(broker_link_open(&settings, &link, &e), ERR_UNAVAILABLE);
    assert_non_null(strstr(e.text, "TLS: "));
    stop(&s);
}

static void ask__answers_and_fails_for_good(void **state) {
    (void)state;
    const struct slice answers[] = {SLICE_LIT("\x00\x00\x00\x05hello"),
                                    SLICE_LIT("\x00\x00\x00\x05hel")};
    struct server s = {.answers = answers, .count = 2};
    struct kafka_settings settings = start(&s, "PLAINTEXT");
    struct broker_link *link = NULL;
    assert_int_equal(broker_link_open(&settings, &link, NULL), ERR_OK);
    int32_t number = 0;
    struct slice answer;
    struct err e;
    buf_add_str(broker_link_request(link, &number), "one");
    assert_int_equal(number, 1);
    assert_int_equal(broker_link_ask(link, &answer, &e), ERR_OK);
    assert_true(slice_eq_str(answer, "hello"));
    buf_add_str(broker_link_request(link, &number), "two");
    assert_int_equal(number, 2);
    assert_int_equal(broker_link_ask(link, &answer, &e), ERR_UNAVAILABLE);
    assert_string_equal(e.text, "the broker closed the connection");
    buf_add_str(broker_link_request(link, &number), "three");
    assert_int_equal(broker_link_ask(link, &answer, &e), ERR_UNAVAILABLE);
    assert_string_equal(e.text, "the connection failed before");
    broker_link_close(link);
    stop(&s);
}

static void open__nobody_there_is_told(void **state) {
    (void)state;
    struct kafka_settings settings = {.bootstrap = "127.0.0.1:1", .security_protocol = "PLAINTEXT"};
    struct broker_link *link = NULL;
    struct err e;
    assert_int_equal(broker_link_open(&settings, &link, &e), ERR_UNAVAILABLE);
    assert_string_equal(e.text, "127.0.0.1:1: connecting: Connection refused");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers__are_read_one_by_one),
        cmocka_unit_test(mechanisms__others_than_plain_are_named),
        cmocka_unit_test(sign_in__a_refusal_is_told_without_the_password),
        cmocka_unit_test(sign_in__takes_no_long_answer),
        cmocka_unit_test(tls__a_server_without_it_is_refused),
        cmocka_unit_test(ask__answers_and_fails_for_good),
        cmocka_unit_test(open__nobody_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
