#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "platform/http/client_ip.h"

static struct ip ip_of(const char *text) {
    struct ip ip;
    assert_true(ip_parse(slice_str(text), &ip));
    return ip;
}

static void assert_ip(const struct ip *ip, const char *expected) {
    char text[IP_TEXT_MAX];
    ip_format(ip, text);
    assert_string_equal(text, expected);
}

static void parse__knows_one_form_of_each_address(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } CASES[] = {
        {"192.0.2.1", "192.0.2.1"},          {"192.0.2.1:8080", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},   {"::FFFF:c000:0201", "192.0.2.1"},
        {"2001:db8::1", "2001:db8::1"},      {"[2001:db8::1]:443", "2001:db8::1"},
        {"2001:0DB8:0:0::1", "2001:db8::1"}, {"fe80::1%eth0", "fe80::1"},
        {"[2001:db8::1]", "2001:db8::1"},    {"::", "::"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct ip ip = ip_of(CASES[i].text);
        assert_ip(&ip, CASES[i].expected);
    }
    static const char *const WRONG[] = {"",
                                        "unknown",
                                        "_hidden",
                                        "192.0.2",
                                        "1.2.3.4.5",
                                        "192.0.2.256",
                                        "[::1",
                                        ":::",
                                        "%",
                                        "192.0.2.1 ",
                                        ":80",
                                        "[]",
                                        "2001:db8:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:0:1"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        struct ip ip;
        assert_false(ip_parse(slice_str(WRONG[i]), &ip));
    }
}

static void lines__are_addresses_and_slash_64s(void **state) {
    (void)state;
    struct ip a = ip_of("2001:db8:1:2:3:4:5:6"), v4 = ip_of("198.51.100.77");
    struct ip line = ip_line(&a), network = ip_network(&a);
    assert_ip(&line, "2001:db8:1:2::");
    assert_ip(&network, "2001:db8:1::");
    line = ip_line(&v4);
    network = ip_network(&v4);
    assert_ip(&line, "198.51.100.77");
    assert_ip(&network, "198.51.100.0");
}

static bool has(const char *prefix, const char *address) {
    struct ip_prefixes list = {.count = 1};
    struct ip ip = ip_of(address);
    assert_true(ip_prefix_parse(slice_str(prefix), &list.items[0]));
    return ip_prefixes_have(&list, &ip);
}

static void prefixes__match_by_bits(void **state) {
    (void)state;
    assert_true(has("10.0.0.0/8", "10.255.0.1"));
    assert_false(has("10.0.0.0/8", "11.0.0.1"));
    assert_true(has("10.1.2.3", "10.1.2.3"));
    assert_false(has("10.1.2.3", "10.1.2.2"));
    assert_true(has("10.1.2.3/31", "::ffff:10.1.2.2"));
    assert_true(has("0.0.0.0/0", "203.0.113.9"));
    assert_false(has("0.0.0.0/0", "2001:db8::1"));
    assert_true(has("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(has("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(has("::ffff:10.0.0.0/104", "10.9.9.9"));
    static const char *const WRONG[] = {"",       "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x",
                                        "::/129", "10.0.0.0/-1", "/8",        "example.com"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        struct ip_prefix prefix;
        assert_false(ip_prefix_parse(slice_str(WRONG[i]), &prefix));
    }
}

static void client__is_the_rightmost_that_no_proxy_is(void **state) {
    (void)state;
    struct ip_prefixes trusted = {.count = 2};
    assert_true(ip_prefix_parse(SLICE_LIT("10.0.0.0/8"), &trusted.items[0]));
    assert_true(ip_prefix_parse(SLICE_LIT("2001:db8::7"), &trusted.items[1]));
    static const struct {
        const char *peer, *forwarded, *expected;
    } CASES[] = {
        {"10.0.0.1", NULL, "10.0.0.1"},
        {"10.0.0.1", "203.0.113.5", "203.0.113.5"},
        // Whatever a client sends stands left of what the proxy saw.
        {"10.0.0.1", "198.51.100.1, 203.0.113.5", "203.0.113.5"},
        {"10.0.0.1", "10.0.0.2, 203.0.113.5", "203.0.113.5"},
        {"10.0.0.1", "203.0.113.5 ,\t10.9.9.9", "203.0.113.5"},
        {"10.0.0.1", "203.0.113.5, 2001:db8::7", "203.0.113.5"},
        {"::ffff:10.0.0.1", "203.0.113.5:1234", "203.0.113.5"},
        {"2001:db8::7", "[2001:db8:9::1]:80", "2001:db8:9::1"},
        // Nobody's word but a proxy's.
        {"203.0.113.9", "198.51.100.1", "203.0.113.9"},
        {"203.0.113.9", "10.0.0.1", "203.0.113.9"},
        // All of them proxies: the one farthest away.
        {"10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
        // What can't be read.
        {"10.0.0.1", "unknown", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.5, unknown", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.5, ", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.5, x, 10.0.0.2", "10.0.0.2"},
        {"10.0.0.1", ",,,", "10.0.0.1"},
        {"10.0.0.1", "", "10.0.0.1"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct ip peer = ip_of(CASES[i].peer);
        struct ip client = client_ip(&peer, slice_str(CASES[i].forwarded), &trusted);
        assert_ip(&client, CASES[i].expected);
    }
    struct ip peer = ip_of("10.0.0.1");
    struct ip_prefixes nobody = {.count = 0};
    struct ip client = client_ip(&peer, SLICE_LIT("203.0.113.5"), &nobody);
    assert_ip(&client, "10.0.0.1");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse__knows_one_form_of_each_address),
        cmocka_unit_test(lines__are_addresses_and_slash_64s),
        cmocka_unit_test(prefixes__match_by_bits),
        cmocka_unit_test(client__is_the_rightmost_that_no_proxy_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
