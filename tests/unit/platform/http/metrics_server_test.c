// The server for scrapers and probes, with clients who hold what they get.
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/http/metrics_server.h"

enum { CROWD = 40, ANSWER_MAX = 4096, FEW = 32 };

static struct metrics_server *server;

static int start(void **state) {
    (void)state;
    struct err e = {.code = ERR_OK};
    const struct metrics_server_options options = {.listen = "127.0.0.1:0", .program = "test"};
    assert_int_equal(metrics_server_start(&options, &server, &e), ERR_OK);
    return 0;
}

static int stop(void **state) {
    (void)state;
    metrics_server_stop(server);
    return 0;
}

static int made(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    return fd;
}

static int connected(int fd) {
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons((uint16_t)metrics_server_port(server)),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void assert_healthy(int fd) {
    static const char ASKED[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    char answer[ANSWER_MAX + 1];
    size_t len = 0;
    ssize_t n = 0;
    assert_int_equal(send(fd, ASKED, sizeof ASKED - 1, MSG_NOSIGNAL), sizeof ASKED - 1);
    while ((n = recv(fd, answer + len, ANSWER_MAX - len, 0)) > 0) {
        len += (size_t)n;
    }
    answer[len] = '\0';
    assert_int_equal(n, 0);
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(answer, "\r\n\r\nok\n"));
    assert_int_equal(close(fd), 0);
}

static void answers__whoever_comes_anew(void **state) {
    (void)state;
    int crowd[CROWD];
    for (size_t i = 0; i < CROWD; i++) {
        crowd[i] = connected(made());
        assert_true(send(crowd[i], "GET /m", i % 2 * 6, MSG_NOSIGNAL) >= 0);
    }
    assert_healthy(connected(made()));
    for (size_t i = 0; i < CROWD; i++) {
        assert_int_equal(close(crowd[i]), 0);
    }
    assert_healthy(connected(made()));
}

// accept(2) has none while connect(2) needs none.
static void answers__when_there_are_descriptors_again(void **state) {
    (void)state;
    int asking = made();
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit few = {.rlim_cur = FEW, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    int taken[FEW];
    size_t count = 0;
    while ((taken[count] = dup(asking)) >= 0) {
        count++;
    }
    assert_true(count > 0);
    (void)connected(asking);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(close(taken[i]), 0);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_healthy(asking);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers__whoever_comes_anew, start, stop),
        cmocka_unit_test_setup_teardown(answers__when_there_are_descriptors_again, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
