#include "core/brokerlog/line_prefix.h"

#include <string.h>

#include "base/instant.h"

// Behind "[2026-11-01 10:15:30,123"; its last byte begins the JSON.
static const char MARKER[] = "] DEBUG Completed request:{";
static const char MESSAGE[] = "Completed request:{"; // of MARKER, behind the level
static const char SUFFIX[] = " (kafka.request.logger)";
enum {
    TIME_LEN = 24,
    MARKER_LEN = sizeof MARKER - 1,
    MESSAGE_LEN = sizeof MESSAGE - 1,
    SUFFIX_LEN = sizeof SUFFIX - 1,
};

static bool take_digits(const char *p, int count, unsigned *ret) {
    unsigned v = 0;
    for (int i = 0; i < count; i++) {
        if (p[i] < '0' || p[i] > '9') {
            return false;
        }
        v = v * 10 + (unsigned)(p[i] - '0');
    }
    *ret = v;
    return true;
}

// "[2026-11-01 10:15:30,123" as UTC. The logger's clock knows no leap seconds.
static bool parse_time(const char *p, int64_t *ret_us) {
    unsigned year, month, day, hour, minute, second, milli;
    if (p[0] != '[' || p[5] != '-' || p[8] != '-' || p[11] != ' ' || p[14] != ':' || p[17] != ':' ||
        p[20] != ',' || !take_digits(p + 1, 4, &year) || !take_digits(p + 6, 2, &month) ||
        !take_digits(p + 9, 2, &day) || !take_digits(p + 12, 2, &hour) ||
        !take_digits(p + 15, 2, &minute) || !take_digits(p + 18, 2, &second) ||
        !take_digits(p + 21, 3, &milli)) {
        return false;
    }
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
        minute > 59 || second > 59) {
        return false;
    }
    int64_t seconds =
        days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    *ret_us = seconds * US_PER_SECOND + (int64_t)milli * 1000;
    return true;
}

bool line_prefix_time(struct slice line, int64_t *ret_us) {
    return line.len >= TIME_LEN + 2 && line.ptr[TIME_LEN] == ']' && line.ptr[TIME_LEN + 1] == ' ' &&
           parse_time(line.ptr, ret_us);
}

bool line_prefix_split(struct slice line, int64_t *ret_us, struct slice *ret_json) {
    if (line.len < TIME_LEN + MARKER_LEN || memcmp(line.ptr + TIME_LEN, MARKER, MARKER_LEN) != 0 ||
        !parse_time(line.ptr, ret_us)) {
        return false;
    }
    size_t head = TIME_LEN + MARKER_LEN - 1;
    struct slice json = slice_of(line.ptr + head, line.len - head);
    if (json.len > SUFFIX_LEN &&
        memcmp(json.ptr + json.len - SUFFIX_LEN, SUFFIX, SUFFIX_LEN) == 0) {
        json.len -= SUFFIX_LEN;
    }
    *ret_json = json;
    return true;
}

size_t line_prefix_last(struct slice line, size_t before) {
    if (before > line.len) {
        before = line.len;
    }
    for (size_t at = before; at-- > 1;) {
        const char *bracket = memrchr(line.ptr + 1, '[', at);
        if (bracket == NULL) {
            return 0;
        }
        at = (size_t)(bracket - line.ptr);
        int64_t ignored;
        if (line.len - at >= TIME_LEN + MARKER_LEN &&
            memcmp(bracket + TIME_LEN, MARKER, MARKER_LEN) == 0 && parse_time(bracket, &ignored)) {
            return at;
        }
    }
    return 0;
}

bool line_prefix_is_other(struct slice line) {
    // The level begins behind "] ".
    const size_t level = TIME_LEN + 2;
    if (line.len <= level || line.ptr[0] != '[' ||
        memchr(line.ptr, ']', level) != line.ptr + TIME_LEN ||
        memmem(line.ptr, line.len, MESSAGE, MESSAGE_LEN) != NULL) {
        return false;
    }
    const char *space = memchr(line.ptr + level, ' ', line.len - level);
    if (space == NULL) {
        return false;
    }
    size_t rest = (size_t)(line.ptr + line.len - space - 1);
    size_t n = rest < MESSAGE_LEN ? rest : MESSAGE_LEN;
    return n > 0 && memcmp(space + 1, MESSAGE, n) != 0;
}
