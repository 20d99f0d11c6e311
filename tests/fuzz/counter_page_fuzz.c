// Pages of counters: in one piece and in many they say the same.
#include <stdint.h>

#include "base/check.h"
#include "base/hash.h"
#include "tap/counters/counter_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(void *ctx, struct slice topic, uint64_t value) {
    uint64_t *sum = ctx;
    check(topic.len > 0 && topic.len < COUNTER_PAGE_LINE_MAX);
    *sum = hash_bytes(topic.ptr, topic.len, *sum + value);
}

static bool read_page(struct slice page, size_t step, uint64_t *ret_sum) {
    static struct counter_page p;
    *ret_sum = 0;
    counter_page_begin(&p, "bytes_total", "topic", add, ret_sum);
    for (size_t at = 0; at < page.len; at += step) {
        size_t n = page.len - at < step ? page.len - at : step;
        if (!counter_page_feed(&p, slice_of(page.ptr + at, n))) {
            return false;
        }
    }
    return counter_page_end(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct slice page = slice_of((const char *)data, size);
    uint64_t whole, pieces;
    bool ok = read_page(page, size + 1, &whole);
    check(read_page(page, 7, &pieces) == ok && pieces == whole);
    return 0;
}
