// Addresses to listen on: what is one, and that a bound one is known to be taken.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "platform/http/listen.h"

static void fits__asks_for_a_host_and_a_port_that_exists(void **state) {
    (void)state;
    static const char *const GOOD[] = {"127.0.0.1:18080", "[::1]:9100", ":0", "localhost:65535",
                                       "metrics.example.com:1"};
    static const char *const BAD[] = {
        "",    "9100",  "127.0.0.1:", "127.0.0.1:http", ":99999999", ":65536",       ":-1",
        ":+1", "[::1]", "[::1]:",     ": 80",           "a:80 ",     "localhost:8e3"};
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        assert_true(listen_fits(GOOD[i]));
    }
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_false(listen_fits(BAD[i]));
    }
    char text[LISTEN_HOST_MAX + 8];
    memset(text, 'a', sizeof text);
    memcpy(text + LISTEN_HOST_MAX, ":80", 4);
    assert_true(listen_fits(text));
    memcpy(text + LISTEN_HOST_MAX + 1, ":80", 4);
    text[LISTEN_HOST_MAX] = 'a';
    assert_false(listen_fits(text));
}

static void open__takes_a_free_port_and_refuses_one_in_use(void **state) {
    (void)state;
    struct err e = {0};
    int first = -1, second = -1;
    assert_int_equal(listen_open("listen", "127.0.0.1:0", false, &first, &e), ERR_OK);
    unsigned port = listen_port(first);
    assert_true(port > 0 && port <= UINT16_MAX);
    char taken[32];
    (void)snprintf(taken, sizeof taken, "127.0.0.1:%u", port);
    assert_int_equal(listen_open("listen", taken, false, &second, &e), ERR_CONFIG);
    assert_string_equal(e.field, "listen");
    assert_non_null(strstr(e.text, taken));
    assert_non_null(strstr(e.hint, "example: listen = "));
    assert_int_equal(listen_open("listen", taken, true, &second, &e), ERR_CONFIG);
    (void)close(first);
}

static void open__shares_an_address_among_sockets_that_agree(void **state) {
    (void)state;
    struct err e = {0};
    int first = -1, second = -1;
    assert_int_equal(listen_open("listen", "127.0.0.1:0", true, &first, &e), ERR_OK);
    char same[32];
    (void)snprintf(same, sizeof same, "127.0.0.1:%u", listen_port(first));
    assert_int_equal(listen_open("listen", same, true, &second, &e), ERR_OK);
    assert_int_equal(listen_port(first), listen_port(second));
    (void)close(first);
    (void)close(second);
}

static void open__names_the_setting_of_what_is_no_address(void **state) {
    (void)state;
    static const char *const BAD[] = {"9100", "127.0.0.1:99999999", "300.1.2.3.4:80"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        struct err e = {0};
        int fd = -1;
        assert_int_equal(listen_open("metrics_listen", BAD[i], false, &fd, &e), ERR_CONFIG);
        assert_string_equal(e.field, "metrics_listen");
        assert_int_equal(fd, -1);
        assert_int_equal(listen_open("metrics_listen", BAD[i], false, &fd, NULL), ERR_CONFIG);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fits__asks_for_a_host_and_a_port_that_exists),
        cmocka_unit_test(open__takes_a_free_port_and_refuses_one_in_use),
        cmocka_unit_test(open__shares_an_address_among_sockets_that_agree),
        cmocka_unit_test(open__names_the_setting_of_what_is_no_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
