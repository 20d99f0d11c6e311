// deploy/dependencies.md: the libraries that are loaded are at least those that Weir is written for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <gmp.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

// "6.2.1" as 60201.
static int number(const char *version) {
    int n = 0;
    for (int part = 0; part < 3; part++) {
        char *end;
        n = n * 100 + (int)strtol(version, &end, 10);
        version = *end == '.' ? end + 1 : "0";
    }
    return n;
}

static void libraries__are_not_older_than_stated(void **state) {
    (void)state;
    assert_true(rd_kafka_version() >= 0x020002ff);
    assert_true(PQlibVersion() >= 150000);
    assert_true(jansson_version_cmp(2, 14, 0) >= 0);
    assert_true(OPENSSL_version_major() >= 3);
    assert_true(curl_version_info(CURLVERSION_NOW)->version_num >= 0x075800);
    assert_true(number(sodium_version_string()) >= 10018);
    assert_true(number(zlibVersion()) >= 10213);
    assert_true(ZSTD_versionNumber() >= 10504);
    assert_true(number(gmp_version) >= 60201);
}

static void versions__are_compared_part_by_part(void **state) {
    (void)state;
    assert_int_equal(number("1.0.18"), 10018);
    assert_int_equal(number("6.2"), 60200);
    assert_true(number("1.10.0") > number("1.9.9"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(libraries__are_not_older_than_stated),
        cmocka_unit_test(versions__are_compared_part_by_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
