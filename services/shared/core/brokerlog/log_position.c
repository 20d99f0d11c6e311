#include "core/brokerlog/log_position.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/number.h"

int log_position_cmp(const struct log_position *a, const struct log_position *b) {
    check(a->broker == b->broker);
    if (a->generation != b->generation) {
        return a->generation < b->generation ? -1 : 1;
    }
    return (a->offset > b->offset) - (a->offset < b->offset);
}

size_t log_position_format(char out[LOG_POSITION_TEXT_MAX], const struct log_position *p) {
    int n = snprintf(out, LOG_POSITION_TEXT_MAX, "%" PRId32 ":%" PRId64 ":%" PRIu64, p->broker,
                     p->generation, p->offset);
    check(n > 0 && n < LOG_POSITION_TEXT_MAX);
    return (size_t)n;
}

bool log_position_parse(struct slice text, struct log_position *ret) {
    if (text.len == 0) {
        return false;
    }
    const char *end = text.ptr + text.len;
    const char *first = memchr(text.ptr, ':', text.len);
    if (first == NULL) {
        return false;
    }
    const char *second = memchr(first + 1, ':', (size_t)(end - first - 1));
    if (second == NULL) {
        return false;
    }
    uint64_t broker, generation, offset;
    if (!number_parse_u64(slice_of(text.ptr, (size_t)(first - text.ptr)), &broker) ||
        !number_parse_u64(slice_of(first + 1, (size_t)(second - first - 1)), &generation) ||
        !number_parse_u64(slice_of(second + 1, (size_t)(end - second - 1)), &offset)) {
        return false;
    }
    if (broker > INT32_MAX || generation > INT64_MAX || offset > INT64_MAX) {
        return false;
    }
    *ret = (struct log_position){(int32_t)broker, (int64_t)generation, offset};
    return true;
}
