// Heads that libh2o's parser takes: which of them are one request for every reader.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "platform/http/request_head.h"

#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: x\r\n"

static void assert_each(const char *const *heads, size_t count, bool fine) {
    for (size_t i = 0; i < count; i++) {
        const char *fault = request_head_fault(slice_str(heads[i]));
        if ((fault == NULL) != fine) {
            fail_msg("%s: %s", heads[i], fault == NULL ? "taken" : fault);
        }
    }
}

static void fault__has_nothing_against_what_one_reads_in_one_way(void **state) {
    (void)state;
    static const char *const FINE[] = {
        GET HOST "\r\n",
        "\r\n" GET HOST "\r\n",
        GET "hOsT:\t[::1]:80 \r\nA:\r\nB: \xc3\xa9\r\n\r\n",
        GET "Host:\r\n\r\n",
        "GET / HTTP/1.0\r\n\r\n",
        "POST /a?b=c HTTP/1.1\r\n" HOST "Content-Length: 12\r\n\r\nfollows\n it\r",
        "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: CHUNKED\r\n\r\n",
    };
    assert_each(FINE, sizeof FINE / sizeof *FINE, true);
}

static void fault__is_found_where_two_readers_may_differ(void **state) {
    (void)state;
    static const char *const BAD[] = {
        "",
        "\r\n",
        "\r\n\r\n" GET HOST "\r\n",
        GET HOST,
        GET "\r\n",
        GET HOST HOST "\r\n",
        GET "Host: a,b\r\n\r\n",
        GET "Host: a\r\n b\r\n\r\n",
        GET " " HOST "\r\n",
        GET HOST "A: a\n\r\n",
        GET HOST "A: a\rb\r\n\r\n",
        GET HOST "A: a\r\r\n\r\n",
        GET HOST "no colon\r\n\r\n",
        "GET / HTTP/1.1\n" HOST "\r\n",
        "GET  / HTTP/1.1\r\n" HOST "\r\n",
        "GET / HTTP/1.1 \r\n" HOST "\r\n",
        "GET /\r\n" HOST "\r\n",
        "GET\r\n" HOST "\r\n",
        GET HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        GET HOST "Content-Length: 1\r\nContent-Length: 1\r\n\r\n",
        GET HOST "Content-Length: 1,1\r\n\r\n",
        GET HOST "Content-Length: -1\r\n\r\n",
        GET HOST "Content-Length: 0x1\r\n\r\n",
        GET HOST "Content-Length: \r\n\r\n",
        GET HOST "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        GET HOST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        GET HOST "Transfer-Encoding: gzip, chunked\r\n\r\n",
        "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    assert_each(BAD, sizeof BAD / sizeof *BAD, false);
}

static void fault__takes_nul_for_a_byte_like_others(void **state) {
    (void)state;
    assert_non_null(request_head_fault(SLICE_LIT(GET "Host: a\0b\r\n\r\n")));
    assert_null(request_head_fault(SLICE_LIT(GET HOST "\r\n\0")));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fault__has_nothing_against_what_one_reads_in_one_way),
        cmocka_unit_test(fault__is_found_where_two_readers_may_differ),
        cmocka_unit_test(fault__takes_nul_for_a_byte_like_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
