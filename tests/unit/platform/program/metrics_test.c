#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/http/metrics_server.h"
#include "platform/program/metrics.h"

static struct metric LINES = METRIC_COUNTER("weir_test_lines_total", "lines", "Lines \\ taken");
static struct metric DEPTH = METRIC_GAUGE("weir_test_depth", "items", "Depth");
static struct metric BY =
    METRIC_COUNTER_BY("weir_test_by_total", "requests", "By", "route", "code");
static struct metric MANY = METRIC_COUNTER_BY("weir_test_many_total", "things", "Many", "who");
static struct metric TIME = METRIC_DURATION("weir_test_seconds", "Time");

static char text[METRICS_TEXT_MAX];

static const char *rendered(void) {
    struct buf b;
    buf_init(&b, METRICS_TEXT_MAX);
    metrics_render(&b, "weir-test");
    assert_false(b.overflow);
    memcpy(text, b.ptr, b.len + 1);
    buf_done(&b);
    return text;
}

static void exposition__is_exact(void **state) {
    (void)state;
    metrics_register(&LINES);
    metrics_register(&LINES);
    metrics_register(&DEPTH);
    metrics_register(&BY);
    metrics_register(&TIME);
    metric_add(&LINES, 1);
    metric_add(&LINES, 41);
    metric_set(&DEPTH, -5);
    metric_add_in(metric_with(&BY, "/v1/\"x\"\n", "200"), 2);
    metric_add_in(metric_with(&BY, "/v1/\"x\"\n", "200"), 1);
    metric_observe(&TIME, 100);
    metric_observe(&TIME, 2500001);
    metric_observe(&TIME, 99000000);
    const char *t = rendered();
    assert_non_null(strstr(t, "# HELP weir_test_lines_total Lines \\\\ taken\n"
                              "# TYPE weir_test_lines_total counter\n"
                              "weir_test_lines_total 42\n"));
    assert_non_null(strstr(t, "# TYPE weir_test_depth gauge\nweir_test_depth -5\n"));
    assert_non_null(strstr(t, "\nweir_test_by_total{route=\"/v1/\\\"x\\\"\\n\",code=\"200\"} 3\n"));
    assert_non_null(strstr(t, "# TYPE weir_test_seconds histogram\n"
                              "weir_test_seconds_bucket{le=\"0.000100\"} 1\n"));
    assert_non_null(strstr(t, "weir_test_seconds_bucket{le=\"2.500000\"} 1\n"
                              "weir_test_seconds_bucket{le=\"5.000000\"} 2\n"
                              "weir_test_seconds_bucket{le=\"10.000000\"} 2\n"
                              "weir_test_seconds_bucket{le=\"+Inf\"} 3\n"
                              "weir_test_seconds_sum 101.500101\n"
                              "weir_test_seconds_count 3\n"));
    assert_non_null(strstr(t, "weir_build_info{program=\"weir-test\",version=\"" WEIR_VERSION));
    assert_non_null(strstr(t, "\nprocess_resident_memory_bytes "));
    assert_int_equal(metric_value(&LINES), 42);
}

static void series__are_bounded(void **state) {
    (void)state;
    metrics_register(&MANY);
    for (int i = 0; i < METRIC_SERIES_MAX + 10; i++) {
        char who[16];
        (void)snprintf(who, sizeof who, "w%d", i);
        metric_add_in(metric_with(&MANY, who), 1);
    }
    const char *t = rendered();
    assert_non_null(strstr(t, "weir_test_many_total{who=\"w255\"} 1\n"));
    assert_null(strstr(t, "who=\"w256\""));
    assert_non_null(strstr(t, "weir_test_many_total{who=\"other\"} 10\n"));
}

enum { THREADS = 4, ROUNDS = 20000 };
static struct metric SHARED = METRIC_COUNTER_BY("weir_test_shared_total", "x", "Shared", "k");

static void *add_many(void *arg) {
    static const char *const KEYS[] = {"a", "b", "c"};
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        metric_add_in(metric_with(&SHARED, KEYS[i % 3]), 1);
    }
    return NULL;
}

static void threads__lose_nothing(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    int64_t sum = 0;
    static const char *const KEYS[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        sum += atomic_load(&metric_with(&SHARED, KEYS[i])->value);
    }
    assert_int_equal(sum, THREADS * ROUNDS);
}

static bool ready_now;

static bool is_ready(void *ctx, char *why, size_t why_size) {
    (void)ctx;
    (void)snprintf(why, why_size, "no assignment yet");
    return ready_now;
}

// Sends `request` in two pieces and reads until the server closes.
static const char *ask(unsigned port, const char *request) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    size_t half = strlen(request) / 2;
    assert_int_equal(send(fd, request, half, MSG_NOSIGNAL), half);
    assert_int_equal(send(fd, request + half, strlen(request) - half, MSG_NOSIGNAL),
                     strlen(request) - half);
    size_t len = 0;
    ssize_t n = 0;
    while ((n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0) {
        len += (size_t)n;
    }
    text[len] = '\0';
    assert_int_equal(close(fd), 0);
    return text;
}

static void server__answers_probes_and_scrapes(void **state) {
    (void)state;
    struct metrics_server *s = NULL;
    struct err e = {0};
    const struct metrics_server_options o = {
        .listen = "127.0.0.1:0", .program = "weir-test", .ready = is_ready};
    assert_int_equal(metrics_server_start(&o, &s, &e), ERR_OK);
    unsigned port = metrics_server_port(s);
    assert_non_null(strstr(ask(port, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"), " 200 OK\r\n"));
    const char *t = ask(port, "GET /readyz HTTP/1.1\r\n\r\n");
    assert_non_null(strstr(t, " 503 "));
    assert_non_null(strstr(t, "\r\n\r\nno assignment yet\n"));
    ready_now = true;
    assert_non_null(strstr(ask(port, "GET /readyz HTTP/1.1\r\n\r\n"), " 200 OK"));
    t = ask(port, "GET /metrics?x=1 HTTP/1.1\r\n\r\n");
    assert_non_null(strstr(t, "text/plain; version=0.0.4"));
    assert_non_null(strstr(t, "weir_build_info{"));
    assert_non_null(strstr(ask(port, "GET /metricsx HTTP/1.1\r\n\r\n"), " 404 "));
    assert_non_null(strstr(ask(port, "POST /metrics HTTP/1.1\r\n\r\n"), " 405 "));
    static char large[5000];
    memset(large, 'a', sizeof large - 1);
    assert_non_null(strstr(ask(port, large), " 431 "));

    char taken[32];
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%u", port);
    struct metrics_server *second = NULL;
    const struct metrics_server_options again = {.listen = taken, .program = "weir-test"};
    assert_int_equal(metrics_server_start(&again, &second, &e), ERR_CONFIG);
    assert_string_equal(e.field, "metrics_listen");
    assert_non_null(strstr(e.text, taken));
    metrics_server_stop(s);

    const struct metrics_server_options off = {.listen = "off"};
    assert_int_equal(metrics_server_start(&off, &second, &e), ERR_OK);
    assert_null(second);
    metrics_server_stop(second);
}

static void address__must_have_a_port(void **state) {
    (void)state;
    static const char *const BAD[] = {"9100", "127.0.0.1:", "127.0.0.1:http", ":99999999"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct metrics_server *s = NULL;
        struct err e = {0};
        const struct metrics_server_options o = {.listen = BAD[i], .program = "weir-test"};
        assert_int_equal(metrics_server_start(&o, &s, &e), ERR_CONFIG);
        assert_non_null(strstr(e.hint, "example"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exposition__is_exact),
        cmocka_unit_test(series__are_bounded),
        cmocka_unit_test(threads__lose_nothing),
        cmocka_unit_test(server__answers_probes_and_scrapes),
        cmocka_unit_test(address__must_have_a_port),
    };
    return cmocka_run_group_tests_name("platform/metrics", tests, NULL, NULL);
}
